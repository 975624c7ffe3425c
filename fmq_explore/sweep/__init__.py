"""The experiment: scheme x bits x granularity x model x seed, into one tidy table.

The package can be called: `fmq_explore.sweep(...)` is `fmq_explore.sweep.run.sweep(...)`.
"""

__all__ = [
    "BASELINE",
    "COLUMNS",
    "Journal",
    "Table",
    "Task",
    "load_frontier",
    "load_table",
    "plan",
    "plan_frontier",
    "run_task",
    "sweep",
    "write_table",
]

import sys
from types import ModuleType
from typing import Any

from .frontier import load_frontier, plan_frontier
from .journal import Journal
from .measure import run_task
from .run import sweep
from .table import COLUMNS, Table, load_table, write_table
from .tasks import BASELINE, Task, plan


class _CallablePackage(ModuleType):
    """A package that is also the function of its name."""

    def __call__(self, **kwargs: Any) -> Table:
        return sweep(**kwargs)


sys.modules[__name__].__class__ = _CallablePackage
