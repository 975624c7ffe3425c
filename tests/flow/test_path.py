"""The straight path, its loss, and the times that are drawn on it."""

import pytest
import torch

from fmq_explore.flow import TIME_SAMPLERS, flow_matching_loss, interpolate, target_velocity


def pair(n: int = 64, shape: tuple[int, ...] = (3, 2)):
    g = torch.Generator().manual_seed(0)
    x0, x1 = torch.randn(2, n, *shape, generator=g, dtype=torch.float64)
    return x0, x1, torch.rand(n, generator=g, dtype=torch.float64)


def test_the_path_joins_noise_to_data_at_constant_velocity():
    x0, x1, t = pair()
    assert torch.equal(interpolate(x0, x1, torch.zeros(64).double()), x0)
    assert torch.equal(interpolate(x0, x1, torch.ones(64).double()), x1)
    h = 1e-6
    slope = (interpolate(x0, x1, t + h) - interpolate(x0, x1, t)) / h
    assert torch.allclose(slope, target_velocity(x0, x1), atol=1e-8)


def test_the_loss_is_the_mean_squared_miss_of_x1_minus_x0():
    x0, x1, t = pair()
    assert flow_matching_loss(lambda x, t: x1 - x0, x0, x1, t) == 0
    off = flow_matching_loss(lambda x, t: x1 - x0 + 0.5, x0, x1, t)
    assert off.item() == pytest.approx(0.25)


def test_labels_are_passed_on():
    x0, x1, t = pair(shape=(2,))
    label = torch.arange(64) % 3
    seen = []
    flow_matching_loss(lambda x, t, label: seen.append(label) or x, x0, x1, t, label)
    assert torch.equal(seen[0], label)


def test_the_minimiser_on_gaussians_is_the_closed_form():
    """Least squares of x1 - x0 on (1, xt) at one t finds E[x1 - x0 | xt], which is linear here."""
    mean, deviation, time, n = 2.0, 0.5, 0.6, 400_000
    g = torch.Generator().manual_seed(0)
    x0, z = torch.randn(2, n, generator=g, dtype=torch.float64)
    x1 = mean + deviation * z
    xt = interpolate(x0, x1, torch.tensor(time).double())
    design = torch.stack((torch.ones(n).double(), xt), dim=1)
    fit = torch.linalg.lstsq(design, target_velocity(x0, x1)[:, None]).solution.flatten()
    variance = (1 - time) ** 2 + (time * deviation) ** 2
    slope = (time * deviation**2 - (1 - time)) / variance
    assert fit.tolist() == pytest.approx([mean - slope * time * mean, slope], abs=0.01)

    def loss(a: float, b: float) -> float:
        field = lambda x, t: a + b * x  # noqa: E731
        return flow_matching_loss(field, x0, x1, torch.full((n,), time).double()).item()

    best = loss(mean - slope * time * mean, slope)
    assert all(loss(mean - slope * time * mean + da, slope + db) > best for da, db in SHIFTS)


SHIFTS = [(0.1, 0.0), (-0.1, 0.0), (0.0, 0.1), (0.0, -0.1)]


@pytest.mark.parametrize("name", TIME_SAMPLERS)
def test_times_lie_inside_and_are_symmetric(name):
    t = TIME_SAMPLERS[name](50_000, torch.Generator().manual_seed(0))
    assert t.shape == (50_000,)
    assert t.min() >= 0
    assert t.max() <= 1
    assert t.mean().item() == pytest.approx(0.5, abs=0.005)
    spread = {"uniform": 12**-0.5, "logit_normal": 0.2083}[name]
    assert t.std().item() == pytest.approx(spread, abs=0.003)
