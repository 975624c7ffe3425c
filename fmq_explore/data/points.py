"""Four data sets in the plane, drawn from a seed."""

__all__ = ["checkerboard", "gaussians", "moons", "spiral"]

import math
from pathlib import Path

import torch
from torch import Generator, Tensor

from .dataset import Dataset


def _generator(split: str) -> Generator:
    return torch.Generator().manual_seed(0 if split == "train" else 1)


def _points(name: str, x: Tensor, labels: Tensor | None, class_names: tuple[str, ...]) -> Dataset:
    return Dataset(name, name.capitalize(), x.float(), labels, class_names, (-3.0, 3.0))


def gaussians(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """Eight Gaussians of deviation 0.12 on a circle of radius 2; the class says which."""
    g = _generator(split)
    labels = torch.randint(8, (n,), generator=g)
    angle = labels * (math.tau / 8)
    centre = 2 * torch.stack((angle.cos(), angle.sin()), dim=1)
    names = ("E", "NE", "N", "NW", "W", "SW", "S", "SE")
    return _points("gaussians", centre + 0.12 * torch.randn(n, 2, generator=g), labels, names)


def moons(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """Two interleaved half circles with deviation 0.08; the class says which."""
    g = _generator(split)
    labels = torch.randint(2, (n,), generator=g)
    angle = math.pi * torch.rand(n, generator=g)
    upper = torch.stack((angle.cos() - 0.5, angle.sin() - 0.25), dim=1)
    x = 1.4 * torch.where(labels[:, None] == 0, upper, -upper)
    return _points("moons", x + 0.08 * torch.randn(n, 2, generator=g), labels, ("upper", "lower"))


def checkerboard(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """Uniform on the eight dark squares of a 4x4 board on [-2, 2]^2."""
    g = _generator(split)
    cell = torch.randint(8, (n,), generator=g)
    row, column = cell // 2, 2 * (cell % 2) + (cell // 2) % 2
    corner = torch.stack((column, row), dim=1) - 2
    return _points("checkerboard", corner + torch.rand(n, 2, generator=g), None, ())


def spiral(root: Path | None, split: str, n: int = 20_000) -> Dataset:
    """One Archimedean spiral with two turns, radius up to 2.2, deviation 0.05."""
    g = _generator(split)
    angle = 2 * math.tau * torch.rand(n, generator=g).sqrt()
    radius = 2.2 * angle / (2 * math.tau)
    x = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1)
    return _points("spiral", x + 0.05 * torch.randn(n, 2, generator=g), None, ())
