"""Fréchet distance and KID against scipy, torchmetrics, brute force and closed forms."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance, poly_mmd

from fmq_explore.measure import FrechetReference, KernelReference, frechet_distance, kid


def features(n, d=6, seed=0):
    """Correlated, skewed features."""
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(d, d, generator=g)
    return (torch.randn(n, d, generator=g) @ mix + 0.5 * seed).relu().double()


class Flatten(nn.Module):
    """A feature network for torchmetrics: the pixels themselves."""

    num_features = 12

    def forward(self, images):
        return images.flatten(1).double()


def test_fd_equals_its_formula_with_scipy_sqrtm():
    a, b = features(50), features(80, seed=1)
    cov_a, cov_b = np.cov(a.numpy().T), np.cov(b.numpy().T)
    root = sqrtm(cov_a @ cov_b).real
    expected = float((a.mean(0) - b.mean(0)).square().sum())
    expected += np.trace(cov_a + cov_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_fd_equals_torchmetrics():
    a, b = features(40, 12).reshape(40, 3, 2, 2), features(60, 12, seed=1).reshape(60, 3, 2, 2)
    metric = FrechetInceptionDistance(feature=Flatten(), normalize=True).set_dtype(torch.float64)
    metric.update(a, real=False)
    metric.update(b, real=True)
    ours = frechet_distance(a.flatten(1), b.flatten(1))
    assert ours == pytest.approx(float(metric.compute()), rel=1e-6)


def test_fd_between_gaussians_is_w2_squared():
    """Commuting covariances: |m|^2 + sum (s_a - s_b)^2."""
    g = torch.Generator().manual_seed(0)
    unit = torch.linalg.qr(torch.randn(400, 3, generator=g).double()).Q
    unit = torch.linalg.qr(unit - unit.mean(0)).Q * 399**0.5  # exactly: mean 0, covariance I
    a = unit * torch.tensor([1.0, 2, 3]) + torch.tensor([1.0, 0, 0])
    b = unit * torch.tensor([2.0, 2, 1]) - torch.tensor([1.0, 2, 0])
    assert frechet_distance(a, b) == pytest.approx(4 + 4 + 1 + 0 + 4, rel=1e-9)


def test_fd_is_symmetric_zero_for_equals_and_blind_to_rotation():
    a, b = features(30), features(45, seed=2)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    q = torch.linalg.qr(features(6, seed=5)).Q
    assert frechet_distance(a @ q, b @ q) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_fd_of_fewer_samples_than_features_is_finite():
    assert 0 <= frechet_distance(features(5, 20), features(7, 20, seed=1)) < np.inf


def test_fd_is_biased_for_few_samples_and_kid_is_not():
    """Two samples of one law: FD falls with n, KID is zero in the mean."""
    g = torch.Generator().manual_seed(0)
    draw = [torch.randn(2, n, 8, generator=g) for n in (20,) * 100 + (80,) * 100]
    fd = np.array([frechet_distance(a, b) for a, b in draw])
    assert fd[:100].mean() > 3 * fd[100:].mean() > 0
    mmd = np.array([kid(a, b) for a, b in draw[:100]])
    assert abs(mmd.mean()) < 3 * mmd.std() / 100**0.5
    assert (mmd < 0).any()


def test_kid_equals_brute_force():
    a, b = features(9, 4), features(7, 4, seed=1)

    def k(x, y):
        return (float(x @ y) / 4 + 1) ** 3

    expected = np.mean([k(x, y) for i, x in enumerate(a) for j, y in enumerate(a) if i != j])
    expected += np.mean([k(x, y) for i, x in enumerate(b) for j, y in enumerate(b) if i != j])
    expected -= 2 * np.mean([k(x, y) for x in a for y in b])
    assert kid(a, b) == pytest.approx(expected, rel=1e-9)


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception")
def test_kid_equals_torchmetrics():
    a, b = features(40, 12).float(), features(40, 12, seed=1).float()
    expected = float(poly_mmd(a.double(), b.double()))
    assert kid(a, b) == pytest.approx(expected, rel=1e-9)
    metric = KernelInceptionDistance(feature=Flatten(), subsets=1, subset_size=40, normalize=True)
    metric.update(a.reshape(40, 3, 2, 2), real=False)
    metric.update(b.reshape(40, 3, 2, 2), real=True)
    assert kid(a, b) == pytest.approx(float(metric.compute()[0]), rel=1e-3)


def test_a_kept_reference_gives_the_same_figures():
    a, b = features(30), features(50, seed=1)
    assert FrechetReference.of(b).distance(a) == frechet_distance(a, b)
    kernels = KernelReference.of(b).kernels(a)
    assert kernels.distance() == kid(a, b)
    index = torch.tensor([3, 3, 0, 17, 29])
    assert kernels.distance(index) == pytest.approx(kid(a[index], b), rel=1e-9)


@pytest.mark.parametrize("distance", [frechet_distance, kid])
def test_wrong_features_are_one_sentence(distance):
    good = features(4)
    for bad in (features(1), features(4, 5), torch.zeros(4, 6, 1), torch.zeros(2, 0)):
        with pytest.raises(ValueError, match="take them from one reader"):
            distance(bad, good)
    with pytest.raises(ValueError, match="1 features are NaN or infinite"):
        distance(torch.tensor([[0.0] * 6, [0.0] * 5 + [torch.nan]]), good)
