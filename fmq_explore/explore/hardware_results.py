"""What the hardware stage is asked beside the request, and what it hands over."""

__all__ = ["ChipChoice", "HardwareView"]

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..hardware import Anchor, Assessment, Footprint, Plan

WIDTHS = (8, 32)
MAX_CYCLES, MAX_RUNTIME_KIB = 100.0, 4096


@dataclass(frozen=True)
class ChipChoice:
    """What is chosen about chips, beside the request: how activations are held, what is assumed.

    Attributes:
        activation_bits: 8, or 32 for float32.
        decode_cycles: Cycles to decompress one weight.
        runtime_kib: Flash of program and kernels, in KiB.

    Example:
        >>> ChipChoice.from_mapping({"activation_bits": "32", "decode_cycles": "two"})
        (ChipChoice(activation_bits=32, decode_cycles=5.0, runtime_kib=64),
         ["The link's decode_cycles was not understood: 'two' is not a number."])
    """

    activation_bits: int = 8
    decode_cycles: float = 5.0
    runtime_kib: int = 64

    def __post_init__(self) -> None:
        """Checks every value at the boundary.

        Raises:
            ValueError: A value is outside its range; the sentence names value, range and remedy.
        """
        if self.activation_bits not in WIDTHS:
            raise ValueError(
                f"activation_bits is {self.activation_bits}; choose 8, or 32 for float32."
            )
        for name, high in (("decode_cycles", MAX_CYCLES), ("runtime_kib", MAX_RUNTIME_KIB)):
            value = getattr(self, name)
            if not (isfinite(value) and 0 <= value <= high):
                raise ValueError(f"{name} is {value}; choose a number from 0 to {high:g}.")

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> tuple["ChipChoice", list[str]]:
        """Reads text values by field name; reports what cannot be read."""
        choice, problems = cls(), []
        for f in fields(cls):
            if f.name not in values:
                continue
            try:
                choice = replace(choice, **{f.name: _number(values[f.name], type(f.default))})
            except ValueError as error:
                problems.append(f"The link's {f.name} was not understood: {error}")
        return choice, problems


def _number(text: str, kind: type) -> float:
    try:
        return kind(text)
    except ValueError:
        whole = " whole" if kind is int else ""
        raise ValueError(f"{text!r} is not a{whole} number.") from None


@dataclass(frozen=True, eq=False)
class HardwareView:
    """One network on all chips.

    Attributes:
        weights: What the file holds.
        plan: How samples are drawn, and what is assumed.
        assessments: What each chip makes of it.
        live: Bytes alive at every operation of one evaluation, shape (operations,); empty for
            weights alone.
        decoding: Bytes of decompressed weights beside them, on chips that have to decode.
        peak: Name and kind of the operation at which most is alive.
        anchor: A time that was published, beside the same by our formula.
    """

    weights: "Footprint"
    plan: "Plan"
    assessments: "tuple[Assessment, ...]"
    live: np.ndarray
    decoding: np.ndarray
    peak: tuple[str, str]
    anchor: "Anchor"

    @property
    def n_fitting(self) -> int:
        """Chips with room for it, be it with decoding."""
        return sum(one.verdict.fits for one in self.assessments)

    def of(self, *answers: str) -> "tuple[Assessment, ...]":
        """Returns the chips whose verdict is one of these answers."""
        return tuple(one for one in self.assessments if one.verdict.answer in answers)
