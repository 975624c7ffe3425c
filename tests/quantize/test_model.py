"""A quantized network: runs, reports, and goes to disk and back, bit for bit."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

import fmq_explore as fmq
from fmq_explore.quantize import SCHEMES, load_quantized, prepare, quantize, quantize_model


class Network(nn.Module):
    """Has tied weights, buffers of several types, and a name that is not ASCII."""

    def __init__(self, width: int = 20) -> None:
        super().__init__()
        self.encode = nn.Linear(6, width)
        self.norm = nn.BatchNorm1d(width)
        self.tied = nn.Linear(6, width)
        self.tied.weight = self.encode.weight
        self.größe = nn.Parameter(torch.randn(3, 2))
        self.decode = nn.Linear(width, 6)
        self.register_buffer("mask", torch.arange(6, dtype=torch.uint8))
        self.register_buffer("flags", torch.tensor([True, False]))
        self.register_buffer("scratch", torch.zeros(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.norm(self.encode(x) + self.tied(x)).tanh())


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(0)
    model = Network()
    model(torch.randn(8, 6))
    return model.eval()


CONFIGURATIONS = [
    (scheme, bits, layout, codebook_dtype)
    for scheme, rule in SCHEMES.items()
    for bits in sorted({rule.nearest_bits(b) for b in (1, 3, 4, 8)})
    for layout in (("tensor", None), ("channel", None), ("group", 4), ("shared", None))
    for codebook_dtype in ("float32", "float16")
]


@pytest.mark.parametrize(("scheme", "bits", "layout", "codebook_dtype"), CONFIGURATIONS)
def test_round_trip(
    scheme: str,
    bits: int,
    layout: tuple[str, int | None],
    codebook_dtype: str,
    model: nn.Module,
    tmp_path: Path,
) -> None:
    qm = quantize_model(model, scheme, bits, *layout, codebook_dtype=codebook_dtype)
    fit = prepare(model, *layout).fit(scheme, bits, codebook_dtype)
    path, again = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    qm.save(path)
    assert path.stat().st_size == qm.n_bytes == fit.n_bytes
    loaded = load_quantized(path, model)
    before, after = qm.model.state_dict(), loaded.model.state_dict()
    assert before.keys() == after.keys()
    assert all(
        torch.equal(before[k], after[k]) and before[k].dtype == after[k].dtype for k in before
    )
    x = torch.randn(5, 6)
    assert torch.equal(qm.model(x), loaded.model(x))
    loaded.save(again)
    assert loaded.n_bytes == again.stat().st_size == qm.n_bytes
    assert loaded.w2 == pytest.approx(qm.w2, rel=1e-6)
    assert qm.report() == fit.report()
    assert (qm.w2, qm.relative_error) == pytest.approx((fit.w2, fit.relative_error))
    assert qm.bits_per_weight == pytest.approx(fit.bits_per_weight)
    assert loaded.relative_error == pytest.approx(qm.relative_error, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_round_trip_of_other_types(dtype: torch.dtype, model: nn.Module, tmp_path: Path) -> None:
    model = model.to(dtype)
    for scheme in SCHEMES:
        qm = quantize_model(model, scheme, SCHEMES[scheme].nearest_bits(3))
        qm.save(tmp_path / "q.safetensors")
        assert (tmp_path / "q.safetensors").stat().st_size == qm.n_bytes
        loaded = load_quantized(tmp_path / "q.safetensors", model)
        before, after = qm.model.state_dict(), loaded.model.state_dict()
        assert all(torch.equal(before[k], after[k]) for k in before)


def test_the_original_is_untouched_and_the_copy_is_what_quantize_says(model: nn.Module) -> None:
    state = {k: v.clone() for k, v in model.state_dict().items()}
    qm = quantize_model(model, "optimal", 2, keep="bias")
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    expected = quantize(state["decode.weight"], "optimal", 2).dequantize()
    assert torch.equal(qm.model.get_parameter("decode.weight"), expected)
    assert torch.equal(qm.model.get_parameter("decode.bias"), state["decode.bias"])
    assert qm.model.encode.weight is qm.model.tied.weight


def test_plain_safetensors_reads_it(model: nn.Module, tmp_path: Path) -> None:
    qm = quantize_model(model, "optimal", {"decode.weight": 2, "*": 3})
    qm.save(tmp_path / "q.safetensors")
    tensors = load_file(tmp_path / "q.safetensors")
    assert tensors["decode.weight"].numel() == 6 * 4 * 4 + 120 * 2 // 8
    assert torch.equal(tensors["decode.bias"], model.get_parameter("decode.bias"))
    assert set(tensors) == set(model.state_dict()) - {"tied.weight"} | {"__figures__"}
    with safe_open(tmp_path / "q.safetensors", "pt") as file:
        assert '"scheme":"optimal"' in file.metadata()["fmq"]


def test_the_header_is_small(tmp_path: Path) -> None:
    layers = nn.Sequential(*[nn.Linear(32, 32) for _ in range(20)])
    qm = quantize_model(layers, "optimal", 2)
    weights = sum(line.n_bytes for line in qm.report())
    assert (qm.n_bytes - weights) / 40 < 110  # bytes for each tensor


def test_mixed_bits_and_report(model: nn.Module) -> None:
    qm = quantize_model(model, "uniform", {"encode.weight": 2, "decode.weight": 7, "größe": 8})
    assert qm.bits == {"encode.weight": 2, "decode.weight": 7, "größe": 8}
    lines = {line.name: line for line in qm.report()}
    assert lines["encode.weight"].n_bytes == 20 * 8 + 30
    assert lines["norm.weight"].kept
    assert "tied.weight" not in lines
    assert sum(line.n_weights for line in lines.values()) == sum(
        p.numel() for p in model.parameters()
    )


def test_a_network_of_this_project_needs_no_help(tmp_path: Path) -> None:
    from fmq_explore.flow import build_network

    network = build_network({"architecture": "mlp", "data_shape": [2], "width": 32}).eval()
    qm = fmq.quantize_model(network, bits=4, keep=("bias", "norm", "time", "first", "last"))
    qm.save(tmp_path / "q.safetensors")
    loaded = fmq.load_quantized(tmp_path / "q.safetensors")
    x = torch.randn(7, 2)
    assert torch.equal(qm.model(x, torch.tensor(0.3)), loaded.model(x, torch.tensor(0.3)))
    assert not any("time" in name for name in qm.tensors)


def test_a_factory_builds_the_network(model: nn.Module, tmp_path: Path) -> None:
    qm = quantize_model(model)
    qm.save(tmp_path / "q.safetensors")
    loaded = load_quantized(tmp_path / "q.safetensors", Network)
    assert torch.equal(qm.model.decode.weight, loaded.model.decode.weight)


def test_wrong_files_are_one_sentence(model: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "q.safetensors"
    with pytest.raises(ValueError, match="there is no such file"):
        load_quantized(path, model)
    path.write_bytes(b"not a tensor in sight, only words")
    with pytest.raises(ValueError, match="is no readable quantized network"):
        load_quantized(path, model)
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="no entry 'fmq'"):
        load_quantized(path, model)
    quantize_model(model).save(path)
    with pytest.raises(ValueError, match="pass one as `model`"):
        load_quantized(path)
    with pytest.raises(ValueError, match="does not fit"):
        load_quantized(path, Network(21))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is no readable quantized network"):
        load_quantized(path, model)


def test_a_configuration_must_be_plain() -> None:
    class Odd(nn.Linear):
        def config(self) -> dict[str, object]:
            return {"size": torch.zeros(2)}

    with pytest.raises(ValueError, match="only what JSON can hold"):
        quantize_model(Odd(3, 3))


def test_a_tensor_of_zeros_has_a_relative_error() -> None:
    """A scheme without a zero moves them: infinitely far, as far as relations go."""
    layer = nn.Linear(8, 8)
    nn.init.zeros_(layer.weight)
    for scheme, error in (("optimal", 0.0), ("power_of_two", float("inf"))):
        qm = quantize_model(layer, scheme, bits=1)
        assert qm.relative_error == error
        assert qm.report()[0].relative_error == error
        assert qm.tensors["weight"].relative_error == error
        assert prepare(layer).fit(scheme, 1).tensor_relative_error("weight") == error
