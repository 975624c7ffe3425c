"""What the apps share: loading behind the page, files, links, theme, and one answer to an event."""

__all__ = ["Shell"]

from abc import abstractmethod
from collections.abc import Callable
from html import escape
from threading import Thread
from typing import Any

import ipywidgets as w

from ..explore import UPLOAD, Failure
from .catalog import Catalog, ModelEntry, load_catalog
from .controls import Controls
from .dialog import Dialog
from .guard import guarded, running_loop
from .header import Tools
from .opening import TUTORIAL, Opening, open_named
from .page import Page
from .state import REQUEST_NAMES, Choice
from .status import StatusBar
from .threads import wait_patiently
from .tutorials import TUTORIALS, tutorial_html


class Shell:
    """A page with a control column and a status bar, whose answers come from a backend.

    An app makes its own parts, then calls `_finish`; it says what its page shows (`_arrange`), who
    computes (`_make_backend`), what is asked (`_submit`) and what is made anew (`_build`).

    Args:
        choice: The state.
        query: A link's query string.
    """

    name: str
    """The function of `fmq_explore.ui` that opens the app."""
    widget: w.Widget

    def __init__(self, choice: Choice, query: str) -> None:
        self.choice = choice
        self._problems = choice.apply_query(query)
        self.status = StatusBar()
        self.controls = self._make_controls()
        self.backend: Any = None
        self._catalog: Catalog | None = None
        self._loop = running_loop()
        self._large = False
        self._scheduled = False

    def _make_controls(self) -> Controls:
        return Controls(self.choice)

    def _finish(self, tooltips: dict[str, str], start: bool, page: type[Page] = Page) -> None:
        """Puts the page together and begins to load the library."""
        self.page = page(self._on_page, theme=self._theme(), tooltips=tooltips)
        self.dialog = Dialog(self.page.copy_text)
        self.opening = Opening(self.status, self._post, self._workspace, self._take_model)
        boxes = [self.dialog.widget, self.opening.widget, self.page]
        self.widget = w.VBox([*self._arrange(), *boxes]).add_class("fmq-root")
        self._observe()
        self._tell_problems()
        self._show_query()
        if start:
            Thread(target=self._load, daemon=True, name="load").start()

    @abstractmethod
    def _arrange(self) -> list[w.Widget]:
        """Returns what the page shows, from top to bottom."""

    @abstractmethod
    def _tools(self) -> Tools:
        """Returns the head of the page."""

    @abstractmethod
    def _make_backend(self) -> Any:
        """Returns what computes; it has a `workspace`. Called once the library is loaded."""

    @abstractmethod
    def _submit(self) -> None:
        """Asks the backend for what the state says."""

    @abstractmethod
    def _build(self) -> None:
        """Makes anew whatever depends on the theme."""

    @abstractmethod
    def _code(self) -> str:
        """Returns the Python that gives what is on screen."""

    def _observe(self) -> None:
        choice, header = self.choice, self._tools()
        choice.observe(lambda _: self._schedule(), REQUEST_NAMES)
        choice.observe(lambda _: self._build(), "theme")
        header.reset.on_click(lambda _: self._reset())
        header.code.on_click(lambda _: self._show_code())
        header.link.on_click(lambda _: self._copy_link())
        header.dark.on_click(lambda _: self._switch_theme())
        self.controls.open_file.on_click(lambda _: self.opening.show())
        self.opening.tutorial.on_click(lambda _: self._open_tutorial(TUTORIAL))

    # Loading: the page is up before torch is

    def _load(self) -> None:
        """Loads the library in a thread of its own, then hands over to the interface thread."""
        try:
            wait_patiently()
            catalog = load_catalog()
            backend = self._make_backend()
            opened = open_named(catalog, backend.workspace, self.choice.model)
            self._post(lambda: self._start(opened[0], backend, *opened[1:]))
        except Exception as error:
            sentence = f"The library could not be loaded: {error}"
            self._post(lambda: self.status.fail(Failure("load", sentence)))

    @guarded
    def _start(
        self, catalog: Catalog, backend: Any, model: str | None = None, problem: str = ""
    ) -> None:
        if not catalog.models:
            raise FileNotFoundError(
                "No trained models were found; reinstall fmq_explore, or run fmq-explore train."
            )
        if model is not None:
            self.choice.model = model or Choice().model
        self._problems += [problem] if problem else []
        self._catalog, self.backend = catalog, backend
        self._problems += self.controls.fill(catalog)
        self._submit()  # the first codebooks are fitted while the figures are made
        self._build()
        self._tell_problems()

    def _tell_problems(self) -> None:
        """Says what was wrong with the link, until the next choice."""
        if self._problems:
            self.status.fail(Failure("choice", " ".join(self._problems)))

    def _workspace(self) -> Any:
        return None if self.backend is None else self.backend.workspace

    @guarded
    def _take_model(self, name: str, entry: ModelEntry) -> None:
        """Chooses a model that was opened; one of the same name is shown anew."""
        assert self._catalog is not None
        self._catalog = self._catalog.plus(name, entry)
        self.controls.fill(self._catalog)
        self.choice.model, self.choice.layer, self.choice.row = name, "", 0
        self.choice.budget = 0
        self._schedule()

    def _post(self, function: Callable[[], None]) -> None:
        if self._loop is None:
            function()
        else:
            self._loop.call_soon_threadsafe(function)

    def _schedule(self) -> None:
        """Submits once for all changes of one event."""
        if self._scheduled or self.backend is None:
            return
        self._scheduled = True
        self.status.clear("choice")
        if self._loop is None:
            self._submit()
        else:
            self._loop.call_soon(self._submit)

    # Listening

    def _theme(self) -> str:
        return "light" if self.choice.theme == "auto" else str(self.choice.theme)

    def _show_query(self) -> None:
        self.page.query = self.choice.query()

    @guarded
    def _on_page(self, event: dict[str, Any]) -> None:
        if event.get("event") == "hello":
            if event.get("large") != self._large:
                self._large = bool(event.get("large"))
                self._build()
            if event.get("dark") and self.choice.theme == "auto":
                self.choice.theme = "dark"
        elif event.get("event") == "bits":
            value = int(event["value"])
            self._choose_bits(None if value in (0, 9) else value)
        elif event.get("event") == "escape":
            self._escape()

    def _escape(self) -> bool:
        """Closes what lies on top; returns whether anything did."""
        for box in (self.opening, self.dialog):
            if box.is_open:
                box.close()
                return True
        return False

    def _choose_bits(self, bits: int | None) -> None:
        """Gives all tensors the same bits: that ends a budget."""
        self.choice.budget, self.choice.bits = 0, bits

    @guarded
    def _reset(self) -> None:
        self.choice.reset()
        self.dialog.close()
        self.status.say("Every choice is back at its default.")

    @guarded
    def _switch_theme(self) -> None:
        self.choice.theme = "light" if self._theme() == "dark" else "dark"

    @guarded
    def _copy_link(self) -> None:
        self.page.copy_link(self.choice.query(), self.name)
        self.status.say(
            "The link is on the clipboard, but this file was uploaded: it must be opened again."
            if self.choice.model.startswith(UPLOAD)
            else "The link is on the clipboard: it restores exactly this view."
        )

    @guarded
    def _show_code(self) -> None:
        code = self._code()
        self.dialog.open(f"<pre>{escape(code)}</pre>", code)

    @guarded
    def _open_tutorial(self, name: str) -> None:
        tutorial = TUTORIALS[name]
        self.opening.close()
        self.dialog.open(tutorial_html(tutorial), tutorial.command)
