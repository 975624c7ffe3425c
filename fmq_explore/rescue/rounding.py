"""Rounding a matrix so that what it does to given inputs changes least, not its entries."""

__all__ = ["descend", "feed_back", "fitted_levels", "output_error"]

import numpy as np
import torch
from numba import njit
from torch import Tensor
from torch.nn import functional

SWEEPS = 4
"""Most sweeps of a descent: the error falls by half a percent in a fifth one."""


def feed_back(weights: Tensor, levels: Tensor, rows: Tensor, moments: Tensor) -> Tensor:
    """Rounds a matrix column by column, handing the error of each on to the columns to come.

    Args:
        weights: W, float64, shape (out, in).
        levels: Levels of every row of the quantizer in any order, float64, shape (rows, K).
        rows: The row of every weight, shape (out, in).
        moments: H, float64, shape (in, in), positive definite.

    Returns:
        Codes, shape (out, in).
    """
    order = moments.diagonal().argsort(descending=True)
    inverse = torch.linalg.inv(moments[order][:, order])
    factor = torch.linalg.cholesky((inverse + inverse.T) / 2, upper=True)
    left = weights[:, order].contiguous()
    codes = _feed_back(
        left.numpy().copy(), levels.numpy(), rows[:, order].contiguous().numpy(), factor.numpy()
    )
    return torch.from_numpy(codes)[:, order.argsort()]


def descend(
    weights: Tensor, levels: Tensor, rows: Tensor, codes: Tensor, moments: Tensor
) -> Tensor:
    """Lowers tr (W - Q) H (W - Q)^T by changing one code at a time, until none helps.

    Cyclic coordinate descent (arXiv 2309.01885): with all others as they are, the error is least
    where w_j is rounded to the level nearest to q_j + [(W - Q) H]_j / H_jj.

    Args:
        weights: W, float64, shape (out, in).
        levels: Levels of every row of the quantizer in any order, float64, shape (rows, K).
        rows: The row of every weight, shape (out, in).
        codes: Where to begin, shape (out, in).
        moments: H, float64, shape (in, in), with a positive diagonal.

    Returns:
        Codes of no larger error, shape (out, in).
    """
    found = _descend(
        weights.contiguous().numpy(),
        levels.numpy(),
        rows.contiguous().numpy(),
        codes.contiguous().numpy().copy(),
        moments.contiguous().numpy(),
        SWEEPS,
    )
    return torch.from_numpy(found)


def output_error(
    weights: Tensor, levels: Tensor, rows: Tensor, codes: Tensor, moments: Tensor
) -> float:
    """Returns tr (W - Q) H (W - Q)^T; arguments are those of `descend`."""
    gap = weights - levels[rows, codes]
    return float(((gap @ moments) * gap).sum())


def fitted_levels(
    weights: Tensor, levels: Tensor, rows: Tensor, codes: Tensor, moments: Tensor
) -> Tensor:
    """Returns the levels of least output error tr (W - Q) H (W - Q)^T for given codes.

    With the design Z of a channel, Z_jk = 1 where weight j has level k, its levels c solve
    (sum Z^T H Z) c = sum Z^T H w over all channels that share the row. A row that is a part of a
    channel keeps its levels, as the problem would no longer fall into rows.

    Args:
        weights: W, float64, shape (out, in).
        levels: The levels as they are, float64, shape (rows, K).
        rows: The row of every weight, shape (out, in).
        codes: Codes, shape (out, in).
        moments: H, float64, shape (in, in).
    """
    n_levels = levels.shape[1]
    if not bool((rows == rows[:, :1]).all()):
        return levels
    design = functional.one_hot(codes, n_levels).to(weights)
    left = design.transpose(1, 2) @ moments @ design
    right = (design.transpose(1, 2) @ (moments @ weights[:, :, None]))[:, :, 0]
    index = rows[:, 0]
    normal = torch.zeros(len(levels), n_levels, n_levels).to(left).index_add_(0, index, left)
    wanted = torch.zeros(len(levels), n_levels).to(right).index_add_(0, index, right)
    # levels that no weight has stay where they are; the others are held ever so lightly
    scale = normal.diagonal(dim1=1, dim2=2).mean(dim=1).clamp(min=1e-30)
    ridge = 1e-6 * scale[:, None, None] * torch.eye(n_levels).to(normal)
    return torch.linalg.solve(normal + ridge, wanted + 1e-6 * scale[:, None] * levels)


@njit(cache=True, nogil=True, error_model="numpy")
def _nearest(value, levels):
    best, k = np.inf, 0
    for i in range(len(levels)):
        gap = abs(value - levels[i])
        if gap < best:
            best, k = gap, i
    return k


@njit(cache=True, nogil=True, error_model="numpy")
def _feed_back(left, levels, rows, factor):
    n_out, n_in = left.shape
    codes = np.empty((n_out, n_in), dtype=np.int64)
    for i in range(n_out):
        for j in range(n_in):
            row = rows[i, j]
            k = _nearest(left[i, j], levels[row])
            codes[i, j] = k
            error = (left[i, j] - levels[row, k]) / factor[j, j]
            for m in range(j + 1, n_in):
                left[i, m] -= error * factor[j, m]
    return codes


@njit(cache=True, nogil=True, error_model="numpy")
def _descend(weights, levels, rows, codes, moments, sweeps):
    n_out, n_in = weights.shape
    gap, push = np.empty(n_in), np.empty(n_in)
    for i in range(n_out):
        for j in range(n_in):
            gap[j] = weights[i, j] - levels[rows[i, j], codes[i, j]]
        push[:] = moments @ gap
        for _ in range(sweeps):
            moved = False
            for j in range(n_in):
                row, old = rows[i, j], codes[i, j]
                k = _nearest(levels[row, old] + push[j] / moments[j, j], levels[row])
                step = levels[row, k] - levels[row, old]
                if step != 0.0:
                    codes[i, j] = k
                    moved = True
                    for m in range(n_in):
                        push[m] -= step * moments[j, m]
            if not moved:
                break
    return codes
