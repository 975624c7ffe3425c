"""A number with its unit, and how it is known: measured, derived, assumed, or not published."""

__all__ = ["KINDS", "NOT_PUBLISHED", "Figure", "Kind", "missing", "weakest"]

from dataclasses import dataclass
from typing import Literal

Kind = Literal["measured", "derived", "assumed", "not published"]
NOT_PUBLISHED: Kind = "not published"
KINDS: dict[Kind, str] = {
    "measured": "on that very chip, or read off its data sheet or off the file itself",
    "derived": "by formula, from measured figures alone",
    "assumed": "by formula, from an assumption: another chip's rate, a peak rate, your choice",
    "not published": "no figure with a source was found, so none is shown",
}
"""What the kinds mean, from the best known to the least."""


@dataclass(frozen=True)
class Figure:
    """One figure, or a range.

    Attributes:
        value: The number, or the low end of a range; None where nothing is published.
        unit: Its unit.
        kind: How it is known, a key of `KINDS`.
        source: Who says so, or the formula in words.
        high: The high end of a range.
        bound: `"at least"` where the number is a lower bound only.

    Example:
        >>> Figure(1.2, "s", "derived", "a formula").text
        '1.2 s'
        >>> missing("mJ", "no power was published").text
        'not published'
    """

    value: float | None
    unit: str
    kind: Kind
    source: str
    high: float | None = None
    bound: str = ""

    def __post_init__(self) -> None:
        """Checks that a figure is missing exactly where its kind says so."""
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; choose one of {', '.join(KINDS)}")
        if (self.value is None) != (self.kind == NOT_PUBLISHED):
            raise ValueError(f"a figure of kind {self.kind!r} cannot have the value {self.value}")

    @property
    def highest(self) -> float | None:
        """The high end of the range, or the value itself."""
        return self.value if self.high is None else self.high

    @property
    def text(self) -> str:
        """The figure in three digits, with its unit."""
        if self.value is None:
            return NOT_PUBLISHED
        ends = [_digits(end) for end in (self.value, self.high) if end is not None]
        return " ".join(filter(None, (self.bound, " to ".join(ends), self.unit)))


def _digits(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def missing(unit: str, reason: str) -> Figure:
    """Returns a figure that nobody published."""
    return Figure(None, unit, NOT_PUBLISHED, reason)


def weakest(*kinds: Kind) -> Kind:
    """Returns how well a figure is known that follows from others: as well as the worst of them.

    Even from measured figures alone it is derived.

    Example:
        >>> weakest("measured", "measured"), weakest("measured", "assumed", "derived")
        ('derived', 'assumed')
    """
    order = list(KINDS)
    return order[max(order.index("derived"), *map(order.index, kinds))]
