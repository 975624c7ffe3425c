"""Ranges for even grids: what of the values they cover, and what they clip.

Four answers to one question: the whole range, all but a few values at either end, the least squared
error, and the least loss of information. Weights get them as schemes, activations by `calibrate`.
"""

__all__ = ["CALIBRATIONS", "calibrate", "entropy", "percentile"]

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from torch import Tensor

from .bits import check_bits
from .grid import clipped
from .types import Floats, Ints

_SHARE = 0.999  # of the values lie inside the range that `percentile` chooses
_VALUES_PER_BIN = 4  # fewer make the histogram of `entropy` mostly noise
_BINS_PER_LEVEL = 2  # fewer let two levels reproduce any histogram, whatever they clip
_SMOOTH = 1e-4  # as in ONNX Runtime
_LOG_SMOOTH = float(np.log(_SMOOTH))
_MOST_BINS = 4096  # as fine as in TensorRT, which has 2048 for magnitudes


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile(row: Floats, share: float) -> float:
    """Returns a quantile of an ascending row, linear between order statistics."""
    place = share * (len(row) - 1)
    below = min(int(place), len(row) - 1)
    above = min(below + 1, len(row) - 1)
    return row[below] + (place - below) * (row[above] - row[below])


@njit(cache=True, nogil=True, error_model="numpy")
def _percentile_range(row: Floats, n_levels: int) -> tuple[float, float]:
    """Returns the two quantiles between which most of an ascending row lies."""
    return _quantile(row, 0.5 * (1.0 - _SHARE)), _quantile(row, 0.5 * (1.0 + _SHARE))


