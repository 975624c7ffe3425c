"""The allocation panel: a budget of bytes, who gets which bits, and what that is worth."""

__all__ = ["AllocationPanel"]

import math
from collections.abc import Callable
from html import escape

import ipywidgets as w

from ...explore import AllocationView, Shares
from ..figure import FigureView
from ..theme import SHORT_TITLES, bokeh_theme, palette
from .base import Card, caption, toggle
from .figures import size_text
from .shares import shares_columns, shares_figure

TUTORIAL = "08_mixed_precision"
STEPS = 400
"""Places of the slider, evenly spaced in the logarithm of the bytes."""

OBJECTIVES = {
    "sensitivity": "estimated error of the samples",
    "error": "relative error of the weights",
}
PERCENT_WITHOUT_DIGITS = 0.995


class AllocationPanel:
    """Shows how a budget is shared out, and sets it.

    Args:
        on_layer: Called with a tensor's name when a person clicks its bar.
        on_budget: Called with the bytes that a person chose; 0 for equal bits.
    """

    def __init__(self, on_layer: Callable[[str], None], on_budget: Callable[[int], None]) -> None:
        self.objective = toggle(
            {"for the samples": "sensitivity", "for the weights": "error"},
            [
                "Gives bits where an error of the weights arrives at the samples: measured.",
                "Gives bits where the error of the weights themselves is large.",
            ],
        )
        self.slider = w.IntSlider(
            min=0,
            max=STEPS,
            readout=False,
            disabled=True,
            tooltip="Sets the most bytes of the file; the bits are shared out anew.",
        )
        self.readout = w.HTML().add_class("fmq-budget-size")
        self.equal = w.Button(
            description="equal bits", tooltip="Gives all tensors the same bits again: the slider's."
        ).add_class("fmq-quiet")
        line = w.HBox([w.HTML("<span>file</span>").add_class("fmq-end"), self.slider])
        line.children = (*line.children, self.readout, self.equal)
        line.add_class("fmq-budget-line")
        self.view = FigureView("Bits of every tensor", self._select)
        self.gain = w.HTML().add_class("fmq-constants")
        body = [line, self.view, self.gain]
        self.widget = Card("Allocation", [self.objective], body, TUTORIAL)
        self.widget.add_class("fmq-allocation")
        self._on_layer, self._on_budget = on_layer, on_budget
        self._theme = "light"
        self._drawn: AllocationView | None = None
        self._is_filling = False
        self.slider.observe(self._take, "value")
        self.equal.on_click(lambda _: on_budget(0))

    def build(self, theme: str) -> None:
        """Makes the figure anew in a theme."""
        self._theme = theme
        self.view.show(shares_figure(theme), bokeh_theme(theme), selectable=("shares",))
        if self._drawn is not None:
            self.draw(self._drawn)

    def draw(self, view: AllocationView) -> None:
        """Draws a view."""
        self._drawn = view
        self._place(view)
        self.view.update(*shares_columns(view, self._theme))
        self.readout.value = _size(view)
        self.widget.note.value = caption(_words(view))
        self.gain.value = _gains(view, self._theme)

    def _place(self, view: AllocationView) -> None:
        """Moves the slider to the budget, or to the file as it is with equal bits."""
        self.equal.disabled = not view.budget
        self.slider.disabled = view.primary is None and not view.budget
        n_bytes = view.budget or (view.primary.n_bytes if view.primary else 0)
        if n_bytes and self._bytes(self.slider.value) != view.budget:
            self._is_filling = True
            self.slider.value = _position(n_bytes, view.smallest, view.largest)
            self._is_filling = False

    def _bytes(self, position: int) -> int:
        """Returns the budget at a place of the slider."""
        if self._drawn is None:
            return 0
        low, high = self._drawn.smallest, self._drawn.largest
        return math.ceil(low * (high / low) ** (position / STEPS))

    def _take(self, change) -> None:
        if not self._is_filling and self._drawn is not None:
            self._on_budget(self._bytes(change.new))

    def _select(self, source: str, indices: list[int]) -> None:
        if self._drawn is not None:
            self._on_layer(self._drawn.layers[indices[0]])


def _position(n_bytes: int, low: int, high: int) -> int:
    """Returns the place of the slider that is nearest to a size."""
    if high <= low:
        return 0
    share = math.log(max(n_bytes, 1) / low) / math.log(high / low)
    return round(STEPS * min(max(share, 0.0), 1.0))


def _size(view: AllocationView) -> str:
    """Writes the size of the file, and what it is for each parameter."""
    n_bytes = view.primary.n_bytes if view.primary else view.budget
    if not n_bytes:
        return ""
    true_bits = 8 * n_bytes / view.n_parameters
    return f"<span><b>{size_text(n_bytes)}</b> {true_bits:.2f} true bits</span>"


def _words(view: AllocationView) -> str:
    if view.remark:
        return escape(view.remark[0].upper() + view.remark[1:])
    what = OBJECTIVES[view.objective]
    if view.budget:
        return f"shared out for the least {what}<br>solid: codes · light: codebooks"
    return f"equal bits: move the slider to share out bytes<br>gains: in the {what}"


def _gains(view: AllocationView, theme: str) -> str:
    """Writes the gain over equal bits: in error, and in bytes."""
    colours = palette(theme).scheme
    lines = [
        f'<div style="--c:{colours[s.scheme]}"><span><i>{SHORT_TITLES.get(s.scheme, s.scheme)}</i> '
        f"{_gain(s, bool(view.budget))}</span></div>"
        for s in (view.primary, view.compare)
        if s is not None
    ]
    return "".join(lines)


def _gain(shares: Shares, is_shared: bool) -> str:
    """Says what sharing out is worth, or would be worth."""
    low, high = int(shares.bits.min()), int(shares.bits.max())
    error = _percent(shares.error)
    if not is_shared:
        best, ratio = _percent(shares.best_error), _times(shares.error, shares.best_error)
        words = f"<b>{high}</b> for all: error <b>{error}</b>"
        return f"{words} · same bytes, shared out: {best} (<b>{ratio}</b>)"
    width = f"{low}–{high} bits" if low < high else f"{low} for all"
    words = f"<b>{width}</b>: error <b>{error}</b>"
    if shares.equal_error is None or shares.equal_n_bytes is None or shares.equal_reach is None:
        return f"{words} · equal bits do not fit"
    equal, ratio = _percent(shares.equal_error), _times(shares.equal_error, shares.error)
    saved = 1 - shares.equal_reach / shares.equal_n_bytes
    tip = (
        f"{shares.equal_bits} bits for all take {shares.equal_n_bytes:,} bytes; shared out, "
        f"{shares.equal_reach:,} bytes have that error."
    )
    return (
        f"{words} · {shares.equal_bits} for all: {equal} (<b>{ratio}</b>) "
        f'· <span title="{tip}">same error: <b>−{saved:.0%}</b> bytes</span>'
    )


def _times(error: float, other: float) -> str:
    return f"{error / other if other > 0 else 1.0:.1f}×"


def _percent(error: float) -> str:
    return f"{error:.1%}" if error < PERCENT_WITHOUT_DIGITS else f"{error:.0%}"
