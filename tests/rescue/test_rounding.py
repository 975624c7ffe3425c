"""Rounding for the output of a layer: brute force, least squares, and networks known by heart."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import fmq_explore as fmq
from fmq_explore.rescue import Targets
from fmq_explore.rescue.feedback import feed_back_errors
from fmq_explore.rescue.moments import calls_in_order, moments_of
from fmq_explore.rescue.rounding import descend, feed_back, fitted_levels, output_error


class Twice(nn.Module):
    """v(x, t) = W2 W1 x, and W1 once more beside it: a layer that is called twice."""

    data_shape = (24,)

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(24, 24), nn.Linear(24, 24)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.second(self.first(x)) + self.first(x + 1.0)


@pytest.fixture
def problem() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(200, 6, generator=generator).double()
    x[:, 1] = 0.9 * x[:, 0] + 0.3 * x[:, 1]  # inputs that go together are what feedback is about
    return {
        "weights": torch.randn(4, 6, generator=generator).double(),
        "levels": torch.randn(4, 3, generator=generator).double().sort(dim=1).values,
        "rows": torch.arange(4)[:, None].expand(4, 6),
        "moments": x.T @ x / len(x),
    }


def nearest(problem: dict[str, Tensor]) -> Tensor:
    gaps = problem["weights"][:, :, None] - problem["levels"][:, None, :]
    return gaps.abs().argmin(dim=2)


def test_feedback_and_descent_come_close_to_the_best_codes(problem) -> None:
    fed = feed_back(**problem)
    found = descend(**problem, codes=fed)
    errors = [output_error(**problem, codes=codes) for codes in (nearest(problem), fed, found)]
    assert errors[1] < errors[0]
    assert errors[2] <= errors[1]
    best = 0.0
    for row in range(4):
        own = {name: value[row : row + 1] for name, value in problem.items() if name != "moments"}
        own |= {"rows": torch.zeros(1, 6, dtype=torch.long), "moments": problem["moments"]}
        all_codes = itertools.product(range(3), repeat=6)
        best += min(output_error(**own, codes=torch.tensor([codes])) for codes in all_codes)
    assert best <= errors[2] < best + 0.5 * (errors[0] - best)


def test_a_descent_ends_where_no_single_code_helps(problem) -> None:
    found = descend(**problem, codes=nearest(problem))
    least = output_error(**problem, codes=found)
    for i, j, k in itertools.product(range(4), range(6), range(3)):
        changed = found.clone()
        changed[i, j] = k
        assert output_error(**problem, codes=changed) >= least - 1e-12


def test_without_correlations_the_nearest_level_is_the_best(problem) -> None:
    problem["moments"] = torch.diag(torch.rand(6).double() + 0.1)
    assert torch.equal(feed_back(**problem), nearest(problem))
    assert torch.equal(descend(**problem, codes=torch.zeros(4, 6).long()), nearest(problem))


def test_fitted_levels_are_stationary(problem) -> None:
    codes = nearest(problem)
    levels = fitted_levels(**problem, codes=codes).requires_grad_(True)
    gap = problem["weights"] - levels[problem["rows"], codes]
    ((gap @ problem["moments"]) * gap).sum().backward()
    assert torch.allclose(levels.grad, torch.zeros(4, 3).double(), atol=1e-4)


def test_moments_are_those_of_the_inputs() -> None:
    torch.manual_seed(0)
    reference, network = Twice(), Twice()
    batch = Targets(reference, n=32, steps=4).batch(100)
    calls = calls_in_order(reference, batch, ["first.weight", "second.weight"])
    assert calls == {"first": 2, "second": 1}
    found = moments_of(network, reference, "second", 1, batch)
    with torch.no_grad():
        own, wanted = network.first(batch.x).double(), reference.first(batch.x).double()
    assert torch.allclose(found.own, own.T @ own / 100, atol=1e-5)
    assert torch.allclose(found.cross, own.T @ wanted / 100, atol=1e-5)
    both = torch.cat([batch.x, batch.x + 1.0]).double()
    found = moments_of(network, reference, "first", 2, batch)
    assert torch.allclose(found.own, both.T @ both / 200, atol=1e-4)
    assert torch.equal(found.own, found.cross)


def test_a_layer_makes_good_what_those_before_it_did() -> None:
    """A second layer of 4 bits, behind one of 1 bit, does better there than the original's."""
    torch.manual_seed(1)
    model = Twice()
    bits = {"first.weight": 1, "second.weight": 4}
    qm = fmq.quantize_model(model, "optimal", bits=bits)
    found = feed_back_errors(qm, n=400, rounds=2)
    batch = Targets(model).batch(400)
    with torch.no_grad():
        inputs, wanted = found.model.first(batch.x), model.first(batch.x) @ model.second.weight.T
        best = torch.linalg.lstsq(inputs, wanted).solution.T
        errors = [
            float((inputs @ w.T - wanted).square().mean())
            for w in (model.second.weight, found.model.second.weight, best)
        ]
    assert errors[2] <= errors[1] < 0.5 * errors[0]


def test_states_that_are_zero_do_no_harm() -> None:
    model = Twice()
    with torch.no_grad():
        model.first.weight.zero_()
        model.first.bias.zero_()
    qm = fmq.quantize_model(model, "uniform", bits=2)
    assert all(q.dequantize().isfinite().all() for q in feed_back_errors(qm).tensors.values())
