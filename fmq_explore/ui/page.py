"""The page behind the widgets: BokehJS from disk, styles, address bar, clipboard, keys."""

__all__ = ["Page"]

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import bokeh
import traitlets

STATIC = Path(__file__).parent / "static"
BOKEH_SCRIPT = Path(bokeh.__file__).parent / "server" / "static" / "js" / "bokeh.min.js"


class Page(anywidget.AnyWidget):
    """An invisible widget that carries scripts and styles, and hears what concerns the whole page.

    Args:
        on_event: Called with ``{"event": "hello", "dark": bool, "large": bool}`` when the page is
            there or changes its size, with ``{"event": "bits", "value": int}`` when a digit key is
            pressed (0: full precision), and with ``{"event": "escape"}``.
    """

    _esm = STATIC / "page.js"
    _css = STATIC / "explorer.css"
    bokeh_script = traitlets.Unicode().tag(sync=True)
    theme = traitlets.Enum(("light", "dark"), default_value="light").tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)
    tooltips = traitlets.Dict().tag(sync=True)

    def __init__(self, on_event: Callable[[dict[str, Any]], None], **traits: Any) -> None:
        script = BOKEH_SCRIPT.read_text(encoding="utf-8")
        super().__init__(bokeh_script=script, **traits)
        self._on_event = on_event
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return "Page()"

    def _receive(self, _: Any, content: dict[str, Any], __: Any) -> None:
        if content.get("event") == "ping":
            self.send({"pong": True})
        else:
            self._on_event(content)

    def copy_link(self, query: str, function: str = "explorer") -> None:
        """Puts the address of this view on the clipboard; in a notebook, the call that opens it."""
        self.send({"copy": "link", "query": query, "function": function})

    def copy_text(self, text: str) -> None:
        """Puts a text on the clipboard."""
        self.send({"copy": "text", "text": text})
