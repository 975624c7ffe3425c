"""How far samples on the line are from a Gaussian, in squared W2 and free of scale."""

__all__ = ["expected_normality", "normality"]

from functools import cache
from math import exp, lgamma, pi, sqrt

import torch
from torch import Tensor


def normality(samples: Tensor) -> Tensor:
    r"""Computes the squared W2 distance of standardised samples to N(0, 1), less its expectation.

    Let :math:`z_{(1)} \le \dots \le z_{(n)}` be the samples, shifted and scaled to mean 0 and mean
    square 1. The distance of their empirical law to the standard normal law is

    .. math:: W_2^2 = 2 - 2 \sum_i c_i z_{(i)}, \quad
              c_i = \int_{(i-1)/n}^{i/n} \Phi^{-1}(u) \, du
                  = \phi(\Phi^{-1}(\tfrac{i-1}{n})) - \phi(\Phi^{-1}(\tfrac{i}{n}))

    the statistic of a test for normality (del Barrio, Cuesta-Albertos, Matrán and
    Rodríguez-Rodríguez, Annals of Statistics 27(4), 1999). Samples of an exact Gaussian have a
    positive distance, too, since they are finitely many; that expectation depends on n alone and
    is subtracted (`expected_normality`). What remains is 0 in expectation for every Gaussian and,
    for many samples, tends to the distance of the standardised law: :math:`2 - 2\sqrt{3/\pi}`
    = 0.0456 for a uniform law, 2 - 2 sqrt(2/pi) = 0.404 for a fair coin. By chance it may be
    slightly negative.

    The expectation is exact along principal axes of the samples themselves, too: the standardised
    coordinates of Gaussian samples along them are as evenly spread over directions as those along
    a fixed axis.

    Args:
        samples: One set in every column, shape (n, k), n at least 2.

    Returns:
        The excess of every column, shape (k,), float64.

    Raises:
        ValueError: If there are fewer than two samples, or a column does not vary.

    Example:
        >>> grid = torch.linspace(-1, 1, 2_001)[:, None]
        >>> normality(grid).round(decimals=4)
        tensor([0.0446], dtype=torch.float64)
    """
    x = samples.detach().double()
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"normality got shape {tuple(x.shape)}, but needs (n, k) with n >= 2.")
    centred = x - x.mean(0)
    scale = centred.square().mean(0).sqrt()
    if not (scale > 1e-12 * x.abs().amax(0)).all():
        raise ValueError(
            "the samples are all equal or not finite in a column, so that they have no scale: "
            "leave the column out."
        )
    fit = _weights(len(x)) @ (centred / scale).sort(0).values
    return 2 - 2 * fit - expected_normality(len(x))


@cache
def expected_normality(n: int) -> float:
    r"""Returns the expected squared W2 distance of n standardised Gaussian samples to N(0, 1).

    With the expected order statistics :math:`m_i` and the expected standard deviation
    :math:`E s = \sqrt{2/n} \, \Gamma(n/2) / \Gamma((n-1)/2)` it is
    :math:`2 - 2 \sum_i c_i m_i / E s`: mean and deviation of Gaussian samples are independent of
    the standardised samples (Basu), so that the expectation of the quotient is the quotient of the
    expectations. :math:`\sum_i c_i m_i` is integrated numerically, to about 1e-9.

    Example:
        >>> [round(expected_normality(n), 4) for n in (10, 100, 1000)]
        [0.1136, 0.0153, 0.0018]
    """
    x = torch.linspace(-9, 9, 1501, dtype=torch.float64)
    density = (-0.5 * x.square()).exp() / sqrt(2 * pi)
    i, c = torch.arange(n, dtype=torch.float64), _weights(n)
    log_choose = lgamma(n) - torch.lgamma(i + 1) - torch.lgamma(n - i)
    # How the other n - 1 samples lie about x, a few x at a time: the table may be large
    kernel = torch.cat(
        [
            (
                log_choose
                + torch.outer(torch.special.log_ndtr(part), i)
                + torch.outer(torch.special.log_ndtr(-part), n - 1 - i)
            ).exp()
            @ c
            for part in x.split(100)
        ]
    )
    fit = n * torch.trapezoid(x * density * kernel, x)
    deviation = sqrt(2 / n) * exp(lgamma(n / 2) - lgamma((n - 1) / 2))
    return float(2 - 2 * fit / deviation)


def _weights(n: int) -> Tensor:
    """Returns the integrals of the normal quantile function over n equal cells, shape (n,)."""
    edges = torch.special.ndtri(torch.arange(n + 1, dtype=torch.float64) / n)
    density = (-0.5 * edges.square()).exp() / sqrt(2 * pi)
    return density[:-1] - density[1:]
