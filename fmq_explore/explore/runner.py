"""One background thread that runs the newest job; an older one is asked to stop."""

__all__ = ["LatestRunner", "Ticket"]

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event


class Ticket:
    """A job's right to go on: it ends when a newer job is submitted.

    Example:
        >>> ticket = Ticket()
        >>> ticket.cancelled
        False
        >>> ticket.cancel()
        >>> ticket.cancelled
        True
    """

    def __init__(self) -> None:
        self._event = Event()

    @property
    def cancelled(self) -> bool:
        """Whether a newer job has come."""
        return self._event.is_set()

    def cancel(self) -> None:
        """Ends the job's right to go on."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Waits, but no longer than the job is wanted; returns whether it still is."""
        return not self._event.wait(seconds)


class LatestRunner:
    """Runs jobs one at a time in a background thread; the latest wins.

    A job is a function of its :class:`Ticket` and asks ``ticket.cancelled`` at every good moment
    to stop. Jobs that were overtaken before they began never begin.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explore")
        self._ticket = Ticket()

    def overtake(self) -> None:
        """Asks the running job to stop, without a new one."""
        self._ticket.cancel()

    def submit(self, job: Callable[[Ticket], None]) -> Future:
        """Asks the running job to stop and queues this one."""
        self._ticket.cancel()
        self._ticket = ticket = Ticket()
        return self._executor.submit(lambda: None if ticket.cancelled else job(ticket))

    def close(self) -> None:
        """Stops the running job and lets the thread end."""
        self._ticket.cancel()
        self._executor.shutdown(wait=False, cancel_futures=True)
