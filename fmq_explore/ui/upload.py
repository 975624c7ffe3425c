"""A file of the browser's machine, sent piece by piece: no limit of a web socket is met."""

__all__ = ["Upload"]

from collections.abc import Callable
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import anywidget
import traitlets

from ..foreign import ENDINGS
from ..foreign.limits import check_upload

STATIC = Path(__file__).parent / "static"


class Upload(anywidget.AnyWidget):
    """A button that takes one file and puts it into a temporary folder.

    Widgets of Jupyter send a file as one message, and a server closes the connection when a
    message is too long (10 MiB by default), which loses everything on screen. Here the kernel asks
    for one piece after the other, each well below that, and refuses what it will not open before
    any of it is sent.

    Args:
        on_file: Called with the path and the file's own name when all of it is there.
        on_refusal: Called with a sentence where the file will not be taken.
    """

    _esm = STATIC / "upload.js"
    _css = STATIC / "opening.css"
    accept = traitlets.Unicode(",".join(ENDINGS)).tag(sync=True)
    label = traitlets.Unicode("choose a file…").tag(sync=True)

    def __init__(
        self, on_file: Callable[[Path, str], None], on_refusal: Callable[[str], None]
    ) -> None:
        super().__init__()
        self._on_file, self._on_refusal = on_file, on_refusal
        self._folder: TemporaryDirectory[str] | None = None
        self._file: BinaryIO | None = None
        self._name, self._size, self._turn = "", 0, 0
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return "Upload()"

    def _receive(self, _: Any, content: dict[str, Any], buffers: list[Any]) -> None:
        if content.get("event") == "begin":
            self._begin(content)
        elif content.get("event") == "piece" and content.get("turn") == self._turn:
            self._take(buffers[0])

    def _begin(self, content: dict[str, Any]) -> None:
        """Starts a file; one that was still on its way is given up."""
        self._close()
        self._turn = int(content["turn"])
        self._name, self._size = PurePath(str(content["name"])).name, int(content["size"])
        try:
            check_upload(self._name, self._size)
        except ValueError as error:
            self.send({"turn": self._turn, "done": True})
            self._on_refusal(str(error))
            return
        self._file = self._path().open("wb")
        self.send({"turn": self._turn, "want": 0})

    def _take(self, piece: Any) -> None:
        if self._file is None:
            return
        self._file.write(piece)
        here = self._file.tell()
        if here < self._size:
            self.send({"turn": self._turn, "want": here})
            return
        self._close()
        self.send({"turn": self._turn, "done": True})
        self._on_file(self._path(), self._name)

    def _path(self) -> Path:
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="fmq-", ignore_cleanup_errors=True)
        return Path(self._folder.name) / self._name

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
