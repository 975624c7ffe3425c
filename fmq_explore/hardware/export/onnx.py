"""The velocity network as ONNX: inputs x, t and label, any batch, quantized weights packed."""

__all__ = ["write_onnx"]

import warnings
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ...quantize import QuantizedModel, QuantizedTensor
from .onnx_weights import WeightGraph
from .stored import stored_tensor

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto

OPSET = 18  # the first with bitwise operators
LIMIT = 2**31 - 2**20  # a protobuf holds less than 2 GiB


def write_onnx(model: nn.Module | QuantizedModel, path: str | PathLike[str]) -> int:
    """Writes the velocity network as an ONNX file, opset 18.

    Inputs are `x` (n, ...), float32, `t` (n,), float32, and, for a model with classes, `label`
    (n,), int64, where the number of classes stands for "no label". The output `v` is the velocity,
    in the shape of x; n is free. Quantized weights are in the file as packed codes and codebooks or
    scales, with the operators that decode them; ONNX Runtime does so once, on opening the file.

    Args:
        model: A velocity network, or a quantized one.
        path: The file; a failure half-way leaves an older file as it was.

    Returns:
        The size of the file in bytes.

    Raises:
        ValueError: The package onnx is missing, or the model is none that can be run.

    Example:
        >>> import tempfile
        >>> from ...flow import MLP
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     size = write_onnx(MLP((2,), width=8), f"{folder}/mlp.onnx")
        ...     size == Path(folder, "mlp.onnx").stat().st_size
        True
    """
    onnx = _onnx()
    network = model.model if isinstance(model, QuantizedModel) else model
    graph: ModelProto = onnx.load_from_string(_exported(network))
    quantized = model.tensors if isinstance(model, QuantizedModel) else {}
    _pack_weights(graph.graph, quantized)
    _shorten(graph.graph, quantized)
    onnx.checker.check_model(graph)
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(graph.SerializeToString())
    unfinished.replace(path)
    return path.stat().st_size


def _onnx() -> Any:
    """Imports onnx, which is an extra."""
    try:
        import onnx
    except ImportError:
        raise ValueError(
            "an ONNX file needs the package onnx: pip install 'fmq-explore[onnx]'"
        ) from None
    return onnx


def _exported(network: nn.Module) -> bytes:
    """Returns the ONNX file that torch makes of a network.

    The exporter that traces is told to, because the other one needs a further package.
    """
    inputs = _example(network)
    names = ["x", "t", "label"][: len(inputs)]
    other = {str(p.dtype) for p in network.parameters()} - {"torch.float32"}
    if other:
        raise ValueError(
            f"the network computes in {', '.join(sorted(other))}, and ONNX here is for float32; "
            "convert the model with .float() first"
        )
    n_bytes = sum(4 * p.numel() for p in network.parameters())
    if n_bytes > LIMIT:
        raise ValueError(f"the weights fill {n_bytes} bytes, but an ONNX file ends at {LIMIT}")
    with TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        file = Path(folder, "network.onnx")
        warnings.simplefilter("ignore")  # that tracing is old, and fixes what is constant here
        torch.onnx.export(
            network,
            inputs,
            file,
            input_names=names,
            output_names=["v"],
            dynamic_axes={name: {0: "n"} for name in (*names, "v")},
            opset_version=OPSET,
            do_constant_folding=False,  # it would rename the weights
            dynamo=False,
        )
        return file.read_bytes()


def _example(network: nn.Module) -> tuple[Tensor, ...]:
    """Returns inputs to trace a network with: two samples, so that no size is 1 by chance."""
    shape = getattr(network, "data_shape", None)
    if not shape:
        raise ValueError(
            "only a velocity network v(x, t, label) with a data_shape can become ONNX, and nothing "
            "is known of how to run this one; export its weights as safetensors or c"
        )
    inputs = (torch.zeros(2, *shape), torch.tensor([0.25, 0.75]))
    n_classes = getattr(network, "n_classes", None)
    return inputs if n_classes is None else (*inputs, torch.tensor([0, n_classes - 1]))


def _pack_weights(graph: "GraphProto", quantized: Mapping[str, QuantizedTensor]) -> None:
    """Replaces the quantized weights by packed codes and the operators that decode them."""
    weights = WeightGraph()
    floats = []
    for constant in graph.initializer:
        if constant.name in quantized:
            weights.add(constant.name, stored_tensor(quantized[constant.name]))
        else:
            floats.append(constant)
    _replace(graph.initializer, [*floats, *weights.constants.values()])
    _replace(graph.node, [*weights.nodes, *graph.node])


def _replace(field: Any, content: list[Any]) -> None:
    """Puts other content into a field of a protobuf, which takes no assignment."""
    del field[:]
    field.extend(content)


def _shorten(graph: "GraphProto", weights: Iterable[str]) -> None:
    """Numbers what has long names but nobody's interest: operators and intermediate results."""
    known = {item.name for item in (*graph.input, *graph.output, *graph.initializer)} | {*weights}
    short: dict[str, str] = {}
    for node in graph.node:
        node.name = node.doc_string = ""
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name and name not in known:
                    names[i] = short.setdefault(name, f"#{len(short)}")
    del graph.value_info[:]
