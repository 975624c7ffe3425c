"""Codes of b bits, packed end to end."""

__all__ = ["pack", "packed_size", "unpack"]

import numpy as np
from numpy.typing import NDArray


def packed_size(n: int, bits: int, radix: int | None = None) -> int:
    """Returns the bytes that n codes fill: ceil(n b / 8), or fewer with a radix, see `pack`.

    Example:
        >>> packed_size(10, 3), packed_size(10, 2, radix=3)
        (4, 2)
    """
    if radix is not None:
        return -(-n // _digits(radix))
    return (n * bits + 7) // 8


def _digits(radix: int) -> int:
    """Returns how many digits of a number system fit in a byte."""
    n = 1
    while radix ** (n + 1) <= 256:
        n += 1
    return n


def pack(codes: NDArray[np.uint8], bits: int, radix: int | None = None) -> NDArray[np.uint8]:
    """Packs codes below 2^b into bytes, each code's lowest bit first.

    Code i fills the bits i b .. i b + b - 1 of the stream; bit j of the stream is bit j mod 8 of
    byte j // 8. Codes below a radix r are digits instead, the first one the lowest, as many to a
    byte as fit: five of radix 3, which is 1.6 bits a code.

    Example:
        >>> pack(np.uint8([1, 2, 3]), 4).tolist()
        [33, 3]
        >>> pack(np.uint8([2, 1, 0, 0, 1, 2]), 2, radix=3).tolist()  # 2 + 1 x 3 + 1 x 81, then 2
        [86, 2]
    """
    if radix is not None:
        n = _digits(radix)
        digits = np.zeros((packed_size(codes.size, bits, radix), n), dtype=np.int64)
        digits.reshape(-1)[: codes.size] = codes.reshape(-1)
        return (digits @ radix ** np.arange(n)).astype(np.uint8)
    if bits == 8:
        return codes.reshape(-1).copy()
    spread = np.unpackbits(codes.reshape(-1, 1), axis=1, count=bits, bitorder="little")
    return np.packbits(spread, bitorder="little")


def unpack(
    packed: NDArray[np.uint8], n: int, bits: int, radix: int | None = None
) -> NDArray[np.uint8]:
    """Returns the n codes that `pack` packed.

    Example:
        >>> unpack(pack(np.uint8([5, 0, 7]), 3), 3, 3).tolist()
        [5, 0, 7]
    """
    if radix is not None:
        digits = packed[:, None] // radix ** np.arange(_digits(radix)) % radix
        return digits.astype(np.uint8).reshape(-1)[:n]
    if bits == 8:
        return packed[:n].copy()
    stream = np.unpackbits(packed, count=n * bits, bitorder="little").reshape(n, bits)
    return np.packbits(stream, axis=1, bitorder="little")[:, 0]
