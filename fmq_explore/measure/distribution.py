"""Distances between the laws of two sets of features: Fréchet distance and kernel distance."""

__all__ = ["FrechetReference", "KernelReference", "frechet_distance", "kid"]

from dataclasses import dataclass

import torch
from torch import Tensor


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    r"""Computes the Fréchet distance between two sets of features, in its squared form.

    .. math::
        \text{FD} = \| \mu_a - \mu_b \|^2
        + \operatorname{tr}\left( \Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2} \right)

    with means :math:`\mu` and unbiased covariances :math:`\Sigma`: W2 squared between two Gaussians
    of these moments. The trace of the root is the sum of the roots of the eigenvalues of
    :math:`\Sigma_a^{1/2} \Sigma_b \Sigma_a^{1/2}`, which is symmetric.

    On the features of this project's readers it is not comparable with figures that others publish
    under the name FID, which are defined on another network and 50,000 samples. It is biased
    upwards for small samples, about as 1/n and more the more features there are: compare at equal n
    only, beside the same figure of the full-precision model, or use `kid`.

    Reference:
        Heusel et al., GANs trained by a two time-scale update rule converge to a local Nash
        equilibrium, arXiv 1706.08500; Dowson and Landau, Journal of Multivariate Analysis 12, 1982

    Args:
        features_a: Features, shape (n, d), n at least 2.
        features_b: Features, shape (m, d), m at least 2.

    Returns:
        The squared distance, at least 0 up to rounding.

    Raises:
        ValueError: If the shapes do not fit or a feature is not finite.

    Example:
        >>> a = torch.randn(500, 4, generator=torch.Generator().manual_seed(0))
        >>> round(frechet_distance(a, a + 1), 4)
        4.0
    """
    return FrechetReference.of(features_b).distance(features_a)


@dataclass(frozen=True, eq=False)
class FrechetReference:
    """One side of a Fréchet distance, kept so that many samples can be held against it.

    Attributes:
        mean: Mean of the features, shape (d,).
        covariance: Their covariance, shape (d, d).
        root: Its symmetric square root, shape (d, d).
    """

    mean: Tensor
    covariance: Tensor
    root: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "FrechetReference":
        """Fits the moments of features, shape (n, d).

        Raises:
            ValueError: If there are fewer than two, or one is not finite.
        """
        mean, covariance = _moments(_checked(features))
        values, vectors = torch.linalg.eigh(covariance)
        root = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
        return cls(mean, covariance, root)

    def distance(self, features: Tensor) -> float:
        """Returns the squared distance of features, shape (n, d), see `frechet_distance`.

        Raises:
            ValueError: If the shapes do not fit, or a feature is not finite.

        Example:
            >>> FrechetReference.of(torch.eye(3)).distance(torch.eye(3)) < 1e-9
            True
        """
        mean, covariance = _moments(_checked(features, len(self.mean)))
        inner = self.root @ covariance @ self.root
        trace_of_root = torch.linalg.eigvalsh(inner).clamp_min(0).sqrt().sum()
        traces = covariance.trace() + self.covariance.trace()
        return float((mean - self.mean).square().sum() + traces - 2 * trace_of_root)


def kid(features_a: Tensor, features_b: Tensor) -> float:
    r"""Computes the kernel distance of two sets of features: an unbiased estimate of MMD squared.

    .. math::
        \frac{1}{n(n-1)} \sum_{i \ne j} k(a_i, a_j) + \frac{1}{m(m-1)} \sum_{i \ne j} k(b_i, b_j)
        - \frac{2}{nm} \sum_{i,j} k(a_i, b_j), \quad k(x, y) = \left( \frac{x^T y}{d} + 1 \right)^3

    on all pairs, not on random subsets. Being unbiased it may be negative where the laws are close,
    and it can be compared between sample sizes, unlike the Fréchet distance. Its unit depends on
    the features: compare within one reader only.

    Reference:
        Bińkowski et al., Demystifying MMD GANs, arXiv 1801.01401; Gretton et al., A kernel
        two-sample test, Journal of Machine Learning Research 13, 2012

    Args:
        features_a: Features, shape (n, d), n at least 2.
        features_b: Features, shape (m, d), m at least 2.

    Returns:
        The estimate of the squared distance.

    Raises:
        ValueError: If the shapes do not fit or a feature is not finite.

    Example:
        >>> a = torch.zeros(3, 2)
        >>> kid(a, torch.ones(5, 2))  # 1 + 2^3 - 2
        7.0
    """
    return KernelReference.of(features_b).kernels(features_a).distance()


@dataclass(frozen=True, eq=False)
class KernelReference:
    """One side of a kernel distance, with the mean of its own kernel.

    Attributes:
        features: The features, shape (m, d).
        inner: Mean kernel of two different ones.
    """

    features: Tensor
    inner: float

    @classmethod
    def of(cls, features: Tensor) -> "KernelReference":
        """Sums the kernel over all pairs of features, shape (m, d).

        Raises:
            ValueError: If there are fewer than two, or one is not finite.
        """
        features = _checked(features)
        return cls(features, _mean_of_pairs(_kernel(features, features)))

    def kernels(self, features: Tensor) -> "Kernels":
        """Evaluates the kernel of features, shape (n, d), among themselves and with these.

        Raises:
            ValueError: If the shapes do not fit, or a feature is not finite.
        """
        features = _checked(features, self.features.shape[1])
        cross = _kernel(features, self.features).mean(dim=1)
        return Kernels(_kernel(features, features), cross, self.inner)


@dataclass(frozen=True, eq=False)
class Kernels:
    """The kernels from which the distance of a sample, or of a part of it, is summed.

    Attributes:
        own: Kernel of every pair of the sample, shape (n, n).
        cross: Mean kernel of every sample with the reference, shape (n,).
        reference: Mean kernel of two different features of the reference.
    """

    own: Tensor
    cross: Tensor
    reference: float

    def distance(self, index: Tensor | None = None) -> float:
        """Returns the distance of the rows `index` (all by default), repeated ones allowed."""
        own = self.own if index is None else self.own[index[:, None], index]
        cross = self.cross if index is None else self.cross[index]
        return _mean_of_pairs(own) + self.reference - 2 * float(cross.mean())


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _mean_of_pairs(kernel: Tensor) -> float:
    """Returns the mean off the diagonal."""
    n = len(kernel)
    return float((kernel.sum() - kernel.trace()) / (n * (n - 1)))


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Returns mean and unbiased covariance."""
    mean = features.mean(dim=0)
    centred = features - mean
    return mean, centred.T @ centred / (len(features) - 1)


def _checked(features: Tensor, d: int | None = None) -> Tensor:
    """Takes features as float64, and refuses what is no matrix of finite numbers."""
    wrong = features.ndim != 2 or len(features) < 2 or not features.numel()
    if wrong or (d is not None and features.shape[1] != d):
        raise ValueError(
            f"features have shape {tuple(features.shape)}, but (n, {d or 'd'}) with n >= 2 is "
            "needed: take them from one reader."
        )
    if not features.isfinite().all():
        raise ValueError(
            f"{int((~features.isfinite()).sum())} features are NaN or infinite, but a distance "
            "needs finite numbers: look at the samples."
        )
    return features.detach().double()
