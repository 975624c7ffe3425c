"""Training with free codes: they move where that pays, and only there."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

import fmq_explore as fmq
from fmq_explore.rescue import (
    FreeStudent,
    Targets,
    Tuner,
    TuneRecipe,
    importance,
    qat,
    train_quantized,
)
from fmq_explore.rescue.targets import call

FIXED = {"learning_rate": 0.0, "kept_learning_rate": 0.0}


class Diagonal(nn.Module):
    """v_i(x, t) = w_i x_i as a matrix whose other entries are zero: its loss is known."""

    data_shape = (4,)

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.diag(torch.tensor([0.0, 0.3, 0.7, 1.0])))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return x @ self.weight.T


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return fmq.load_model("moons")


@pytest.fixture(scope="module")
def coarse(model) -> fmq.QuantizedModel:
    return fmq.quantize_model(model, "optimal", bits=1)


def test_a_code_moves_exactly_where_its_neighbour_is_nearer(monkeypatch) -> None:
    """With levels 0 and 1 the loss of w is (w - c)^2 E x^2: the nearest level is the best."""
    monkeypatch.setattr(qat, "RESTRAINT", 1.0)
    monkeypatch.setattr(qat, "importance", partial(importance, n_batches=400))  # hardly any noise
    model = Diagonal()
    qm = fmq.quantize_model(model, "uniform", bits=1, granularity="tensor")
    student = FreeStudent(qm, model, code_learning_rate=0.05)
    with torch.no_grad():
        student.stored["weight"].copy_(torch.tensor([[1.0, 0.0]]))  # levels 0 and 1
    for start in (0, 1):
        student._codes.fill_(start)
        student.offsets.detach().zero_()
        Tuner(student, TuneRecipe(steps=400, batch_size=256, **FIXED)).run()
        assert student.codes("weight").diagonal().tolist() == [0, 0, 1, 1]
        assert int(student.codes("weight").sum()) == 2


def test_free_codes_learn_more_than_levels_alone(model, coarse) -> None:
    tuned = fmq.tune(coarse, steps=600, seed=0)
    trained = train_quantized(coarse, steps=600, seed=0)
    batch = Targets(model, seed=99).batch(2048)
    with torch.no_grad():
        before, after = (
            float((call(q.model, batch.x, batch.t, batch.label) - batch.velocity).square().mean())
            for q in (tuned, trained)
        )
    assert after < before
    changed = [
        (q.codes != coarse.tensors[n].codes).float().mean() for n, q in trained.tensors.items()
    ]
    assert max(changed) > 0
    for name, q in trained.tensors.items():
        assert torch.equal(trained.model.get_parameter(name).detach(), q.dequantize())
        assert q.w2**2 <= q.mse * (1 + 1e-9)
        w = model.get_parameter(name).detach().double()
        assert q.mse == pytest.approx(float((w - q.dequantize().double()).square().mean()))


def test_training_starts_from_the_codes_it_is_given(model) -> None:
    qm = fmq.tune(fmq.quantize_model(model, "optimal", bits=2), steps=30)
    same = train_quantized(qm, steps=1, code_learning_rate=0.0, **FIXED)
    for name, q in same.tensors.items():
        # where two levels have met, either code stands for the same weight
        assert torch.equal(q.dequantize(), qm.tensors[name].dequantize()), name


def test_codes_stay_within_their_levels(model) -> None:
    for scheme, bits in (("optimal", 1), ("ternary", 2), ("symmetric", 3), ("logarithmic", 2)):
        qm = fmq.quantize_model(model, scheme, bits=bits)
        found = train_quantized(qm, steps=15, code_learning_rate=0.4)
        for name, q in found.tensors.items():
            n_levels = qm.tensors[name].codebook.shape[1]
            assert int(q.codes.max()) < n_levels
            moved = (q.codes.int() - qm.tensors[name].codes.int()).abs()
            assert int(moved.max()) <= n_levels - 1
        assert found.n_bytes - qm.n_bytes <= 4 * len(qm.tensors) + 8


def test_the_gradient_of_a_weight_reaches_its_offset_in_gaps(model, coarse) -> None:
    student = FreeStudent(coarse, model, 0.1)
    weights = student.weights()
    name = "last.weight"
    weights[name].sum().backward()
    q = coarse.tensors[name]
    expected = (q.codebook[:, 1] - q.codebook[:, 0])[q.rows]  # of two levels each has one way
    sizes = [t.codes.numel() for t in coarse.tensors.values()]
    found = student.offsets.grad.split(sizes)[list(coarse.tensors).index(name)]
    assert torch.allclose(found.reshape(q.shape), expected)


def test_bad_arguments_get_a_sentence(coarse) -> None:
    with pytest.raises(ValueError, match="code_learning_rate is -1"):
        train_quantized(coarse, steps=1, code_learning_rate=-1)
