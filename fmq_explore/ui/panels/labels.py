"""Words inside a figure: names at the ends of lines, and of what lies behind them."""

__all__ = ["add_labels"]

from typing import Any

from bokeh.core.properties import value

from ..theme import FONT, text_size
from .base import column_source


def add_labels(plot: Any, name: str, theme: str, *columns: str, **look: Any) -> None:
    """Adds words that stand where a source says, a little smaller than those of the axes.

    Args:
        plot: The figure.
        name: The name of the source; its columns are x, y, text and these.
        theme: Light or dark, and how large its type is.
        columns: Further columns of the source.
        look: Properties of the glyph.
    """
    source = column_source(name, "x", "y", "text", *columns)
    size = f"{text_size(theme) - 1}px"
    plot.text("x", "y", "text", source=source, text_font_size=size, text_font=value(FONT), **look)
