"""The exact W2 minimiser of a row: one-dimensional k-means, solved to the optimum.

A cell is an interval of the sorted row, and its cost c(i, j), the squared distance to its mean, is
concave-Monge: c(i, j) + c(i', j') <= c(i, j') + c(i', j) for i <= i' < j <= j'. Hence
- the best last cut is monotone in the end of the row, so one layer of the dynamic programme costs
  O(n log n) by divide and conquer;
- the least cost D(K) is convex in K, so a price on every cell finds the optimum for *some* K in
  O(n log n) whatever K is (Aggarwal, Schieber, Tokuyama 1994);
- the cuts for K interlace with those for any smaller and any larger number of cells, so once a
  smaller and a larger optimum are known, the dynamic programme for K needs a narrow band only.
Few levels are solved by the first, many by a handful of the second and one of the third. Every step
is exact: no start, no local optimum, no tolerance.
"""

__all__ = ["optimal"]

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .types import Floats, Ints

_DENSE = 8  # up to this many levels the dynamic programme is solved on the whole triangle
_GAP = 16  # between optima whose numbers of cells differ by 2 + k / _GAP the band is narrow enough


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _cost(n: Floats, s: Floats, q: Floats, i: int, j: int) -> float:
    """Returns the squared distance of the distinct values i..j-1 to their mean."""
    d = s[j] - s[i]
    return max((q[j] - q[i]) - d * d / (n[j] - n[i]), 0.0)


