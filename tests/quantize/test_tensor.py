"""One quantized tensor: distances, types, sizes, errors."""

import itertools

import numpy as np
import ot
import pytest
import torch

import fmq_explore as fmq
from fmq_explore.quantize import SCHEMES, QuantizedTensor, quantize
from fmq_explore.quantize.packing import pack, packed_size, unpack
from fmq_explore.quantize.rows import row_lengths

LAYOUTS = [("tensor", None), ("channel", None), ("group", 7), ("group", 1000), ("shared", None)]


def weights(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("granularity", "group_size"), LAYOUTS)
def test_parts_fit_together(scheme: str, granularity: str, group_size: int | None) -> None:
    w = weights(6, 5, 4, 3)
    lengths = row_lengths(w.shape, granularity, group_size)
    for bits in SCHEMES[scheme].allowed_bits:
        q = quantize(w, scheme, bits, granularity, group_size)
        assert q.codes.dtype == torch.uint8
        assert q.codes.shape == q.shape == w.shape
        assert q.codebook.shape == (len(lengths), 2**bits)
        assert (q.codebook.diff(dim=1) >= 0).all()
        assert q.dequantize().shape == w.shape
        error = (w.double() - q.dequantize().double()).square()
        assert q.mse == pytest.approx(error.mean().item(), rel=1e-9)
        assert q.w2 == pytest.approx(q.mse**0.5)
        assert q.relative_error == pytest.approx(
            (error.sum() / w.double().square().sum()).sqrt().item(), rel=1e-9
        )
        assert q.row_w2 is not None
        mean = np.average(q.row_w2.numpy() ** 2, weights=lengths)
        assert q.mse == pytest.approx(mean, rel=1e-12)
        assert len(q.to_bytes()) == q.n_bytes or q.left
        assert q.bits_per_weight == pytest.approx(8 * q.n_bytes / w.numel())


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("bits", [1, 3, 6])
def test_w2_squared_is_the_mse_of_every_row(scheme: str, bits: int) -> None:
    w = weights(10, 60).exp()
    q = quantize(w, scheme, SCHEMES[scheme].nearest_bits(bits))
    after = q.dequantize().double().numpy()
    assert q.row_w2 is not None
    for row, other, w2 in zip(w.double().numpy(), after, q.row_w2.numpy(), strict=True):
        assert ot.wasserstein_1d(row, other, p=2) == pytest.approx(w2**2, rel=1e-9)
        assert ot.emd2_1d(row, other, metric="sqeuclidean") == pytest.approx(w2**2, rel=1e-9)


def test_pooling_rows_is_a_trap() -> None:
    """Rows of different scale: pooled W2^2 is far below the error and prefers the wrong scheme."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=(64, 1152)) * np.exp(rng.normal(size=(64, 1)))
    pooled, true = {}, {}
    for scheme in ("uniform", "equal_mass"):
        q = quantize(w, scheme, 3)
        pooled[scheme] = ot.wasserstein_1d(w.ravel(), q.dequantize().numpy().ravel(), p=2)
        true[scheme] = q.mse
        assert pooled[scheme] < 0.5 * true[scheme]
    assert pooled["uniform"] < pooled["equal_mass"]
    assert true["uniform"] > true["equal_mass"]


@pytest.mark.parametrize(
    "scheme", ["uniform", "clipped", "piecewise", "equal_mass", "optimal", "percentile"]
)
@pytest.mark.parametrize("bits", [1, 3, 5])
def test_follows_shift_and_scale(scheme: str, bits: int) -> None:
    w = weights(8, 200).double()
    base = quantize(w, scheme, bits)
    moved = quantize(4.0 * w - 3.0, scheme, bits)
    assert torch.allclose(moved.dequantize(), 4.0 * base.dequantize() - 3.0, atol=1e-5)
    assert moved.w2 == pytest.approx(4.0 * base.w2, rel=1e-5)


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
def test_follows_scale(scheme: str) -> None:
    w = weights(8, 200)
    for bits in {SCHEMES[scheme].nearest_bits(b) for b in (1, 3, 5)}:
        base = quantize(w, scheme, bits)
        assert torch.allclose(quantize(4.0 * w, scheme, bits).codebook, 4.0 * base.codebook)


IDEMPOTENT = (
    *("equal_mass", "optimal", "symmetric", "uniform", "logarithmic"),
    *("binary", "ternary", "normal_float"),
)


@pytest.mark.parametrize("scheme", IDEMPOTENT)
def test_quantizing_twice_changes_nothing(scheme: str) -> None:
    w = weights(8, 256)  # a multiple of every number of levels: chunks stay what they were
    for bits in {SCHEMES[scheme].nearest_bits(b) for b in range(2, 9)}:
        once = quantize(w, scheme, bits).dequantize()
        twice = quantize(once, scheme, bits).dequantize()
        assert torch.allclose(twice, once, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_types(scheme: str, dtype: torch.dtype) -> None:
    """Figures are those of the levels as the tensor's own type holds them."""
    w = weights(8, 64).to(dtype)
    for bits in {SCHEMES[scheme].nearest_bits(b) for b in (2, 8)}:
        q = quantize(w, scheme, bits)
        assert q.dequantize().dtype == dtype
        error = (w.double() - q.dequantize().double()).square().mean().item()
        assert q.mse == pytest.approx(error, rel=1e-9)
        assert torch.equal(q.codebook.to(dtype).float(), q.codebook)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_half_codebooks_are_measured_as_stored(scheme: str) -> None:
    w = weights(8, 100)
    for bits in {SCHEMES[scheme].nearest_bits(b) for b in (2, 7)}:
        full = quantize(w, scheme, bits)
        half = quantize(w, scheme, bits, codebook_dtype="float16")
        error = (w.double() - half.dequantize().double()).square().mean().item()
        assert half.mse == pytest.approx(error, rel=1e-9)
        if SCHEMES[scheme].storage == "codebook":
            assert torch.equal(half.codebook.half().float(), half.codebook)
            assert full.n_bytes - half.n_bytes == 8 * 2**bits * 2
        else:
            assert half.n_bytes == full.n_bytes


