"""Whole networks with integer layers, or with rounded activations: they run like the original."""

__all__ = ["quantize_activations", "simulate"]

import copy
from collections.abc import Callable, Collection

from torch import nn

from .affine import AffineGrid
from .layers import QuantizedInput, integer_layer
from .ranges import ActivationRange, ActivationRanges
from .recording import integer_layers


def simulate(
    model: nn.Module,
    ranges: ActivationRanges,
    weight_bits: int = 8,
    activation_bits: int | None = None,
    weight_method: str = "min_max",
    integer_outputs: bool = True,
    keep: Collection[str] = (),
    rounding: str = "half_even",
) -> nn.Module:
    """Returns the network with every convolution and linear layer computed in integers.

    Weights are symmetric integers, one step an output channel; inputs are unsigned codes of one
    static grid a layer; sums and biases have 32 bits. Each layer's codes are those of ONNX
    Runtime's quantized operators, bit for bit. **In floating point stay**: norms, SiLU, the scores
    and the softmax of attention, additions, the embeddings of time and class before their linear
    layers, layers of other kinds, and the solver.

    Args:
        model: The full-precision network; it is copied, not changed.
        ranges: Its activation ranges, from `calibrate_activations`.
        weight_bits: Bits of a weight, 2 to 8.
        activation_bits: Bits of inputs and outputs, 2 to 8; those of `ranges` by default. Ends of
            ranges that were chosen for other bits are kept.
        weight_method: `"min_max"` or `"mse"`, see `integer_weights`.
        integer_outputs: Whether what comes out of a layer is rescaled to codes of its own grid, as
            an integer kernel stores it, or handed on as the 32-bit sum in floating point.
        keep: Names of layers that stay in floating point.
        rounding: How sums become codes: `"half_even"` as in ONNX Runtime, or `"fixed_point"` as in
            TFLite and CMSIS-NN.

    Returns:
        A network v(x, t, label) in which layers are `IntegerConv2d` and `IntegerLinear`; it has no
        gradients.

    Raises:
        ValueError: If an argument is out of range, or a layer has no range.

    Example:
        >>> from fmq_explore.flow import MLP, sample
        >>> from fmq_explore.integer import calibrate_activations
        >>> model = MLP(width=8, depth=1)
        >>> network = simulate(model, calibrate_activations(model, n=8, steps=2))
        >>> sample(network, n=3, steps=2).samples.shape
        torch.Size([3, 2])
    """
    bits = ranges.bits if activation_bits is None else activation_bits

    def replacement(name: str, layer: nn.Conv2d | nn.Linear) -> nn.Module:
        output = _grid(ranges.outputs[name], bits) if integer_outputs else None
        input = _grid(ranges.inputs[name], bits)
        return integer_layer(layer, input, output, weight_bits, weight_method, rounding)

    return _replaced(model, ranges, keep, replacement)


def quantize_activations(
    network: nn.Module,
    ranges: ActivationRanges | None,
    bits: int | None = None,
    keep: Collection[str] = (),
) -> nn.Module:
    """Returns the network with what goes into its layers rounded to grids.

    Its weights stay what they are: full precision, or the codebooks of a
    `fmq_explore.QuantizedModel`, whose `.model` is given. So the effect of activations can be told
    from that of weights, and non-uniform weights be combined with 8-bit activations.

    Args:
        network: The network; it is copied, not changed.
        ranges: Static ranges of the full-precision network of that architecture; or None for
            dynamic ones, found anew at every call from the extremes of the batch.
        bits: Bits of an activation, 2 to 8; those of `ranges`, or 8, by default.
        keep: Names of layers whose inputs are not rounded.

    Raises:
        ValueError: If `bits` is out of range, or a layer has no range.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> from fmq_explore.integer import calibrate_activations
        >>> model = MLP(width=8, depth=1)
        >>> rounded = quantize_activations(model, calibrate_activations(model, n=8, steps=2))
        >>> type(rounded.first).__name__, type(model.first).__name__
        ('QuantizedInput', 'Linear')
    """
    bits = (ranges.bits if ranges else 8) if bits is None else bits

    def replacement(name: str, layer: nn.Conv2d | nn.Linear) -> nn.Module:
        if ranges is None:
            return QuantizedInput(layer, None, bits)
        return QuantizedInput(layer, _grid(ranges.inputs[name], bits))

    return _replaced(network, ranges, keep, replacement)


def _replaced(
    model: nn.Module,
    ranges: ActivationRanges | None,
    keep: Collection[str],
    replacement: Callable[[str, nn.Conv2d | nn.Linear], nn.Module],
) -> nn.Module:
    """Returns a copy of the model in which layers are replaced by name."""
    layers = integer_layers(model)
    unknown = [name for name in keep if name not in layers]
    if unknown:
        raise ValueError(f"keep names {unknown[0]!r}: choose among {', '.join(layers)}")
    known = layers if ranges is None else ranges.inputs
    missing = [name for name in layers if name not in known and name not in keep]
    if missing:
        raise ValueError(
            f"the layer {missing[0]} has no range: calibrate this very architecture, or name the "
            "layer in keep"
        )
    network = copy.deepcopy(model)
    for name, layer in integer_layers(network).items():
        if name not in keep:
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, replacement(name, layer))
    return network


def _grid(chosen: ActivationRange, bits: int) -> AffineGrid:
    """Returns the grid of a range at some bits."""
    if bits == chosen.grid.bits:
        return chosen.grid
    if bits not in range(2, 9):
        raise ValueError(f"bits of activations is {bits!r}: use 2 to 8")
    return AffineGrid.spanning(chosen.low, chosen.high, bits)
