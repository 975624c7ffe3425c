"""The status bar: what is being computed, how far it is, how long it took, or what went wrong."""

__all__ = ["StatusBar"]

from html import escape
from time import monotonic

import ipywidgets as w

from ..explore import Failure, Status

# What is done within a blink needs no progress bar, and the browser draws with the cores that work
PATIENCE_SECONDS = 0.25
BETWEEN_SECONDS = 0.25


class StatusBar:
    """One line at the foot of the page, announced to screen readers."""

    def __init__(self) -> None:
        self.widget = w.HTML().add_class("fmq-status")
        self._stage, self._next = "", 0.0
        self._failure: Failure | None = None
        self.say("Loading the library …")

    def show(self, record: Status | Failure) -> None:
        """Shows a record of the explorer."""
        if isinstance(record, Failure):
            self.fail(record)
        elif record.seconds is not None:
            self._done(record)
        else:
            self._busy(record)

    def begin(self) -> None:
        """Shows that something new was asked for."""
        self._stage = ""
        if self._failure is None:
            self._put("busy", "computing …", 0.0)

    def say(self, text: str) -> None:
        """Shows a plain remark."""
        self._put("busy" if text.endswith("…") else "done", text, None)

    def fail(self, failure: Failure) -> None:
        """Shows one sentence about what went wrong; it stays until that stage succeeds."""
        self._failure = failure
        self._put("failed", failure.sentence, None)

    def clear(self, stage: str) -> None:
        """Forgets a failure once its stage has succeeded."""
        if self._failure is not None and self._failure.stage == stage:
            self._failure = None

    def _busy(self, status: Status) -> None:
        now = monotonic()
        if status.stage != self._stage:
            self._stage, self._next = status.stage, now + PATIENCE_SECONDS
        if now < self._next or self._failure is not None:
            return
        self._next = now + BETWEEN_SECONDS
        self._put("busy", f"{status.stage} …", status.fraction)

    def _done(self, status: Status) -> None:
        self._stage = ""
        if self._failure is None:
            self._put("done", f"{status.stage} in {_duration(status.seconds or 0.0)}", None)

    def _put(self, state: str, text: str, fraction: float | None) -> None:
        moving = state == "busy" and fraction is None
        width = 0.0 if fraction is None else 100 * fraction
        bar = f'<i class="{"fmq-moving" if moving else ""}" style="width:{width:.0f}%"></i>'
        self.widget.value = (
            f'<div class="fmq-status-line fmq-{state}" role="status" aria-live="polite">'
            f'<b class="fmq-lamp"></b><span>{escape(text)}</span><em>{bar}</em></div>'
        )


def _duration(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