def test_bytes_are_counted_as_stored() -> None:
    w = weights(16, 240)
    codes = 16 * 240 * 3 // 8
    sizes = {"optimal": 16 * 8 * 4, "uniform": 16 * 8, "symmetric": 16 * 4, "power_of_two": 16}
    for scheme, size in sizes.items():
        assert quantize(w, scheme, 3).n_bytes == codes + size
    q = quantize(weights(32, 240), "optimal", 8, codebook_dtype="float16")
    assert q.bits_per_weight == pytest.approx(8 + 256 * 16 / 240)


@pytest.mark.parametrize("bits", range(1, 9))
@pytest.mark.parametrize("n", [1, 7, 8, 9, 1000])
def test_packing_round_trip(bits: int, n: int) -> None:
    codes = np.random.default_rng(n).integers(0, 2**bits, n).astype(np.uint8)
    packed = pack(codes, bits)
    assert packed.size == packed_size(n, bits)
    assert np.array_equal(unpack(packed, n, bits), codes)
    stream = sum(int(c) << (bits * i) for i, c in enumerate(codes))  # the definition
    assert int.from_bytes(packed.tobytes(), "little") == stream


def test_shapes_of_fewer_than_two_dimensions_are_one_row() -> None:
    for granularity in ("tensor", "channel"):
        assert quantize(weights(50), "optimal", 2, granularity).codebook.shape == (1, 4)
    assert quantize(weights(50), "optimal", 2, "group", 20).codebook.shape == (3, 4)
    q = quantize(torch.tensor(0.7), "optimal", 3)
    assert (q.left, q.dequantize()) == (True, torch.tensor(0.7))


def test_takes_arrays_lists_and_awkward_tensors() -> None:
    w = weights(6, 8)
    expected = quantize(w, "optimal", 2).dequantize()
    strided = weights(8, 6).t().copy_(w)
    for other in (w.numpy(), w.clone().requires_grad_(), strided):
        assert torch.equal(quantize(other, "optimal", 2).dequantize(), expected)
    assert torch.allclose(quantize(w.tolist(), "optimal", 2).dequantize().float(), expected)


def test_the_package_is_the_function() -> None:
    q = fmq.quantize(weights(4, 9), bits=2)
    assert isinstance(q, QuantizedTensor)
    assert fmq.quantize.quantize is quantize


def test_more_bits_never_hurt_the_optimum() -> None:
    w = weights(5, 333).exp()
    for granularity, group_size in LAYOUTS[:4]:  # a shared codebook is no minimiser
        w2 = [quantize(w, "optimal", b, granularity, group_size).w2 for b in range(1, 9)]
        assert all(a >= b for a, b in itertools.pairwise(w2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scheme": "kmeans"}, "'kmeans' is unknown; choose one of uniform, symmetric"),
        ({"bits": 0}, "bits must be a whole number from 1 to 8, got 0"),
        ({"bits": 2.5}, "got 2.5"),
        ({"bits": True}, "got True"),
        ({"scheme": "binary"}, "'binary' has 1 bit only, so it cannot have 2: give bits=1, or"),
        ({"scheme": "ternary", "bits": 8}, "'ternary' has 2 bits only, .* give bits=2, or"),
        ({"scheme": "minifloat"}, "'minifloat' has 3 to 8 bits, .* give bits=3, or"),
        ({"granularity": "block"}, "'block' is unknown"),
        ({"granularity": "group"}, "needs group_size"),
        ({"codebook_dtype": "int8"}, "choose 'float32' or 'float16'"),
        ({"w": torch.zeros(0, 3)}, "'w' is empty"),
        ({"w": torch.zeros(3, dtype=torch.int64)}, "holds int64, not floating-point"),
        ({"w": torch.tensor([1.0, float("nan")])}, "'w' holds 1 NaN or infinite"),
        ({"w": torch.tensor([[1e5, -1e5], [2e5, 0]]), "codebook_dtype": "float16"}, "too large"),
    ],
)
def test_errors_say_what_to_do(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        quantize(**{"w": weights(3, 3), "bits": 2} | arguments)
