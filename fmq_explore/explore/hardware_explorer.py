"""The headless hardware app: requests in, views of all chips out."""

__all__ = ["HardwareExplorer"]

from concurrent.futures import Future
from dataclasses import replace
from time import perf_counter

from .answer import Answer, Listener, Stage
from .explorer import Explorer
from .hardware import count, hardware_view, is_ready
from .hardware_results import ChipChoice
from .request import Request
from .results import Status


class ChipAnswer(Answer):
    """Fits, counts operations, and samples nothing."""

    def stages(self) -> list[Stage]:
        """Returns what is to be done, in order, by name."""
        return [("weights", self.weights), ("hardware", self._count), ("schemes", self.schemes)]

    def _count(self) -> None:
        if not is_ready(self.request, self.workspace):
            self.emit(Status("counting operations"))
            count(self.request, self.workspace)
            self.show_weights(self.request, self.emit)


class HardwareExplorer(Explorer):
    """Answers requests with a :class:`HardwareView`, at once where the weights are fitted.

    Nothing is sampled. A rescue is left out: it changes no size, so the chips do not see it.
    """

    _answer_class = ChipAnswer
    _chips = ChipChoice()

    def ask(self, request: Request, chips: ChipChoice) -> Future:
        """Takes the newest request, and what is assumed about chips."""
        self._chips = chips
        return self.submit(replace(request, rescue="", compare=""))

    def _show(self, request: Request, emit: Listener) -> None:
        start = perf_counter()
        if is_ready(request, self.workspace):
            emit(hardware_view(request, self.workspace, self._chips))
            emit(Status("all chips", seconds=perf_counter() - start))
