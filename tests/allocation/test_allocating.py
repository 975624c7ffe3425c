"""Allocations of real networks: optimal, within budget to the byte, monotone, and never worse."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import fmq_explore as fmq
from fmq_explore.allocation import AllocationCurves, allocation_curves
from fmq_explore.allocation.allocating import curves_of
from fmq_explore.measure import sensitivity_of
from fmq_explore.quantize import prepare

from .test_knapsack import exact

GAP = 0.0001
"""What the error may lie above the optimum, as a share; measured is 0 on the shipped models."""

CASES = [
    ("moons", "optimal", "channel"),
    ("moons", "uniform", "tensor"),
    ("digits", "equal_mass", "channel"),
    ("mnist", "optimal", "channel"),
    ("mnist", "uniform", "tensor"),
]


@pytest.fixture(scope="module")
def moons() -> AllocationCurves:
    return allocation_curves(prepare(fmq.load_model("moons")), "optimal", "float16")


@pytest.mark.parametrize(("model", "scheme", "granularity"), CASES)
def test_no_other_bits_are_better_at_that_size(model: str, scheme: str, granularity: str) -> None:
    """The integer programme is given the allocation's own header, and the budget."""
    prepared = prepare(fmq.load_model(model), granularity)
    curves = allocation_curves(prepared, scheme, "float16")
    for factor in (1.02, 1.3, 2.0, 3.1):
        allocation = curves.allocate(int(factor * curves.smallest))
        at = [curves.widths.index(b) for b in allocation.bits.values()]
        data = int(curves.n_bytes[np.arange(len(at)), at].sum())
        room = allocation.budget_bytes - (allocation.n_bytes - data)
        best = math.sqrt(exact(curves.errors, curves.n_bytes * 1.0, room) / curves.whole)
        assert best * (1 - 1e-9) <= allocation.error <= best * (1 + GAP)
        assert allocation.bound <= allocation.error


@pytest.mark.parametrize("codebook_dtype", ["float16", "float32"])
def test_the_size_is_that_of_the_file(codebook_dtype: str, tmp_path) -> None:
    model = fmq.load_model("moons")
    for budget in (16_000, 23_456, 40_001):
        arguments = {"scheme": "uniform", "keep": ("bias",), "codebook_dtype": codebook_dtype}
        allocation = fmq.allocate(model, budget, **arguments)
        qm = fmq.quantize_model(model, bits=allocation.bits, **arguments)
        qm.save(tmp_path / "model.safetensors")
        size = (tmp_path / "model.safetensors").stat().st_size
        assert allocation.n_bytes == qm.n_bytes == size <= budget
        assert allocation.error == pytest.approx(qm.relative_error, rel=1e-9)


def test_more_bytes_never_make_it_worse(moons: AllocationCurves) -> None:
    """Every byte of a stretch, and steps over the whole range."""
    stretch = range(22_600, 22_760)
    for budgets in (stretch, range(moons.smallest, moons.largest + 5_000, 977)):
        found = [moons.allocate(budget) for budget in budgets]
        assert all(a.n_bytes <= a.budget_bytes for a in found)
        errors = np.array([a.error for a in found])
        assert (np.diff(errors) <= 0).all()
    assert errors[-1] == min(moons.equal_errors)


def test_equal_bits_at_the_same_size_are_never_better(moons: AllocationCurves) -> None:
    for i, size in enumerate(moons.equal_sizes):
        allocation = moons.allocate(size)
        assert allocation.equal_bits is not None
        assert allocation.error <= moons.equal_errors[i]
        assert allocation.equal_error == min(moons.equal_errors[: i + 1])
        assert allocation.gain is not None
        assert allocation.gain >= 1.0
    assert moons.allocate(moons.equal_sizes[2] - 1).equal_bits == 2


def test_alike_tensors_get_equal_bits() -> None:
    torch.manual_seed(0)
    layer = nn.Linear(2048, 4)
    net = nn.Sequential(*(nn.Linear(2048, 4) for _ in range(5)))
    for other in net:
        other.load_state_dict(layer.state_dict())
    curves = allocation_curves(prepare(net))
    for bits, size in zip(curves.widths, curves.equal_sizes, strict=True):
        assert set(curves.allocate(size).bits.values()) == {bits}


