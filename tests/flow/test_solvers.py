"""The solvers against flows with known solutions."""

import math
from itertools import pairwise

import pytest
import torch

from fmq_explore.flow import SOLVERS, invert, sample


class Gaussian:
    """The exact velocity of the straight path from N(0, 1) to N(mean, deviation^2).

    xt has mean t m and variance (1 - t)^2 + t^2 s^2; the velocity is E[x1 - x0 | xt], and the flow
    keeps the standardised position, because all laws on the way are Gaussian.
    """

    def __init__(self, mean: float = 2.0, deviation: float = 0.3) -> None:
        self.mean, self.deviation, self.n_calls = mean, deviation, 0

    def spread(self, t):
        return ((1 - t) ** 2 + (t * self.deviation) ** 2) ** 0.5

    def __call__(self, x, t):
        self.n_calls += 1
        slope = (t * self.deviation**2 - (1 - t)) / self.spread(t) ** 2
        return self.mean + slope * (x - t * self.mean)

    def at(self, x0, t):
        return t * self.mean + self.spread(t) * x0


@pytest.fixture
def x0():
    return torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]


FIXED = [name for name, solver in SOLVERS.items() if solver.stages is not None]


def slopes(velocity, exact, x0, name):
    """The observed orders: by how many powers of two the error falls when the steps double."""
    errors = [
        (sample(velocity, noise=x0, steps=n, solver=name).samples - exact).abs().max().item()
        for n in (32, 64, 128)
    ]
    return [math.log2(a / b) for a, b in pairwise(errors)]


@pytest.mark.parametrize("name", FIXED)
def test_error_falls_at_the_order_of_the_solver(name, x0):
    """dx/dt = -x^2 has the flow map x0 / (1 + x0 t)."""
    start = x0 + 3
    found = slopes(lambda x, t: -(x**2), start / (1 + start), start, name)
    assert found == pytest.approx([SOLVERS[name].order] * 2, abs=0.3)


@pytest.mark.parametrize("name", FIXED)
def test_error_on_gaussians_falls_at_least_at_that_order(name, x0):
    """At least: the midpoint rule happens to be of order 3 on this flow."""
    flow = Gaussian()
    assert min(slopes(flow, flow.at(x0, 1.0), x0, name)) > SOLVERS[name].order - 0.3


@pytest.mark.parametrize("name", FIXED)
def test_a_recorded_path_follows_the_exact_flow(name, x0):
    flow = Gaussian()
    result = sample(flow, noise=x0, steps=400, solver=name, record=True)
    exact = torch.stack([flow.at(x0, t.item()) for t in result.times])
    assert (result.path - exact).abs().max() < (3e-2 if name == "euler" else 1e-4)


def test_dopri5_is_accurate_whatever_the_steps(x0):
    flow = Gaussian()
    for steps in (1, 7):
        result = sample(flow, noise=x0, steps=steps, solver="dopri5")
        assert (result.samples - flow.at(x0, 1.0)).abs().max() < 2e-4


@pytest.mark.parametrize("name", SOLVERS)
def test_the_stages_are_what_a_step_costs(name, x0):
    flow = Gaussian()
    result = sample(flow, noise=x0, steps=5, solver=name)
    assert result.n_evaluations == flow.n_calls
    if SOLVERS[name].stages is not None:
        assert flow.n_calls == 5 * SOLVERS[name].stages


@pytest.mark.parametrize("name", SOLVERS)
def test_a_straight_flow_is_exact_in_one_step(name):
    x0 = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    result = sample(lambda x, t: torch.full_like(x, 2.0), noise=x0, steps=1, solver=name)
    assert torch.allclose(result.samples, x0 + 2, atol=1e-6)


@pytest.mark.parametrize("name", SOLVERS)
def test_inversion_undoes_sampling(name, x0):
    flow = Gaussian()
    forward = sample(flow, noise=x0, steps=200, solver=name)
    back = invert(flow, forward.samples, steps=200, solver=name)
    assert (back.samples - x0).abs().max() < (0.1 if name == "euler" else 1e-3)
    assert back.times[0] == 1
    assert back.times[-1] == 0


def test_names_and_titles_are_distinct():
    assert all(name == solver.name for name, solver in SOLVERS.items())
    assert len({solver.title for solver in SOLVERS.values()}) == len(SOLVERS)
