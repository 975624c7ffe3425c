"""A quantized tensor as an exporter sees it: packed codes, and what its levels follow from."""

__all__ = ["StoredTensor", "kept_array", "stored_tensor"]

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from ...quantize import SCHEMES, QuantizedTensor
from ...quantize.packing import pack, unpack
from ...quantize.rows import row_lengths


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """What a file or a chip keeps of a quantized tensor.

    Without a `table`, `values[row, code]` is the level. With one, it is
    `values[row, 0] * table[code]`, plus `values[row, 1]` if there is such a column; an int8 value
    e stands for 2^e. Each product and sum is rounded to float32 by itself, so that every exporter
    finds the very levels of `QuantizedTensor.dequantize`.

    Attributes:
        shape: Shape of the weights.
        bits: Bits in a code.
        radix: What digits are below where codes are packed as digits, or None.
        codes: The packed codes, uint8; see `quantize.packing.pack`.
        values: Numbers of each row, shape (rows, p), float32, float16 or int8.
        table: What the scales multiply, float32, shape (2^bits,), or None.
        channel_length: Weights in a channel; rows begin anew with each.
        row_length: Weights in a row; the last row of a channel may be shorter.
    """

    shape: tuple[int, ...]
    bits: int
    radix: int | None
    codes: NDArray[np.uint8]
    values: NDArray
    table: NDArray[np.float32] | None
    channel_length: int
    row_length: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    def unpacked(self) -> NDArray[np.uint8]:
        """Returns the codes, one a byte, flat."""
        return unpack(self.codes, math.prod(self.shape), self.bits, self.radix)

    def levels(self) -> NDArray[np.float32]:
        """Returns the level of every code, shape (rows, 2^bits)."""
        if self.table is None:
            return self.values.astype(np.float32)
        scales = self.values[:, :1]
        if scales.dtype == np.int8:
            return np.ldexp(self.table, scales.astype(np.int32))
        levels = scales.astype(np.float32) * self.table
        return levels if self.values.shape[1] == 1 else levels + self.values[:, 1:]


def stored_tensor(q: QuantizedTensor) -> StoredTensor:
    """Describes a quantized tensor for an exporter.

    A tensor whose levels do not follow from its scales in float32, such as a grid over float16
    weights, is described by its levels, in float32.

    Example:
        >>> from ...quantize import quantize
        >>> s = stored_tensor(quantize(np.float32([[0, 1, 2, 7], [1, 1, 1, 4]]), "uniform", bits=2))
        >>> s.values.shape, s.table.tolist(), s.codes.tolist()
        ((2, 2), [0.0, 1.0, 2.0, 3.0], [208, 192])
    """
    lengths = row_lengths(q.shape, q.granularity, q.group_size)
    n, radix = q.codes.numel(), SCHEMES[q.scheme].radix
    one_channel = len(q.shape) < 2 or len(lengths) == 1
    values, table = _formula(q)
    tensor = StoredTensor(
        shape=tuple(q.shape),
        bits=q.bits,
        radix=radix,
        codes=pack(q.codes.numpy(), q.bits, radix),
        values=values,
        table=table,
        channel_length=n if one_channel else n // q.shape[0],
        row_length=int(lengths[0]),
    )
    levels = q.codebook.float().numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        found = tensor.levels()
    same = found.shape == levels.shape and found.tobytes() == levels.tobytes()
    return tensor if same else replace(tensor, values=levels, table=None)


def _formula(q: QuantizedTensor) -> tuple[NDArray, NDArray[np.float32] | None]:
    """Returns the numbers of every row, shape (rows, p), and the table they are for, if any."""
    rule, numbers = SCHEMES[q.scheme], np.ascontiguousarray(q.parameters)
    if q.row_scales is not None:  # of one codebook, or one grid, for all rows
        return q.row_scales.reshape(-1, 1), rule.levels(numbers, q.bits)[0]
    if rule.storage == "codebook":
        return numbers, None
    unit = np.eye(1, numbers.shape[1], dtype=numbers.dtype)  # a scale of 1, and no offset
    if numbers.dtype == np.int8:
        unit = np.zeros_like(unit)  # 2^0
    return numbers, rule.levels(unit, q.bits)[0]


def kept_array(tensor: torch.Tensor, name: str) -> NDArray[np.float32]:
    """Returns a tensor that was not quantized as float32, its values unchanged.

    Raises:
        ValueError: A value is not finite, or float32 cannot hold it.
    """
    array = tensor.detach().cpu()
    single = array.float()
    if not bool(single.isfinite().all()):
        raise ValueError(
            f"tensor {name!r} holds a value that is not a finite float32; repair it before export"
        )
    if not torch.equal(single.to(array.dtype), array):
        raise ValueError(
            f"tensor {name!r} of type {array.dtype} holds values that float32 cannot hold; "
            "convert the model with .float() first"
        )
    return single.contiguous().numpy()
