"""Integer inference: activation ranges along the flow, and layers as integer kernels compute them.

The reference is ONNX Runtime: `quantized_linear` and `quantized_conv2d` give the very codes of its
``QGemm``, ``QLinearMatMul`` and ``QLinearConv``. Beware when you compare: on x86-64 without VNNI
instructions ONNX Runtime multiplies unsigned activations by *signed* weights with ``VPMADDUBSW``,
whose 16-bit sums of two products saturate, since 2 x 255 x 127 does not fit. Exact everywhere are
unsigned weights (store k + 128 with the zero point 128), and signed ones of at most 7 bits.
"""

__all__ = [
    "ROUNDINGS",
    "ActivationRange",
    "ActivationRanges",
    "ActivationRecord",
    "AffineGrid",
    "IntegerConv2d",
    "IntegerLinear",
    "QuantizedInput",
    "Statistics",
    "calibrate_activations",
    "choose_ranges",
    "integer_layers",
    "integer_weights",
    "quantize_activations",
    "quantized_conv2d",
    "quantized_linear",
    "record_activations",
    "simulate",
]

from .affine import AffineGrid
from .layers import IntegerConv2d, IntegerLinear, QuantizedInput
from .operators import quantized_conv2d, quantized_linear
from .ranges import ActivationRange, ActivationRanges, calibrate_activations, choose_ranges
from .recording import ActivationRecord, Statistics, integer_layers, record_activations
from .requantize import ROUNDINGS
from .simulate import quantize_activations, simulate
from .weights import integer_weights
