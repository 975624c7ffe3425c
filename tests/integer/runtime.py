"""ONNX Runtime's quantized operators, one node at a time, on torch tensors."""

from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from fmq_explore.integer import AffineGrid

OPSETS = [helper.make_opsetid("", 13), helper.make_opsetid("com.microsoft", 1)]


def run(operator: str, x: Tensor, constants: dict[str, np.ndarray], **attributes: Any) -> Tensor:
    """Runs one operator on codes x; its other inputs are constants, in the order given."""
    domain = "com.microsoft" if operator == "QGemm" else ""
    node = helper.make_node(operator, ["x", *constants], ["y"], domain=domain, **attributes)
    graph = helper.make_graph(
        [node],
        operator,
        [
            helper.make_tensor_value_info(
                "x", helper.np_dtype_to_tensor_dtype(x.numpy().dtype), x.shape
            )
        ],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (y,) = session.run(None, {"x": x.numpy()})
    return torch.from_numpy(np.asarray(y))


def scale_and_zero(name: str, grid: AffineGrid) -> dict[str, np.ndarray]:
    """Describes a grid as two constants."""
    return {f"{name}_s": np.float32(grid.scale), f"{name}_z": np.uint8(grid.zero_point)}


def weight_constants(weight: Tensor, scale: Tensor, signed: bool) -> dict[str, np.ndarray]:
    """Describes symmetric integer weights; unsigned ones are k + 128, exact on every machine."""
    codes = weight.numpy() if signed else (weight.int() + 128).to(torch.uint8).numpy()
    zeros = np.full(len(weight), 0 if signed else 128, codes.dtype)
    return {"w": codes, "w_s": scale.numpy(), "w_z": zeros}


def conv2d(
    x: Tensor,
    input: AffineGrid,
    weight: Tensor,
    scale: Tensor,
    bias: Tensor | None,
    output: AffineGrid,
    stride: tuple[int, int] = (1, 1),
    padding: tuple[int, int] = (0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    signed: bool = False,
) -> Tensor:
    """``QLinearConv``."""
    constants = scale_and_zero("x", input) | weight_constants(weight, scale, signed)
    constants |= scale_and_zero("y", output) | ({} if bias is None else {"b": bias.numpy()})
    return run(
        "QLinearConv",
        x,
        constants,
        strides=list(stride),
        pads=[*padding, *padding],
        dilations=list(dilation),
        group=groups,
    )


def linear(
    x: Tensor,
    input: AffineGrid,
    weight: Tensor,
    scale: Tensor,
    bias: Tensor | None,
    output: AffineGrid,
    signed: bool = False,
) -> Tensor:
    """``QGemm`` with a bias, ``QLinearMatMul`` without."""
    constants = scale_and_zero("x", input) | weight_constants(weight, scale, signed)
    if bias is not None:
        constants |= {"b": bias.numpy()} | scale_and_zero("y", output)
        return run("QGemm", x, constants, transB=1)
    constants |= {"w": constants["w"].T.copy()} | scale_and_zero("y", output)
    return run("QLinearMatMul", x, constants)
