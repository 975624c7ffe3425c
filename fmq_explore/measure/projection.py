"""One fixed plane on which the states of every model are drawn."""

__all__ = ["Basis", "fit_basis", "project"]

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Basis:
    """A plane in the space of samples: fitted once, on the reference, and used for all models.

    Attributes:
        mean: The point that is drawn at the origin, shape (d,).
        components: Orthonormal axes of the plane, shape (k, d).
        explained: The share of the data's variance along each axis, shape (k,).
    """

    mean: Tensor
    components: Tensor
    explained: Tensor


def fit_basis(data: Tensor, k: int = 2) -> Basis:
    """Fits the k principal axes of data.

    The sign of an axis is fixed by making its largest entry positive, so that two fits on the same
    data draw the same picture.

    Args:
        data: Samples, shape (n, ...) with d values each.
        k: The number of axes, at most min(n, d).

    Returns:
        The basis, axes in order of falling variance.

    Raises:
        ValueError: If there are fewer than two samples, or k is not from 1 to min(n, d).

    Example:
        >>> line = torch.tensor([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
        >>> fit_basis(line, k=1).components
        tensor([[1., 0.]])
    """
    x = data.detach().flatten(1).double()
    if len(x) < 2 or not 1 <= k <= min(x.shape):
        raise ValueError(
            f"fit_basis got {len(x)} samples of {x.shape[1]} values and k = {k}, but needs at "
            f"least 2 samples and k from 1 to {min(x.shape)}."
        )
    mean = x.mean(0)
    _, s, axes = torch.linalg.svd(x - mean, full_matrices=False)
    axes = axes[:k]
    peak = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    variance = s.square()
    share = variance[:k] / variance.sum().clamp_min(torch.finfo(torch.float64).tiny)
    return Basis(mean.float(), (axes * peak.sign()).float(), share.float())


def project(states: Tensor, mean: Tensor, components: Tensor, batch_ndim: int = 1) -> Tensor:
    """Projects states, or whole paths, on a plane.

    Args:
        states: Samples, shape (n, ...), or paths, shape (steps+1, n, ...), with d values a state.
        mean: The point that is drawn at the origin, shape (d,).
        components: The axes, shape (k, d).
        batch_ndim: The number of axes before those of one state: 1 for samples, 2 for paths.

    Returns:
        Coordinates, shape (n, k) or (steps+1, n, k).

    Raises:
        ValueError: If the states do not have d values each.

    Example:
        >>> path = torch.ones(11, 4, 1, 2, 2)
        >>> project(path, torch.zeros(4), torch.eye(4)[:2], batch_ndim=2).shape
        torch.Size([11, 4, 2])
    """
    rows = states.flatten(batch_ndim) if states.ndim > batch_ndim else states[..., None]
    if mean.ndim != 1 or components.shape[1:] != mean.shape or rows.shape[-1] != mean.numel():
        raise ValueError(
            f"project got {rows.shape[-1]} values a state, a mean of shape {tuple(mean.shape)} and "
            f"components of shape {tuple(components.shape)}, but they must agree: use the basis "
            "that belongs to the model."
        )
    return (rows.to(mean.dtype) - mean) @ components.T
