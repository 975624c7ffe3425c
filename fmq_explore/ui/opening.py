"""Opening a file of weights: by its path or from the browser, off the interface thread."""

__all__ = ["TUTORIAL", "Opening", "open_named"]

import warnings
from collections.abc import Callable
from html import escape
from pathlib import Path
from threading import Thread
from typing import Any

import ipywidgets as w

from ..explore import UPLOAD, Failure
from ..explore.sentences import sentence, upload_is_gone
from ..foreign import ENDINGS, MAX_BYTES
from .catalog import Catalog, ModelEntry
from .header import quiet_button
from .panels.base import tutorial_button
from .status import StatusBar
from .upload import Upload

TUTORIAL = "07_your_own_checkpoint"
NOTE = (
    f"A state dict in a {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]} file of up to "
    f"{MAX_BYTES / 2**30:g} GiB; nothing in it is run. Networks of this project and U-Nets of "
    "torchcfm are sampled, too; of all others you see the weights."
)

Post = Callable[[Callable[[], None]], Any]
OnOpened = Callable[[str, ModelEntry], None]


class Opening:
    """A box with a path field and a button to choose a file, closed until it is asked for.

    Args:
        status: Where it is said what is going on, and what went wrong.
        post: Runs a function on the interface thread.
        workspace: Returns the workspace that opens files, or None while the library loads.
        on_opened: Called on the interface thread with the new model's name and entry.
    """

    def __init__(
        self,
        status: StatusBar,
        post: Post,
        workspace: Callable[[], Any],
        on_opened: OnOpened,
    ) -> None:
        self._status, self._post = status, post
        self._workspace, self._on_opened = workspace, on_opened
        self._turn = 0
        self.path = w.Text(placeholder="/home/me/weights.pt", tooltip="The whole path of a file.")
        self.go = quiet_button("open", "Opens the file.")
        self.upload = Upload(self._take_upload, self._refuse)
        self.close_button = quiet_button("close", "Closes this box.")
        self.tutorial = tutorial_button(TUTORIAL)
        self.note = w.HTML().add_class("fmq-opening-note")
        self.widget = self._arrange()
        self.go.on_click(lambda _: self.open_path(self.path.value))
        self.close_button.on_click(lambda _: self.close())
        with warnings.catch_warnings():  # the newer way would also open when the field is left
            warnings.simplefilter("ignore", DeprecationWarning)
            self.path.on_submit(lambda _: self.open_path(self.path.value))
        self.close()

    def _arrange(self) -> w.VBox:
        title = w.HTML("<h2>Open a file of weights</h2>")
        gap = w.Box().add_class("fmq-gap-filler")
        head = w.HBox([title, self.tutorial, gap, self.close_button]).add_class("fmq-opening-head")
        lines = [
            w.HBox([_label("path"), self.path, self.go]),
            w.HBox([_label("or upload"), self.upload]),
        ]
        for line in lines:
            line.add_class("fmq-opening-line")
        return w.VBox([head, *lines, self.note]).add_class("fmq-opening")

    def show(self) -> None:
        """Opens the box, or closes it where it is open."""
        if self.is_open:
            self.close()
            return
        self._say(NOTE)
        self.widget.layout.display = None
        self.path.focus()

    @property
    def is_open(self) -> bool:
        """Whether the box is on screen."""
        return self.widget.layout.display is None

    def close(self) -> None:
        """Closes the box."""
        self.widget.layout.display = "none"

    def open_path(self, path: str) -> None:
        """Opens a file of the machine that the app runs on; the newest wish wins."""
        path = path.strip().strip("\"'")
        if path:
            self._open(path, Path(path).name, "")
        else:
            self._refuse("Give the path of a file, or choose one below.")

    def _take_upload(self, path: Path, name: str) -> None:
        self._open(str(path), name, name)

    def _open(self, path: str, title: str, uploaded_as: str) -> None:
        self._turn += 1
        turn, workspace = self._turn, self._workspace()
        if workspace is None:
            self._refuse("The library is still being loaded: try again in a moment.")
            return
        self._say(f"opening {title} …")
        self._status.say(f"opening {title} …")

        def work() -> None:
            try:
                name, card = workspace.open(path, uploaded_as)
                entry = entry_of(card, workspace.model(name))
                self._post(lambda: self._finish(turn, name, entry))
            except Exception as error:  # whatever is wrong with a file, nothing on screen is lost
                reason = _sentence(error, title)
                self._post(lambda: self._refuse(reason) if turn == self._turn else None)

        Thread(target=work, daemon=True, name="open").start()

    def _finish(self, turn: int, name: str, entry: ModelEntry) -> None:
        if turn == self._turn:
            self.close()
            self._on_opened(name, entry)

    def _refuse(self, reason: str) -> None:
        """Says what was wrong, here and in the status bar; the model on show stays."""
        self._say(reason, wrong=True)
        self._status.fail(Failure("choice", reason))

    def _say(self, text: str, wrong: bool = False) -> None:
        self.note.value = f'<p class="{"fmq-wrong" if wrong else ""}">{escape(text)}</p>'


def open_named(catalog: Catalog, workspace: Any, name: str) -> tuple[Catalog, str, str]:
    """Opens the file that a link names, where it names one.

    Returns:
        The catalog with the model in it, the model's name, and a sentence if it cannot be opened
        (the name is empty then).
    """
    from ..zoo import is_file_name

    if name in catalog.models or not (name.startswith(UPLOAD) or is_file_name(name)):
        return catalog, name, ""
    try:
        if name.startswith(UPLOAD):
            raise ValueError(upload_is_gone(name))
        opened, card = workspace.open(name)
        return catalog.plus(opened, entry_of(card, workspace.model(opened))), opened, ""
    except Exception as error:
        return catalog, "", _sentence(error, Path(name).name)


def entry_of(card: Any, model: Any) -> ModelEntry:
    """Makes the catalog's entry for a model that was opened."""
    facts = [f"{card.n_parameters:,} weights"]
    facts += [] if card.data_shape else ["no network: not sampled"]
    note = f"{' · '.join(facts)}. {model.note}"
    return ModelEntry(card.title, tuple(card.class_names), note, bool(card.data_shape))


def _sentence(error: Exception, title: str) -> str:
    text = str(error).strip() or repr(error)
    if not isinstance(error, ValueError):
        text = f"{title} could not be opened: {text}"
    return sentence(text)


def _label(text: str) -> w.HTML:
    return w.HTML(f"<span>{text}</span>").add_class("fmq-opening-label")
