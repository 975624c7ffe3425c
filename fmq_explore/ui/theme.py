"""Colours, light and dark: one colour a scheme in every panel, for colour-blind eyes too."""

__all__ = [
    "FONT",
    "LARGE",
    "MARKERS",
    "SCHEME_COLOURS",
    "SHORT_TITLES",
    "Palette",
    "bokeh_theme",
    "palette",
    "text_size",
]

from functools import cache

from bokeh.themes import Theme

from ..palette import LARGE, MARKERS, SCHEME_COLOURS, SHORT_TITLES, Palette, palette

FONT = "Inter, 'Segoe UI', 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', Arial, sans-serif"


def text_size(name: str) -> int:
    """Returns the height of the type in figures, in pixels."""
    return 17 if name.endswith(LARGE) else 13


@cache
def bokeh_theme(name: str) -> Theme:
    """Returns the Bokeh theme that goes with the palette; ``-large`` sets larger type."""
    colours, size = palette(name), f"{text_size(name)}px"
    axis = {
        "axis_label_text_color": colours.muted,
        "axis_label_text_font": FONT,
        "axis_label_text_font_size": size,
        "axis_label_text_font_style": "normal",
        "axis_label_standoff": 5,
        "major_label_text_color": colours.muted,
        "major_label_text_font": FONT,
        "major_label_text_font_size": size,
        "axis_line_color": colours.grid,
        "major_tick_line_color": colours.grid,
        "minor_tick_line_color": None,
        "major_tick_in": 0,
    }
    return Theme(
        json={
            "attrs": {
                "Plot": {
                    "background_fill_color": None,
                    "border_fill_color": None,
                    "outline_line_color": None,
                    "min_border": 4,
                },
                "Axis": axis,
                "Grid": {"grid_line_color": colours.grid},
                "Title": {
                    "text_color": colours.muted,
                    "text_font": FONT,
                    "text_font_size": size,
                    "text_font_style": "normal",
                },
            }
        }
    )
