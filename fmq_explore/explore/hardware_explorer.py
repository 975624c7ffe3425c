"""The headless hardware app: requests in, views of all chips out."""

__all__ = ["HardwareExplorer"]

from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import replace
from time import perf_counter

from .explorer import Explorer, Listener
from .hardware import count, hardware_view, is_ready
from .hardware_results import ChipChoice
from .request import Request
from .results import Status
from .runner import Ticket
from .weight_stages import fit_schemes


class HardwareExplorer(Explorer):
    """Answers requests with a :class:`HardwareView`, at once where the weights are fitted.

    Nothing is sampled. A rescue is left out: it changes no size, so the chips do not see it.
    """

    _chips = ChipChoice()

    def ask(self, request: Request, chips: ChipChoice) -> Future:
        """Takes the newest request, and what is assumed about chips."""
        self._chips = chips
        return self.submit(replace(request, rescue="", compare=""))

    def _show_weights(self, request: Request, emit: Listener) -> None:
        start = perf_counter()
        if is_ready(request, self.workspace):
            emit(hardware_view(request, self.workspace, self._chips))
            emit(Status("all chips", seconds=perf_counter() - start))

    def _count(self, request: Request, emit: Listener) -> None:
        if not is_ready(request, self.workspace):
            emit(Status("counting operations"))
            count(request, self.workspace)
            self._show_weights(request, emit)

    def _work(
        self,
        request: Request,
        ticket: Ticket,
        emit: Listener,
        shown: bool,
        measures: Collection[str],
    ) -> None:
        stages = [
            ("weights", lambda: None if shown else self._weights(request, ticket, emit)),
            ("hardware", lambda: self._count(request, emit)),
            ("schemes", lambda: fit_schemes(request, self.workspace, ticket, emit)),
        ]
        self._go_through(stages, ticket, emit)
