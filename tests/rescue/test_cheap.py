"""Importance, weighted codebooks, and corrected biases."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fmq_explore as fmq
from fmq_explore.quantize.rows import sort_rows
from fmq_explore.quantize.weighted import weighted_levels
from fmq_explore.rescue import Targets, correct_biases, importance, weighted_codebooks
from fmq_explore.rescue.nearest import nearest_codes
from fmq_explore.rescue.targets import call


class Linear(nn.Module):
    """v(x, t) = W x + b, whose Jacobian in W is known."""

    data_shape = (3,)

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.layer(x)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return fmq.load_model("moons")


@pytest.fixture(scope="module")
def coarse(model) -> fmq.QuantizedModel:
    return fmq.quantize_model(model, "optimal", bits=2)


def brute_force(values: np.ndarray, weights: np.ndarray, k: int) -> float:
    """Returns the least weighted error over all cuts of the sorted values into k cells."""
    order = np.argsort(values)
    v, w = values[order], weights[order]
    best = np.inf
    for inner in itertools.combinations(range(1, len(v)), k - 1):
        cells = itertools.pairwise([0, *inner, len(v)])
        error = 0.0
        for a, b in cells:
            mean = np.average(v[a:b], weights=w[a:b])
            error += float((w[a:b] * (v[a:b] - mean) ** 2).sum())
        best = min(best, error)
    return best


def cost(values: np.ndarray, weights: np.ndarray, levels: np.ndarray) -> float:
    return float((weights * np.square(values[:, None] - levels).min(axis=1)).sum())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("bits", [1, 2])
def test_weighted_levels_are_the_optimum(seed, bits) -> None:
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=(2, 11)).astype(np.float32), rng.exponential(size=(2, 11))
    levels = weighted_levels(sort_rows([values], "channel"), 0, 2, weights.ravel(), bits)
    for row in range(2):
        found = cost(values[row].astype(float), weights[row], levels[row])
        assert found == pytest.approx(brute_force(values[row], weights[row], 2**bits), rel=1e-6)


def test_equal_weights_give_the_unweighted_optimum() -> None:
    values = np.random.default_rng(0).normal(size=(3, 200)).astype(np.float32)
    levels = weighted_levels(sort_rows([values], "channel"), 0, 3, np.full(600, 7.0), 3)
    expected = fmq.quantize(torch.from_numpy(values), "optimal", 3).codebook.numpy()
    assert np.allclose(levels, expected, atol=1e-6)


def test_weights_without_a_scale_and_ties() -> None:
    rows = sort_rows([np.float32([[1, 1, 1, 2]])], "channel")
    assert weighted_levels(rows, 0, 1, np.zeros(4), 1).tolist() == [[1.0, 2.0]]
    assert weighted_levels(rows, 0, 1, np.ones(4), 2).tolist() == [[1.0, 2.0, 2.0, 2.0]]
    with pytest.raises(ValueError, match="negative or not finite"):
        weighted_levels(rows, 0, 1, np.array([1.0, -1.0, 1.0, 1.0]), 1)


def test_importance_of_a_linear_layer_has_a_closed_form() -> None:
    """d v_i / d W_ij = x_j, so h_ij = E x_j^2 for every i, and the bias has h = 1."""
    torch.manual_seed(0)
    model = Linear()
    h = importance(model, n_batches=400, seed=0)
    x = Targets(model, seed=0).batch(20_000).x
    expected = x.square().mean(dim=0).expand(3, 3)
    # (J^T r)^2 of a batch of 8 has the mean of its 8 squares, and spreads around it
    assert torch.allclose(h["layer.weight"], expected, rtol=0.25)
    assert torch.allclose(h["layer.bias"], torch.ones(3), rtol=0.25)


def test_weighted_codebooks_lower_the_weighted_error(model, coarse) -> None:
    h = importance(model, coarse.tensors, seed=0)
    found = weighted_codebooks(model, bits=2, weights=h)
    assert found.n_bytes == coarse.n_bytes
    for name, q in found.tensors.items():
        w = model.get_parameter(name).detach()
        plain = (h[name] * (w - coarse.tensors[name].dequantize()).square()).sum()
        weighted = (h[name] * (w - q.dequantize()).square()).sum()
        assert weighted <= plain * (1 + 1e-5)
        assert q.mse >= coarse.tensors[name].mse * (1 - 1e-6)  # that one is the optimum of the mse
    with pytest.raises(ValueError, match="lack tensor"):
        weighted_codebooks(model, bits=2, weights={})


def test_corrected_biases_take_up_the_mean_error(model, coarse) -> None:
    found = correct_biases(coarse, n=512, seed=0)
    batch = Targets(model, seed=0).batch(512)  # the very states it was given
    with torch.no_grad():
        wanted, before, after = (
            call(network, batch.x, batch.t, batch.label).mean(dim=0)
            for network in (model, coarse.model, found.model)
        )
    assert torch.allclose(after, wanted, atol=1e-4)
    assert not torch.allclose(before, wanted, atol=1e-3)
    assert found.n_bytes == coarse.n_bytes
    for name, q in found.tensors.items():
        assert torch.equal(q.codes, coarse.tensors[name].codes)
        assert torch.equal(q.codebook, coarse.tensors[name].codebook)


def test_nearest_codes() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(4, 30, generator=generator)
    levels = torch.randn(4, 5, generator=generator).sort(dim=1).values
    rows = torch.arange(4)[:, None].expand(4, 30)
    expected = (weights[:, :, None] - levels[:, None, :]).abs().argmin(dim=2)
    assert torch.equal(nearest_codes(weights, levels, rows).long(), expected)
    mixed = torch.randperm(5, generator=generator)
    assert torch.equal(mixed[nearest_codes(weights, levels[:, mixed], rows).long()], expected)
    met = torch.tensor([[-1.0, 0.0, 1.0, 1.0]])  # a ternary row: the last code is not in use
    assert int(nearest_codes(weights[:1], met, rows[:1] * 0).max()) == 2