def test_a_tensor_of_short_rows_gets_fewer_bits() -> None:
    """A codebook of 2^b levels for a row of 40 weights costs more than the codes."""
    torch.manual_seed(0)
    short, long = [nn.Linear(40, 16) for _ in range(6)], [nn.Linear(1024, 16) for _ in range(6)]
    net = nn.Sequential(*short, *long)
    for layer in (*short, *long):
        nn.init.normal_(layer.weight)
    for scheme, fewer in (("optimal", True), ("uniform", False)):  # two numbers a row, any width
        bits = list(fmq.allocate(net, 60_000, scheme=scheme).bits.values())
        assert (sum(bits[:6]) < sum(bits[6:])) is fewer


def test_reach_is_the_smallest_file_that_is_as_good(moons: AllocationCurves) -> None:
    for error, size in zip(moons.equal_errors[:5], moons.equal_sizes, strict=False):
        found = moons.reach(error)
        assert found is not None
        assert found.error <= error * (1 + 1e-9)
        assert found.n_bytes <= size
        if found.n_bytes - 16 >= moons.smallest:  # the header comes in eights
            assert moons.allocate(found.n_bytes - 16).error > error
    assert moons.reach(0.5 * min(moons.equal_errors)) is None


def test_a_budget_below_the_smallest_file_is_one_sentence(moons: AllocationCurves) -> None:
    assert moons.allocate(moons.smallest).n_bytes == moons.smallest
    for budget in (moons.smallest - 1, 0, -5, 2.5, True):
        with pytest.raises(ValueError, match=f"smallest file .* {moons.smallest} bytes; give"):
            moons.allocate(budget)  # type: ignore[arg-type]


def test_sensitivity_says_what_an_error_counts_for() -> None:
    """Where it was measured the objective is the root of its summed squares."""
    model = fmq.load_model("moons")
    prepared = prepare(model)
    curves = curves_of(prepared, model, "optimal", "float16", "sensitivity")
    factors = {}
    for bits in (1, 2, 4):
        fit = prepared.fit("optimal", bits, "float16")
        found = sensitivity_of(fit, model, 16, 2, label=torch.arange(16) % 2, of="samples")
        total = math.sqrt(sum(s * s for s in found.values()))
        assert curves.equal_errors[bits - 1] == pytest.approx(total, rel=1e-9)
        name = prepared.names[3]
        factors[bits] = found[name] ** 2 / fit.fits[name].sse
    sse = [prepared.fit("optimal", b, "float16").fits[name].sse for b in curves.widths]
    between = math.sqrt(factors[2] * factors[4])
    assert curves.errors[3, 2] == pytest.approx(between * sse[2], rel=1e-9)
    assert curves.errors[3, 7] == pytest.approx(factors[4] * sse[7], rel=1e-9)


def test_a_scheme_of_one_width_has_nothing_to_share_out() -> None:
    model = fmq.load_model("moons")
    for weights in ("error", "sensitivity"):
        allocation = fmq.allocate(model, 30_000, "binary", weights=weights)
        assert set(allocation.bits.values()) == {1}
        assert allocation.error == allocation.equal_error


def test_a_mapping_counts_by_name_and_pattern() -> None:
    model = fmq.load_model("moons")
    first = prepare(model).names[0]
    plain = fmq.allocate(model, 20_000)
    heavy = fmq.allocate(model, 20_000, weights={first: 1e6, "*": 1.0})
    assert heavy.bits[first] > plain.bits[first]
    for weights, words in (
        ({first: 1.0}, "weights has none"),
        ({"nobody": 1.0, "*": 1}, "matches no quantized tensor"),
        ({"*": -1.0}, "0 or more"),
        ({"*": math.nan}, "finite"),
        ("speed", "choose one of error, sensitivity"),
    ):
        with pytest.raises(ValueError, match=words):
            fmq.allocate(model, 20_000, weights=weights)


def test_it_says_itself_in_a_line(moons: AllocationCurves) -> None:
    text = str(moons.allocate(25_000))
    assert "of 25,000 bytes" in text
    assert "2 bits for all" in text
    assert "equal bits do not fit" not in text
