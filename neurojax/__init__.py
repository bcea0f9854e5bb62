"""neurojax: batched, differentiable simulation of neural-dynamics models on JAX."""

from neurojax import force as force
from neurojax import hopfield as hopfield
from neurojax import kuramoto as kuramoto
from neurojax import multiscale as multiscale
from neurojax import networks as networks
from neurojax.engine import *  # noqa: F403
from neurojax.force import *  # noqa: F403
from neurojax.hopfield import *  # noqa: F403
from neurojax.kuramoto import *  # noqa: F403
from neurojax.learning import *  # noqa: F403
from neurojax.multiscale import *  # noqa: F403
from neurojax.networks import *  # noqa: F403
from neurojax.sweep import *  # noqa: F403
from neurojax.sweep import zip_axes as zip  # noqa: F401
from neurojax.tuning import *  # noqa: F403

__version__ = "0.1.0"
