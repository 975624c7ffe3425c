"""The head of the page: the name, the switch between the pages of panels, and the tools."""

__all__ = ["Header", "Tools", "quiet_button"]

import ipywidgets as w

from .state import Choice

HEADLINE = (
    "<h1>fmq<span>explore</span></h1><p>see what quantization does to a flow-matching model</p>"
)
PAGES = {"weights and samples": "samples", "measures": "measures", "budget": "budget"}
PAGE_TIPS = [
    "Shows weights, distances, samples and trajectories.",
    "Shows quality against bits, the latents of real images, and bounds beside the measured gap.",
    "Shares out a budget of bytes among the tensors, and sets bytes against quality.",
]


class Tools:
    """The buttons at the right of the head that every app has."""

    def __init__(self) -> None:
        self.code = quiet_button("code", "Shows the Python that gives this very result.")
        self.link = quiet_button("copy link", "Copies an address that restores exactly this view.")
        self.reset = quiet_button("reset", "Returns every choice to its default.")
        self.dark = quiet_button("light / dark", "Switches between the light and the dark theme.")

    def _line(self, *more: w.Widget) -> w.Widget:
        """Returns all tools in one line, with more in front of them."""
        tools = w.HBox([*more, self.code, self.link, self.reset, self.dark])
        return tools.add_class("fmq-tools")


class Header(Tools):
    """One line at the top of the page.

    Args:
        choice: The state, whose page the switch sets.
    """

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        title = w.HTML(HEADLINE).add_class("fmq-headline")
        self.pages = w.ToggleButtons(options=list(PAGES.items()), tooltips=PAGE_TIPS)
        self.pages.add_class("fmq-toggle").add_class("fmq-pages")
        w.link((choice, "page"), (self.pages, "value"))
        self.lessons = quiet_button("lessons", "Opens short lessons: a question and its answer.")
        line = [title, self.pages, self._line(self.lessons)]
        self.widget = w.HBox(line).add_class("fmq-head")


def quiet_button(text: str, tooltip: str) -> w.Button:
    """Returns a plain small button."""
    return w.Button(description=text, tooltip=tooltip).add_class("fmq-quiet")
