"""The explorer's fast path: a prepared network and its fits."""

import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from fmq_explore.quantize import SCHEMES, Fit, PreparedModel, prepare, quantize

LAYOUTS = [("tensor", None), ("channel", None), ("group", 5), ("shared", None)]


def network(width: int = 24) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, width, 3), nn.GroupNorm(4, width), nn.Flatten(), nn.Linear(width, 7)
    )


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("granularity", "group_size"), LAYOUTS)
def test_a_fit_is_quantize_tensor_by_tensor(
    scheme: str, granularity: str, group_size: int | None
) -> None:
    model, copy = network(), network()
    prepared = prepare(model, granularity, group_size)
    for bits in {SCHEMES[scheme].nearest_bits(b) for b in (1, 3, 8)}:
        fit = prepared.fit(scheme, bits)
        fit.write_into(copy)
        for name in prepared.names:
            w = model.get_parameter(name)
            q = quantize(w, scheme, bits, granularity, group_size)
            assert torch.equal(copy.get_parameter(name), q.dequantize())
            assert np.array_equal(fit.levels(name), q.codebook)
            assert np.array_equal(fit.row_w2(name), q.row_w2)
            assert fit.tensor_w2(name) == q.w2
            assert fit.tensor_relative_error(name) == pytest.approx(q.relative_error)
            assert torch.equal(fit.tensor(name).codes, q.codes)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("granularity", "group_size"), LAYOUTS)
def test_counts_and_borders_describe_the_cells(
    scheme: str, granularity: str, group_size: int | None
) -> None:
    prepared = prepare(network(), granularity, group_size)
    for name in prepared.names:
        for bits in {SCHEMES[scheme].nearest_bits(b) for b in (1, 2, 4)}:
            fit = prepared.fit(scheme, bits)
            counts, borders = fit.counts(name), fit.borders(name)
            assert borders.shape == (counts.shape[0], counts.shape[1] - 1)
            assert (np.diff(borders, axis=1) >= 0).all()
            for i, (count, border) in enumerate(zip(counts, borders, strict=True)):
                row = prepared.sorted_row(name, i)
                assert count.sum() == len(row)
                cells = np.searchsorted(border, row, side="left")
                assert np.array_equal(np.bincount(cells, minlength=len(count)), count)


def test_fit_all_equals_single_fits() -> None:
    once, apart = prepare(network()), prepare(network())
    for scheme, rule in SCHEMES.items():
        assert not once.is_fitted(scheme, rule.nearest_bits(3))
        fractions: list[float] = []
        assert once.fit_all(scheme, progress=fractions.append)
        assert all(0 <= f <= 1 for f in fractions)
        for bits in rule.allowed_bits:
            assert once.is_fitted(scheme, bits)
            together, alone = once.fit(scheme, bits), apart.fit(scheme, bits)
            assert together.w2 == pytest.approx(alone.w2, rel=1e-6, abs=1e-9)
            assert together.n_bytes == alone.n_bytes


def test_fit_is_remembered_and_weights_are_a_copy() -> None:
    model = network()
    prepared = prepare(model)
    fit = prepared.fit("optimal", 3)
    assert prepared.fit("optimal", 3) is fit
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
    other = network()
    prepared.fit("uniform", 8).write_into(model)
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-2)


def test_cancels_quickly_even_in_one_long_row() -> None:
    torch.manual_seed(0)
    prepared = prepare(nn.Linear(600, 500), "tensor")
    prepare(nn.Linear(8, 8)).fit_all("optimal")  # compile
    started = time.perf_counter()
    asked: list[float] = []

    def should_stop() -> bool:
        asked.append(time.perf_counter())
        return asked[-1] - started > 0.1

    assert not prepared.fit_all("optimal", should_stop)
    assert time.perf_counter() - asked[-1] < 1.0  # 50 ms on an idle machine
    assert not prepared.is_fitted("optimal", 8)


