"""The time scrubber: one slider from noise to data that moves samples and trajectories together."""

__all__ = ["Scrubber"]

import ipywidgets as w

from .state import Choice

FRAME_MILLISECONDS = 140


class Scrubber:
    """A slider over the solver's steps, with a button that plays them."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        tip = "Moves all samples and paths to one time between noise and data."
        self.slider = w.IntSlider(min=0, max=choice.steps, readout=False, tooltip=tip)
        self.play = w.Play(
            min=0,
            max=choice.steps,
            interval=FRAME_MILLISECONDS,
            show_repeat=False,
            tooltip="Plays the flow from noise to data.",
        )
        self.readout = w.HTML().add_class("fmq-time")
        w.jslink((self.play, "value"), (self.slider, "value"))
        ends = [w.HTML(f"<span>{text}</span>").add_class("fmq-end") for text in ("noise", "data")]
        self.widget = w.HBox([self.play, ends[0], self.slider, ends[1], self.readout])
        self.widget.add_class("fmq-scrubber")
        self.slider.observe(self._take, "value")
        choice.observe(lambda _: self._show(), ("time", "steps"))
        self._show()

    def _take(self, change) -> None:
        steps = self._choice.steps
        if change.new != round(self._choice.time * steps):
            self._choice.time = change.new / steps

    def _show(self) -> None:
        steps = self._choice.steps
        value = round(self._choice.time * steps)
        for widget in (self.slider, self.play):
            if widget.max != steps:
                widget.max = steps
            if widget.value != value:
                widget.value = value
        self.readout.value = f"<span>t = <b>{value / steps:.2f}</b></span>"
