"""The constants of a C header: arrays, and one line of a table for each tensor."""

__all__ = ["KINDS", "Contents", "Line", "contents_of", "name_size"]

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...quantize import QuantizedModel
from .c_arrays import WORD, CArray, c_string
from .stored import StoredTensor, kept_array, stored_tensor

KINDS = ("KEPT", "CODEBOOK", "CODEBOOK_HALF", "SCALE", "SCALE_HALF", "SCALE_OFFSET", "EXPONENT")
"""How the levels of a tensor are found; the decoder has one case for each."""


@dataclass(frozen=True, eq=False)
class Line:
    """One line of the table of tensors: arrays by name, the other numbers as they are."""

    name: str
    codes: str
    values: str
    table: str
    shape: tuple[int, ...]
    n_rows: int
    row_length: int
    channel_length: int
    bits: int
    radix: int
    kind: str


@dataclass(frozen=True, eq=False)
class Contents:
    """All constants of a header."""

    arrays: Sequence[CArray]
    lines: Sequence[Line]

    @property
    def n_dims(self) -> int:
        """Dimensions that the table has room for."""
        return max([1, *(len(line.shape) for line in self.lines)])

    @property
    def n_bytes(self) -> int:
        """Bytes of constants on a chip with pointers of 32 bits."""
        names = sum(name_size(line.name) for line in self.lines)
        line_size = 4 * WORD + (self.n_dims + 4) * WORD + WORD  # pointers; counts; four bytes
        return names + line_size * len(self.lines) + sum(array.n_bytes for array in self.arrays)


def name_size(name: str) -> int:
    """Returns the bytes of a name with its closing zero, in whole words."""
    return -(-(len(name.encode()) + 1) // WORD) * WORD


def contents_of(qm: QuantizedModel, name: str) -> Contents:
    """Collects the constants: every array once, every tensor and every tied name in the table."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise ValueError(
            f"name {name!r} cannot begin names in C: use letters, digits and underscores, a letter "
            "first"
        )
    arrays: list[CArray] = []
    lines: dict[str, Line] = {}
    tables: dict[bytes, str] = {}
    for i, (tensor, q) in enumerate(sorted(qm.tensors.items())):
        stored = stored_tensor(q)
        table = _shared_table(stored.table, arrays, tables, name)
        lines[tensor] = _quantized_line(tensor, stored, arrays, f"{name}_%s_{i}", table)
    for i, (tensor, raw) in enumerate(sorted(qm.raw.items())):
        kept = kept_array(raw, tensor)
        arrays.append(CArray(f"{name}_kept_{i}", kept, f"{c_string(tensor)}, not quantized"))
        n = kept.size
        lines[tensor] = Line(tensor, "0", arrays[-1].name, "0", kept.shape, 1, n, n, 32, 0, "KEPT")
    for alias, tensor in qm.tied.items():
        lines[alias] = Line(**{**vars(lines[tensor]), "name": alias})
    if not lines:
        raise ValueError("the network holds no tensors: give one with weights")
    return Contents(arrays, [lines[tensor] for tensor in sorted(lines)])


def _shared_table(
    table: NDArray[np.float32] | None, arrays: list[CArray], tables: dict[bytes, str], name: str
) -> str:
    """Returns the name of a table, which tensors with equal ones share; 0 for none."""
    if table is None:
        return "0"
    key = table.tobytes()
    if key not in tables:
        tables[key] = f"{name}_table_{len(tables)}"
        arrays.append(CArray(tables[key], table, "what scales multiply, by code"))
    return tables[key]


def _quantized_line(
    tensor: str, stored: StoredTensor, arrays: list[CArray], pattern: str, table: str
) -> Line:
    """Adds the codes and values of a tensor to the arrays, and returns its line of the table."""
    kind = _kind(stored)
    title = c_string(tensor)
    words = f"{title}: {stored.n_rows} rows, {kind.lower().replace('_', ' ')}"
    values = CArray(pattern % "values", stored.values, words)
    what = (
        f"codes of {stored.bits} bits" if stored.radix is None else f"digits below {stored.radix}"
    )
    codes = CArray(pattern % "codes", stored.codes, f"{title}: {what}")
    arrays += [values, codes]
    return Line(
        tensor,
        codes.name,
        values.name,
        table,
        stored.shape,
        stored.n_rows,
        stored.row_length,
        stored.channel_length,
        stored.bits,
        stored.radix or 0,
        kind,
    )


def _kind(stored: StoredTensor) -> str:
    """Returns how the decoder finds the levels."""
    if stored.table is None:
        return "CODEBOOK_HALF" if stored.values.dtype == np.float16 else "CODEBOOK"
    if stored.values.dtype == np.int8:
        return "EXPONENT"
    if stored.values.dtype == np.float16:
        return "SCALE_HALF"
    return "SCALE" if stored.values.shape[1] == 1 else "SCALE_OFFSET"
