"""The level nearest to each weight, where levels may be in any order."""

__all__ = ["nearest_codes"]

import torch
from torch import Tensor


def nearest_codes(weights: Tensor, levels: Tensor, rows: Tensor) -> Tensor:
    """Returns the index of the level nearest to each weight, uint8, in the weights' shape.

    Args:
        weights: Weights, any shape.
        levels: Levels of every row in any order, shape (rows, K).
        rows: The row of every weight, in the weights' shape.
    """
    levels, order = levels.sort(dim=1, stable=True)
    borders, index, flat = (levels[:, 1:] + levels[:, :-1]) / 2, rows.flatten(), weights.flatten()
    codes = torch.zeros(len(flat), dtype=torch.uint8)
    for border in borders.unbind(dim=1):
        codes += flat > border[index]
    # of equal levels the first one is in use
    first = torch.searchsorted(levels.contiguous(), levels.contiguous())
    names = order.gather(1, first).to(torch.uint8)
    return names[index, codes.long()].reshape(weights.shape)
