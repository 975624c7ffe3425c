"""Numbers as C99 source: literals that the compiler reads back bit for bit."""

__all__ = ["CArray", "c_name", "c_string"]

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WORD = 4  # bytes; every array fills whole words, so that no compiler pads between two of them
WIDTH = 100

_TYPES = {"float32": "float", "float16": "uint16_t", "int8": "int8_t", "uint8": "uint8_t"}
_HARMLESS = re.compile(rb"[A-Za-z0-9_. -]")


@dataclass(frozen=True, eq=False)
class CArray:
    """A constant array of a header.

    Attributes:
        name: Its name, a C identifier.
        numbers: float32, float16 (written as its bits), int8 or uint8.
        comment: What it is, for the line above it.
    """

    name: str
    numbers: NDArray
    comment: str

    @property
    def padded(self) -> NDArray:
        """The numbers, flat, with zeros up to a whole number of words, at least one."""
        flat = self.numbers.reshape(-1)
        per_word = WORD // flat.itemsize
        missing = -len(flat) % per_word if len(flat) else per_word
        return np.concatenate((flat, np.zeros(missing, flat.dtype)))

    @property
    def n_bytes(self) -> int:
        """Bytes that the array fills on a chip."""
        return self.padded.nbytes

    def source(self) -> str:
        """Returns the definition in C.

        Example:
            >>> print(CArray("scale", np.float32([0.1, -2]), "two scales").source())
            /* two scales */
            static const float scale[2] = {
            0.1f,-2.0f
            };
        """
        numbers = self.padded
        kind = _TYPES[str(numbers.dtype)]
        if numbers.dtype == np.float16:
            numbers = numbers.view(np.uint16)
        head = f"/* {self.comment} */\nstatic const {kind} {self.name}[{len(numbers)}] = {{\n"
        return head + _lines(_literals(numbers)) + "\n};"


def _literals(numbers: NDArray) -> list[str]:
    """Returns one literal for each number; float32 in the fewest digits that bring it back."""
    if numbers.dtype != np.float32:
        return [str(n) for n in numbers.tolist()]
    texts = [np.format_float_positional(n, unique=True, trim="0") for n in numbers]
    return [
        (f"{text}f" if len(text) < 16 else f"{np.format_float_scientific(n, unique=True)}f")
        for n, text in zip(numbers, texts, strict=True)
    ]


def _lines(literals: list[str]) -> str:
    """Joins literals by commas into lines of equal count."""
    longest = max(len(text) for text in literals) + 1
    count = max(1, WIDTH // longest)
    lines = (",".join(literals[i : i + count]) for i in range(0, len(literals), count))
    return ",\n".join(lines)


def c_string(text: str) -> str:
    r"""Returns a C string literal; whatever is no letter, digit or point is written in octal.

    Names of tensors come from files of strangers: none may end a string or a comment.

    Example:
        >>> c_string('a.weight'), c_string('*/"')
        ('"a.weight"', '"\\052\\057\\042"')
    """
    escaped = (
        chr(byte) if _HARMLESS.fullmatch(bytes((byte,))) else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return '"' + "".join(escaped) + '"'


def c_name(text: str) -> str:
    """Returns the text with all that cannot stand in a C identifier as underscores.

    Example:
        >>> c_name("down.conv1.weight")
        'down_conv1_weight'
    """
    return re.sub(r"[^A-Za-z0-9_]", "_", text)
