"""The files that ship with the project: where they are, and how their tensors are read."""

__all__ = ["assets_folder", "read_tensors"]

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor


def assets_folder() -> Path:
    """Returns the folder of the trained models: in the repository, or inside the wheel."""
    package = Path(__file__).parent
    candidates = (package.parent / "assets", package / "_assets")
    return next((folder for folder in candidates if (folder / "models").is_dir()), candidates[0])


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Reads a safetensors file, which runs no code.

    Raises:
        ValueError: If the file is missing or is no such file.
    """
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"{path} is not a readable safetensors file ({error}): fetch or train it again"
        ) from error
