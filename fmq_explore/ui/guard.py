"""What keeps callbacks safe: no error stays unseen, and threads find the interface's event loop."""

__all__ = ["guarded", "running_loop"]

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..explore import Failure


def guarded(method: Callable) -> Callable:
    """Shows an exception of a callback as one sentence; Voila would hide it.

    For methods of an object with a status bar, ``status``.
    """

    @wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            text = str(error).strip() or repr(error)
            self.status.fail(Failure("choice", text.splitlines()[0]))
            return None

    return call


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Returns the event loop of this thread, if one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
