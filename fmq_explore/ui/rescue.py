"""The rescue line of the control column: a button, how far it is, and the way back."""

__all__ = ["TUTORIAL", "RescueLine"]

from html import escape

import ipywidgets as w

from ..explore import RescueView
from .panels.base import tutorial_button
from .state import Choice

TUTORIAL = "09_rescue"
WAYS = {
    "training": "codes and levels",
    "codes": "codes, then levels",
    "levels": "levels only",
}
TIP_WAY = (
    "Chooses what is found anew: codes by error feedback, and then codes, levels, biases and norms "
    "by training; the same with fixed codes; or the levels, biases and norms alone."
)
HINT = "<span>few bits made to work</span>"
TIPS = {
    "rescue": "Trains what the codes stand for until the velocity is close to the full model's.",
    "stop": "Stops the rescue; it can go on from here.",
    "undo": "Goes back to the network as the scheme quantized it.",
}


class RescueLine:
    """Starts, stops and undoes a rescue, and tells how far it is."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._view: RescueView | None = None
        self._is_possible = True
        self.button = w.Button(description="rescue").add_class("fmq-rescue-button")
        self.way = w.Dropdown(
            options=[(title, name) for name, title in WAYS.items()], tooltip=TIP_WAY
        ).add_class("fmq-rescue-way")
        self.progress = w.HTML().add_class("fmq-rescue-progress")
        self.tutorial = tutorial_button(TUTORIAL)
        line = w.HBox([self.button, self.way]).add_class("fmq-rescue-line")
        below = w.HBox([self.progress, self.tutorial]).add_class("fmq-rescue-line")
        self.widget = w.VBox([line, below]).add_class("fmq-rescue")
        self.button.on_click(lambda _: self._press())
        choice.observe(lambda _: self._follow(), ["rescue", "bits"])
        self._follow()

    def set_possible(self, is_possible: bool) -> None:
        """Tells whether the model is a network that can be run."""
        self._is_possible = is_possible
        self._follow()

    def show(self, view: RescueView) -> None:
        """Shows how far the rescue is."""
        if self._choice.rescue:
            self._view = view
            self._draw()

    def _press(self) -> None:
        self._choice.rescue = "" if self._choice.rescue else str(self.way.value)

    def _follow(self) -> None:
        """Follows the state; a new choice forgets how far the last rescue was."""
        chosen = self._choice.rescue
        if chosen:
            self.way.value = chosen
        else:
            self._view = None
        self.way.disabled = bool(chosen)
        self.button.disabled = not self._is_possible or self._choice.bits is None
        self._draw()

    def _draw(self) -> None:
        state = "rescue"
        if self._choice.rescue:
            state = "undo" if self._view is not None and self._view.is_done else "stop"
        if self.button.description != state:
            self.button.description, self.button.tooltip = state, TIPS[state]
        self.progress.value = progress_html(self._view) if self._choice.rescue else HINT


def progress_html(view: RescueView | None) -> str:
    """Returns a bar, and the error of the velocity at the start and now."""
    if view is None:
        return '<span>beginning …</span><div class="fmq-rescue-bar"><i style="width:0"></i></div>'
    width = 100 * view.step / view.steps
    done = " fmq-done" if view.is_done else ""
    text = f"velocity error {view.error_before:.0%} → {view.error:.0%}"
    tip = "Root mean squared error of the velocity over its root mean square, along the paths."
    return (
        f'<span title="{escape(tip)}">{text}</span>'
        f'<div class="fmq-rescue-bar{done}"><i style="width:{width:.1f}%"></i></div>'
    )
