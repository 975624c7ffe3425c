"""Schemes with a fixed table of levels and one scale a row: signs, trits, number formats."""

__all__ = [
    "FORMATS",
    "absmax",
    "binary",
    "least_squares",
    "minifloat_table",
    "normal_float_table",
    "scale_error",
    "search_scale",
    "signs_table",
    "ternary",
    "trits_table",
]

import math
from functools import cache
from statistics import NormalDist

import numpy as np
from numba import njit

from .types import Floats, Ints

FORMATS = {3: (2, 0), 4: (2, 1), 5: (2, 2), 6: (3, 2), 7: (3, 3), 8: (4, 3)}
"""Exponent and mantissa bits of a minifloat by its width; one more bit is the sign."""

_SHRINK = 0.88  # ratio of the scales that the search tries
_STARTS = 2  # of them are refined
_TURNS = 20  # at most, for each of them


def signs_table(bits: int) -> Floats:
    """Returns the two signs."""
    return np.array([-1.0, 1.0])


def trits_table(bits: int) -> Floats:
    """Returns -1, 0, 1 and, since two bits tell four levels apart, 1 once more, never used."""
    return np.array([-1.0, 0.0, 1.0, 1.0])


@cache
def normal_float_table(bits: int) -> Floats:
    """Returns the levels of NF-b (QLoRA, arXiv 2305.14314), from -1 to 1, with an exact zero.

    They are quantiles of N(0, 1) at even steps of probability, K/2 of them above zero and K/2 - 1
    below, over the largest. The outermost probability, 1 - (1/2K + 1/(2K - 2)) / 2, is between
    those of 2K and of 2K - 2 even cells. With 4 bits this is the published table.

    Example:
        >>> normal_float_table(4)[5:10].round(3).tolist()
        [-0.185, -0.091, 0.0, 0.08, 0.161]
    """
    n = 2**bits
    outermost = 1.0 - 0.5 * (1.0 / (2 * n) + 1.0 / (2 * n - 2))
    below, above = (
        [NormalDist().inv_cdf(p) for p in np.linspace(0.5, outermost, count + 1)[1:].tolist()]
        for count in (n // 2 - 1, n // 2)
    )
    levels = np.array([-x for x in below[::-1]] + [0.0, *above])
    return levels / levels[-1]


@cache
def minifloat_table(bits: int) -> Floats:
    """Returns the values of a small floating-point format, ascending, before any scale.

    `FORMATS` names the format of a width: with 4 bits E2M1, with 6 E3M2, with 8 E4M3, as in the
    OCP formats for microscaling (arXiv 2310.10537); those of odd widths follow the same rule. The
    exponent's bias is 2^(e-1) - 1, exponent zero holds the subnormal numbers, and no code means
    infinity; the two codes of E4M3 that mean NaN repeat the outermost levels, and the second zero
    of every format repeats the first. Repeated levels are never used.

    Example:
        >>> minifloat_table(4)[8:].tolist()
        [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0]
    """
    n_exponent, n_mantissa = FORMATS[bits]
    bias, steps = 2 ** (n_exponent - 1) - 1, 2**n_mantissa
    values = []
    for code in range(2 ** (bits - 1)):
        exponent, mantissa = divmod(code, steps)
        whole = mantissa / steps + (exponent > 0)
        values.append(math.ldexp(whole, max(exponent, 1) - bias))
    if bits == 8:
        values[-1] = values[-2]
    positive = np.array(values)
    return np.concatenate([-positive[::-1], positive]) + 0.0  # -0 becomes 0


@njit(cache=True, nogil=True, error_model="numpy")
def binary(
    values: Floats, offsets: Ints, first: int, last: int, table: Floats, out: Floats, splits: Ints
) -> None:
    """Writes a = mean |w|, the scale of least squared error for the signs of a row.

    sum (w - a sign w)^2 = sum w^2 - 2 a sum |w| + n a^2 (XNOR-Net, arXiv 1603.05279).
    """
    for r in range(first, last):
        out[r - first, 0] = np.mean(np.abs(values[offsets[r] : offsets[r + 1]]))


@njit(cache=True, nogil=True, error_model="numpy")
def ternary(
    values: Floats, offsets: Ints, first: int, last: int, table: Floats, out: Floats, splits: Ints
) -> None:
    """Writes the a for which the levels -a, 0, a have the least squared error, exactly.

    With the k largest magnitudes off zero, S_k their sum, the best scale is S_k / k and the error
    sum w^2 - S_k^2 / k. All k are tried: the largest magnitude left is at one of the two ends of
    the sorted row. Ternary weight networks (arXiv 1605.04711) guess the threshold instead.
    """
    for r in range(first, last):
        low, high = offsets[r], offsets[r + 1] - 1
        total = best = 0.0
        for k in range(1, offsets[r + 1] - offsets[r] + 1):
            if -values[low] > values[high]:
                total += abs(values[low])
                low += 1
            else:
                total += abs(values[high])
                high -= 1
            gain = total * total / k
            if gain > best:
                best = gain
                out[r - first, 0] = total / k


@njit(cache=True, nogil=True, error_model="numpy")
def _reach(row: Floats, table: Floats) -> float:
    """Returns the smallest scale at which a sorted table clips no weight of a sorted row."""
    scale = 0.0
    if table[-1] > 0.0:
        scale = max(scale, row[-1] / table[-1])
    if table[0] < 0.0:
        scale = max(scale, row[0] / table[0])
    return scale


@njit(cache=True, nogil=True, error_model="numpy")
def absmax(
    values: Floats, offsets: Ints, first: int, last: int, table: Floats, out: Floats, splits: Ints
) -> None:
    """Writes the scale at which the outermost level meets the largest magnitude."""
    for r in range(first, last):
        out[r - first, 0] = _reach(values[offsets[r] : offsets[r + 1]], table)


@njit(cache=True, nogil=True, error_model="numpy")
def scale_error(row: Floats, table: Floats, scale: float) -> tuple[float, float]:
    """Returns the squared error of a row at its nearest levels s v_k, and the best s for those.

    With the codes fixed, sum (w - s v)^2 is least for s = sum w v / sum v^2.
    """
    top = len(table) - 1
    k = 0
    error = along = squared = 0.0
    level = scale * table[0]
    border = 0.5 * scale * (table[0] + table[min(1, top)])
    for w in row:
        while k < top and w > border:
            k += 1
            level = scale * table[k]
            border = 0.5 * scale * (table[k] + table[min(k + 1, top)])
        d = w - level
        error += d * d
        along += w * table[k]
        squared += table[k] * table[k]
    return error, along / squared if along > 0.0 else scale


@njit(cache=True, nogil=True, error_model="numpy")
def search_scale(row: Floats, table: Floats, high: float, low: float, n_starts: int) -> float:
    """Returns the best scale met on the way from `high` down to `low`, and around its best places.

    Scales at equal ratios are tried; the best few of them are refined, nearest levels and the best
    scale for those taking turns, which never raises the error (Lloyd's argument). A turn that
    gains less than a thousandth is the last.
    """
    starts, errors = np.full(n_starts, high), np.full(n_starts, np.inf)
    scale = high
    while scale > low:
        error, _ = scale_error(row, table, scale)
        worst = np.argmax(errors)
        if error < errors[worst]:
            errors[worst], starts[worst] = error, scale
        scale *= _SHRINK
    found, best = high, np.inf
    for scale in starts:
        previous = np.inf
        for _ in range(_TURNS):
            error, following = scale_error(row, table, scale)
            if error < best:
                best, found = error, scale
            if error >= previous * 0.999:
                break
            previous, scale = error, following
    return found


@njit(cache=True, nogil=True, error_model="numpy")
def least_squares(
    values: Floats, offsets: Ints, first: int, last: int, table: Floats, out: Floats, splits: Ints
) -> None:
    """Writes a scale of small squared error for the nearest levels of a table.

    The search begins where nothing is clipped and ends where the whole table covers half the root
    mean square of the row. It is that wide because a format of few mantissa bits is nearly the same
    after a doubling, so that there are many minima.
    """
    widest = max(abs(table[0]), abs(table[-1]))
    for r in range(first, last):
        row = values[offsets[r] : offsets[r + 1]]
        least = 0.5 * math.sqrt(np.mean(row * row)) / widest
        out[r - first, 0] = search_scale(row, table, _reach(row, table), least, _STARTS)
