"""One answer: the stages that a request goes through, first things first."""

__all__ = ["ALLOCATION", "FRONTIER", "Answer", "Listener", "Stage", "nothing_to_sample"]

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from ..zoo import Statistics
from .budgets import allocation_view
from .frontier import frontier_view
from .guarding import guard
from .hardware import count, hardware_view, is_ready
from .measures_results import Missing
from .measuring import STAGES
from .plane import has_plane, plane
from .request import Request
from .rescue import rescue
from .results import Failure, Status
from .runner import Ticket
from .sampling import full_size, is_cached, preview_size, samples_view
from .sentences import sentence
from .tracing import trace_view
from .weight_stages import collect_curves, fit_schemes, fit_weights
from .workspace import Workspace
from .yardsticks import Yardsticks, view_key

SETTLE_SECONDS = 0.02
VIEW_BYTES = 2**16  # about what a measured view takes
ALLOCATION = "allocation"
FRONTIER = "frontier"
"""The measures that need no samples: one comes with the weights, the other is in the tables."""

Listener = Callable[[Any], None]
Stage = tuple[str, Callable[[], Any]]


@dataclass
class Answer:
    """What the worker does for one request.

    Attributes:
        wanted: What was asked for.
        shown: Whether its weights are on show already.
        measures: The measuring stages that were asked for, and `ALLOCATION` and `FRONTIER`.
        workspace: Models and caches.
        yardsticks: What samples are measured with.
        ticket: The right to go on.
        emit: Told every view.
        show_weights: Shows what follows from codebooks that are at hand.
        idle_seconds: How long nobody must ask before neighbouring bit widths are sampled ahead;
            None never does so.
    """

    wanted: Request
    shown: bool
    measures: Collection[str]
    workspace: Workspace
    yardsticks: Yardsticks
    ticket: Ticket
    emit: Listener
    show_weights: Callable[[Request, Listener], None]
    idle_seconds: float | None = None

    def __post_init__(self) -> None:
        self.request = self.workspace.attainable(self.wanted)

    def run(self) -> None:
        """Shows what can be had now; where a rescue was asked for, does that and shows it."""
        if self.shown and not self.ticket.wait(SETTLE_SECONDS):
            return
        if not self.shown and not self._check():
            return
        if self.request != self.wanted and self.wanted.bits is not None:
            self.go_through(self._rescuing())
            if self.ticket.cancelled or self.workspace.attainable(self.wanted) != self.wanted:
                return
            self.request, self.shown = self.wanted, True
            self.show_weights(self.request, self.emit)
        self.go_through(self.stages())

    def stages(self) -> list[Stage]:
        """Returns what is to be done, in order, by name."""
        if not self.workspace.can_sample(self.request.model):
            return self._weights_alone()
        hidden = "quality" in self.measures  # the measures are on show: no preview would be seen
        return [
            ("weights", self.weights),
            (FRONTIER, self._gather),
            (ALLOCATION, self._allocate),
            ("samples", lambda: hidden or self._samples(preview=True)),
            ("hardware", self._count),
            ("schemes", self.schemes),
            ("samples", self._samples),
            *self._measuring(),
            ("prefetch", self._prefetch),
        ]

    def go_through(self, stages: Sequence[Stage]) -> None:
        """Goes through stages while that is wanted; a failure of one keeps none from the others."""
        for name, stage in stages:
            if self.ticket.cancelled:
                return
            with guard(name, self.emit):
                stage()

    def weights(self) -> None:
        """Fits what the request shows, and shows it; the other schemes come later."""
        if self.shown:
            return
        start = perf_counter()
        fit_weights(self.request, self.workspace, self.ticket, self.emit)
        if not self.ticket.cancelled:
            self.show_weights(self.request, self.emit)
            self.emit(Status("weights", seconds=perf_counter() - start))

    def schemes(self) -> None:
        """Fits every scheme at every bit width once."""
        fit_schemes(self.request, self.workspace, self.ticket, self.emit)

    def _check(self) -> bool:
        """Tells whether what the request names exists; says so if it does not."""
        self.emit(Status("loading the model"))
        try:
            self.workspace.check(self.request)
        except ValueError as error:
            self.emit(Failure("choice", sentence(str(error))))
            return False
        return True

    def _rescuing(self) -> list[Stage]:
        """Returns the stages that show a network as it is, and train it while it is watched."""
        return [
            ("weights", self.weights),
            ("samples", self._samples),
            ("rescue", lambda: rescue(self.wanted, self.workspace, self.emit, self._should_stop)),
        ]

    def _weights_alone(self) -> list[Stage]:
        """Returns the stages of weights without a network; says at once why these are all."""
        reason = nothing_to_sample(self.request, self.workspace)
        for stage in ("samples", "trajectories"):
            self.emit(Missing(stage, reason))

        def measures() -> None:
            for stage in set(self.measures) - {ALLOCATION, FRONTIER}:
                self.emit(Missing(stage, reason))

        return [
            ("weights", self.weights),
            (FRONTIER, self._gather),
            (ALLOCATION, self._allocate),
            ("measures", measures),  # one shares its panel with the distances, which come first
            ("schemes", self.schemes),
        ]

    def _gather(self) -> None:
        """Gathers what the tables say of the model, where that was asked for."""
        if FRONTIER in self.measures:
            view = frontier_view(self.request, self.yardsticks)
            self.yardsticks.frontiers[self.request.model] = view
            self.emit(view)

    def _allocate(self) -> None:
        """Shows who has which bits, where that was asked for."""
        if ALLOCATION in self.measures:
            collect_curves(self.request, self.workspace, self.ticket, self.emit)
            self.emit(allocation_view(self.request, self.workspace))

    def _count(self) -> None:
        """Runs the network once, where that was never done, to know what chips make of it."""
        if not is_ready(self.request, self.workspace):
            with suppress(Exception):  # a network that cannot be run fails in the samples, too
                count(self.request, self.workspace)
                self.emit(hardware_view(self.request, self.workspace))

    def _samples(self, preview: bool = False) -> None:
        start = perf_counter()
        request, workspace = self.request, self.workspace
        size = (preview_size if preview else full_size)(request, workspace)
        if preview and self._is_sampled():
            return
        stage = "preview" if preview else f"{size.n} samples, {size.steps} steps"
        progress = self._progress(stage)
        view = samples_view(request, workspace, size, self._should_stop, progress)
        self.emit(view)
        if not preview or has_plane(request, workspace):
            self.emit(trace_view(view, self._plane()))
        self.emit(Status(stage, seconds=perf_counter() - start))

    def _is_sampled(self) -> bool:
        """Whether the full picture is in the cache, so that a preview would only flicker."""
        return is_cached(self.request, self.workspace, full_size(self.request, self.workspace))

    def _plane(self) -> Statistics:
        """Returns the plane of the paths, fitted first where the model came without one."""
        progress = self._progress("finding a plane")
        return plane(self.request, self.workspace, self._should_stop, progress)

    def _measuring(self) -> list[Stage]:
        """Returns the measuring stages that were asked for, in the order of the registry."""
        wanted = [name for name in STAGES if name in self.measures]
        start = perf_counter()

        def run(name: str) -> None:
            self._measure(name)
            if name == wanted[-1] and not self.ticket.cancelled:
                self.emit(Status("measures", seconds=perf_counter() - start))

        return [(name, lambda name=name: run(name)) for name in wanted]

    def _measure(self, name: str) -> None:
        """Takes one view from memory, or makes it."""
        key, memory = view_key(name, self.request), self.workspace.views
        view = memory.get(key)
        if view is None:
            stage = STAGES[name]
            self.emit(Status(stage.title))
            view = stage.make(
                self.request,
                self.workspace,
                self.yardsticks,
                should_stop=self._should_stop,
                progress=self._progress(stage.title),
            )
            memory.put(key, view, n_bytes=VIEW_BYTES)
        self.emit(view)

    def _prefetch(self) -> None:
        """Samples the neighbouring bit widths while nobody asks for anything."""
        request, idle = self.request, self.idle_seconds
        if request.bits is None or request.budget or request.rescue or idle is None:
            return
        if not self.ticket.wait(idle):
            return
        size = full_size(request, self.workspace)
        with suppress(Exception):  # what fails here is told when it is asked for
            for bits in (request.bits - 1, request.bits + 1):
                if 1 <= bits <= 8:
                    neighbour = replace(request, bits=bits)
                    samples_view(neighbour, self.workspace, size, self._should_stop)

    def _should_stop(self) -> bool:
        return self.ticket.cancelled

    def _progress(self, stage: str) -> Callable[[float], None]:
        return lambda fraction: self.emit(Status(stage, fraction=fraction))


def nothing_to_sample(request: Request, workspace: Workspace) -> str:
    """Says in one sentence why a model has no samples."""
    model = workspace.model(request.model)
    reason = getattr(model, "reason", "since it is no network")
    return f"Weights only: {workspace.cards[request.model].title} cannot be sampled, {reason}."
