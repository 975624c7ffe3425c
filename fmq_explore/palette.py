"""Colours as plain data: one colour, marker and short title a scheme, in the app and in print."""

__all__ = ["LARGE", "MARKERS", "SCHEME_COLOURS", "SHORT_TITLES", "Palette", "palette"]

from dataclasses import dataclass
from functools import cache

LARGE = "-large"
"""Ends the name of a theme that sets larger type."""

# Okabe and Ito's colours where they carry on white and on black; a marker tells as much.
SCHEME_COLOURS = {
    "uniform": ("#0072b2", "#4ea8de"),
    "symmetric": ("#3a9bd1", "#8fd0f5"),
    "clipped": ("#4b3ba3", "#a99bf0"),
    "power_of_two": ("#6b7280", "#a3abb8"),
    "logarithmic": ("#b8558f", "#e29cc4"),
    "piecewise": ("#b97a00", "#f0b63c"),
    "equal_mass": ("#d55e00", "#ff8f4a"),
    "optimal": ("#008a66", "#35c79c"),
    "binary": ("#8a5a44", "#c9967c"),
    "ternary": ("#4e2a1e", "#ecd3c4"),
    "normal_float": ("#6b8e00", "#b7d433"),
    "minifloat": ("#00808f", "#22d0e6"),
    "percentile": ("#9b3fd4", "#d07bff"),
    "entropy": ("#b3202c", "#ff5c6c"),
    "rescued": ("#d6006c", "#ff79b8"),  # no scheme, but shown where one is
}
MARKERS = {
    "uniform": "square",
    "symmetric": "triangle",
    "clipped": "inverted_triangle",
    "power_of_two": "plus",
    "logarithmic": "x",
    "piecewise": "diamond",
    "equal_mass": "circle",
    "optimal": "star",
    "binary": "dash",
    "ternary": "y",
    "normal_float": "asterisk",
    "minifloat": "square_pin",
    "percentile": "triangle_pin",
    "entropy": "cross",
    "rescued": "hex",
}

SHORT_TITLES = {
    "uniform": "uniform",
    "symmetric": "symmetric",
    "clipped": "clipped",
    "power_of_two": "power of two",
    "logarithmic": "logarithmic",
    "piecewise": "piecewise",
    "equal_mass": "OT equal mass",
    "optimal": "OT exact",
    "binary": "binary",
    "ternary": "ternary",
    "normal_float": "normal float",
    "minifloat": "minifloat",
    "percentile": "percentile",
    "entropy": "entropy",
    "rescued": "rescued",
}


@dataclass(frozen=True)
class Palette:
    """The colours of one theme.

    Attributes:
        text: Words and numbers.
        muted: Axes and captions.
        grid: Grid lines.
        reference: The full-precision model, in every panel.
        bars: Histograms and real data.
        scheme: The colour of each scheme, in every panel.
    """

    name: str
    text: str
    muted: str
    grid: str
    card: str
    reference: str
    bars: str
    scheme: dict[str, str]


@cache
def palette(name: str) -> Palette:
    """Returns the palette of the theme ``light`` or ``dark``, with or without ``-large``.

    Example:
        >>> palette("dark").scheme["optimal"]
        '#35c79c'
    """
    dark = name.startswith("dark")
    return Palette(
        name=name,
        text="#eef2f7" if dark else "#18212f",
        muted="#a9b4c4" if dark else "#4c586a",
        grid="#2d3848" if dark else "#e4e8ee",
        card="#182231" if dark else "#ffffff",
        reference="#dbe3ee" if dark else "#2b3648",
        bars="#46566d" if dark else "#c3ccd9",
        scheme={key: colours[dark] for key, colours in SCHEME_COLOURS.items()},
    )
