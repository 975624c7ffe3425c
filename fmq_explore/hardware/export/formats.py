"""One front for all files that a network can be exported to."""

__all__ = ["FORMATS", "Exported", "Format", "export_model"]

from collections.abc import Callable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from torch import nn

from ...quantize import QuantizedModel
from .c_arrays import c_name
from .c_header import write_c_header
from .onnx import write_onnx


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: The file.
        format: A key of `FORMATS`.
        n_bytes: What it costs where it is used: constants in flash for C, else the file's size.
        file_bytes: The file's size; a header is text, and longer than what it compiles to.
    """

    path: Path
    format: str
    n_bytes: int
    file_bytes: int

    def __str__(self) -> str:
        """Returns path and sizes, for the command line."""
        if self.n_bytes == self.file_bytes:
            return f"{self.path}: {self.n_bytes} bytes"
        return f"{self.path}: {self.n_bytes} bytes of constants, {self.file_bytes} bytes of text"


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        title: What it is, for people.
        ending: How its files are called.
        write: Writes a network; returns what it costs where it is used, in bytes.
        takes_full_precision: Whether a network that is not quantized can be written, too.
    """

    title: str
    ending: str
    write: Callable[..., int]
    takes_full_precision: bool = False


def _save(qm: QuantizedModel, path: Path) -> int:
    qm.save(path)
    return qm.n_bytes


def _header(qm: QuantizedModel, path: Path) -> int:
    """Writes a C header whose names begin with the file's name."""
    stem = c_name(path.stem) if path.stem.isascii() else "model"
    return write_c_header(qm, path, stem if stem[:1].isalpha() else f"model_{stem}")


FORMATS: dict[str, Format] = {
    "safetensors": Format("packed safetensors, for Python", ".safetensors", _save),
    "c": Format("C99 header, for microcontrollers", ".h", _header),
    "onnx": Format("ONNX network, for runtimes", ".onnx", write_onnx, takes_full_precision=True),
}


def export_model(
    model: QuantizedModel | nn.Module, path: str | PathLike[str], format: str | None = None
) -> Exported:
    """Writes a quantized network as a file for elsewhere.

    Args:
        model: The quantized network, rescued or mixed ones included; for `"onnx"` also a network in
            full precision.
        path: The file to write; its folder is made.
        format: A key of `FORMATS`; by default that of the path's ending.

    Raises:
        ValueError: The format is unknown, or cannot hold the network.

    Example:
        >>> import tempfile
        >>> from ...quantize import quantize_model
        >>> qm = quantize_model(nn.Linear(64, 4), bits=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     header = export_model(qm, Path(folder, "tiny.h"))
        >>> header.format, header.n_bytes
        ('c', 248)
    """
    path = Path(path)
    format = _format_of(path) if format is None else format
    if format not in FORMATS:
        raise ValueError(f"format {format!r} is unknown; choose one of {', '.join(FORMATS)}")
    kind = FORMATS[format]
    if not isinstance(model, QuantizedModel) and not kind.takes_full_precision:
        full = [name for name, other in FORMATS.items() if other.takes_full_precision]
        raise ValueError(
            f"format {format!r} is for quantized networks: quantize this one first, or choose "
            f"{' or '.join(full)}"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    n_bytes = kind.write(model, path)
    return Exported(path, format, n_bytes, path.stat().st_size)


def _format_of(path: Path) -> str:
    """Returns the format whose ending the path has."""
    for name, kind in FORMATS.items():
        if path.suffix.lower() == kind.ending:
            return name
    endings = ", ".join(kind.ending for kind in FORMATS.values())
    raise ValueError(
        f"the name {path.name!r} does not say a format: end it in one of {endings}, or give a "
        f"format ({', '.join(FORMATS)})"
    )
