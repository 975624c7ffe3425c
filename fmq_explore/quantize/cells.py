"""From levels to codes and back: which weight falls in which cell, and what that costs."""

__all__ = ["assign_nearest", "assign_splits", "count", "fill"]

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .types import Floats, Ints

# Every kernel works on the rows first..last of a flat Rows and writes arrays that begin at row
# `first`. All release the GIL, so that the interface thread keeps answering.


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _above(level: NDArray[np.float32], k: int) -> int:
    """Returns the first level above level k, or their number."""
    above = k + 1
    while above < len(level) and level[above] == level[k]:
        above += 1
    return above


@njit(cache=True, nogil=True, error_model="numpy")
def assign_nearest(
    values: Floats,
    order: NDArray[np.int32],
    offsets: Ints,
    first: int,
    last: int,
    levels: NDArray[np.float32],
    codes: NDArray[np.uint8],
    sse: Floats,
) -> None:
    """Sends every weight to the nearest level, of two equally near ones to the lower.

    Where a level repeats its neighbour, the first of the two gets all: the others stay unused.
    """
    top = levels.shape[1] - 1
    for r in range(first, last):
        level = levels[r - first]
        start = offsets[r]
        place = start - offsets[first]
        k = 0
        total = 0.0
        above = _above(level, k)
        border = 0.5 * (np.float64(level[k]) + np.float64(level[min(above, top)]))
        for i in range(start, offsets[r + 1]):
            v = values[i]
            while above <= top and v > border:
                k = above
                above = _above(level, k)
                if above <= top:
                    border = 0.5 * (np.float64(level[k]) + np.float64(level[above]))
            codes[place + order[i]] = k
            d = v - level[k]
            total += d * d
        sse[r - first] = total


@njit(cache=True, nogil=True, error_model="numpy")
def assign_splits(
    values: Floats,
    order: NDArray[np.int32],
    offsets: Ints,
    first: int,
    last: int,
    levels: NDArray[np.float32],
    splits: Ints,
    codes: NDArray[np.uint8],
    sse: Floats,
) -> None:
    """Sends the sorted weights splits[r, k]..splits[r, k + 1] of a row to its level k."""
    for r in range(first, last):
        start = offsets[r]
        place = start - offsets[first]
        total = 0.0
        for k in range(levels.shape[1]):
            level = np.float64(levels[r - first, k])
            for i in range(start + splits[r - first, k], start + splits[r - first, k + 1]):
                codes[place + order[i]] = k
                d = values[i] - level
                total += d * d
        sse[r - first] = total


@njit(cache=True, nogil=True, error_model="numpy")
def fill(
    codes: NDArray[np.uint8],
    offsets: Ints,
    first: int,
    last: int,
    levels: NDArray[np.float32],
    out: NDArray[np.float32],
) -> None:
    """Writes the level of every code, in the tensor's own order."""
    base = offsets[first]
    for r in range(first, last):
        level = levels[r - first]
        for i in range(offsets[r] - base, offsets[r + 1] - base):
            out[i] = level[codes[i]]


@njit(cache=True, nogil=True, error_model="numpy")
def count(codes: NDArray[np.uint8], offsets: Ints, first: int, last: int, out: Ints) -> None:
    """Counts the weights at every level."""
    base = offsets[first]
    for r in range(first, last):
        for i in range(offsets[r] - base, offsets[r + 1] - base):
            out[r - first, codes[i]] += 1
