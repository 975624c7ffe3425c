"""Which files are opened at all: their endings, and how large they may be."""

__all__ = [
    "ENDINGS",
    "MAX_BYTES",
    "MAX_TENSORS",
    "MAX_WEIGHTS",
    "check_path",
    "check_tensors",
    "check_upload",
]

from collections.abc import Mapping
from math import prod
from pathlib import Path, PurePath

ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt")
MAX_BYTES = 2 * 2**30
MAX_WEIGHTS = 200_000_000
MAX_TENSORS = 20_000
_ENDINGS = f"{', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}"


def check_path(path: Path) -> None:
    """Checks what can be told without reading a byte.

    Raises:
        ValueError: If the path is no file of weights, or the file is empty or too large.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give the path of a {_ENDINGS} file in it")
    if not path.is_file():
        raise ValueError(f"{path} does not exist: check the path")
    check_upload(path.name, path.stat().st_size)


def check_upload(name: str, n_bytes: int) -> None:
    """Checks a file that is not there yet by its name and size.

    Raises:
        ValueError: If it does not end like a file of weights, or is empty or too large.
    """
    suffix = PurePath(name).suffix
    if suffix.lower() not in ENDINGS:
        raise ValueError(
            f"{name} ends in {suffix or 'nothing'!r}: weights are read from files that end in "
            f"{_ENDINGS}"
        )
    if n_bytes == 0:
        raise ValueError(f"{name} is empty (0 bytes): save or copy it again")
    if n_bytes > MAX_BYTES:
        raise ValueError(
            f"{name} has {n_bytes / 2**30:.1f} GiB, and files of up to "
            f"{MAX_BYTES / 2**30:g} GiB are opened: save the weights alone, without the optimiser"
        )


def check_tensors(shapes: Mapping[str, tuple[int, ...]], name: str) -> None:
    """Checks the shapes before the data are read.

    Raises:
        ValueError: If there are no tensors, too many, or too many numbers in them.
    """
    if not shapes:
        raise ValueError(
            f"{name} holds no tensors: save a network's state_dict() and open that file"
        )
    n_weights = sum(prod(shape) for shape in shapes.values())
    if n_weights > MAX_WEIGHTS or len(shapes) > MAX_TENSORS:
        raise ValueError(
            f"{name} holds {n_weights / 1e6:,.0f} million numbers in {len(shapes)} tensors, and "
            f"up to {MAX_WEIGHTS / 1e6:g} million in {MAX_TENSORS} are opened: choose a smaller "
            "network"
        )
