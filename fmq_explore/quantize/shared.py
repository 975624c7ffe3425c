"""One codebook for a whole tensor, and one scale for each of its rows."""

__all__ = ["Pool", "pool_rows", "scales_of"]

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .formats import scale_error, search_scale
from .rows import Rows
from .types import Floats, Ints

_WIDEST, _NARROWEST = 1.2, 0.4  # times the root mean square: the scales that are tried


@dataclass(frozen=True, eq=False)
class Pool:
    """The weights of a tensor over the root mean square of their row, as one sorted row.

    Attributes:
        rows: The pooled row; its order is left empty. Rows of zeros are not in it.
        scales: Root mean square of every row of the tensor, shape (rows,).
    """

    rows: Rows
    scales: NDArray[np.float64]


def pool_rows(rows: Rows, first: int, last: int) -> Pool:
    """Pools the rows first..last, which are those of one tensor.

    Example:
        >>> from .rows import sort_rows
        >>> pool = pool_rows(sort_rows([np.float32([[-1, 1], [4, 4]])], "channel"), 0, 2)
        >>> pool.rows.values.tolist(), pool.scales.tolist()
        ([-1.0, 1.0, 1.0, 1.0], [1.0, 4.0])
    """
    offsets = rows.offsets[first : last + 1]
    values, lengths = rows.values[offsets[0] : offsets[-1]], np.diff(offsets)
    squares = np.add.reduceat(np.square(values), offsets[:-1] - offsets[0])
    scales = np.sqrt(squares / lengths)
    spread = np.repeat(scales, lengths)
    pooled = np.sort(values[spread > 0] / spread[spread > 0]) if spread.any() else np.zeros(1)
    empty = np.empty(0, dtype=np.int32)
    return Pool(Rows(pooled, empty, np.array([0, len(pooled)], dtype=np.int64)), scales)


def scales_of(
    rows: Rows, first: int, last: int, table: Floats, pool: Pool, dtype: np.dtype
) -> NDArray[np.floating]:
    """Returns a scale for each row, shape (rows,), as they are stored.

    A row starts from its root mean square, and `search_scale` looks on both sides of that. What is
    stored is never worse than the rounded start.

    Args:
        rows: Sorted rows.
        first: The tensor's first row.
        last: One past its last row.
        table: The shared codebook as it is stored, float64, ascending.
        pool: What `pool_rows` made of these rows.
        dtype: The type in which scales are stored.
    """
    starts, found = pool.scales, np.empty(last - first)
    _fit_all(rows.values, rows.offsets, first, last, table, starts, found)
    with np.errstate(over="ignore"):  # the caller names the tensor whose levels are too large
        plain, fitted = starts.astype(dtype), found.astype(dtype)
    errors = np.empty((2, last - first))
    for scales, error in zip((plain, fitted), errors, strict=True):
        _errors(rows.values, rows.offsets, first, last, table, scales.astype(np.float64), error)
    return np.where(errors[1] < errors[0], fitted, plain)


@njit(cache=True, nogil=True, error_model="numpy")
def _fit_all(
    values: Floats,
    offsets: Ints,
    first: int,
    last: int,
    table: Floats,
    starts: Floats,
    out: Floats,
) -> None:
    for r in range(first, last):
        row = values[offsets[r] : offsets[r + 1]]
        start = starts[r - first]
        out[r - first] = search_scale(row, table, _WIDEST * start, _NARROWEST * start, 1)


@njit(cache=True, nogil=True, error_model="numpy")
def _errors(
    values: Floats,
    offsets: Ints,
    first: int,
    last: int,
    table: Floats,
    scales: Floats,
    out: Floats,
) -> None:
    for r in range(first, last):
        row = values[offsets[r] : offsets[r + 1]]
        out[r - first] = scale_error(row, table, scales[r - first])[0]
