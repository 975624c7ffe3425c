"""Schemes whose cells are quantiles of the row: equal mass and piecewise."""

__all__ = ["equal_mass", "piecewise"]

from numba import njit

from .types import Floats, Ints


@njit(cache=True, nogil=True, error_model="numpy")
def _first_at_least(values: Floats, start: int, stop: int, v: float) -> int:
    """Returns the first index in start..stop whose value is >= v."""
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] < v:
            start = middle + 1
        else:
            stop = middle
    return start


@njit(cache=True, nogil=True, error_model="numpy")
def _first_above(values: Floats, start: int, stop: int, v: float) -> int:
    """Returns the first index in start..stop whose value is > v."""
    while start < stop:
        middle = (start + stop) // 2
        if values[middle] <= v:
            start = middle + 1
        else:
            stop = middle
    return start


@njit(cache=True, nogil=True, error_model="numpy")
def equal_mass(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Cuts a sorted row of n weights into K chunks of equal count; a level is a chunk's mean.

    The first n mod K chunks hold one weight more. A cut that would part equal weights moves to the
    nearer end of their run. The paper's optimal-transport scheme (arXiv 2511.11418).
    """
    for r in range(first, last):
        start, stop = offsets[r], offsets[r + 1]
        small, extra = divmod(stop - start, n_levels)
        cut = splits[r - first]
        cut[0] = 0
        for k in range(1, n_levels + 1):
            p = k * small + min(k, extra)
            if 0 < p < stop - start and values[start + p - 1] == values[start + p]:
                v = float(values[start + p])
                begin = _first_at_least(values, start, start + p, v) - start
                end = _first_above(values, start + p, stop, v) - start
                p = begin if p - begin <= end - p else end
            cut[k] = p
        _means(values[start:stop], cut, out[r - first])


@njit(cache=True, nogil=True, error_model="numpy")
def _means(row: Floats, cut: Ints, level: Floats) -> None:
    """Writes the mean of every chunk; an empty chunk repeats its neighbour, so levels ascend."""
    filled = -1
    for k in range(len(level)):
        a, b = cut[k], cut[k + 1]
        if a < b:
            total = 0.0
            for i in range(a, b):
                total += row[i]
            level[k] = min(max(total / (b - a), row[a]), row[b - 1])
            if filled < 0:
                level[:k] = level[k]
            filled = k
        elif filled >= 0:
            level[k] = level[filled]


@njit(cache=True, nogil=True, error_model="numpy")
def piecewise(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Cuts a row at its quantiles k/K; a level is the middle between two neighbouring cuts.

    The quantiles interpolate linearly between order statistics, and a weight on a cut belongs to
    the cell above it. The paper's piecewise scheme (arXiv 2511.11418).
    """
    for r in range(first, last):
        start, stop = offsets[r], offsets[r + 1]
        n = stop - start
        lower = values[start]
        splits[r - first, 0] = 0
        for k in range(1, n_levels + 1):
            whole, part = divmod((n - 1) * k, n_levels)
            upper = float(values[start + whole])
            if part > 0:
                upper += (values[start + whole + 1] - upper) * (part / n_levels)
            out[r - first, k - 1] = 0.5 * (lower + upper)
            splits[r - first, k] = _first_at_least(values, start, stop, upper) - start
            lower = upper
        splits[r - first, n_levels] = n
