"""What samples are measured with: classifiers, real data and the sweep's table, loaded once."""

__all__ = ["N_LATENTS", "Row", "Yardsticks", "view_key"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import RLock
from typing import Any

from ..measure.quality import Judge
from .frontier_results import FrontierView
from .request import Request

N_LATENTS = 64

Row = Mapping[str, Any]


class Yardsticks:
    """Loads when first asked for, and keeps, what samples are measured with.

    Args:
        load_rows: Returns the rows of the sweep's table; by default there are none.
        load_frontier: Returns the rows that a frontier adds to them; by default there are none.

    Attributes:
        frontiers: What was gathered from both tables, by model.
    """

    def __init__(
        self,
        load_rows: Callable[[], Sequence[Row]] | None = None,
        load_frontier: Callable[[], Sequence[Row]] | None = None,
    ) -> None:
        self._load_rows = load_rows or (lambda: ())
        self._load_frontier = load_frontier or (lambda: ())
        self._rows: Sequence[Row] | None = None
        self._frontier: Sequence[Row] | None = None
        self.frontiers: dict[str, FrontierView] = {}
        self._judges: dict[str, Judge] = {}
        self._lock = RLock()

    def rows(self) -> Sequence[Row]:
        """Returns the sweep's rows, one mapping from column to value each; none without a table."""
        with self._lock:
            if self._rows is None:
                self._rows = self._load_rows()
            return self._rows

    def frontier(self) -> Sequence[Row]:
        """Returns the rows that a frontier adds to those of the sweep; none without a table."""
        with self._lock:
            if self._frontier is None:
                self._frontier = self._load_frontier()
            return self._frontier

    def judge(self, data: str) -> Judge:
        """Returns real data and a reader of them, as far as they ship with the project."""
        with self._lock:
            if data not in self._judges:
                self._judges[data] = Judge.load(data)
            return self._judges[data]


def view_key(stage: str, request: Request) -> tuple[str, str, Request]:
    """Names the outcome of a stage: the tensor and the row on show do not matter to it."""
    group_size = request.group_size if request.granularity == "group" else Request.group_size
    plain = replace(request, layer="", row=0, group_size=group_size)
    if not request.budget:
        plain = replace(plain, objective=Request.objective)
    elif request.bits is not None:  # the tensors have bits of their own
        plain = replace(plain, bits=Request.bits)
    return request.model, stage, plain
