"""Sample sheets: a batch of samples as one picture, for looking at while a model trains."""

__all__ = ["save_sheet", "sheet"]

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def sheet(samples: Tensor, columns: int | None = None, side: int = 84) -> np.ndarray:
    """Lays images out as a grid with grey lines, or points as a density.

    Args:
        samples: Images in [-1, 1], shape (n, 1 or 3, h, w), or points, shape (n, 2).
        columns: Images per row; by default as many as rows.
        side: Least height of one image in pixels; images are enlarged by a whole factor.

    Returns:
        A picture, uint8, shape (height, width) or (height, width, 3).

    Example:
        >>> sheet(torch.zeros(4, 1, 28, 28)).shape
        (171, 171)
    """
    if samples.ndim == 2:
        return _density(samples)
    if samples.ndim != 4 or samples.shape[1] not in (1, 3):
        raise ValueError(
            f"samples of shape {tuple(samples.shape)}: use (n, 2) or (n, 1 or 3, h, w)"
        )
    n, c, height, width = samples.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    height, width = height + 1, width + 1  # a grey line below and to the right of each
    tiles = torch.zeros(rows * columns, c, height, width)
    tiles[:n, :, :-1, :-1] = samples.detach().float().clamp(-1, 1)
    grid = tiles.reshape(rows, columns, c, height, width).permute(0, 3, 1, 4, 2)
    grid = grid.reshape(rows * height, columns * width, c)[:-1, :-1]
    pixels = ((grid + 1) * 127.5).round().byte().numpy()
    factor = max(1, math.ceil(side / (height - 1)))
    pixels = pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    return pixels[..., 0] if c == 1 else pixels


def _density(points: Tensor, side: int = 200, limit: float = 3.0) -> np.ndarray:
    """Returns dark dots on white over [-limit, limit]^2, the second axis pointing up."""
    x, y = points.detach().double().numpy().T
    counts, _, _ = np.histogram2d(-y, x, bins=side, range=[[-limit, limit]] * 2)
    return (255 * np.exp(-0.7 * counts)).astype(np.uint8).repeat(3, axis=0).repeat(3, axis=1)


def save_sheet(samples: Tensor, path: Path, columns: int | None = None) -> None:
    """Writes a sample sheet as PNG."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(sheet(samples, columns)).save(path)
