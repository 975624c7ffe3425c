"""Bits for every tensor, from one number or from a mapping."""

__all__ = ["assign_bits", "check_bits"]

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

import numpy as np


def check_bits(bits: int, name: str = "bits") -> int:
    """Returns a bit width as an int; raises ValueError unless it is a whole number from 1 to 8."""
    is_int = isinstance(bits, int | np.integer) and not isinstance(bits, bool)
    if not is_int or not 1 <= bits <= 8:
        raise ValueError(f"{name} must be a whole number from 1 to 8, got {bits!r}")
    return int(bits)


def assign_bits(
    bits: int | Mapping[str, int], names: Iterable[str], kept: Iterable[str] = ()
) -> dict[str, int]:
    """Returns the bits of every quantized tensor.

    Args:
        bits: One width for all, or a mapping from names or patterns to widths. A name wins over
            patterns, and an earlier pattern over a later one.
        names: The tensors to be quantized.
        kept: The tensors that are not.

    Raises:
        ValueError: A width is out of range, a tensor has none, or an entry matches no tensor.

    Example:
        >>> assign_bits({"in.weight": 8, "*": 3}, ["in.weight", "out.weight"])
        {'in.weight': 8, 'out.weight': 3}
    """
    names = tuple(names)
    if not isinstance(bits, Mapping):
        width = check_bits(bits)
        return dict.fromkeys(names, width)
    widths = {key: check_bits(value, f"bits[{key!r}]") for key, value in bits.items()}
    for key in widths:
        if key in kept:
            raise ValueError(f"bits are given for {key!r}, which is kept; take it out of `keep`")
        if not any(name == key or fnmatchcase(name, key) for name in names):
            raise ValueError(f"bits are given for {key!r}, which matches no quantized tensor")
    return {name: _width(name, widths) for name in names}


def _width(name: str, widths: Mapping[str, int]) -> int:
    if name in widths:
        return widths[name]
    for pattern, width in widths.items():
        if fnmatchcase(name, pattern):
            return width
    raise ValueError(f"no bits are given for tensor {name!r}; add it, or '*' for all others")
