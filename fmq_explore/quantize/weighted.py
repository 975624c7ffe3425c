"""The best levels where some weights of a row matter more than others: weighted 1-D k-means."""

__all__ = ["weighted_levels"]

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .optimal import _dense
from .rows import Rows
from .types import Floats, Ints

LEAST_SHARE = 1e-6
"""No weight counts less than this share of its row's mean importance: sums stay distinguishable."""


@njit(cache=True, nogil=True, error_model="numpy")
def _prefix(row: Floats, w: Floats, x: Floats, n: Floats, s: Floats, q: Floats) -> int:
    """Writes the distinct values of a row and prefix sums of w, w x and w x^2; returns how many."""
    m = 0
    middle = row[len(row) // 2]
    for i in range(len(row)):
        if i == 0 or row[i] != row[i - 1]:
            x[m] = row[i] - middle
            m += 1
            n[m], s[m], q[m] = n[m - 1], s[m - 1], q[m - 1]
        n[m] += w[i]
        s[m] += w[i] * x[m - 1]
        q[m] += w[i] * x[m - 1] * x[m - 1]
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def _solve(values: Floats, weights: Floats, offsets: Ints, first: int, out: Floats) -> None:
    """Writes the levels of the rows from `first` on to `out`, shape (rows, K)."""
    stop = np.zeros(1, dtype=np.int64)
    for r in range(out.shape[0]):
        start, end = offsets[first + r], offsets[first + r + 1]
        row, w = values[start:end], weights[start - offsets[first] : end - offsets[first]]
        size = len(row) + 1
        x, n, s, q = np.zeros(size), np.zeros(size), np.zeros(size), np.zeros(size)
        m = _prefix(row, w, x, n, s, q)
        k = min(out.shape[1], m)
        costs, paths = np.zeros(k + 1), np.zeros((k + 1, k + 1), dtype=np.int64)
        _dense(n, s, q, m, k, costs, paths, stop)
        for i in range(k):
            low, high = paths[k, i], paths[k, i + 1]
            out[r, i] = row[len(row) // 2] + (s[high] - s[low]) / (n[high] - n[low])
        out[r, k:] = out[r, k - 1]


def weighted_levels(
    rows: Rows, first: int, last: int, importance: NDArray[np.floating], bits: int
) -> NDArray[np.float64]:
    """Returns the levels that minimise sum_i h_i (w_i - Q(w_i))^2 in each row, to the optimum.

    The cost of a cell stays concave-Monge under any positive h, so the dynamic programme of
    `optimal` solves this too. With h the diagonal of the Fisher information this is the codebook
    of SqueezeLLM (arXiv 2306.07629), there by Lloyd's iterations, here exact.

    Args:
        rows: Sorted rows.
        first: The first row.
        last: One past the last row.
        importance: h of every weight, shape (n,), in the tensor's own order; not negative.
        bits: Bits in a code.

    Returns:
        Levels, ascending, shape (last - first, 2^bits).

    Raises:
        ValueError: An importance is negative or not finite.

    Example:
        >>> from .rows import sort_rows
        >>> rows = sort_rows([np.float32([[0, 1, 10]])], "channel")
        >>> weighted_levels(rows, 0, 1, np.array([1.0, 3.0, 1.0]), bits=1)
        array([[ 0.75, 10.  ]])
    """
    if not np.isfinite(importance).all() or (importance < 0).any():
        raise ValueError("an importance is negative or not finite; use squares, or absolute values")
    offsets = rows.offsets[first : last + 1]
    base, lengths = offsets[0], np.diff(offsets)
    places = np.repeat(offsets[:-1] - base, lengths) + rows.order[base : offsets[-1]]
    weights = np.asarray(importance, dtype=np.float64)[places]
    means = np.add.reduceat(weights, offsets[:-1] - base) / lengths
    means[means == 0.0] = 1.0
    shares = np.maximum(weights / np.repeat(means, lengths), LEAST_SHARE)
    out = np.empty((last - first, 2**bits))
    _solve(rows.values, shares, rows.offsets, first, out)
    return out
