"""The headless explorer: runs the stages of a request and hands each view to a listener."""

__all__ = ["Explorer", "explore"]

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from time import perf_counter
from typing import Any

from ..quantize import SCHEMES
from ..zoo import Statistics
from .budgets import allocation_view
from .frontier import frontier_view
from .frontier_results import FrontierView
from .guarding import guard
from .hardware import count, hardware_view, is_ready
from .measures_results import Missing
from .measuring import STAGES
from .plane import has_plane, plane
from .request import Request
from .rescue import rescue
from .results import Failure, Results, Status
from .runner import LatestRunner, Ticket
from .sampling import full_size, is_cached, preview_size, samples_view
from .sentences import sentence
from .tracing import trace_view
from .weight_stages import collect_curves, fit_schemes, fit_weights
from .workspace import Workspace
from .yardsticks import Yardsticks, view_key

SETTLE_SECONDS = 0.02
IDLE_SECONDS = 0.5
VIEW_BYTES = 2**16  # about what a measured view takes
ALLOCATION = "allocation"
FRONTIER = "frontier"
"""The measures that need no samples: one comes with the weights, the other is in the tables."""

Listener = Callable[[Any], None]
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
        self._frontiers: dict[str, FrontierView] = {}

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
                self._show_weights(request, self._listener)
        late = set(measures)
        if FRONTIER in late and request.model in self._frontiers:
            late.remove(FRONTIER)
            self._listener(self._frontiers[request.model])
        if shown and ALLOCATION in late and self.workspace.has_curves(request):
            late.remove(ALLOCATION)
            with guard(ALLOCATION, self._listener):
                self._listener(allocation_view(request, self.workspace))
        return self._runner.submit(lambda ticket: self._answer(wanted, ticket, shown, late))

    def close(self) -> None:
        """Stops the work and the thread."""
        self._runner.close()

    def _show_weights(self, request: Request, emit: Listener) -> None:
        if request.rescue:
            emit(self.workspace.rescues.view(request))
        emit(self.workspace.weights_view(request))
        emit(self.workspace.distance_view(request))
        if is_ready(request, self.workspace):
            emit(hardware_view(request, self.workspace))

    def _count(self, request: Request, emit: Listener) -> None:
        """Runs the network once, where that was never done, to know what chips make of it."""
        if not is_ready(request, self.workspace):
            with suppress(Exception):  # a network that cannot be run fails in the samples, too
                count(request, self.workspace)
                emit(hardware_view(request, self.workspace))

    def _answer(
        self, wanted: Request, ticket: Ticket, shown: bool, measures: Collection[str]
    ) -> None:
        """Shows what can be had now; where a rescue was asked for, does that and shows it."""
        emit = self._emitter(ticket)
        request = self.workspace.attainable(wanted)
        if shown and not ticket.wait(SETTLE_SECONDS):
            return
        if not shown and not self._check(request, emit):
            return
        if request != wanted and wanted.bits is not None:
            self._rescue(wanted, request, ticket, emit, shown)
            if ticket.cancelled or self.workspace.attainable(wanted) != wanted:
                return
            request, shown = wanted, True
            self._show_weights(request, emit)
        self._work(request, ticket, emit, shown, measures)

    def _rescue(
        self, wanted: Request, before: Request, ticket: Ticket, emit: Listener, shown: bool
    ) -> None:
        """Shows the network as it is, and trains it while its samples are watched."""
        stages = [
            ("weights", lambda: None if shown else self._weights(before, ticket, emit)),
            ("samples", lambda: self._samples(before, ticket, emit, preview=False)),
            ("rescue", lambda: rescue(wanted, self.workspace, emit, lambda: ticket.cancelled)),
        ]
        self._go_through(stages, ticket, emit)

    def _work(
        self,
        request: Request,
        ticket: Ticket,
        emit: Listener,
        shown: bool,
        measures: Collection[str],
    ) -> None:
        hidden = "quality" in measures  # the measures are on show, so that no preview would be seen
        if not self.workspace.can_sample(request.model):
            self._weights_alone(request, ticket, emit, shown, measures)
            return
        stages = [
            ("weights", lambda: None if shown else self._weights(request, ticket, emit)),
            (FRONTIER, lambda: self._gather(request, emit, measures)),
            (ALLOCATION, lambda: self._allocate(request, ticket, emit, measures)),
            ("samples", lambda: hidden or self._samples(request, ticket, emit, preview=True)),
            ("hardware", lambda: self._count(request, emit)),
            ("schemes", lambda: fit_schemes(request, self.workspace, ticket, emit)),
            ("samples", lambda: self._samples(request, ticket, emit, preview=False)),
            *self._measuring(request, ticket, emit, measures),
            ("prefetch", lambda: self._prefetch(request, ticket)),
        ]
        self._go_through(stages, ticket, emit)

    def _go_through(
        self, stages: Sequence[tuple[str, Callable[[], Any]]], ticket: Ticket, emit: Listener
    ) -> None:
        for name, stage in stages:
            if ticket.cancelled:
                return
            with guard(name, emit):
                stage()

    def _weights_alone(
        self,
        request: Request,
        ticket: Ticket,
        emit: Listener,
        shown: bool,
        measures: Collection[str],
    ) -> None:
        """Shows what can be shown of weights without a network, and says why that is all."""
        reason = nothing_to_sample(request, self.workspace)
        for stage in ("samples", "trajectories"):
            emit(Missing(stage, reason))
        if not shown:
            with guard("weights", emit):
                self._weights(request, ticket, emit)
        with guard(ALLOCATION, emit):
            self._gather(request, emit, measures)
            self._allocate(request, ticket, emit, measures)
        # One of them shares its panel with the distances, which come first
        for stage in set(measures) - {ALLOCATION, FRONTIER}:
            emit(Missing(stage, reason))
        if not ticket.cancelled:
            with guard("schemes", emit):
                fit_schemes(request, self.workspace, ticket, emit)

    def _check(self, request: Request, emit: Listener) -> bool:
        """Tells whether what the request names exists; says so if it does not."""
        emit(Status("loading the model"))
        try:
            self.workspace.check(request)
        except ValueError as error:
            emit(Failure("choice", sentence(str(error))))
            return False
        return True

    def _weights(self, request: Request, ticket: Ticket, emit: Listener) -> None:
        """Fits what the request shows, and shows it; the other schemes come later."""
        start = perf_counter()
        fit_weights(request, self.workspace, ticket, emit)
        if not ticket.cancelled:
            self._show_weights(request, emit)
            emit(Status("weights", seconds=perf_counter() - start))

    def _gather(self, request: Request, emit: Listener, measures: Collection[str]) -> None:
        """Gathers what the tables say of the model, where that was asked for."""
        if FRONTIER in measures:
            self._frontiers[request.model] = frontier_view(request, self.yardsticks)
            emit(self._frontiers[request.model])

    def _allocate(
        self, request: Request, ticket: Ticket, emit: Listener, measures: Collection[str]
    ) -> None:
        """Shows who has which bits, where that was asked for."""
        if ALLOCATION in measures and not ticket.cancelled:
            collect_curves(request, self.workspace, ticket, emit)
            emit(allocation_view(request, self.workspace))

    def _samples(self, request: Request, ticket: Ticket, emit: Listener, preview: bool) -> None:
        start = perf_counter()
        size = (preview_size if preview else full_size)(request, self.workspace)
        if preview and self._is_sampled(request):
            return
        stage = "preview" if preview else f"{size.n} samples, {size.steps} steps"
        view = samples_view(
            request,
            self.workspace,
            size,
            should_stop=lambda: ticket.cancelled,
            progress=lambda fraction: emit(Status(stage, fraction=fraction)),
        )
        emit(view)
        if not preview or has_plane(request, self.workspace):
            emit(trace_view(view, self._plane(request, ticket, emit)))
        emit(Status(stage, seconds=perf_counter() - start))

    def _measuring(
        self, request: Request, ticket: Ticket, emit: Listener, measures: Collection[str]
    ) -> list[tuple[str, Callable[[], None]]]:
        """Returns the measuring stages that were asked for, in the order of the registry."""
        wanted = [name for name in STAGES if name in measures]
        start = perf_counter()

        def run(name: str) -> None:
            self._measure(name, request, ticket, emit)
            if name == wanted[-1] and not ticket.cancelled:
                emit(Status("measures", seconds=perf_counter() - start))

        return [(name, lambda name=name: run(name)) for name in wanted]

    def _measure(self, name: str, request: Request, ticket: Ticket, emit: Listener) -> None:
        """Takes one view from memory, or makes it."""
        key, memory = view_key(name, request), self.workspace.views
        view = memory.get(key)
        if view is None:
            stage = STAGES[name]
            emit(Status(stage.title))
            view = stage.make(
                request,
                self.workspace,
                self.yardsticks,
                should_stop=lambda: ticket.cancelled,
                progress=lambda fraction: emit(Status(stage.title, fraction=fraction)),
            )
            memory.put(key, view, n_bytes=VIEW_BYTES)
        emit(view)

    def _plane(self, request: Request, ticket: Ticket, emit: Listener) -> Statistics:
        """Returns the plane of the paths, fitted first where the model came without one."""
        return plane(
            request,
            self.workspace,
            should_stop=lambda: ticket.cancelled,
            progress=lambda fraction: emit(Status("finding a plane", fraction=fraction)),
        )

    def _is_sampled(self, request: Request) -> bool:
        """Whether the full picture is in the cache, so that a preview would only flicker."""
        return is_cached(request, self.workspace, full_size(request, self.workspace))

    def _prefetch(self, request: Request, ticket: Ticket) -> None:
        """Samples the neighbouring bit widths while nobody asks for anything."""
        idle = self._idle_seconds
        if request.bits is None or request.budget or request.rescue or idle is None:
            return
        if not ticket.wait(idle):
            return
        size = full_size(request, self.workspace)
        with suppress(Exception):  # what fails here is told when it is asked for
            for bits in (request.bits - 1, request.bits + 1):
                if 1 <= bits <= 8:
                    neighbour = replace(request, bits=bits)
                    samples_view(neighbour, self.workspace, size, lambda: ticket.cancelled)

    def _emitter(self, ticket: Ticket) -> Listener:
        """Returns a listener for the worker that stays silent once the ticket has ended."""

        def deliver(record: Any) -> None:
            if not ticket.cancelled:
                self._listener(record)

        return lambda record: self._post(lambda: deliver(record))


def nothing_to_sample(request: Request, workspace: Workspace) -> str:
    """Says in one sentence why a model has no samples."""
    model = workspace.model(request.model)
    reason = getattr(model, "reason", "since it is no network")
    return f"Weights only: {workspace.cards[request.model].title} cannot be sampled, {reason}."
