"""See what quantization does to a flow-matching model."""

__all__ = [
    "QuantizedModel",
    "QuantizedTensor",
    "__version__",
    "allocate",
    "available_models",
    "compare",
    "feed_back_errors",
    "invert",
    "load_model",
    "load_quantized",
    "quantize",
    "quantize_model",
    "sample",
    "sweep",
    "train_quantized",
    "tune",
]

from typing import TYPE_CHECKING

from ._lazy import lazy_names

if TYPE_CHECKING:
    from .allocation import allocate
    from .comparison import compare
    from .flow import invert, sample
    from .quantize import QuantizedModel, QuantizedTensor, load_quantized, quantize, quantize_model
    from .rescue import feed_back_errors, train_quantized, tune
    from .sweep import sweep
    from .zoo import available_models, load_model

__version__ = "0.1.0"

__getattr__ = lazy_names(
    __name__,
    {
        "QuantizedModel": "quantize",
        "QuantizedTensor": "quantize",
        "allocate": "allocation",
        "available_models": "zoo",
        "compare": "comparison",
        "invert": "flow",
        "load_model": "zoo",
        "load_quantized": "quantize",
        "quantize": "quantize",  # a package and a function: the package itself is callable
        "quantize_model": "quantize",
        "sample": "flow",
        "sweep": "sweep",  # a package and a function, too
        "feed_back_errors": "rescue",
        "train_quantized": "rescue",
        "tune": "rescue",
    },
)


def __dir__() -> list[str]:
    return sorted(__all__)
