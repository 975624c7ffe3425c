"""Latents: the noise that a model's flow, run backwards, finds behind real images."""

__all__ = ["LatentStatistics", "latent_basis", "latent_statistics"]

from dataclasses import dataclass

import torch
from torch import Tensor

from .normality import normality
from .projection import Basis, fit_basis, project

N_AXES = 20


@dataclass(frozen=True, eq=False)
class LatentStatistics:
    """What the latents of a set of images look like. Made by `latent_statistics`.

    A flow that maps noise to data exactly, and its data are the images, has latents that are
    standard normal: mean 0, variance 1 in every direction, kurtosis 0, normality 0.

    Attributes:
        mean: Mean along every axis of the basis, counted from 0, shape (k,).
        variance: Unbiased variance along every axis, shape (k,).
        total_variance: Unbiased variance of a coordinate, averaged over all d coordinates of the
            latent, not only those of the basis.
        kurtosis: Excess kurtosis along every axis, shape (k,); 0 in expectation for a Gaussian.
        normality: Mean over the axes of `normality`: the squared W2 distance of the standardised
            coordinate to the standard normal law, less what n Gaussian samples show by chance.
            0 in expectation for a Gaussian, of whatever mean and variance; 0.0456 for a uniform
            law; at most 2.
        drift: RMS difference per coordinate to the reference's latents of the same images, or None
            without a reference.
    """

    mean: Tensor
    variance: Tensor
    total_variance: float
    kurtosis: Tensor
    normality: float
    drift: float | None


def latent_basis(reference_latents: Tensor, k: int = N_AXES) -> Basis:
    r"""Fits the one basis in which the latents of all models are described.

    It is fitted on the reference's latents and then kept: a basis fitted anew for every model
    (arXiv 2511.11418) makes variances along axes incomparable between models.

    Principal axes of n samples in d dimensions are picked for their large variance, so that the
    variance of *these very samples* along them is too large: for white noise of variance 1 the
    first is about :math:`(1 + \sqrt{d / n})^2` (Marchenko and Pastur), 5.1 for 500 samples of 784
    pixels. For an unbiased variance of the reference itself, fit the basis on other images than
    those that are measured.

    Args:
        reference_latents: Latents found by the full-precision model, shape (n, ...).
        k: Number of axes; fewer if n - 1 samples or d coordinates do not span as many.

    Raises:
        ValueError: If a latent is not finite, there are fewer than two, or k is below 1.

    Example:
        >>> latent_basis(torch.randn(50, 1, 4, 4), k=3).components.shape
        torch.Size([3, 16])
    """
    rows = _rows(reference_latents, 2)
    return fit_basis(rows, min(k, len(rows) - 1, rows.shape[1]))


def latent_statistics(
    latents: Tensor, basis: Basis | None = None, reference: Tensor | None = None
) -> LatentStatistics:
    """Describes latents along the axes of a basis.

    Args:
        latents: What `fmq_explore.invert` found for real images, shape (n, ...), n at least 4.
        basis: The axes, from `latent_basis`, the same for all models that are to be compared;
            by default fitted on `reference`, or without one on the latents themselves.
        reference: The reference's latents of the same images, the same shape.

    Raises:
        ValueError: If a latent is not finite, there are fewer than 4, the shapes differ, or the
            latents do not vary along an axis.

    Example:
        >>> from fmq_explore.flow import noise
        >>> found = latent_statistics(noise((2,), 4000), latent_basis(noise((2,), 4000, seed=1)))
        >>> found.variance.round(decimals=1), round(found.normality, 2)
        (tensor([1., 1.]), 0.0)
    """
    rows = _rows(latents, 4)
    if reference is not None and reference.shape != latents.shape:
        raise ValueError(
            f"latents of shape {tuple(latents.shape)} and a reference of shape "
            f"{tuple(reference.shape)} do not pair: invert the same images with both models."
        )
    if basis is None:
        basis = latent_basis(latents if reference is None else reference)
    coordinates = project(rows, torch.zeros_like(basis.mean).double(), basis.components.double())
    drift = None if reference is None else (rows - _rows(reference, 4)).square().mean().sqrt()
    return LatentStatistics(
        mean=coordinates.mean(0).float(),
        variance=coordinates.var(0).float(),
        total_variance=float(rows.var(0).mean()),
        kurtosis=_excess_kurtosis(coordinates).float(),
        normality=float(normality(coordinates).mean()),
        drift=None if drift is None else float(drift),
    )


def _excess_kurtosis(x: Tensor) -> Tensor:
    r"""Returns the unbiased-for-Gaussians excess kurtosis of every column of (n, k).

    .. math:: G_2 = \frac{n-1}{(n-2)(n-3)} \left( (n+1) \frac{m_4}{m_2^2} - 3 (n-1) \right)
    """
    n = len(x)
    centred = (x - x.mean(0)).square()
    ratio = centred.square().mean(0) / centred.mean(0).square()
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * ratio - 3 * (n - 1))


def _rows(latents: Tensor, n_min: int) -> Tensor:
    """Returns latents as float64 of shape (n, d), after a check."""
    if latents.ndim < 2 or len(latents) < n_min or not latents.numel():
        raise ValueError(
            f"latents have shape {tuple(latents.shape)}, but (n, ...) with n of at least {n_min} "
            "is needed: invert more images."
        )
    if not latents.isfinite().all():
        broken = int((~latents.flatten(1).isfinite().all(1)).sum())
        raise ValueError(
            f"{broken} of {len(latents)} latents are not finite: leave these images out, or invert "
            "with more steps."
        )
    return latents.detach().flatten(1).double()
