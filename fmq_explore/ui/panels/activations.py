"""The activation panel: what goes into a layer over time, and what its static range costs."""

__all__ = ["ActivationsPanel"]

from html import escape

import ipywidgets as w

from ...explore import ACTIVATION_METHODS, ActivationCost, ActivationView
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .activation_figure import activation_columns, activation_figure
from .base import Card, caption, toggle

TUTORIAL = "03_quantizing_a_generator"
TIPS = {
    "min_max": "Clips nothing: from the smallest value seen to the largest.",
    "mse": "Takes the range of least squared error.",
    "percentile": "Clips 0.05 % of the values at either end.",
    "entropy": "Takes the range that loses the least information about the histogram.",
}


class ActivationsPanel:
    """Shows one layer's input at every time under the range that has to serve all times."""

    def __init__(self) -> None:
        names = {title: name for name, title in ACTIVATION_METHODS.items()}
        self.mode = toggle(names, [TIPS[name] for name in ACTIVATION_METHODS])
        self.view = FigureView("Input of a layer over time, and its static range")
        self.table = w.HTML().add_class("fmq-figures")
        body = w.HBox([self.view, self.table]).add_class("fmq-distance-body")
        self.widget = Card("Activations", [self.mode], [body], TUTORIAL)
        self.widget.add_class("fmq-activations")
        self._theme = "light"
        self._layer = ""
        self._drawn: ActivationView | None = None

    def build(self, theme: str) -> None:
        """Makes the figure anew in a theme."""
        self._theme = theme
        self.view.show(activation_figure(theme), bokeh_theme(theme))
        if self._drawn is not None:
            self.draw(self._drawn)

    def show_layer(self, tensor: str) -> None:
        """Takes the tensor on show, whose layer is drawn."""
        name = tensor.removesuffix(".weight")
        if name != self._layer:
            self._layer = name
            if self._drawn is not None:
                self.draw(self._drawn)

    def draw(self, view: ActivationView) -> None:
        """Draws a view."""
        self._drawn = view
        method = str(self.mode.value)
        self.table.value = _table(view, method, self._theme)
        layer = view.layers.get(self._layer)
        if layer is None:
            self.view.layout.visibility = "hidden"
            self.widget.note.value = caption(_without(self._layer))
            return
        self.view.layout.visibility = None
        self.view.update(*activation_columns(view, layer, method, self._theme))
        self.widget.note.value = caption(
            f"<b>{escape(self._layer)}</b>: what goes in while the reference draws {view.n} samples"
            f"<br>dashes: one {view.bits}-bit grid for all times, 0 exactly on it"
        )


def _without(name: str) -> str:
    if not name:
        return ""
    return f"<b>{escape(name)}</b> is no convolution or linear layer: choose another tensor."


def _table(view: ActivationView, method: str, theme: str) -> str:
    """Returns the cost of every method, the chosen one in bold type."""
    colours = palette(theme)
    figure = next(iter(view.costs.values())).figure
    unit = " dB" if figure == "PSNR" else ""
    title = SHORT_TITLES.get(view.scheme, view.scheme)
    tips = (
        "Relative RMS error of the velocity along the reference's path, weights in full precision.",
        f"{figure} to the reference's samples, weights in full precision.",
        f"{figure} to the reference's samples with the weights of {title}.",
    )
    heads = [("velocity error", colours.reference), (f"{figure}{unit}", colours.reference)]
    if view.scheme:
        heads.append((f"{figure}, {title}", colours.scheme.get(view.scheme, colours.reference)))
    head = "".join(
        f'<th style="--c:{colour}" title="{tip}">{text}</th>'
        for (text, colour), tip in zip(heads, tips, strict=False)
    )
    rows = [
        _row(f"{view.bits} bits, {t}", view, m, m == method) for m, t in ACTIVATION_METHODS.items()
    ]
    if view.scheme:
        rows.insert(0, _row("float", view, "", False))
    return (
        f'<table class="fmq-two"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _row(title: str, view: ActivationView, method: str, is_chosen: bool) -> str:
    alone = view.costs.get(method)
    cells = [f"{alone.velocity_error:.1%}" if alone else "–", _fidelity(alone)]
    if view.scheme:
        cells.append(_fidelity(view.scheme_costs[method]))
    kind = ' class="fmq-chosen"' if is_chosen else ""
    tip = TIPS.get(method, "Activations are not rounded.")
    columns = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr{kind}><th scope="row" title="{tip}">{title}</th>{columns}</tr>'


def _fidelity(cost: ActivationCost | None) -> str:
    if cost is None:
        return "–"
    return f"{cost.fidelity:.1f}" if cost.figure == "PSNR" else f"{cost.fidelity:.4f}"
