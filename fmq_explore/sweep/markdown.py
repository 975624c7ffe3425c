"""Markdown from figures: paragraphs, tables, numbers."""

__all__ = ["listed", "number", "paragraph", "percent", "picture", "quote", "table", "title"]

from collections.abc import Iterable, Sequence
from math import isfinite
from textwrap import fill

from ..measure.interval import Estimate
from ..palette import SHORT_TITLES

WIDTH = 120


def paragraph(*sentences: str) -> str:
    """Joins sentences into a paragraph of short lines.

    Example:
        >>> paragraph("One.", "", "Two.")
        'One. Two.'
    """
    text = " ".join(sentence for sentence in sentences if sentence)
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def quote(text: str) -> str:
    """Sets a text off as a quotation."""
    return "\n".join(f"> {line}" for line in paragraph(text).split("\n"))


def picture(name: str, words: str) -> str:
    """Shows a figure of the sweep."""
    return f"![{words}](docs/results/{name})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Makes a table; all columns but the first are set right.

    Example:
        >>> print(table(["a", "b"], [["x", "1"]]))
        | a | b |
        | --- | ---: |
        | x | 1 |
    """
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def number(value: Estimate | float, places: int = 2) -> str:
    """Writes a figure, with its interval if it has one, or a dash for nothing.

    Example:
        >>> number(Estimate(3.14159, 3.0, 3.3)), number(2.0, 1), number(float("nan"))
        ('3.14 <sub>3.00 to 3.30</sub>', '2.0', '–')
    """
    if not isinstance(value, Estimate):
        value = Estimate(value, value, value)
    if not isfinite(value.value):
        return "–"
    if value.low == value.high:
        return f"{value.value:.{places}f}"
    interval = f"{value.low:.{places}f} to {value.high:.{places}f}"
    return f"{value.value:.{places}f} <sub>{interval}</sub>"


def percent(share: float) -> str:
    """Writes a share.

    Example:
        >>> percent(0.125), percent(float("nan"))
        ('12 %', '–')
    """
    return f"{100 * share:.0f} %" if isfinite(share) else "–"


def listed(words: Iterable[object]) -> str:
    """Writes a list as a sentence has it.

    Example:
        >>> listed(["a", "b", "c"])
        'a, b and c'
    """
    *most, last = [str(word) for word in words]
    return f"{', '.join(most)} and {last}" if most else last


def title(scheme: str) -> str:
    """Returns the short name of a scheme."""
    return SHORT_TITLES.get(scheme, scheme)
