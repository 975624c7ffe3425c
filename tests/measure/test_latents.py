"""Latents: exact Gaussian flows, scipy's figures, equivariance, and what is refused."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from fmq_explore import invert
from fmq_explore.flow import noise
from fmq_explore.measure import latent_basis, latent_statistics, project
from fmq_explore.measure.normality import expected_normality, normality


def gaussian_flow(scale: float, shift: float):
    """Velocity of x -> (1 - t + t scale) x0 + t shift, which takes N(0, 1) to N(shift, scale^2)."""

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        width = 1 - t + t * scale
        return (scale - 1) * (x - t * shift) / width + shift

    return velocity


def latents(n: int = 300, shape: tuple[int, ...] = (1, 3, 3), seed: int = 0) -> Tensor:
    return noise(shape, n, seed)


def test_the_latents_of_an_exact_flow_are_the_noise() -> None:
    x0 = latents()
    images = 0.5 * x0 + 2
    found = invert(gaussian_flow(0.5, 2.0), images, steps=40, solver="rk4").samples
    seen = latent_statistics(found, reference=x0)
    assert seen.drift == pytest.approx(0, abs=1e-5)
    assert seen.total_variance == pytest.approx(x0.var(0).mean().item(), rel=1e-4)


def test_a_model_that_is_wrong_by_a_known_factor_has_that_variance_and_drift() -> None:
    """Its flow takes N(0, 1) to N(0, 1/4), but the images are N(1, 4): latents are 4 x0 + 2."""
    x0 = latents(2000, (2,))
    found = invert(gaussian_flow(0.5, 0.0), 2 * x0 + 1, steps=40, solver="rk4").samples
    basis = latent_basis(latents(2000, (2,), seed=1))
    truth, seen = latent_statistics(x0, basis), latent_statistics(found, basis, reference=x0)
    torch.testing.assert_close(seen.variance, 16 * truth.variance, rtol=1e-4, atol=0)
    assert seen.total_variance == pytest.approx(16 * truth.total_variance, rel=1e-4)
    assert seen.drift == pytest.approx((3 * x0 + 2).square().mean().sqrt().item(), rel=1e-4)
    assert seen.normality == pytest.approx(truth.normality, abs=1e-5)
    torch.testing.assert_close(seen.kurtosis, truth.kurtosis, rtol=0, atol=1e-3)


def test_moments_equal_scipy_along_every_axis() -> None:
    x = latents().exp()
    basis = latent_basis(x, k=4)
    seen = latent_statistics(x, basis)
    along = project(x.flatten(1), torch.zeros(9), basis.components).double().numpy()
    described = stats.describe(along, bias=False)
    assert seen.mean.tolist() == pytest.approx(described.mean.tolist(), rel=1e-4, abs=1e-5)
    assert seen.variance.tolist() == pytest.approx(described.variance.tolist(), rel=1e-4)
    assert seen.kurtosis.tolist() == pytest.approx(described.kurtosis.tolist(), rel=1e-3)


def test_normality_equals_the_distance_of_quantile_functions() -> None:
    """W2^2 as an integral over quantiles, on a fine grid, with scipy's quantile function."""
    x = latents(37, (1,)).exp().double()
    z = (x - x.mean()) / x.std(correction=0)
    u = (torch.arange(1_000_000).double() + 0.5) / 1_000_000
    ours = z.flatten().sort().values[(u * 37).long()]
    distance = (ours - torch.from_numpy(stats.norm.ppf(u.numpy()))).square().mean().item()
    assert normality(x).item() + expected_normality(37) == pytest.approx(distance, abs=1e-5)


@pytest.mark.parametrize("n", [5, 50, 500])
def test_gaussian_samples_have_normality_zero_in_expectation(n: int) -> None:
    excess = normality(noise((2000,), n) * 3 - 1)
    assert abs(excess.mean().item()) < 4 * excess.std().item() / math.sqrt(2000)
    assert excess.std() > 0


def test_gaussian_samples_along_their_own_axes_have_normality_zero_in_expectation() -> None:
    found = [latent_statistics(latents(40, (60,), seed=i)).normality for i in range(100)]
    excess = torch.tensor(found)
    assert abs(excess.mean().item()) < 4 * excess.std().item() / 10


def test_normality_of_known_laws() -> None:
    u = (torch.arange(4001).double() + 0.5) / 4001
    laws = {
        "uniform": (u, 2 - 2 * math.sqrt(3 / math.pi)),
        "coin": ((u > 0.5).double(), 2 - 2 * math.sqrt(2 / math.pi)),
        "normal": (torch.special.ndtri(u), 0.0),
    }
    for name, (x, expected) in laws.items():
        assert normality(x[:, None]).item() == pytest.approx(expected, abs=2e-3), name


def test_statistics_follow_shifts_scales_and_rotations() -> None:
    x = latents(200, (5,)).sinh()
    basis = latent_basis(x, k=5)
    rotation = torch.linalg.qr(latents(5, (5,), seed=3)).Q
    one, other = latent_statistics(x, basis), latent_statistics(3 * x + 1, basis)
    torch.testing.assert_close(other.variance, 9 * one.variance)
    torch.testing.assert_close(other.mean, 3 * one.mean + basis.components.sum(1))
    torch.testing.assert_close(other.kurtosis, one.kurtosis, atol=1e-4, rtol=1e-4)
    assert other.normality == pytest.approx(one.normality, abs=1e-6)
    turned = latent_statistics(x @ rotation.T, reference=(x + 0.5) @ rotation.T)
    torch.testing.assert_close(turned.variance, one.variance, atol=1e-4, rtol=1e-4)
    assert turned.drift == pytest.approx(0.5, rel=1e-5)


def test_variance_along_the_samples_own_axes_is_too_large() -> None:
    """White noise: the first axis of the samples shows (1 + sqrt(d/n))^2, other samples show 1."""
    here, elsewhere = latents(200, (200,)), latents(200, (200,), seed=1)
    basis = latent_basis(here, k=1)
    assert latent_statistics(here, basis).variance.item() == pytest.approx(4, abs=0.3)
    assert latent_statistics(elsewhere, basis).variance.item() == pytest.approx(1, abs=0.3)


def test_the_basis_has_as_many_axes_as_there_are() -> None:
    assert latent_basis(latents(50, (2,))).components.shape == (2, 2)
    assert latent_basis(latents(7, (40,))).components.shape == (6, 40)


def test_errors_are_sentences() -> None:
    broken = latents(20)
    broken[3] = math.nan
    for measure in (latent_basis, latent_statistics):
        with pytest.raises(ValueError, match="1 of 20 latents are not finite: leave these images"):
            measure(broken)
    with pytest.raises(ValueError, match="1 of 20 latents are not finite"):
        latent_statistics(latents(20), reference=broken)
    with pytest.raises(ValueError, match="do not pair: invert the same images"):
        latent_statistics(latents(20), reference=latents(19))
    with pytest.raises(ValueError, match="n of at least 4 is needed"):
        latent_statistics(latents(3))
    with pytest.raises(ValueError, match="no scale"):
        latent_statistics(torch.ones(20, 3))
