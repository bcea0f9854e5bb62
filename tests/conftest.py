"""Several CPU devices, strict promotion and checked types for every test: the first two are set before JAX starts, the third before
neurojax is imported."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")

import jax
from jaxtyping import install_import_hook

from tests.typecheck import typechecker

jax.config.update("jax_num_cpu_devices", 3)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.devices()  # now: a test of the command line would take as many as there are cores
install_import_hook("neurojax", f"{typechecker.__module__}.{typechecker.__name__}")
