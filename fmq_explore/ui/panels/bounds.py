"""The bound panel: the measured gap over time beside the bounds that theory gives for it."""

__all__ = ["BoundsPanel"]

from typing import TYPE_CHECKING, Any

import ipywidgets as w
import numpy as np
from bokeh.models import HoverTool

from ...explore import BoundView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, clean_figure, column_source, fixed_range
from .curves import spread
from .labels import add_labels

if TYPE_CHECKING:
    from ...measure.bounds import Bounds

# Name, attribute of the record, dash, what it rests on
LINES = (
    ("gap", "gap_over_t", "solid", "what is measured"),
    ("log norm", "bound_log_norm_over_t", [2, 3], "velocity error and logarithmic norm"),
    ("discrete", "bound_discrete_over_t", [7, 3], "velocity error and Euler's step"),
    ("field", "bound_field_over_t", [10, 3, 2, 3], "velocity error and Lipschitz constant"),
    ("weights", "bound_weights_over_t", [14, 4], "distance of the weights alone"),
)
TITLES = {
    "gap": "measured gap",
    "log norm": "log norm",
    "discrete": "Euler steps",
    "field": "velocity field",
    "weights": "weights alone",
}
FLOAT32_MAX = 3e38  # what goes to the browser
LABEL_GAP = 0.085  # of the plot's height, between neighbouring names
DECADES = 12  # the most that the axis spans: a bound beyond says nothing more by its height


class BoundsPanel:
    """Shows what a bound is worth: by how much it lies above what is measured."""

    def __init__(self) -> None:
        self.view = FigureView("Measured gap and its bounds over time")
        self.legend = w.HTML('<span class="fmq-badge">estimate, not a certificate</span>')
        self.constants = w.HTML().add_class("fmq-constants")
        body = [self.view, self.constants]
        self.widget = Card("Bounds", [self.legend], body, "06_bounds").add_class("fmq-bounds")
        self._theme = "light"
        self._drawn: BoundView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew in a theme."""
        self._theme = theme
        self.view.show(_figure(theme), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: BoundView) -> None:
        """Draws a view."""
        self._drawn = view
        self.view.update(*_columns(view, self._theme))
        if view.bounds is None:
            self.widget.note.value = caption("full precision: no weight was moved, so no gap")
            self.constants.value = ""
            return
        title = SHORT_TITLES.get(view.scheme, view.scheme)
        self.widget.note.value = caption(
            f"<b>{title}</b> · distance from the reference's samples, root mean square over "
            f"{view.n} Euler paths from the same noise; W₂ is no larger"
        )
        self.constants.value = _constants(view.bounds)


def _constants(found: "Bounds") -> str:
    """Writes the estimated constants."""
    pairs = (
        ("L<sub>x</sub>", "Largest Lipschitz constant in the state.", found.lipschitz_x),
        ("μ", "Largest logarithmic norm.", found.log_norm),
        ("L<sub>θ</sub>", "Lipschitz constant in the weights.", found.lipschitz_theta),
        ("‖θ − θ<sub>q</sub>‖", "Distance of the weights.", found.weight_error),
    )
    texts = [
        f'<span title="{tip}">{name} <b>{number:.3g}</b></span>' for name, tip, number in pairs
    ]
    return f"<div><em>estimates:</em> {' '.join(texts)}</div>"


def _figure(theme: str):
    colours = palette(theme)
    plot = clean_figure(
        x_range=fixed_range("t", 0.0, 1.52),
        y_range=fixed_range("distance", 1e-2, 1e3),
        y_axis_type="log",
    )
    plot.xaxis.axis_label = "t (0 noise, 1 data)"
    plot.xaxis.axis_label_text_align = "left"
    plot.xaxis.ticker = [0, 0.2, 0.4, 0.6, 0.8, 1]
    plot.yaxis.axis_label = "distance"
    plot.xgrid.visible = False
    renderers = []
    for name, _, dash, _ in reversed(LINES):
        source = column_source(f"bound_{name}", "t", "y", "title")
        width = 3.5 if name == "gap" else 1.8
        line = plot.line(
            "t", "y", source=source, line_color=colours.muted, line_dash=dash, line_width=width
        )
        line.glyph.name = f"look_{name}"
        renderers.append(line)
    look = {"text_color": "color", "text_baseline": "middle"}
    add_labels(plot, "names", theme, "color", **look)
    tips = [("", "@title"), ("t", "@t{0.00}"), ("distance", "@y{0.000 a}")]
    plot.add_tools(HoverTool(renderers=renderers, tooltips=tips, line_policy="nearest"))
    return plot


def _columns(view: BoundView, theme: str) -> tuple[dict, dict]:
    colours = palette(theme)
    colour = colours.scheme.get(view.scheme, colours.reference)
    sources: dict[str, Any] = {}
    ends: dict[str, float] = {}
    everything = [np.empty(0)]
    for name, attribute, _, about in LINES:
        values = np.empty(0) if view.bounds is None else getattr(view.bounds, attribute).numpy()
        times = np.empty(0) if view.bounds is None else view.bounds.times.numpy()
        seen = (values > 0) & (values < FLOAT32_MAX)
        title = [f"{TITLES[name]}: {about}"] * int(seen.sum())
        sources[f"bound_{name}"] = {"t": times[seen], "y": values[seen], "title": title}
        everything.append(values[seen])
        if seen.any():
            ends[name] = float(values[seen][-1])
    limits = _limits(np.concatenate(everything))
    sources["names"] = _names(ends, limits, colour, theme)
    return sources, {"distance": limits, "look_gap": {"line_color": colour}}


def _limits(values: np.ndarray) -> dict[str, float]:
    if not values.size:
        return {"start": 1e-2, "end": 1e2}
    low = float(values.min()) / 1.5
    return {"start": low, "end": min(float(values.max()) * 2.0, low * 10.0**DECADES)}


def _names(
    ends: dict[str, float], limits: dict[str, float], colour: str, theme: str
) -> dict[str, np.ndarray | list]:
    low, high = np.log(limits["start"]), np.log(limits["end"])
    order = sorted(ends, key=ends.__getitem__)
    at = [min(float(np.log(ends[name])), float(high)) for name in order]
    colours = palette(theme)
    return {
        "x": np.full(len(order), 1.02),
        "y": np.exp(spread(at, LABEL_GAP * (high - low), low, high)),
        "text": [f"{TITLES[name]} {_short(ends[name])}" for name in order],
        "color": [colour if name == "gap" else colours.muted for name in order],
    }


def _short(number: float) -> str:
    """Writes a number in few characters, such as 0.82, 14 or 3·10⁵."""
    if number < 1e4:
        return f"{number:.2g}" if number < 10 else f"{number:.0f}"
    exponent = int(np.floor(np.log10(number)))
    power = str(exponent).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{number / 10.0**exponent:.0f}·10{power}"