@njit(cache=True, nogil=True, error_model="numpy")
def _prefix(row: Floats, x: Floats, n: Floats, s: Floats, q: Floats) -> int:
    """Writes the distinct values of a row and prefix sums of count, x and x^2; returns how many.

    The values are taken relative to the median, and the sums run outwards from it. Near the
    median, where cells are narrow, differences of prefix sums then lose no digits.
    """
    m = 0
    n[0] = 0.0
    middle = row[len(row) // 2]
    for i in range(len(row)):
        if i == 0 or row[i] != row[i - 1]:
            x[m] = row[i] - middle
            m += 1
            n[m] = n[m - 1]
        n[m] += 1.0
    h = np.searchsorted(x[:m], 0.0)
    s[h] = q[h] = 0.0
    for i in range(h, m):
        c = n[i + 1] - n[i]
        s[i + 1] = s[i] + c * x[i]
        q[i + 1] = q[i] + c * x[i] * x[i]
    for i in range(h - 1, -1, -1):
        c = n[i + 1] - n[i]
        s[i] = s[i + 1] - c * x[i]
        q[i] = q[i + 1] - c * x[i] * x[i]
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def _layer(
    n: Floats,
    s: Floats,
    q: Floats,
    before: Floats,
    low: int,
    high: int,
    past_low: int,
    past_high: int,
    now: Floats,
    arg: NDArray[np.int32],
) -> None:
    """Solves one layer of the dynamic programme for the ends low..high.

    `before[p]` is the least cost of the cells up to p, for past_low <= p <= past_high. Writes
    `now[j] = min_p before[p] + c(p, j)` and the smallest such p to `arg[j - low]`. Ends are
    visited coarse to fine, so that each lies between two whose best cuts bound its own.
    """
    width = high - low + 1
    stride = 1
    while stride < width:
        stride *= 2
    while stride >= 1:
        for t in range(stride - 1, width, 2 * stride):
            j = low + t
            first = arg[t - stride] if t >= stride else past_low
            last = arg[t + stride] if t + stride < width else past_high
            best = np.inf
            where = first
            for p in range(first, min(last, j - 1) + 1):
                cost = before[p] + _cost(n, s, q, p, j)
                if cost < best:
                    best = cost
                    where = p
            now[j] = best
            arg[t] = where
        stride //= 2


@njit(cache=True, nogil=True, error_model="numpy")
def _banded(
    n: Floats, s: Floats, q: Floats, m: int, k: int, low: Ints, high: Ints, path: Ints, stop: Ints
) -> None:
    """Finds the optimal cuts of m values into k cells, cut i lying in low[i]..high[i]."""
    base = np.zeros(k + 1, dtype=np.int64)
    for i in range(1, k):
        base[i + 1] = base[i] + high[i] - low[i] + 1
    arg = np.empty(base[k] + 1, dtype=np.int32)
    before, now = np.full(m + 1, np.inf), np.full(m + 1, np.inf)
    before[0] = 0.0
    for i in range(1, k + 1):
        if stop[0]:
            return
        _layer(n, s, q, before, low[i], high[i], low[i - 1], high[i - 1], now, arg[base[i] :])
        before, now = now, before
    path[k] = m
    for i in range(k, 0, -1):
        path[i - 1] = arg[base[i] + path[i] - low[i]]


@njit(cache=True, nogil=True, error_model="numpy")
def _dense(
    n: Floats, s: Floats, q: Floats, m: int, k_max: int, costs: Floats, paths: Ints, stop: Ints
) -> None:
    """Solves the whole dynamic programme up to k_max cells, and so for every smaller number too.

    Writes the least cost D(k) to `costs[k]` and the cuts of k cells to `paths[k]`.
    """
    arg = np.empty((k_max + 1, m + 1), dtype=np.int32)
    before, now = np.full(m + 1, np.inf), np.full(m + 1, np.inf)
    before[0] = 0.0
    for k in range(1, k_max + 1):
        if stop[0]:
            return
        past_high = m - 1 if k > 1 else 0
        _layer(n, s, q, before, k, m, k - 1, past_high, now, arg[k, k:])
        costs[k] = now[m]
        paths[k, k] = m
        for i in range(k, 0, -1):
            paths[k, i - 1] = arg[i, paths[k, i]]
        before, now = now, before


@njit(cache=True, nogil=True, error_model="numpy")
def _priced(
    n: Floats,
    s: Floats,
    q: Floats,
    m: int,
    price: float,
    f: Floats,
    parent: Ints,
    candidate: Ints,
    since: Ints,
) -> int:
    """Minimises the cost plus a price per cell; returns the number of cells of an optimum.

    f[j] = min_i f[i] + c(i, j) + price. As cuts are monotone, the starts i that are best for some
    end still to come form a queue; `since[t]` is the first end for which candidate t is the best.
    """
    f[0] = 0.0
    candidate[0] = 0
    since[0] = 1
    head, tail = 0, 0
    for j in range(1, m + 1):
        while head < tail and since[head + 1] <= j:
            head += 1
        p = candidate[head]
        value = float(f[p]) + _cost(n, s, q, p, j) + price
        f[j] = value
        parent[j] = p
        since[head] = j + 1
        end = j + 1
        while tail >= head:
            end = since[tail]
            if end > m:
                break
            t = candidate[tail]
            if value + _cost(n, s, q, j, end) >= f[t] + _cost(n, s, q, t, end):
                break
            tail -= 1
        if tail >= head:
            t = candidate[tail]
            end = _takeover(n, s, q, m, value, j, float(f[t]), t, end)
        if end <= m:
            tail += 1
            candidate[tail] = j
            since[tail] = end
    return _length(parent, m)


@njit(cache=True, nogil=True, error_model="numpy")
def _takeover(
    n: Floats, s: Floats, q: Floats, m: int, value: float, j: int, other: float, t: int, low: int
) -> int:
    """Returns the first end > low where a last cell from j beats one from t, or m + 1.

    It is close to `low` as a rule, so the search gallops from there before it bisects.
    """
    step = 1
    high = low + 1
    while high <= m and value + _cost(n, s, q, j, high) >= other + _cost(n, s, q, t, high):
        low = high
        step *= 2
        high = low + step
    if high > m:
        if low >= m or value + _cost(n, s, q, j, m) >= other + _cost(n, s, q, t, m):
            return m + 1
        high = m
    while high - low > 1:
        middle = (low + high) // 2
        if value + _cost(n, s, q, j, middle) < other + _cost(n, s, q, t, middle):
            high = middle
        else:
            low = middle
    return high


@njit(cache=True, nogil=True, error_model="numpy")
def _length(parent: Ints, m: int) -> int:
    """Counts the cells of the path that ends in m."""
    k = 0
    while m > 0:
        m = parent[m]
        k += 1
    return k


@njit(cache=True, nogil=True, error_model="numpy")
def _trace(parent: Ints, m: int, k: int, path: Ints) -> None:
    """Writes the k + 1 cuts of the path that ends in m."""
    for i in range(k, -1, -1):
        path[i] = m
        if i > 0:
            m = parent[m]


@njit(cache=True, nogil=True, error_model="numpy")
def _band(
    m: int, k: int, few: Ints, k_few: int, many: Ints, k_many: int, low: Ints, high: Ints
) -> None:
    """Bounds the k + 1 cuts by those of an optimum with fewer and of one with more cells."""
    for i in range(k + 1):
        low[i] = max(i, many[i])
        high[i] = min(m - k + i, many[i + k_many - k])
        if i >= k - k_few:
            low[i] = max(low[i], few[i - k + k_few])
        if i <= k_few:
            high[i] = min(high[i], few[i])
        if low[i] > high[i]:  # ties: two optima that do not interlace
            low[i], high[i] = high[i], low[i]
    for i in range(1, k + 1):
        low[i] = max(low[i], low[i - 1] + 1)
    for i in range(k - 1, -1, -1):
        high[i] = min(high[i], high[i + 1] - 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _next_price(
    target: float, k_few: int, price_few: float, k_many: int, price_many: float, repeats: int
) -> float:
    """Guesses the price at which `target` cells are best, from those at two other numbers.

    The price is -D'(k), about k^-3. A guess that falls on the same side again and again is made
    bolder, so that rows of any shape end in a few steps.
    """
    if price_many <= 0.0:  # all cells single: no price known there
        return price_few * (k_few / target) ** (3.0 * 2.0**repeats)
    if repeats > 1:
        return np.sqrt(price_few * price_many)
    slope = np.log(price_few / price_many) / np.log(k_many / k_few)
    return price_few * (k_few / target) ** slope


@njit(cache=True, nogil=True, error_model="numpy")
def _bracket(
    n: Floats,
    s: Floats,
    q: Floats,
    m: int,
    k: int,
    few: Ints,
    k_few: int,
    price_few: float,
    many: Ints,
    f: Floats,
    work: Ints,
    stop: Ints,
) -> tuple[int, int, float]:
    """Finds an optimum with k cells or a few less and one with k or a few more.

    `few` enters as an optimum of k_few < k cells at price_few. Returns the two numbers of cells
    and the price of the smaller. Leaves as soon as the banded programme between them is cheap.
    """
    k_many, price_many = m, 0.0
    many[: m + 1] = np.arange(m + 1)
    gap = 2 + k // _GAP
    side, repeats = 0, 0
    for _ in range(60):
        if k_many - k_few <= gap or stop[0]:
            break
        target = k + 0.0  # with one side close, aim a little past k to bring the other close too
        if k - k_few <= gap // 2:
            target += 0.5 * min(gap, k_many - k)
        elif k_many - k <= gap // 2:
            target -= 0.5 * min(gap, k - k_few)
        price = _next_price(target, k_few, price_few, k_many, price_many, repeats)
        if not price_many < price < price_few:
            break
        found = _priced(n, s, q, m, price, f, work[0], work[1], work[2])
        repeats = repeats + 1 if (found > k) == (side > 0) and side != 0 else 0
        side = 1 if found > k else -1
        if found <= k:
            k_few, price_few = found, price
            _trace(work[0], m, found, few)
        if found >= k:
            k_many, price_many = found, price
            _trace(work[0], m, found, many)
        if found == k:
            break
    return k_few, k_many, price_few


@njit(cache=True, nogil=True, error_model="numpy")
def _levels(
    x: Floats, n: Floats, s: Floats, middle: float, path: Ints, k: int, level: Floats
) -> None:
    """Writes the mean of every cell; a cell of one value gives that very value."""
    for i in range(k):
        a, b = path[i], path[i + 1]
        if b == a + 1:
            level[i] = middle + x[a]
        else:
            level[i] = middle + (s[b] - s[a]) / (n[b] - n[a])


@njit(cache=True, nogil=True, error_model="numpy")
def _solve_row(
    row: Floats,
    low_bits: int,
    high_bits: int,
    level: Floats,
    buffers: Floats,
    work: Ints,
    paths: Ints,
    stop: Ints,
) -> None:
    """Writes the optimal levels of one row for low_bits..high_bits, one after the other."""
    x, n, s, q, f = buffers[0], buffers[1], buffers[2], buffers[3], buffers[4]
    m = _prefix(row, x, n, s, q)
    middle = row[len(row) // 2]
    few, many, path, low, high = work[3], work[4], work[5], work[6], work[7]
    costs = np.empty(_DENSE + 1)
    if m > 2**low_bits and 2**low_bits <= _DENSE:
        _dense(n, s, q, m, min(_DENSE, 2**high_bits, m), costs, paths, stop)
        if stop[0]:
            return
    few[0], few[1], k_few = 0, m, 1
    price = 5.0 * _cost(n, s, q, 0, m)  # D(k) is about 2.7 D(1) / k^2 for a Gaussian row
    for bits in range(low_bits, high_bits + 1):
        k = 2**bits
        out = level[k - 2**low_bits : 2 * k - 2**low_bits]
        if m <= k:
            out[:m] = middle + x[:m]
            out[m:] = out[m - 1]
        elif k <= _DENSE:
            _levels(x, n, s, middle, paths[k], k, out)
            few[: k + 1] = paths[k, : k + 1]
            k_few, price = k, float(costs[k - 1] - costs[k])
        else:
            k_few, k_many, price = _bracket(n, s, q, m, k, few, k_few, price, many, f, work, stop)
            if k_few < k:
                _band(m, k, few, k_few, many, k_many, low, high)
                _banded(n, s, q, m, k, low, high, path, stop)
                if stop[0]:
                    return
                few[: k + 1] = path[: k + 1]
                k_few = k
            _levels(x, n, s, middle, few, k, out)


@njit(cache=True, nogil=True, error_model="numpy")
def optimal(
    values: Floats,
    offsets: Ints,
    first: int,
    last: int,
    low_bits: int,
    high_bits: int,
    out: Floats,
    state: Ints,
) -> None:
    """Writes the levels that minimise the squared error of each row, for all of low..high bits.

    The levels for b bits fill the columns 2^b - 2^low .. 2^(b+1) - 2^low. A row of at most 2^b
    distinct weights keeps them all. Between steps the kernel reads `state[0]` and leaves when it is
    set, and it adds the finished weights to `state[1]`; another thread may watch both.
    """
    longest = 0
    for r in range(first, last):
        longest = max(longest, offsets[r + 1] - offsets[r])
    buffers = np.empty((5, longest + 1))
    work = np.empty((8, longest + 1), dtype=np.int64)
    paths = np.zeros((_DENSE + 1, _DENSE + 1), dtype=np.int64)
    for r in range(first, last):
        row = values[offsets[r] : offsets[r + 1]]
        _solve_row(row, low_bits, high_bits, out[r - first], buffers, work, paths, state)
        if state[0]:
            return
        state[1] += len(row)
