"""Types that annotations share."""

import numpy as np
from jaxtyping import Array, PyTree

Arrays = Array | np.ndarray  # on the device, traced, or on the host

# With a `Draw` at every leaf. Not PyTree[Draw]: jaxtyping cannot look into a named tuple whose own annotations are strings.
Draws = PyTree
