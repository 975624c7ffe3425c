"""The logarithmic scheme: levels at equal ratios on both sides of zero."""

__all__ = ["logarithmic"]

import numpy as np
from numba import njit

from .types import Floats, Ints


@njit(cache=True, nogil=True, error_model="numpy")
def logarithmic(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Puts K/2 levels on each sign, spaced evenly in log2 from its smallest to largest magnitude.

    There is no level at zero. A row of one sign uses K/2 levels only; the rest repeat its last one.
    The paper's logarithmic scheme (arXiv 2511.11418).
    """
    half = n_levels // 2
    for r in range(first, last):
        start, stop = offsets[r], offsets[r + 1]
        level = out[r - first]
        negative = start
        while negative < stop and values[negative] < 0.0:
            negative += 1
        positive = negative
        while positive < stop and values[positive] == 0.0:
            positive += 1
        k = 0
        if negative > start:
            _spaced(float(-values[negative - 1]), float(-values[start]), level[:half])
            level[:half] = -level[:half][::-1].copy()
            k = half
        if positive < stop:
            _spaced(float(values[positive]), float(values[stop - 1]), level[k : k + half])
            k += half
        level[k:] = level[k - 1] if k > 0 else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _spaced(low: float, high: float, level: Floats) -> None:
    """Writes levels at equal ratios from low to high; a single level sits at low."""
    n = len(level)
    ratio = np.log2(high / low)
    for k in range(n):
        level[k] = low * 2.0 ** (ratio * k / max(n - 1, 1))
    if n > 1:
        level[n - 1] = high
