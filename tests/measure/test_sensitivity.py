"""Sensitivity: closed forms on linear networks, the sum rule, and an untouched model."""

import math

import pytest
import torch
from torch import Tensor, nn

from fmq_explore import quantize, quantize_model, sample
from fmq_explore.flow import MLP, Cancelled
from fmq_explore.measure import sensitivity


class Sum(nn.Module):
    """The field v(x, t) = sum_j W_j x of several matrices."""

    def __init__(self, d: int = 32, terms: int = 1) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.data_shape = (d,)
        self.terms = nn.ParameterList(
            torch.randn(d, d, generator=generator) / d for _ in range(terms)
        )

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return sum(x @ w.T for w in self.terms)  # type: ignore[return-value]


def states(model: nn.Module, steps: int = 4, **options) -> Tensor:
    path = sample(model, steps=steps, record=True, **options).path
    assert path is not None
    return path[:-1].flatten(0, 1)  # where steps begin


@pytest.mark.parametrize(("scheme", "bits"), [("uniform", 2), ("optimal", 3), ("equal_mass", 4)])
def test_one_linear_layer_has_the_error_of_its_weights_seen_by_the_states(scheme, bits) -> None:
    model = Sum()
    W = model.terms[0].detach()
    error = quantize(W, scheme, bits).dequantize() - W
    x = states(model)
    expected = (x @ error.T).norm() / (x @ W.T).norm()
    found = sensitivity(model, scheme, bits, keep=())
    assert found == {"terms.0": pytest.approx(expected.item(), rel=1e-4)}


def test_squares_of_small_independent_errors_add_up() -> None:
    model = Sum(64, terms=4)
    found = sensitivity(model, "uniform", 5, keep=(), n=200)
    whole = quantize_model(model, "uniform", 5, keep=()).model
    x = states(model, n=200)
    with torch.no_grad():
        v, v_q = model(x, torch.zeros(())), whole(x, torch.zeros(()))
    together = ((v_q - v).norm() / v.norm()).item()
    assert math.hypot(*found.values()) == pytest.approx(together, rel=0.05)


def network() -> MLP:
    torch.manual_seed(0)
    model = MLP(width=32, n_classes=3)
    nn.init.normal_(model.last.weight, std=0.1)
    return model.eval()


def test_every_figure_is_that_of_a_network_with_one_tensor_quantized() -> None:
    model = network()
    found = sensitivity(model, "clipped", 2, granularity="tensor", label=1, n=16, seed=3)
    path = sample(model, 16, 4, seed=3, label=1, record=True).path
    every = set(dict(model.named_parameters()))
    for name in ("first.weight", "hidden.1.weight", "condition.classes.weight"):
        alone = quantize_model(model, "clipped", 2, "tensor", keep=sorted(every - {name})).model
        with torch.no_grad():
            v, v_q = (
                torch.stack([m(x, k / 4, torch.ones(16).long()) for k, x in enumerate(path[:-1])])
                for m in (model, alone)
            )
        assert found[name] == pytest.approx(((v_q - v).norm() / v.norm()).item(), rel=1e-4)


def test_at_the_samples_it_is_that_of_a_network_with_one_tensor_quantized() -> None:
    model = network()
    found = sensitivity(model, "optimal", 2, n=16, steps=3, seed=3, label=1, of="samples")
    every = set(dict(model.named_parameters()))
    for name in ("first.weight", "condition.classes.weight", "last.weight"):
        alone = quantize_model(model, "optimal", 2, keep=sorted(every - {name})).model
        x, y = (sample(m, 16, 3, seed=3, label=1).samples for m in (model, alone))
        assert found[name] == pytest.approx(((y - x).norm() / x.norm()).item(), rel=1e-4)


def test_more_bits_cost_less_and_names_follow_the_model() -> None:
    model = network()
    few, many = (sensitivity(model, "optimal", bits, n=16) for bits in (2, 6))
    assert list(few) == [n for n, _ in model.named_parameters() if not n.endswith("bias")]
    assert all(many[name] < few[name] for name in few)


def test_the_model_is_left_as_it_was() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    sensitivity(model, "uniform", 1, n=4)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_tensor_smaller_than_its_codebook_costs_nothing() -> None:
    model = Sum(2)
    assert sensitivity(model, "equal_mass", 8, keep=()) == {"terms.0": 0.0}


def test_progress_and_cancelling_between_tensors() -> None:
    told: list[float] = []
    model = Sum(8, terms=4)
    sensitivity(model, keep=(), progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1]
    with pytest.raises(Cancelled, match="after 2 of 4 tensors"):
        sensitivity(model, keep=(), progress=told.append, should_stop=lambda: len(told) >= 6)


def test_errors_are_sentences() -> None:
    with pytest.raises(ValueError, match=r"squares of the velocity add up to 0\.0"):
        sensitivity(MLP(width=8))  # its last layer starts at zero
    with pytest.raises(ValueError, match="scheme 'best' is unknown"):
        sensitivity(network(), "best")
    with pytest.raises(ValueError, match="of is 'images'; choose one of velocity, samples"):
        sensitivity(network(), of="images")
