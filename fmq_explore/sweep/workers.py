"""Who measures: this process, processes on this machine, or a Dask cluster."""

__all__ = ["Outcome", "Outcomes", "here", "in_processes", "on_cluster"]

import multiprocessing
import os
import signal
import threading
from asyncio import CancelledError
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from .measure import run_task
from .tasks import Task

Tasks = Mapping[str, Task]
MAX_DEATHS = 3
PATIENCE = 10  # seconds for a scheduler to answer


@dataclass(frozen=True)
class Outcome:
    """What became of a task: a row, or a sentence that says why not."""

    key: str
    row: dict[str, Any] | None = None
    error: str | None = None


Outcomes = Generator[Outcome, None, None]


def here(tasks: Tasks) -> Outcomes:
    """Measures one task after the other in this process."""
    for key, task in tasks.items():
        yield _measured(task, key)


def in_processes(tasks: Tasks, workers: int) -> Outcomes:
    """Measures in fresh processes on this machine, and ends them with this one.

    A process that dies takes its pool with it; the rest goes to a new one. After three deaths
    without a row in between, what is left is given up.
    """
    left, deaths = dict(tasks), 0
    while left and deaths < MAX_DEATHS:
        try:
            with _pool(min(workers, len(left))) as pool:
                futures = [pool.submit(_measured, task, key) for key, task in left.items()]
                for future in as_completed(futures):
                    outcome = future.result()
                    deaths = 0
                    del left[outcome.key]
                    yield outcome
        except BrokenProcessPool:
            deaths += 1
    for key, task in left.items():
        yield Outcome(key, error=f"{task}: its process died; see whether the memory suffices")


def on_cluster(tasks: Tasks, address: str) -> Outcomes:
    """Measures on a Dask cluster, which hands on what a dead worker leaves.

    The cluster only computes: rows come here and are written here, each once.

    Args:
        tasks: What to measure.
        address: The scheduler's, such as `tcp://10.0.0.5:8786`.

    Raises:
        ValueError: If `distributed` is not installed, or the scheduler does not answer.
    """
    try:
        from distributed import Client
        from distributed import as_completed as as_completed_there
    except ImportError:
        raise ValueError(
            "a Dask cluster needs the package distributed: pip install 'fmq-explore[dask]'"
        ) from None
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"no Dask scheduler answers at {address!r} ({error}): start one with dask scheduler"
        ) from None
    with client:
        # by their order, so that tasks of one model stay together in a worker's cache
        futures = {
            client.submit(_measured, task, key, key=f"row-{key}", priority=-i, pure=False): key
            for i, (key, task) in enumerate(tasks.items())
        }
        for future in as_completed_there(list(futures)):
            key = futures.pop(future)
            try:
                yield future.result()
            except (Exception, CancelledError) as error:  # given up by the scheduler, or it is lost
                yield Outcome(key, error=f"{tasks[key]}: {_sentence(error)}")


def _measured(task: Task, key: str) -> Outcome:
    """Measures a task wherever it is; a failure is an outcome, too."""
    try:
        return Outcome(key, row=run_task(task, key))
    except Exception as error:
        return Outcome(key, error=f"{task}: {_sentence(error)}")


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ValueError) and text else f"{type(error).__name__}: {text}"


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Starts processes on a leash: they end at once when it is let go, even by a kill."""
    context = multiprocessing.get_context("spawn")
    end, leash = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _start_worker, (end,))
    try:
        yield pool
        pool.shutdown()
    finally:
        leash.close()
        pool.shutdown(wait=False, cancel_futures=True)


def _start_worker(end: Connection) -> None:
    """Leaves Ctrl-C to the parent, and watches whether that is still there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(end,), daemon=True).start()


def _follow(end: Connection) -> None:
    try:
        end.recv()
    except (EOFError, OSError):
        os._exit(1)
