"""The headless explorer: runs the stages of a request and hands each view to a listener."""

__all__ = ["Explorer", "explore"]

from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any

from ..quantize import SCHEMES
from .answer import ALLOCATION, FRONTIER, Answer, Listener, nothing_to_sample
from .budgets import allocation_view
from .guarding import guard
from .hardware import hardware_view, is_ready
from .plane import plane
from .request import Request
from .results import Results
from .runner import LatestRunner, Ticket
from .sampling import full_size, samples_view
from .tracing import trace_view
from .workspace import Workspace
from .yardsticks import Yardsticks

IDLE_SECONDS = 0.5

Post = Callable[[Callable[[], None]], Any]


def explore(request: Request, workspace: Workspace | None = None) -> Results:
    """Computes all views of a request in the calling thread.

    Raises:
        ValueError: The request names something that does not exist.

    Example:
        >>> results = explore(Request(model="moons", bits=4, steps=4))
        >>> results.distance.primary.label_bits
        4
    """
    workspace = workspace or Workspace()
    workspace.check(request)
    prepared = workspace.prepared(request)
    for scheme in SCHEMES:
        prepared.fit_all(scheme, codebook_dtype=request.codebook_dtype)
    if not workspace.can_sample(request.model):
        raise ValueError(nothing_to_sample(request, workspace))
    samples = samples_view(request, workspace, full_size(request, workspace))
    return Results(
        request=request,
        weights=workspace.weights_view(request),
        distance=workspace.distance_view(request),
        samples=samples,
        trace=trace_view(samples, plane(request, workspace)),
    )


class Explorer:
    """Answers requests as they come: weight views at once, previews next, the full picture last.

    The listener is given :class:`WeightsView`, :class:`DistanceView`, :class:`HardwareView`,
    :class:`SamplesView`, :class:`TraceView`, :class:`Status` and :class:`Failure` records, only of
    the newest request, and the views of the measuring stages that were asked for.

    Args:
        listener: Called with each record.
        post: Runs a function on the interface thread; by default it is run where it comes up.
        workspace: Shared models and caches.
        idle_seconds: How long nobody must ask before neighbouring bit widths are sampled ahead;
            None never does so.
        yardsticks: What samples are measured with.
    """

    _answer_class = Answer

    def __init__(
        self,
        listener: Listener,
        post: Post | None = None,
        workspace: Workspace | None = None,
        idle_seconds: float | None = IDLE_SECONDS,
        yardsticks: Yardsticks | None = None,
    ) -> None:
        self.workspace = workspace or Workspace()
        self.yardsticks = yardsticks or Yardsticks()
        self._listener = listener
        self._idle_seconds = idle_seconds
        self._post = post or (lambda function: function())
        self._runner = LatestRunner()

    def submit(self, request: Request, measures: Collection[str] = ()) -> Future:
        """Takes the newest request; whatever an older one was doing stops.

        Codebooks that are at hand are shown before this returns; the rest follows from the worker.

        Args:
            request: What to show.
            measures: The stages, of those in :data:`fmq_explore.explore.measuring.STAGES`, to go
                through once the samples are there; and ``"allocation"`` and ``"frontier"``, which
                need none.
        """
        self._runner.overtake()
        wanted, request = request, self.workspace.attainable(request)
        shown = self.workspace.is_ready(request)
        if shown:
            with guard("weights", self._listener):
                self._show(request, self._listener)
        late = set(measures)
        if FRONTIER in late and request.model in self.yardsticks.frontiers:
            late.remove(FRONTIER)
            self._listener(self.yardsticks.frontiers[request.model])
        if shown and ALLOCATION in late and self.workspace.has_curves(request):
            late.remove(ALLOCATION)
            with guard(ALLOCATION, self._listener):
                self._listener(allocation_view(request, self.workspace))

        def answer(ticket: Ticket) -> None:
            self._answer(wanted, shown, late, ticket).run()

        return self._runner.submit(answer)

    def close(self) -> None:
        """Stops the work and the thread."""
        self._runner.close()

    def _show(self, request: Request, emit: Listener) -> None:
        """Shows what follows from codebooks that are at hand."""
        workspace = self.workspace
        if request.rescue:
            emit(workspace.rescues.view(request))
        emit(workspace.weights_view(request))
        emit(workspace.distance_view(request))
        if is_ready(request, workspace):
            emit(hardware_view(request, workspace))

    def _answer(
        self, wanted: Request, shown: bool, measures: Collection[str], ticket: Ticket
    ) -> Answer:
        """Returns what the worker is to do."""
        return self._answer_class(
            wanted,
            shown,
            measures,
            self.workspace,
            self.yardsticks,
            ticket,
            self._emitter(ticket),
            self._show,
            self._idle_seconds,
        )

    def _emitter(self, ticket: Ticket) -> Listener:
        """Returns a listener for the worker that stays silent once the ticket has ended."""

        def deliver(record: Any) -> None:
            if not ticket.cancelled:
                self._listener(record)

        return lambda record: self._post(lambda: deliver(record))
