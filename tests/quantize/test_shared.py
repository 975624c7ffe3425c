"""One codebook for a tensor and a scale for each row."""

import numpy as np
import pytest
import torch
from torch import nn

import fmq_explore as fmq
from fmq_explore.quantize import SCHEMES, prepare, quantize, quantize_model
from fmq_explore.quantize.rows import sort_rows
from fmq_explore.quantize.shared import pool_rows


def rows(n: int = 64, length: int = 240, seed: int = 0) -> torch.Tensor:
    """Gaussian rows whose scales differ by a factor of a hundred."""
    rng = np.random.default_rng(seed)
    scales = np.exp(rng.uniform(-2.3, 2.3, size=(n, 1)))
    return torch.from_numpy((scales * rng.normal(size=(n, length))).astype(np.float32))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_all_rows_have_one_codebook_times_their_scale(scheme: str) -> None:
    w = rows(12, 100)
    for dtype in ("float16", "float32"):
        bits = SCHEMES[scheme].nearest_bits(3)
        q = quantize(w, scheme, bits, "shared", codebook_dtype=dtype)
        assert q.row_scales is not None
        assert q.row_scales.dtype == np.dtype(dtype)
        (table,) = SCHEMES[scheme].levels(q.parameters, bits)
        assert np.array_equal(q.codebook, q.row_scales.astype(np.float32)[:, None] * table)
        assert (q.row_scales > 0).all()
        distance = (w[:, :, None] - q.codebook[:, None, :]).abs()
        chosen = distance.gather(2, q.codes.long()[..., None])[..., 0]
        assert torch.allclose(chosen, distance.min(dim=2).values, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_scale_of_a_row_is_never_worse_than_its_rms(scheme: str) -> None:
    w = rows(20, 150).exp().log1p()
    bits = SCHEMES[scheme].nearest_bits(3)
    q = quantize(w, scheme, bits, "shared")
    (table,) = SCHEMES[scheme].levels(q.parameters, bits).astype(np.float64)
    rms = w.double().square().mean(dim=1).sqrt().float().double().numpy()
    plain = np.square(w.double().numpy()[:, :, None] - (rms[:, None] * table)[:, None, :])
    assert q.row_w2 is not None
    assert (q.row_w2.numpy() ** 2 <= plain.min(2).mean(1) * (1 + 1e-6)).all()


def test_the_codebook_is_the_schemes_on_the_pooled_row() -> None:
    w = rows(16, 90)
    pooled = (w.double() / w.double().square().mean(dim=1, keepdim=True).sqrt()).flatten()
    for scheme in ("optimal", "equal_mass", "uniform"):
        q, alone = (
            quantize(w, scheme, 3, "shared"),
            quantize(pooled.numpy(), scheme, 3, "tensor"),
        )
        np.testing.assert_allclose(q.parameters, alone.parameters, rtol=1e-5)


def test_rows_of_zeros_stay_zero_and_do_not_move_the_codebook() -> None:
    w = rows(10, 60)
    padded = torch.cat([w, torch.zeros(30, 60)])
    for scheme in ("binary", "optimal", "logarithmic"):
        bits = SCHEMES[scheme].nearest_bits(2)
        q, plain = quantize(padded, scheme, bits, "shared"), quantize(w, scheme, bits, "shared")
        assert not q.dequantize()[10:].any()
        assert np.array_equal(q.parameters, plain.parameters)
    assert not quantize(torch.zeros(9, 9), "optimal", 2, "shared").dequantize().any()


def test_rows_are_scaled_alike() -> None:
    w = rows(8, 100)
    factors = torch.tensor([4.0, 0.25] * 4)[:, None]
    for scheme in ("optimal", "normal_float", "entropy"):
        q, scaled = (quantize(x, scheme, 3, "shared") for x in (w, factors * w))
        assert torch.equal(q.codes, scaled.codes)
        assert torch.allclose(scaled.dequantize(), factors * q.dequantize(), rtol=1e-5)


def test_it_is_smaller_than_a_codebook_a_channel_and_better_than_one_a_tensor() -> None:
    w = rows()
    for bits in (2, 3, 4):
        shared, channel, tensor = (
            quantize(w, "optimal", bits, grain, codebook_dtype="float16")
            for grain in ("shared", "channel", "tensor")
        )
        codes = 64 * 240 * bits // 8
        assert shared.n_bytes == len(shared.to_bytes()) == codes + 2 * 2**bits + 2 * 64
        assert channel.n_bytes == codes + 64 * 2 * 2**bits
        assert shared.n_bytes < channel.n_bytes
        assert channel.mse <= shared.mse * (1 + 1e-3)
        assert shared.mse < 0.6 * tensor.mse  # with codes of the same size


def test_bytes_of_other_storages() -> None:
    w = rows(16, 240)
    codes = 16 * 240 * 3 // 8
    for scheme, size in {"uniform": 8, "symmetric": 4, "power_of_two": 1, "optimal": 32}.items():
        assert quantize(w, scheme, 3, "shared").n_bytes == codes + size + 16 * 4


def test_mixed_bits() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(30, 20), nn.Linear(20, 30))
    qm = quantize_model(net, "optimal", {"0.weight": 2, "1.weight": 5}, "shared")
    sizes = {line.name: line.n_bytes for line in qm.report()}
    assert sizes["0.weight"] == 600 * 2 // 8 + 4 * 4 + 20 * 4
    assert sizes["1.weight"] == 600 * 5 // 8 + 32 * 4 + 30 * 4
    for name in ("0.weight", "1.weight"):
        expected = quantize(net.get_parameter(name), "optimal", qm.bits[name], "shared")
        assert torch.equal(qm.model.get_parameter(name), expected.dequantize())


def test_a_pool_holds_every_weight_over_its_rms() -> None:
    w = rows(7, 33)
    sorted_rows = sort_rows([w.numpy(), w.numpy()[:3]], "shared")
    pool = pool_rows(sorted_rows, 7, 10)
    expected = w[:3].double() / w[:3].double().square().mean(dim=1, keepdim=True).sqrt()
    np.testing.assert_allclose(pool.rows.row(0), np.sort(expected.flatten()), rtol=1e-12)
    assert float(np.square(pool.rows.values).mean()) == pytest.approx(1.0)


def test_it_is_the_better_choice_for_the_bytes_below_five_bits() -> None:
    """On the shipped model, at bits per weight as in the file: between two codebooks a channel."""
    model = fmq.load_model("mnist")
    shared, channel = (prepare(model, grain) for grain in ("shared", "channel"))
    curve = [channel.fit("optimal", b, "float16") for b in (1, 2, 3, 4)]
    x, y = [f.bits_per_weight for f in curve], [np.log(f.relative_error) for f in curve]
    for bits in (2, 3, 4):
        fit = shared.fit("optimal", bits, "float16")
        assert fit.bits_per_weight < curve[bits - 1].bits_per_weight
        assert fit.relative_error < 0.98 * np.exp(np.interp(fit.bits_per_weight, x, y))
