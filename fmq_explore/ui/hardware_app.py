"""The hardware app: what a network costs on sixteen microcontrollers, live while it is chosen."""

__all__ = ["HardwareApp", "hardware"]

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from ..explore import Failure, HardwareView, Status
from .controls import Controls
from .guard import guarded
from .hardware_controls import HardwareControls
from .hardware_state import CHIP_NAMES, HardwareChoice
from .hardware_summary import file_card, memory_card, work_card
from .hardware_table import hardware_table, legend
from .header import Tools
from .links import open_app
from .page import STATIC, Page
from .shell import Shell

HEADLINE = "<h1>fmq<span>hardware</span></h1><p>what it costs on a microcontroller</p>"


def hardware(query: str | None = None) -> w.Widget:
    """Returns the hardware app, ready to be shown in Voila or JupyterLab.

    Args:
        query: A link's query string; by default the one of the page's own address, if it has one.
    """
    return open_app("hardware", query)


class HardwarePage(Page):
    """The page of the hardware app, with its own styles after the common ones."""

    _css = "\n".join(
        (Path(STATIC) / name).read_text(encoding="utf-8")
        for name in ("explorer.css", "hardware.css")
    )


class HardwareHeader(Tools):
    """One line at the top of the page."""

    def __init__(self) -> None:
        super().__init__()
        title = w.HTML(HEADLINE).add_class("fmq-headline")
        self.explorer = w.HTML().add_class("fmq-other-app")
        self.widget = w.HBox([title, self._line(self.explorer)]).add_class("fmq-head")

    def lead_to(self, query: str) -> None:
        """Lets the link to the explorer show the same network."""
        self.explorer.value = (
            f'<a class="fmq-voila-only" href="?{escape(query)}" target="_blank" '
            'title="Opens the explorer with this network.">explorer</a>'
        )


class HardwareApp(Shell):
    """One page: a control column, three cards, the table of chips, and a status bar.

    Args:
        query: A link's query string.
        start: Loads the library and answers at once; tests may hold that back.
    """

    name = "hardware"
    choice: HardwareChoice

    def __init__(self, query: str = "", start: bool = True) -> None:
        super().__init__(HardwareChoice(), query)
        self.header = HardwareHeader()
        self.cards = [w.HTML().add_class("fmq-card").add_class("fmq-summary") for _ in range(3)]
        self.table = w.HTML().add_class("fmq-card").add_class("fmq-chips-card")
        self.legend = w.HTML().add_class("fmq-hardware-legend")
        self._finish(self.controls.tooltips, start, HardwarePage)

    def _make_controls(self) -> Controls:
        return HardwareControls(self.choice)

    def _arrange(self) -> list[w.Widget]:
        cards = w.HBox(self.cards).add_class("fmq-summaries")
        main = w.VBox([cards, self.table, self.legend]).add_class("fmq-main")
        body = w.HBox([self.controls.widget, main]).add_class("fmq-body")
        return [self.header.widget, body, self.status.widget]

    def _tools(self) -> HardwareHeader:
        return self.header

    def _observe(self) -> None:
        super()._observe()
        self.choice.observe(lambda _: self._schedule(), CHIP_NAMES)

    def _make_backend(self) -> Any:
        from ..explore import HardwareExplorer

        return HardwareExplorer(self._on_record, self._post)

    @guarded
    def _submit(self) -> None:
        self._scheduled = False
        request, chips = self.choice.request(), self.choice.chips()
        self.status.begin()
        self.backend.ask(request, chips)
        self._show_query()

    def _show_query(self) -> None:
        super()._show_query()
        self.header.lead_to(self.choice.explorer_query())

    @guarded
    def _on_record(self, record: Any) -> None:
        if isinstance(record, Status | Failure):
            self.status.show(record)
        elif isinstance(record, HardwareView):
            self._draw(record)
            self.status.clear("weights")

    def _draw(self, view: HardwareView) -> None:
        for card, make in zip(self.cards, (file_card, memory_card, work_card), strict=True):
            card.value = make(view)
        self.table.value = hardware_table(view)
        self.legend.value = legend(view)

    @guarded
    def _build(self) -> None:
        """Follows the theme; styles alone depend on it."""
        self.page.theme = self._theme()

    def _code(self) -> str:
        from ..explore import hardware_code

        request = self.choice.request()
        classes = self._catalog.models[request.model].class_names if self._catalog else ()
        return hardware_code(request, self.choice.chips(), bool(classes))
