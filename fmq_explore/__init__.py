"""See what quantization does to a flow-matching model."""

__all__ = [
    "QuantizedModel",
    "QuantizedTensor",
    "__version__",
    "available_models",
    "invert",
    "load_model",
    "load_quantized",
    "quantize",
    "quantize_model",
    "sample",
]

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .flow import invert, sample
    from .quantize import QuantizedModel, QuantizedTensor, load_quantized, quantize, quantize_model
    from .zoo import available_models, load_model

__version__ = "0.1.0"

_HOME = {
    "QuantizedModel": "quantize",
    "QuantizedTensor": "quantize",
    "available_models": "zoo",
    "invert": "flow",
    "load_model": "zoo",
    "load_quantized": "quantize",
    "quantize": "quantize",
    "quantize_model": "quantize",
    "sample": "flow",
}


def __getattr__(name: str) -> Any:
    """Loads a public name from its home when it is first used, so that the import stays quick."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f".{_HOME[name]}", __name__)
    if name == _HOME[name]:  # `quantize` is a package and a function: the package itself is callable
        return module
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
