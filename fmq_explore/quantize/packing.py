"""Codes of b bits, packed end to end."""

__all__ = ["pack", "packed_size", "unpack"]

import numpy as np
from numpy.typing import NDArray


def packed_size(n: int, bits: int) -> int:
    """Returns the bytes that n codes of b bits fill: ceil(n b / 8).

    Example:
        >>> packed_size(10, 3)
        4
    """
    return (n * bits + 7) // 8


def pack(codes: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Packs codes below 2^b into bytes, each code's lowest bit first.

    Code i fills the bits i b .. i b + b - 1 of the stream; bit j of the stream is bit j mod 8 of
    byte j // 8.

    Example:
        >>> pack(np.uint8([1, 2, 3]), 4).tolist()
        [33, 3]
    """
    if bits == 8:
        return codes.reshape(-1).copy()
    spread = np.unpackbits(codes.reshape(-1, 1), axis=1, count=bits, bitorder="little")
    return np.packbits(spread, bitorder="little")


def unpack(packed: NDArray[np.uint8], n: int, bits: int) -> NDArray[np.uint8]:
    """Returns the n codes of b bits that `pack` packed.

    Example:
        >>> unpack(pack(np.uint8([5, 0, 7]), 3), 3, 3).tolist()
        [5, 0, 7]
    """
    if bits == 8:
        return packed[:n].copy()
    stream = np.unpackbits(packed, count=n * bits, bitorder="little").reshape(n, bits)
    return np.packbits(stream, axis=1, bitorder="little")[:, 0]
