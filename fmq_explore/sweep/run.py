"""Running a sweep: what is missing is measured, what is there is kept."""

__all__ = ["run", "sweep"]

import os
import sys
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from ..zoo import load_model
from .journal import Journal
from .table import Table, tidy, write_table
from .tasks import Task, content_key, fingerprint, plan
from .workers import Outcome, Outcomes, here, in_processes, on_cluster


def sweep(
    *,
    out: str | Path | None = None,
    journal: str | Path = "runs/sweep.jsonl",
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = True,
    **what: Any,
) -> Table:
    """Measures scheme x bits x granularity x model x seed into one tidy table.

    Every row goes to the journal as soon as it is there. Run the same again after an end of any
    kind, and only what is missing is measured. Rows have the same digits wherever they are
    measured, but for `seconds`. Processes are started afresh, so a script that calls this needs the
    usual `if __name__ == "__main__":`; a notebook does not.

    Args:
        out: File of the table, CSV or Parquet, or None.
        journal: File of the finished rows.
        workers: Processes on this machine, one for each core by default; 0 works in this one.
        scheduler: Address of a Dask scheduler to work there instead.
        progress: Whether to show a bar.
        what: What to measure, as for `plan`: models, schemes, bits, granularities, seeds, n, ...

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> small = {"models": ["moons"], "schemes": ["uniform"], "bits": [2, 8], "seeds": [0]}
        >>> with TemporaryDirectory() as folder:
        ...     journal = Path(folder) / "sweep.jsonl"
        ...     table = sweep(**small, n=32, journal=journal, workers=0, progress=False)
        >>> table.select(granularity="channel").column("bits")
        array([2, 8])
    """
    tasks = plan(**what)
    return run(
        tasks, Path(journal), None if out is None else Path(out), workers, scheduler, progress
    )


def run(
    tasks: Iterable[Task],
    journal: Path,
    out: Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    progress: bool = False,
) -> Table:
    """Measures tasks that are not in the journal, and returns the rows of all that are there now.

    Args:
        tasks: What to measure; further arguments are those of `sweep`.
        journal: File of the finished rows.

    Returns:
        The rows of these tasks; one that failed is missing, and its reason is on stderr.
    """
    if workers is not None and workers < 0:
        raise ValueError(f"workers is {workers}: use a number of processes, or 0 for this one")
    keyed = _keyed(tasks)
    with Journal(journal) as book:
        missing = {key: task for key, task in keyed.items() if key not in book.rows}
        outcomes = _outcomes(missing, workers, scheduler)
        with closing(outcomes), _bar(len(keyed), len(missing), progress) as bar:
            for outcome in outcomes:
                _note(book, outcome, bar)
        table = tidy(book.rows[key] for key in keyed if key in book.rows)
    if out is not None:
        write_table(table, out)
    return table


def _keyed(tasks: Iterable[Task]) -> dict[str, Task]:
    """Returns the tasks by the key of their content, each once."""
    tasks = tuple(tasks)
    prints = {m: fingerprint(load_model(m)) for m in dict.fromkeys(t.model for t in tasks)}
    return {content_key(task, prints[task.model]): task for task in tasks}


def _outcomes(tasks: dict[str, Task], workers: int | None, scheduler: str | None) -> Outcomes:
    if not tasks:
        return here({})
    if scheduler is not None:
        return on_cluster(tasks, scheduler)
    if workers == 0:
        return here(tasks)
    return in_processes(tasks, workers or _cores())


def _cores() -> int:
    """Counts the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _note(book: Journal, outcome: Outcome, bar: Any) -> None:
    if outcome.row is not None:
        book.add(outcome.key, outcome.row)
    elif outcome.error is not None:
        book.add_error(outcome.key, outcome.error)
        bar.write(outcome.error, file=sys.stderr)
    bar.update()


def _bar(total: int, missing: int, shown: bool) -> Any:
    from tqdm import tqdm

    return tqdm(total=total, initial=total - missing, desc="sweep", unit="row", disable=not shown)
