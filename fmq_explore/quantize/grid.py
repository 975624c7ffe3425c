"""Schemes whose levels are evenly spaced: uniform, symmetric, clipped and power of two."""

__all__ = ["clipped", "power_of_two", "symmetric", "uniform"]

import math

import numpy as np
from numba import njit

from .types import Floats, Ints

# The smallest exponent that an int8 holds and the largest that a float32 holds.
_MIN_EXPONENT = -128
_MAX_EXPONENT = 127
_SHRINK = 0.88  # ratio of the ranges that the search for a clipping range tries
_STARTS = 5  # of them are refined


@njit(cache=True, nogil=True, error_model="numpy")
def uniform(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Spaces K levels evenly from the smallest to the largest weight; writes (scale, offset)."""
    for r in range(first, last):
        low, high = values[offsets[r]], values[offsets[r + 1] - 1]
        out[r - first, 0] = (high - low) / (n_levels - 1)
        out[r - first, 1] = low


@njit(cache=True, nogil=True, error_model="numpy")
def symmetric(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Writes the scale s = max|w| / (K/2 - 1) of the levels s k, k = -K/2 .. K/2 - 1.

    With one bit the levels are -s and s with s = max|w|.
    """
    for r in range(first, last):
        largest = max(-values[offsets[r]], values[offsets[r + 1] - 1])
        out[r - first, 0] = largest / max(n_levels // 2 - 1, 1)


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _grid_error(row: Floats, scale: float, offset: float, n_levels: int) -> float:
    """Returns the summed squared distance of a row to the nearest level offset + scale k."""
    top = n_levels - 1.0
    inverse = 1.0 / scale
    total = 0.0
    for w in row:
        k = min(max(np.floor((w - offset) * inverse + 0.5), 0.0), top)
        d = w - (offset + scale * k)
        total += d * d
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def power_of_two(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Writes the integer e for which the symmetric grid of scale 2^e has the least squared error.

    Every exponent is tried from the one that clips nothing down to where the whole grid is smaller
    than the root mean square of the row, below which the error can only grow.
    """
    half = n_levels // 2
    for r in range(first, last):
        row = values[offsets[r] : offsets[r + 1]]
        largest = max(-row[0], row[-1])
        low = _MIN_EXPONENT
        if largest == 0.0:
            out[r - first, 0] = low
            continue
        rms = largest * math.sqrt(np.mean((row / largest) ** 2))
        high = math.ceil(math.log2(largest) - math.log2(max(half - 1, 1)))
        high = min(max(high, low), _MAX_EXPONENT - int(math.log2(half)))
        low = max(low, min(high, math.floor(math.log2(rms / half)) - 2))
        best = np.inf
        for e in range(high, low - 1, -1):
            scale = 2.0**e
            if n_levels == 2:
                error = _grid_error(row, 2.0 * scale, -scale, 2)
            else:
                error = _grid_error(row, scale, -half * scale, n_levels)
            if error < best:
                best = error
                out[r - first, 0] = e


@njit(cache=True, nogil=True, error_model="numpy", fastmath=True)
def _refit(row: Floats, scale: float, offset: float, n_levels: int) -> tuple[float, float, float]:
    """Returns the least-squares (scale, offset) for the codes that a grid gives, and their error.

    With the codes k fixed, the error is quadratic in scale and offset: a linear regression of the
    weights on k. Alternating it with nearest codes never raises the error (Lloyd's argument).
    """
    top = n_levels - 1.0
    inverse = 1.0 / scale
    n = len(row)
    sum_k = sum_kk = sum_w = sum_wk = total = 0.0
    for w in row:
        x = w - offset
        k = min(max(np.floor(x * inverse + 0.5), 0.0), top)
        d = x - scale * k
        total += d * d
        sum_k += k
        sum_kk += k * k
        sum_w += x
        sum_wk += x * k
    spread = sum_kk - sum_k * sum_k / n
    if spread <= 0.0:
        return scale, offset, total
    new = (sum_wk - sum_w * sum_k / n) / spread
    if new <= 0.0:
        return scale, offset, total
    return new, offset + (sum_w - new * sum_k) / n, total


@njit(cache=True, nogil=True, error_model="numpy")
def _candidates(row: Floats, n_levels: int, starts: Floats) -> None:
    """Writes the best few (scale, offset) among grids ever narrower than the row's range.

    The range shrinks towards the mean on both sides, above only, or below only, down to half a
    standard deviation.
    """
    low, high, centre = row[0], row[-1], np.mean(row)
    deviation = math.sqrt(np.mean((row - centre) ** 2))
    errors = np.full(len(starts), np.inf)
    for side in range(3):
        factor = 1.0
        while factor * max(high - centre, centre - low) > 0.5 * deviation:
            bottom = centre + (low - centre) * (1.0 if side == 1 else factor)
            top = centre + (high - centre) * (1.0 if side == 2 else factor)
            scale = (top - bottom) / (n_levels - 1)
            error = _grid_error(row, scale, bottom, n_levels)
            worst = np.argmax(errors)
            if error < errors[worst]:
                errors[worst] = error
                starts[worst, 0], starts[worst, 1] = scale, bottom
            factor *= _SHRINK


@njit(cache=True, nogil=True, error_model="numpy")
def _search(row: Floats, n_levels: int, result: Floats) -> None:
    """Refines the best candidates in turn and writes the best (scale, offset) met on the way."""
    starts = np.zeros((_STARTS, 2))
    _candidates(row, n_levels, starts)
    best = np.inf
    for scale, offset in starts:
        previous = np.inf
        for _ in range(50):
            if scale <= 0.0:
                break
            new_scale, new_offset, error = _refit(row, scale, offset, n_levels)
            if error < best:
                best = error
                result[0], result[1] = scale, offset
            if error >= previous * (1.0 - 1e-5):
                break
            previous = error
            scale, offset = new_scale, new_offset


@njit(cache=True, nogil=True, error_model="numpy")
def _stored_error(row: Floats, scale: float, offset: float, n_levels: int) -> float:
    """Returns the squared error of the grid as float32 stores it."""
    stored = float(np.float32(scale))
    if stored <= 0.0:
        return np.inf
    return _grid_error(row, stored, float(np.float32(offset)), n_levels)


@njit(cache=True, nogil=True, error_model="numpy")
def clipped(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Writes the (scale, offset) of an even grid whose range minimises the squared error.

    What lies outside the range is clipped to its ends. Min-max is among the candidates, so the
    result is never worse than `uniform`.
    """
    for r in range(first, last):
        row = values[offsets[r] : offsets[r + 1]]
        grid = out[r - first]
        low, step = row[0], (row[-1] - row[0]) / (n_levels - 1)
        grid[0], grid[1] = step, low
        if step <= 0.0:
            continue
        _search(row, n_levels, grid)
        found = _stored_error(row, grid[0], grid[1], n_levels)
        if _stored_error(row, step, low, n_levels) <= found:
            grid[0], grid[1] = step, low
