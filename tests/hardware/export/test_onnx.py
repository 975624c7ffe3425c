"""ONNX files, run by ONNX Runtime: the same velocity, the very same weights, and really small."""

import builtins
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

import fmq_explore as fmq
from fmq_explore.flow import MLP, UNet
from fmq_explore.flow.torchcfm_unet import TorchcfmUNet
from fmq_explore.flow.weights_only import WeightsOnly
from fmq_explore.hardware.export import write_onnx
from fmq_explore.hardware.export.onnx_weights import WeightGraph
from fmq_explore.hardware.export.stored import stored_tensor
from fmq_explore.quantize import GRANULARITIES, QuantizedModel, quantize_model

from .made import one_of_each, small

TOLERANCE = 1e-5


def session(model: bytes | Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def error(path: Path, network: nn.Module, n: int) -> float:
    """Returns the largest difference of the velocities over the RMS of ours."""
    g = torch.Generator().manual_seed(n)
    inputs = {
        "x": torch.randn(n, *network.data_shape, generator=g),
        "t": torch.rand(n, generator=g),
    }
    if network.n_classes is not None:
        inputs["label"] = torch.arange(n) % network.n_classes
        if not isinstance(network, TorchcfmUNet):
            inputs["label"][-1] = network.n_classes  # no label
    with torch.no_grad():
        ours = network(*inputs.values()).numpy()
    (theirs,) = session(path).run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    return float(np.abs(theirs - ours).max() / np.sqrt(np.square(ours).mean()))


def trained(network: nn.Module) -> nn.Module:
    """Fills what begins as zeros, so that every layer shows in the output."""
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=g))
    return network.eval()


@pytest.mark.parametrize("name", ["moons", "mnist", "emoji"])
def test_the_velocity_is_ours(name: str, tmp_path: Path) -> None:
    """At batches that were not traced, and without a label."""
    model, path = fmq.load_model(name), tmp_path / "model.onnx"
    write_onnx(model, path)
    for n in (1, 5):
        assert error(path, model, n) < TOLERANCE


@pytest.mark.parametrize(
    ("name", "scheme", "bits", "granularity"),
    [
        ("moons", "equal_mass", 4, "channel"),
        ("mnist", "optimal", 2, "channel"),
        ("mnist", "uniform", 3, "group"),
        ("emoji", "power_of_two", 5, "tensor"),
    ],
)
def test_the_velocity_of_a_quantized_network_is_ours(
    name: str, scheme: str, bits: int, granularity: str, tmp_path: Path
) -> None:
    group = 50 if granularity == "group" else None  # does not divide the channels
    qm = fmq.quantize_model(fmq.load_model(name), scheme, bits, granularity, group)
    path = tmp_path / "model.onnx"
    assert write_onnx(qm, path) == path.stat().st_size
    assert error(path, qm.model, 3) < TOLERANCE
    held = {constant.name for constant in onnx.load(path).graph.initializer}
    assert not held & set(qm.tensors)
    assert {f"fmq.{tensor}.codes" for tensor in qm.tensors} <= held


def test_a_quantized_file_is_really_smaller(tmp_path: Path) -> None:
    """Codes are packed: beside the graph, it is as small as our own file."""
    model = fmq.load_model("mnist")
    full = write_onnx(model, tmp_path / "full.onnx")
    graph = full - 4 * sum(p.numel() for p in model.parameters())
    for bits in (2, 3):
        qm = fmq.quantize_model(model, bits=bits)
        size = write_onnx(qm, tmp_path / "small.onnx")
        assert size < qm.n_bytes + 1.5 * graph
        assert size < full / 6


def decoded(qm: QuantizedModel) -> dict[str, np.ndarray]:
    """Runs only the part of a graph that decodes the weights."""
    weights = WeightGraph()
    for name, q in qm.tensors.items():
        weights.add(name, stored_tensor(q))
    outputs = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(q.shape))
        for name, q in qm.tensors.items()
    ]
    constants = list(weights.constants.values())
    graph = onnx.helper.make_graph(weights.nodes, "weights", [], outputs, constants)
    opset = [onnx.helper.make_opsetid("", 18)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    onnx.checker.check_model(model)
    return dict(
        zip(qm.tensors, session(model.SerializeToString()).run(list(qm.tensors), {}), strict=True)
    )


@pytest.mark.parametrize("scheme", ["optimal", "uniform", "symmetric", "power_of_two", "ternary"])
@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_decoded_weights_are_those_of_python(scheme: str, granularity: str) -> None:
    """Bit for bit, at 1, 2, 3, 5 and 8 bits."""
    qm = small(scheme, granularity)
    for name, weights in decoded(qm).items():
        assert weights.dtype == np.float32
        assert np.array_equal(weights, qm.tensors[name].dequantize().numpy()), name


def test_every_scheme_and_type_of_codebook_is_decoded() -> None:
    qm = one_of_each()
    for name, weights in decoded(qm).items():
        assert np.array_equal(weights, qm.tensors[name].dequantize().numpy()), name


@pytest.mark.parametrize(
    "network",
    [MLP((3,), n_classes=4, width=16, depth=1), UNet((2, 8, 8), channels=8, patch=1, embedding=16)],
    ids=["mlp with classes", "unet without"],
)
def test_networks_of_other_shapes_work(network: nn.Module, tmp_path: Path) -> None:
    network, path = trained(network), tmp_path / "model.onnx"
    write_onnx(network, path)
    assert error(path, network, 3) < TOLERANCE
    qm = quantize_model(network, "uniform", 4)
    write_onnx(qm, path)
    assert error(path, qm.model, 4) < TOLERANCE


@pytest.mark.skipif(not TorchcfmUNet.is_available(), reason="needs the package torchcfm")
def test_a_unet_of_torchcfm_works(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "model_channels": 32,
        "num_res_blocks": 1,
        "attention_resolutions": (2,),
        "channel_mult": (1, 2),
        "num_heads": 2,
    }
    network = trained(TorchcfmUNet((1, 8, 8), 3, **settings))
    path = tmp_path / "model.onnx"
    qm = quantize_model(network, "optimal", 3)
    write_onnx(qm, path)
    assert error(path, qm.model, 3) < TOLERANCE


def test_tied_weights_are_kept_once(tmp_path: Path) -> None:
    network = trained(MLP((2,), width=32, depth=2))
    network.hidden[1].weight = network.hidden[0].weight
    qm, path = quantize_model(network, bits=2), tmp_path / "model.onnx"
    assert qm.tied
    write_onnx(qm, path)
    assert error(path, qm.model, 3) < TOLERANCE


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (WeightsOnly({"w": torch.ones(2, 2)}), "nothing is known of how to run this one"),
        (nn.Linear(2, 2), "nothing is known of how to run this one"),
        (MLP((2,), width=8).half(), "computes in torch.float16"),
    ],
    ids=["weights only", "no velocity", "half precision"],
)
def test_what_cannot_be_run_is_an_error(model: nn.Module, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        write_onnx(model, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_the_error_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = builtins.__import__

    def missing(name: str, *rest: Any, **more: Any) -> Any:
        if name == "onnx":
            raise ModuleNotFoundError(name)
        return original(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ValueError, match=r"pip install 'fmq-explore\[onnx\]'"):
        write_onnx(MLP((2,), width=8), tmp_path / "model.onnx")


def test_an_older_file_survives_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("older")
    qm = replace(small("optimal", "channel"), model=nn.Linear(2, 2))
    with pytest.raises(ValueError, match="velocity network"):
        write_onnx(qm, path)
    assert path.read_text() == "older"
