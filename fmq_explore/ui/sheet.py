"""A widget that paints a sheet of images from raw bytes; tiles not yet recomputed stay, dimmed."""

__all__ = ["SheetView"]

from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

STATIC = Path(__file__).parent / "static"


class SheetView(anywidget.AnyWidget):
    """Shows images of shape (n, height, width, channels), uint8, in rows of ``columns`` tiles.

    When fewer images come than are on show, the others stay, dimmed, until theirs come.

    Args:
        label: What the sheet shows, for screen readers.
    """

    _esm = STATIC / "sheet.js"
    columns = traitlets.Int(8).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)

    def __init__(self, label: str) -> None:
        self._images = np.empty((0, 1, 1, 1), dtype=np.uint8)
        self._total = 0
        self._version = 0
        super().__init__(label=label)
        self.add_class("fmq-sheet-view")
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return f"SheetView({self.label!r})"

    def update(self, images: np.ndarray, total: int = 0) -> None:
        """Sends images, uint8, shape (n, height, width, channels), the first of ``total``.

        Nothing is sent for what is on show already.
        """
        total = max(total, len(images))
        if total == self._total and np.array_equal(images, self._images):
            return
        self._images, self._total = np.ascontiguousarray(images, dtype=np.uint8), total
        self._send_images()

    def _send_images(self) -> None:
        self._version += 1
        shape = list(self._images.shape)
        message = {"version": self._version, "shape": shape, "total": self._total}
        self.send(message, [self._images.data.cast("B")])

    def _receive(self, _: Any, content: dict, __: Any) -> None:
        if content.get("event") == "ready" and len(self._images):
            self._send_images()
