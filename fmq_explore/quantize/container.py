"""The safetensors container: its header is known before a byte of data is written."""

__all__ = ["Entry", "header", "write"]

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import torch

DTYPE_CODES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


@dataclass(frozen=True)
class Entry:
    """One tensor in the file: name, type, shape, and bytes of data."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    n_bytes: int


def arranged(entries: Iterable[Entry]) -> list[Entry]:
    """Returns the entries as they lie in the file: widest type first, so that all are aligned."""
    return sorted(entries, key=lambda entry: (-entry.dtype.itemsize, entry.name))


def header(entries: Sequence[Entry], metadata: Mapping[str, str]) -> bytes:
    """Returns all bytes of the file that come before the data.

    The layout is that of safetensors: the length of a JSON object as eight bytes, little-endian,
    then that object, padded with spaces to a multiple of eight.
    """
    description: dict[str, object] = {"__metadata__": dict(metadata)}
    start = 0
    for entry in arranged(entries):
        description[entry.name] = {
            "dtype": DTYPE_CODES[entry.dtype],
            "shape": list(entry.shape),
            "data_offsets": [start, start + entry.n_bytes],
        }
        start += entry.n_bytes
    text = json.dumps(description, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def file_size(entries: Sequence[Entry], metadata: Mapping[str, str]) -> int:
    """Returns the size of the file that `write` writes, without writing it."""
    return len(header(entries, metadata)) + sum(entry.n_bytes for entry in entries)


def write(
    path: str | PathLike[str],
    entries: Sequence[Entry],
    data: Mapping[str, bytes],
    metadata: Mapping[str, str],
) -> None:
    """Writes the file; a failure half-way leaves an older file of that name as it was."""
    path = Path(path)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as file:
        file.write(header(entries, metadata))
        for entry in arranged(entries):
            file.write(data[entry.name])
    unfinished.replace(path)


def tensor_bytes(tensor: torch.Tensor) -> bytes:
    """Returns the bytes of a tensor, whatever its type."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy().tobytes()
