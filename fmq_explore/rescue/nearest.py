"""From weights to codes and back, where levels are being trained."""

__all__ = ["nearest_codes", "pulled_into_cells"]

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


def pulled_into_cells(weights: Tensor, levels: Tensor, rows: Tensor, codes: Tensor) -> Tensor:
    """Returns the weights, moved no further than needed for their nearest levels to be `codes`.

    Args:
        weights: Weights, any shape.
        levels: Levels of every row, ascending, shape (rows, K).
        rows: The row of every weight, in the weights' shape.
        codes: The level that each weight is to have, in the weights' shape.

    Example:
        >>> levels, rows = torch.tensor([[0.0, 1.0]]), torch.zeros(3, dtype=torch.long)
        >>> pulled_into_cells(torch.tensor([0.2, 0.2, 0.9]), levels, rows, torch.tensor([0, 1, 1]))
        tensor([0.2000, 0.6000, 0.9000])
    """
    borders = (levels[:, 1:] + levels[:, :-1]) / 2
    ends = torch.full((len(levels), 1), torch.inf)
    borders = torch.cat((-ends, borders, ends), dim=1)
    k, chosen = codes.long(), levels[rows, codes.long()]
    # a fifth of the way from the border to the level: far enough that the first steps keep the cell
    low = torch.lerp(borders[rows, k], chosen, 0.2)
    high = torch.lerp(borders[rows, k + 1], chosen, 0.2)
    return weights.clamp(min=low.nan_to_num(nan=-torch.inf), max=high.nan_to_num(nan=torch.inf))
