"""How the rows of a frontier are rescued: just as the explorer does under the same names."""

__all__ = ["RESCUES"]

from collections.abc import Callable

from ..quantize import QuantizedModel
from ..rescue import train_quantized, tune


def levels(qm: QuantizedModel) -> QuantizedModel:
    """Trains what the codes stand for, at no cost in bytes."""
    return tune(qm, steps=600)


def codes(qm: QuantizedModel) -> QuantizedModel:
    """Trains the codes as well: slower, and further."""
    return train_quantized(tune(qm, steps=300), steps=1200)


RESCUES: dict[str, Callable[[QuantizedModel], QuantizedModel]] = {"levels": levels, "codes": codes}
"""Functions by the names that `Request.rescue` has for them."""
