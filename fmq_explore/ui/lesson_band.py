"""The band of a lesson beneath the head: its question, and its answer when asked for."""

__all__ = ["LessonBand"]

from collections.abc import Callable
from html import escape

import ipywidgets as w

from .header import quiet_button
from .lessons import LESSONS
from .panels.base import tutorial_button
from .state import Choice


class LessonBand:
    """A slim band that is there while a lesson is open.

    Args:
        choice: The state; its ``lesson`` says which one is open.
        on_tutorial: Called with the name of the tutorial that goes deeper.

    Attributes:
        tooltips: What the page has to explain by itself, by CSS class; see `Controls`.
    """

    def __init__(self, choice: Choice, on_tutorial: Callable[[str], None]) -> None:
        self._choice = choice
        self.back = quiet_button("‹", "Opens the lesson before this one.")
        self.next = quiet_button("›", "Opens the next lesson.")
        names = [(f"{i} · {one.title}", name) for i, (name, one) in enumerate(LESSONS.items(), 1)]
        self.list = w.Dropdown(options=names, tooltip="Chooses a lesson.")
        self.tooltips = {"fmq-lesson-list": str(self.list.add_class("fmq-lesson-list").tooltip)}
        self.question = w.HTML().add_class("fmq-question")
        self.again = quiet_button("start over", "Returns to the view that the lesson began with.")
        self.reveal = w.ToggleButton(description="answer", tooltip="Shows or hides the answer.")
        self.tutorials = w.Box().add_class("fmq-lesson-tutorial")
        self.close = quiet_button("close lesson", "Closes the lesson; the view stays.")
        self.answer = w.HTML().add_class("fmq-answer")
        steps = w.HBox([self.back, self.list, self.next]).add_class("fmq-lesson-steps")
        tools = w.HBox([self.reveal, self.again, self.tutorials, self.close])
        line = [steps, self.question, tools.add_class("fmq-lesson-tools")]
        self.widget = w.VBox([w.HBox(line).add_class("fmq-lesson-line"), self.answer])
        self.widget.add_class("fmq-lesson")
        self._buttons = {name: tutorial_button(name) for name in self._tutorial_names()}
        for name, button in self._buttons.items():
            button.on_click(lambda _, name=name: on_tutorial(name))
        self._observe()
        self._show()

    def open(self, name: str = "") -> None:
        """Opens a lesson, by default the first, in the view that it begins with."""
        self._choice.begin_lesson(name or next(iter(LESSONS)))
        self.reveal.value = False

    def _observe(self) -> None:
        self._choice.observe(lambda _: self._show(), "lesson")
        self.back.on_click(lambda _: self._step(-1))
        self.next.on_click(lambda _: self._step(1))
        self.again.on_click(lambda _: self.open(str(self._choice.lesson)))
        self.close.on_click(lambda _: setattr(self._choice, "lesson", ""))
        self.list.observe(lambda change: self._choose(change.new), "value")
        self.reveal.observe(lambda _: self._show_answer(), "value")

    def _choose(self, name: str) -> None:
        if self._choice.lesson and name != self._choice.lesson:
            self.open(name)

    def _step(self, by: int) -> None:
        names = list(LESSONS)
        self.open(names[(names.index(str(self._choice.lesson)) + by) % len(names)])

    def _show(self) -> None:
        lesson = LESSONS.get(str(self._choice.lesson))
        self.widget.layout.display = None if lesson else "none"
        if lesson is None:
            return
        self.list.value = lesson.name
        self.reveal.value = False
        self.question.value = f"<h2>{escape(lesson.question)}</h2><p>{escape(lesson.look)}</p>"
        self.tutorials.children = [self._buttons[lesson.tutorial]]
        self._show_answer()

    def _show_answer(self) -> None:
        lesson = LESSONS.get(str(self._choice.lesson))
        shown = lesson is not None and self.reveal.value
        self.answer.layout.display = None if shown else "none"
        self.reveal.description = "hide answer" if shown else "answer"
        if lesson is not None and shown:
            self.answer.value = f'<p role="status">{escape(lesson.answer)}</p>'

    @staticmethod
    def _tutorial_names() -> list[str]:
        return sorted({lesson.tutorial for lesson in LESSONS.values()})