def test_an_error_in_a_callback_reaches_the_caller() -> None:
    def fail(_: float) -> None:
        raise RuntimeError("closed")

    torch.manual_seed(0)
    prepared = prepare(nn.Linear(500, 300), "tensor")
    with pytest.raises(RuntimeError, match="closed"):
        prepared.fit_all("optimal", progress=fail)
    assert threading.active_count() < 50


def test_mixed_bits() -> None:
    prepared = prepare(network())
    assert prepared.names == ("0.weight", "3.weight")
    mixed = prepared.fit("optimal", {"0.weight": 2, "*": 5})
    assert dict(mixed.bits) == {"0.weight": 2, "3.weight": 5}
    assert mixed.levels("0.weight").shape == (24, 4)
    assert mixed.tensor_w2("3.weight") == prepared.fit("optimal", 5).tensor_w2("3.weight")
    sse = sum(mixed.tensor_w2(name) ** 2 * np.prod(prepared.shape(name)) for name in prepared.names)
    n = sum(np.prod(prepared.shape(name)) for name in prepared.names)
    assert mixed.w2 == pytest.approx(np.sqrt(sse / n))


def test_report_has_a_line_for_every_parameter() -> None:
    model = network()
    prepared = prepare(model)
    lines = prepared.fit("clipped", {"0.weight": 3, "3.weight": 8}).report()
    assert [line.name for line in lines] == [name for name, _ in model.named_parameters()]
    assert [line.reason for line in lines] == ["", "keep", "keep", "keep", "small", "keep"][:6]
    assert sum(line.n_weights for line in lines) == prepared.n_weights
    assert lines[0].bits_per_weight == pytest.approx(3 + 64 / 27)
    assert (lines[4].bits, lines[4].w2, lines[4].n_bytes) == (32, 0.0, 4 * 168)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_writes_into_other_types(dtype: torch.dtype) -> None:
    model = network().to(dtype)
    fit = prepare(model).fit("optimal", 4)
    fit.write_into(model)
    for name in fit.prepared.names:
        assert torch.equal(model.get_parameter(name), fit.tensor(name).dequantize())
    fit.write_into(network())  # the same architecture in another type


def test_rows_of_a_tensor() -> None:
    model = network()
    prepared = prepare(model)
    assert prepared.rows_of("3.weight") == slice(24, 31)
    row = model.get_parameter("3.weight")[2].double().sort().values.detach().numpy()
    assert np.array_equal(prepared.sorted_row("3.weight", 2), row)
    assert isinstance(prepared, PreparedModel)
    assert isinstance(prepared.fit("uniform", 1), Fit)


def test_nothing_to_quantize_is_no_error() -> None:
    fit = prepare(network(), keep="*").fit("optimal", 3)
    assert (fit.w2, fit.relative_error, fit.prepared.names) == (0.0, 0.0, ())
    assert fit.bits_per_weight > 32


def test_errors_name_the_tensor() -> None:
    model = network()
    prepared = prepare(model)
    with pytest.raises(ValueError, match=r"'0\.bias' is kept in full precision"):
        prepared.fit("optimal", 3).levels("0.bias")
    with pytest.raises(ValueError, match="'x' is not in the model"):
        prepared.rows_of("x")
    with pytest.raises(ValueError, match="no row 24"):
        prepared.sorted_row("0.weight", 24)
    with pytest.raises(ValueError, match="has shape"):
        prepared.fit("optimal", 3).write_into(network(32))
    with pytest.raises(ValueError, match=r"no tensor '0\.weight'"):
        prepared.fit("optimal", 3).write_into(nn.Identity())
    with pytest.raises(ValueError, match=r"must be a torch\.nn\.Module, got function"):
        prepare(lambda x: x)  # type: ignore[arg-type]
    with torch.no_grad():
        model.get_parameter("3.weight")[0, 0] = float("inf")
    with pytest.raises(ValueError, match=r"'3\.weight' holds 1 NaN or infinite"):
        prepare(model)
    prepare(model, keep=("3.weight", "bias"))
