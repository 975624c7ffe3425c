"""Weights to codes and codebooks: fourteen schemes, one mechanism, true sizes.

The package can be called: `fmq_explore.quantize(w)` is `fmq_explore.quantize.quantize(w)`.
"""

__all__ = [
    "CODEBOOK_DTYPES",
    "FAMILIES",
    "GRANULARITIES",
    "KEEP_TAGS",
    "SCHEMES",
    "Fit",
    "PreparedModel",
    "QuantizedModel",
    "QuantizedTensor",
    "Scheme",
    "TensorReport",
    "calibrate",
    "kept_names",
    "load_quantized",
    "prepare",
    "quantize",
    "quantize_model",
    "warm_up",
]

import sys
from types import ModuleType
from typing import Any

from .calibration import calibrate
from .fit import Fit
from .keep import KEEP_TAGS, kept_names
from .model import QuantizedModel, load_quantized, quantize_model
from .prepared import PreparedModel, prepare
from .report import TensorReport
from .rows import GRANULARITIES
from .scheme import CODEBOOK_DTYPES, FAMILIES, SCHEMES, Scheme
from .tensor import QuantizedTensor, quantize
from .warm import warm_up


class _CallablePackage(ModuleType):
    """A package that is also the function of its name."""

    def __call__(self, *args: Any, **kwargs: Any) -> QuantizedTensor:
        return quantize(*args, **kwargs)


sys.modules[__name__].__class__ = _CallablePackage
