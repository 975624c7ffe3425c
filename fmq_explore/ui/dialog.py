"""A box over the page with text to read and to copy: a view's code, a tutorial's command."""

__all__ = ["Dialog"]

from collections.abc import Callable

import ipywidgets as w

from .header import quiet_button


class Dialog:
    """A box at the top right, closed until something is opened in it.

    Args:
        copy: Puts a text on the clipboard.
    """

    def __init__(self, copy: Callable[[str], None]) -> None:
        self.text = w.HTML().add_class("fmq-dialog-text")
        self.copy = quiet_button("copy", "Copies the code.")
        self.close_button = quiet_button("close", "Closes this box.")
        buttons = w.HBox([self.copy, self.close_button])
        self.widget = w.VBox([buttons, self.text]).add_class("fmq-dialog")
        self._copied = ""
        self.copy.on_click(lambda _: copy(self._copied))
        self.close_button.on_click(lambda _: self.close())
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether it is on show."""
        return self.widget.layout.display != "none"

    def open(self, html: str, copied: str) -> None:
        """Shows a text; ``copied`` is what the copy button copies."""
        self.text.value, self._copied = html, copied
        self.widget.layout.display = None

    def close(self) -> None:
        """Hides the box."""
        self.widget.layout.display = "none"
