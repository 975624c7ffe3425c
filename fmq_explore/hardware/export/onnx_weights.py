"""Quantized weights in an ONNX graph: packed codes, and the operators that decode them."""

__all__ = ["WeightGraph"]

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...quantize.packing import pack
from .stored import StoredTensor

if TYPE_CHECKING:
    from onnx import NodeProto, TensorProto

FLOAT, INT32 = 1, 6  # TensorProto.FLOAT and .INT32
BYTE = 8


@dataclass
class WeightGraph:
    """Operators that decode the weights of a network, and the constants that they read.

    Eight codes of b bits fill b bytes. Each code begins in one byte and may end in the next: both
    are gathered, shifted, joined and masked. Digits are divided out of their byte. What is left are
    whole numbers to look levels up with.
    Tensors of the same bits share the constants, and a runtime that folds constants decodes each
    weight once, when it opens the file.

    Attributes:
        nodes: The operators, in an order in which they can run.
        constants: The constants by name.
    """

    nodes: list["NodeProto"] = field(default_factory=list)
    constants: dict[str, "TensorProto"] = field(default_factory=dict)
    _tables: dict[bytes, int] = field(default_factory=dict)

    def add(self, name: str, tensor: StoredTensor) -> None:
        """Adds a tensor: its weights come out under its name, those of `dequantize()` exactly."""
        channels = math.prod(tensor.shape) // tensor.channel_length
        per_channel = -(-tensor.channel_length // tensor.row_length)
        padded = per_channel * tensor.row_length
        codes = self._codes(name, tensor, channels, padded)
        weights = self._levels(name, tensor, codes)
        if padded != tensor.channel_length:
            weights = self._reshaped(weights, (channels, padded))
            ends = [self._whole(n) for n in ([0], [tensor.channel_length], [1])]
            weights = self._node("Slice", weights, *ends)
        self._reshaped(weights, tensor.shape, output=name)

    def _codes(self, name: str, tensor: StoredTensor, channels: int, padded: int) -> str:
        """Returns the name of the codes, int32, shape (rows, row length), short rows filled up."""
        codes = tensor.unpacked().reshape(channels, -1)
        codes = np.pad(codes, ((0, 0), (0, padded - codes.shape[1])))
        packed = pack(codes, tensor.bits, tensor.radix)
        if tensor.radix is not None:
            stream, n = self._digits(f"{name}.codes", packed, tensor.radix)
        else:
            stream, n = self._bits(f"{name}.codes", packed, tensor.bits)
        if n != codes.size:
            ends = [self._whole(n) for n in ([0], [codes.size])]
            stream = self._node("Slice", stream, *ends)
        rows = self._reshaped(stream, (-1, tensor.row_length))
        return self._node("Cast", rows, to=INT32)

    def _bits(self, name: str, packed: NDArray[np.uint8], bits: int) -> tuple[str, int]:
        """Returns the codes in a stream of bits, eight for each group of bytes; and how many."""
        packed = np.pad(packed, (0, -len(packed) % bits)).reshape(-1, bits)
        stream, n = self._constant(name, packed), len(packed) * BYTE
        if bits == BYTE:
            return self._reshaped(stream, (-1,)), n
        byte, shift = np.divmod(np.arange(BYTE) * bits, BYTE)
        low = self._node("Gather", stream, self._whole(byte), axis=1)
        shifts = self._constant(f"shift.{bits}", shift.astype(np.uint8))
        codes = self._node("BitShift", low, shifts, direction="RIGHT")
        straddles = shift + bits > BYTE
        if straddles.any():
            # A code that ends in its first byte takes nothing of the next: what a shift of 7 leaves
            # of that, if it is not zero, is beyond the mask
            rest = np.where(straddles, BYTE - shift, BYTE - 1).astype(np.uint8)
            high = self._node("Gather", stream, self._whole(np.minimum(byte + 1, bits - 1)), axis=1)
            rests = self._constant(f"rest.{bits}", rest)
            high = self._node("BitShift", high, rests, direction="LEFT")
            codes = self._node("BitwiseOr", codes, high)
        mask = self._constant(f"mask.{bits}", np.array([2**bits - 1], dtype=np.uint8))
        return self._reshaped(self._node("BitwiseAnd", codes, mask), (-1,)), n

    def _digits(self, name: str, packed: NDArray[np.uint8], radix: int) -> tuple[str, int]:
        """Returns the codes in bytes of digits, as many to a byte as fit; and how many."""
        powers = radix ** np.arange(BYTE, dtype=np.int32)
        powers = powers[powers * radix <= 2**BYTE]
        stream = self._constant(name, packed.reshape(-1, 1))
        numbers = self._node("Cast", stream, to=INT32)
        shifted = self._node("Div", numbers, self._constant(f"powers.{radix}", powers))
        base = self._constant(f"radix.{radix}", np.array([radix], dtype=np.int32))
        return self._reshaped(self._node("Mod", shifted, base), (-1,)), packed.size * len(powers)

    def _levels(self, name: str, tensor: StoredTensor, codes: str) -> str:
        """Returns the level of each code, float32, shape (rows, row length)."""
        values = tensor.values
        if tensor.table is None:
            book = self._constant(f"{name}.levels", values)
            if values.dtype != np.float32:
                book = self._node("Cast", book, to=FLOAT)
            return self._node("GatherElements", book, codes, axis=1)
        scales = values[:, :1]
        if scales.dtype == np.int8:
            scales = np.ldexp(np.float32(1), scales.astype(np.int32))
        scales = scales.astype(np.float32)
        number = self._tables.setdefault(tensor.table.tobytes(), len(self._tables))
        table = self._constant(f"table.{number}", tensor.table)
        factors = self._node("Gather", table, codes, axis=0)
        levels = self._node("Mul", factors, self._constant(f"{name}.scales", scales))
        if values.shape[1] == 1:
            return levels
        return self._node("Add", levels, self._constant(f"{name}.offsets", values[:, 1:]))

    def _whole(self, numbers: Any) -> str:
        """Returns the name of a constant of whole numbers, int64."""
        array = np.atleast_1d(np.asarray(numbers, dtype=np.int64))
        return self._constant("whole." + "_".join(map(str, array.tolist())), array)

    def _reshaped(self, value: str, shape: tuple[int, ...], output: str | None = None) -> str:
        return self._node("Reshape", value, self._whole(shape or np.empty(0)), output=output)

    def _constant(self, name: str, array: NDArray) -> str:
        """Adds a constant unless it is there; returns its name."""
        from onnx import numpy_helper

        name = f"fmq.{name}"
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def _node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Adds an operator; returns the name of its output."""
        from onnx import helper

        output = f"fmq.{len(self.nodes)}" if output is None else output
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output