@njit(cache=True, nogil=True, error_model="numpy")
def percentile(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Spaces K levels evenly between the 0.05 % and 99.95 % quantiles; writes (scale, offset).

    Two-sided: 0.1 % of the values are clipped, half of them at either end. A row of a few hundred
    weights has its quantiles between its two outermost weights, so little is clipped there.
    """
    for r in range(first, last):
        low, high = _percentile_range(values[offsets[r] : offsets[r + 1]], n_levels)
        out[r - first, 0] = (high - low) / (n_levels - 1)
        out[r - first, 1] = low


@njit(cache=True, nogil=True, error_model="numpy")
def _histogram(row: Floats, mass: Ints, filled: Ints, sums: Floats, logs: Floats) -> None:
    """Writes running totals over even bins of a row: of counts h, of filled bins, of h log h."""
    n_bins = len(mass) - 1
    width = (row[-1] - row[0]) / n_bins
    mass[:] = 0
    for w in row:
        mass[min(int((w - row[0]) / width), n_bins - 1) + 1] += 1
    filled[0], sums[0] = 0, 0.0
    for i in range(1, n_bins + 1):
        h = mass[i]
        filled[i] = filled[i - 1] + (h > 0)
        sums[i] = sums[i - 1] + h * logs[h]
        mass[i] += mass[i - 1]


@njit(cache=True, nogil=True, error_model="numpy")
def _divergence(
    mass: Ints, filled: Ints, sums: Floats, logs: Floats, begin: int, end: int, n_levels: int
) -> float:
    """Returns KL(P || Q) in nats for levels evenly spaced from the middle of a bin to another's.

    P is the histogram with what lies outside the bins begin..end-1 moved into the outermost two. Q
    is what K levels know of it: the counts of each level's bins without that addition, spread
    evenly over those of them that P does not leave empty. A level that only outsiders go to counts
    as a ten-thousandth of a value, so that the divergence stays finite. All counts are whole
    numbers, so their logarithms are looked up.
    """
    total = mass[-1]
    lower, upper = mass[begin], total - mass[end]
    plogp = sums[end] - sums[begin]
    for i, extra in ((begin, lower), (end - 1, upper)):
        h = mass[i + 1] - mass[i] + extra
        plogp += h * logs[h] - (sums[i + 1] - sums[i])
    plogq = known = 0.0
    start = begin
    for k in range(n_levels):
        stop = begin + 1 + (2 * k + 1) * (end - 1 - begin) // (2 * n_levels - 2)  # half-way
        stop = min(stop, end)
        p = held = mass[stop] - mass[start]
        n_filled = filled[stop] - filled[start]
        if k == 0 and lower > 0:
            p += lower
            n_filled += filled[begin + 1] == filled[begin]
        if k == n_levels - 1 and upper > 0:
            p += upper
            n_filled += filled[end] == filled[end - 1]
        if p > 0:
            known += held if held > 0 else _SMOOTH
            plogq += p * ((logs[held] if held > 0 else _LOG_SMOOTH) - logs[n_filled])
        start = stop
    return (plogp - plogq) / total - logs[total] + np.log(known)


@njit(cache=True, nogil=True, error_model="numpy")
def _best_bins(
    mass: Ints, filled: Ints, sums: Floats, logs: Floats, n_levels: int, fewest: int
) -> tuple[int, int]:
    """Returns the bins begin..end-1 of least divergence that the search below meets.

    First both ends move inwards together, then each alone over all its places in turn, until
    neither finds a better one. A range always holds the middle half of the values: beside them the
    divergence can be small too, of a range that clips nearly all to one of its ends.
    """
    n_bins = len(mass) - 1
    last_begin = np.searchsorted(mass, 0.25 * mass[n_bins], side="right") - 1
    first_end = np.searchsorted(mass, 0.75 * mass[n_bins])
    begin, end = 0, n_bins
    best = _divergence(mass, filled, sums, logs, begin, end, n_levels)
    furthest = min(last_begin, n_bins - first_end, (n_bins - fewest) // 2)
    for cut in range(1, furthest + 1):
        found = _divergence(mass, filled, sums, logs, cut, n_bins - cut, n_levels)
        if found < best:
            best, begin, end = found, cut, n_bins - cut
    moved = True
    while moved:
        moved = False
        for i in range(min(end - fewest, last_begin) + 1):
            found = _divergence(mass, filled, sums, logs, i, end, n_levels)
            if found < best:
                best, begin, moved = found, i, True
        for j in range(max(begin + fewest, first_end), n_bins + 1):
            found = _divergence(mass, filled, sums, logs, begin, j, n_levels)
            if found < best:
                best, end, moved = found, j, True
    return begin, end


@njit(cache=True, nogil=True, error_model="numpy")
def _entropy_range(row: Floats, n_levels: int) -> tuple[float, float]:
    """Returns the range of an ascending row between the middles of the best two bins."""
    low, high = row[0], row[-1]
    n_bins = min(len(row) // _VALUES_PER_BIN, _MOST_BINS)
    fewest = _BINS_PER_LEVEL * n_levels
    width = (high - low) / max(n_bins, 1)
    if n_bins < 2 * fewest or width <= 0.0:
        return low, high
    mass, filled = np.empty((2, n_bins + 1), dtype=np.int64)
    sums, logs = np.empty(n_bins + 1), np.zeros(len(row) + 1)
    for h in range(1, len(row) + 1):
        logs[h] = np.log(h)
    _histogram(row, mass, filled, sums, logs)
    begin, end = _best_bins(mass, filled, sums, logs, n_levels, fewest)
    bottom = low + (begin + 0.5) * width if begin > 0 else low
    return bottom, low + (end - 0.5) * width if end < n_bins else high


@njit(cache=True, nogil=True, error_model="numpy")
def entropy(
    values: Floats, offsets: Ints, first: int, last: int, n_levels: int, out: Floats, splits: Ints
) -> None:
    """Writes the (scale, offset) of an even grid that loses the least information.

    Entropy calibration as in TensorRT (Migacz 2017), with both ends free: among the ranges of a
    histogram it takes one of least Kullback-Leibler divergence between the clipped histogram and
    what the levels know of it, see `_divergence`. The histogram has one bin for every four values,
    4096 at most, and a range at least two bins a level. Where the whole histogram has fewer than
    four a level nothing is clipped, because so few values do not say what would be lost: rows of
    240 weights are clipped up to 3 bits only.
    """
    for r in range(first, last):
        low, high = _entropy_range(values[offsets[r] : offsets[r + 1]], n_levels)
        out[r - first, 0] = (high - low) / (n_levels - 1)
        out[r - first, 1] = low


def _min_max_range(row: Floats, n_levels: int) -> tuple[float, float]:
    return row[0], row[-1]


def _clipped_range(row: Floats, n_levels: int) -> tuple[float, float]:
    out, offsets = np.zeros((1, 2)), np.array([0, len(row)])
    clipped(row, offsets, 0, 1, n_levels, out, np.zeros((0, 0), dtype=np.int64))
    scale, low = out[0]
    return low, low + scale * (n_levels - 1)


CALIBRATIONS: dict[str, Callable[[Floats, int], tuple[float, float]]] = {
    "min_max": _min_max_range,
    "percentile": _percentile_range,
    "mse": _clipped_range,
    "entropy": _entropy_range,
}
"""The rules that `calibrate` knows: functions of an ascending row and the number of levels."""


def calibrate(
    values: Tensor | ArrayLike, bits: int, method: str = "min_max"
) -> tuple[float, float]:
    """Chooses the range that 2^b evenly spaced levels, both ends included, are to cover.

    Args:
        values: Finite numbers of any shape, e.g. the activations that a layer was seen to have.
        bits: Bits in a code, 1 to 8.
        method: `"min_max"`, all values; `"percentile"`, all but 0.05 % at either end; `"mse"`, the
            range of least squared error, as for the scheme `clipped`; `"entropy"`, the least loss
            of information, as for the scheme `entropy`.

    Returns:
        The lowest and the highest level; they are equal where all values are.

    Raises:
        ValueError: An argument is out of range, or a value is not finite.

    Example:
        >>> calibrate([0.0, 0.1, 0.2, 1.0], 2), calibrate([0.0, 0.1, 0.2, 1.0], 1, "mse")
        ((0.0, 1.0), (0.1, 1.0))
    """
    if method not in CALIBRATIONS:
        raise ValueError(f"method {method!r} is unknown; choose one of {', '.join(CALIBRATIONS)}")
    n_levels = 2 ** check_bits(bits)
    array = values.detach().double().cpu().numpy() if isinstance(values, Tensor) else values
    row = np.sort(np.asarray(array, dtype=np.float64), axis=None)
    if len(row) == 0 or not np.isfinite(row[[0, -1]]).all():  # a NaN sorts to the end
        held = "no value" if len(row) == 0 else "a NaN or an infinity"
        raise ValueError(f"the values hold {held}, so they have no range; give finite ones")
    low, high = CALIBRATIONS[method](row, n_levels)
    return float(low), float(high)
