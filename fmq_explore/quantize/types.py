"""Types of the arrays that kernels work on."""

__all__ = ["Floats", "Ints"]

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
