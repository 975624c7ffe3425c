"""Reading a file of weights without running any code of it."""

__all__ = ["read_file"]

import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from .limits import MAX_BYTES, check_path, check_tensors

MAX_PICKLE_BYTES = 64 * 2**20
STATE_DICT = "in Python, torch.save(model.state_dict(), 'weights.pt') writes such a file"


def read_file(path: Path) -> Mapping[str, Any]:
    """Returns what a file holds: its tensors by name, or the nested tables of a checkpoint.

    A `.safetensors` file has no code. Of any other file, the tensors and plain values are read by
    torch's restricted unpickler (`weights_only=True`), which refuses everything that would run.

    Raises:
        ValueError: If the file is missing, empty, too large, broken, or holds more than weights.
    """
    check_path(path)
    if path.suffix.lower() == ".safetensors":
        return _read_safetensors(path)
    return _read_pickled(path)


def _read_safetensors(path: Path) -> Mapping[str, Any]:
    try:
        with safe_open(path, framework="pt") as file:
            if "fmq" in (file.metadata() or {}):
                raise ValueError(
                    f"{path.name} is a packed quantized network: open it in Python with "
                    "fmq.load_quantized, or open the model that it was made from"
                )
            names = list(file.keys())
            check_tensors({n: tuple(file.get_slice(n).get_shape()) for n in names}, path.name)
            # Clones: the file may be overwritten while views of it are in use
            return {name: file.get_tensor(name).clone() for name in names}
    except (OSError, SafetensorError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path.name} is not a readable safetensors file ({_line(error)}): save it again"
        ) from error


def _read_pickled(path: Path) -> Mapping[str, Any]:
    is_zip = zipfile.is_zipfile(path)
    if is_zip:
        _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the pickle's age: nothing that a reader can change
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a broken pickle can fail in any way
        raise ValueError(_refusal(path, str(error), error)) from error
    if not isinstance(content, Mapping):
        raise ValueError(
            f"{path.name} holds a {type(content).__name__}, not a state dict: {STATE_DICT}"
        )
    return content


def _check_archive(path: Path) -> None:
    """Refuses what is no checkpoint, and archives that would grow when they are unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"{path.name} is damaged ({_line(error)}): save it again") from error
    if any("/code/" in entry.filename for entry in entries):
        raise ValueError(f"{path.name} is a TorchScript program, not a state dict: {STATE_DICT}")
    pickles = [entry.file_size for entry in entries if entry.filename.endswith(".pkl")]
    if not pickles:
        raise ValueError(f"{path.name} is an archive without tensors: {STATE_DICT}")
    packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
    total = sum(entry.file_size for entry in entries)
    if packed or max(pickles) > MAX_PICKLE_BYTES or total > MAX_BYTES:
        raise ValueError(
            f"{path.name} is not as torch.save writes files (compressed, or too large inside): "
            f"{STATE_DICT}"
        )


def _refusal(path: Path, text: str, error: Exception) -> str:
    """Says in one sentence why a file was not read: it wanted to run code, or it is broken."""
    wanted = re.search(r"GLOBAL ([\w.]+)", text)
    refused = isinstance(error, pickle.UnpicklingError) and _starts_as_pickle(path)
    if wanted or refused:
        what = f" ({wanted[1]})" if wanted else ""
        return (
            f"{path.name} holds Python objects{what} beside its weights, and code of a file is "
            f"never run: open a file of weights alone; {STATE_DICT}"
        )
    return f"{path.name} is damaged, or no file of PyTorch: save or copy it again"


def _starts_as_pickle(path: Path) -> bool:
    """Tells a bare pickle by its first byte; what torch writes is an archive."""
    with path.open("rb") as file:
        return file.read(1) == pickle.PROTO


def _line(error: Exception) -> str:
    """Returns the first line of an error, shortened."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return line if len(line) <= 100 else line[:97] + "…"
