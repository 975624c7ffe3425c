"""How far two paths from the same noise drift apart."""

__all__ = ["endpoint_distance", "rms_divergence"]

import torch
from torch import Tensor


def rms_divergence(path_a: Tensor, path_b: Tensor) -> Tensor:
    r"""Computes the root-mean-square difference of two paths at every recorded time.

    .. math:: r_k = \sqrt{\frac{1}{nd} \sum_{i=1}^n \left\| a_{k,i} - b_{k,i} \right\|^2}

    over n samples of d coordinates. It is per coordinate, hence comparable between models of
    different size, and for images in units of the pixel scale; :math:`\sqrt{d} \, r_k` is the RMS
    Euclidean distance. Since the samples share their noise, :math:`\sqrt{d} \, r_k` is never below
    the W2 distance between the two sets of states.

    Args:
        path_a: The states of one integration, shape (steps+1, n, ...).
        path_b: The states of the other, from the same noise and at the same times.

    Returns:
        The divergence at every time, shape (steps+1,); 0 at the start if the noise is the same.

    Raises:
        ValueError: If the shapes differ, or have no axis of samples and no coordinates.

    Example:
        >>> still = torch.zeros(3, 5, 2)
        >>> moving = torch.linspace(0, 1, 3).reshape(3, 1, 1).expand(3, 5, 2)
        >>> rms_divergence(still, moving)
        tensor([0.0000, 0.5000, 1.0000])
    """
    _check(path_a, path_b, 3, "(steps+1, n, ...)")
    difference = (path_a - path_b).flatten(1).double()
    return difference.square().mean(1).sqrt().to(_float(path_a))


def endpoint_distance(samples_a: Tensor, samples_b: Tensor) -> Tensor:
    r"""Computes the Euclidean distance between the two ends of every sample.

    .. math:: d_i = \left\| a_i - b_i \right\|

    The root mean square of these distances is what the theory bounds, and it is never below the
    W2 distance between the two sets of samples.

    Args:
        samples_a: The samples of one model, shape (n, ...).
        samples_b: The samples of the other, from the same noise.

    Returns:
        The distances, shape (n,), in the unit of the coordinates.

    Raises:
        ValueError: If the shapes differ or have no coordinates.

    Example:
        >>> endpoint_distance(torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
        tensor([5., 1.])
    """
    _check(samples_a, samples_b, 2, "(n, ...)")
    difference = (samples_a - samples_b).flatten(1).double()
    return difference.square().sum(1).sqrt().to(_float(samples_a))


def _check(a: Tensor, b: Tensor, min_ndim: int, wanted: str) -> None:
    """Refuses shapes that cannot be compared sample by sample."""
    if a.shape != b.shape or a.ndim < min_ndim or not a.numel():
        raise ValueError(
            f"got shapes {tuple(a.shape)} and {tuple(b.shape)}, but two equal shapes {wanted} are "
            "needed: run both models with the same noise, steps and solver."
        )


def _float(values: Tensor) -> torch.dtype:
    """Chooses float32, or the input's type where that is wider."""
    return torch.promote_types(values.dtype, torch.float32)
