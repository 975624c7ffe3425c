"""What the file of a quantized network says: its entries, and the text beside them."""

__all__ = ["FIGURES", "decode", "describe", "file_entries", "file_metadata", "is_quantized", "read"]

import json
import math
from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .container import DTYPE_CODES, Entry
from .tensor import QuantizedTensor, from_bytes

# Of every quantized tensor root mean squared error, norm and, where codes that were trained make it
# another number, W2: float32, shape (tensors, 2 or 3)
FIGURES = "__figures__"
FORMAT = 1

Described = Mapping[str, tuple[tuple[int, ...], torch.dtype]]


def describe(model: nn.Module) -> dict[str, object]:
    """Returns the class of a network and, where it has a `config()` method, its configuration.

    Raises:
        ValueError: The configuration cannot be written as JSON.
    """
    kind = type(model)
    description: dict[str, object] = {"class": f"{kind.__module__}.{kind.__qualname__}"}
    config = getattr(model, "config", None)
    if callable(config):
        description["config"] = config()
        try:
            json.dumps(description)
        except TypeError as error:
            raise ValueError(
                f"{kind.__name__}.config() must return only what JSON can hold: {error}"
            ) from error
    return description


def file_entries(sizes: Mapping[str, int], raw: Described, n_figures: int = 2) -> list[Entry]:
    """Lists the file's tensors: one of bytes for each quantized one, the others as they are."""
    entries = [Entry(name, torch.uint8, (size,), size) for name, size in sizes.items()]
    for name, (shape, dtype) in raw.items():
        if dtype not in DTYPE_CODES:
            raise ValueError(f"tensor {name!r} of type {dtype} cannot be saved; convert it first")
        entries.append(Entry(name, dtype, shape, math.prod(shape) * dtype.itemsize))
    shape = (len(sizes), n_figures)
    entries.append(Entry(FIGURES, torch.float32, shape, 4 * len(sizes) * n_figures))
    return entries


def file_metadata(
    scheme: str,
    codebook_dtype: str,
    granularity: str,
    group_size: int | None,
    quantized: Mapping[str, tuple[int, tuple[int, ...], torch.dtype]],
    left: Iterable[str],
    plain: Iterable[str],
    tied: Mapping[str, str],
    description: Mapping[str, object],
) -> dict[str, str]:
    """Returns the file's text: how to read the bytes, and the network they belong to.

    The quantized tensors are listed as [bits, shape, type] in the order of their sorted names,
    the type only where it is not float32; `plain` names other tensors of bytes.
    """
    tensors = []
    for name in sorted(quantized):
        bits, shape, dtype = quantized[name]
        code = [] if dtype == torch.float32 else [DTYPE_CODES[dtype]]
        tensors.append([bits, list(shape), *code])
    text: dict[str, object] = {
        "format": FORMAT,
        "scheme": scheme,
        "codebook_dtype": codebook_dtype,
        "granularity": granularity,
        "group_size": group_size,
        "tensors": tensors,
        "left": sorted(left),
        "plain": sorted(plain),
        "tied": dict(tied),
        **description,
    }
    return {"fmq": json.dumps(text, separators=(",", ":"))}


def is_quantized(path: str | PathLike[str]) -> bool:
    """Tells whether a path is a file that `QuantizedModel.save` wrote, by its header alone."""
    try:
        with safe_open(path, framework="pt") as file:
            return "fmq" in (file.metadata() or {})
    except (OSError, SafetensorError):
        return False


def read(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Returns the text and the tensors of a file."""
    if not Path(path).is_file():
        raise ValueError("there is no such file")
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
        if "fmq" not in metadata:
            raise ValueError("its header has no entry 'fmq'")
        text = json.loads(metadata["fmq"])
        if text["format"] != FORMAT:
            raise ValueError(f"its format is {text['format']}, this version reads {FORMAT}")
        return text, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def decode(
    text: Mapping[str, Any], stored: dict[str, Tensor]
) -> tuple[dict[str, QuantizedTensor], dict[str, Tensor]]:
    """Parts the tensors of a file into quantized ones and others."""
    dtypes = {code: dtype for dtype, code in DTYPE_CODES.items()}
    figures = stored.pop(FIGURES).double().tolist()
    plain = set(text["plain"])
    names = sorted(n for n, t in stored.items() if t.dtype == torch.uint8 and n not in plain)
    tensors = {}
    for name, described, (rmse, norm, *w2) in zip(names, text["tensors"], figures, strict=True):
        bits, shape, *code = described
        tensors[name] = from_bytes(
            stored.pop(name).numpy().tobytes(),
            tuple(shape),
            dtypes[code[0]] if code else torch.float32,
            text["scheme"],
            bits,
            text["granularity"],
            text["group_size"],
            text["codebook_dtype"],
            rmse * rmse,
            norm * norm,
            w2[0] * w2[0] if w2 else None,
        )
    return tensors, stored
