"""The headless explorer: runs the stages of a request and hands each view to a listener."""

__all__ = ["Explorer", "explore"]

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import perf_counter
from typing import Any

from ..flow import Cancelled
from ..quantize import SCHEMES
from .request import Request
from .results import Failure, Results, Status
from .runner import LatestRunner, Ticket
from .sampling import full_size, is_cached, preview_size, samples_view
from .tracing import trace_view
from .workspace import Workspace

SETTLE_SECONDS = 0.02
IDLE_SECONDS = 0.5

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
    samples = samples_view(request, workspace, full_size(request, workspace))
    return Results(
        request=request,
        weights=workspace.weights_view(request),
        distance=workspace.distance_view(request),
        samples=samples,
        trace=trace_view(samples, workspace.statistics(request.model)),
    )


class Explorer:
    """Answers requests as they come: weight views at once, previews next, the full picture last.

    The listener is given :class:`WeightsView`, :class:`DistanceView`, :class:`SamplesView`,
    :class:`TraceView`, :class:`Status` and :class:`Failure` records, only of the newest request.

    Args:
        listener: Called with each record.
        post: Runs a function on the interface thread; by default it is run where it comes up.
        workspace: Shared models and caches.
        idle_seconds: How long nobody must ask before neighbouring bit widths are sampled ahead;
            None never does so.
    """

    def __init__(
        self,
        listener: Listener,
        post: Post | None = None,
        workspace: Workspace | None = None,
        idle_seconds: float | None = IDLE_SECONDS,
    ) -> None:
        self.workspace = workspace or Workspace()
        self._listener = listener
        self._idle_seconds = idle_seconds
        self._post = post or (lambda function: function())
        self._runner = LatestRunner()

    def submit(self, request: Request) -> Future:
        """Takes the newest request; whatever an older one was doing stops.

        Codebooks that are at hand are shown before this returns; the rest follows from the worker.
        """
        self._runner.overtake()
        shown = self.workspace.is_ready(request)
        if shown:
            with _guard("weights", self._listener):
                self._show_weights(request, self._listener)
        return self._runner.submit(lambda ticket: self._work(request, ticket, shown))

    def close(self) -> None:
        """Stops the work and the thread."""
        self._runner.close()

    def _show_weights(self, request: Request, emit: Listener) -> None:
        emit(self.workspace.weights_view(request))
        emit(self.workspace.distance_view(request))

    def _work(self, request: Request, ticket: Ticket, shown: bool) -> None:
        emit = self._emitter(ticket)
        if shown and not ticket.wait(SETTLE_SECONDS):
            return
        if not shown and not self._check(request, emit):
            return
        stages = [
            ("weights", lambda: None if shown else self._weights(request, ticket, emit)),
            ("samples", lambda: self._samples(request, ticket, emit, preview=True)),
            ("schemes", lambda: self._schemes(request, ticket, emit)),
            ("samples", lambda: self._samples(request, ticket, emit, preview=False)),
            ("prefetch", lambda: self._prefetch(request, ticket)),
        ]
        for name, stage in stages:
            if ticket.cancelled:
                return
            with _guard(name, emit):
                stage()

    def _check(self, request: Request, emit: Listener) -> bool:
        """Tells whether what the request names exists; says so if it does not."""
        emit(Status("loading the model"))
        try:
            self.workspace.check(request)
        except ValueError as error:
            emit(Failure("choice", _sentence(str(error))))
            return False
        return True

    def _weights(self, request: Request, ticket: Ticket, emit: Listener) -> None:
        """Loads, sorts and fits what the request shows; the other schemes come later."""
        start = perf_counter()
        emit(Status("sorting the weights"))
        prepared = self.workspace.prepared(request)
        emit(Status("fitting codebooks (compiled at the first start on a machine: 20 seconds)"))
        for scheme in {request.scheme, request.compare} - {""}:
            if request.bits is not None and not ticket.cancelled:
                prepared.fit(scheme, request.bits, request.codebook_dtype)
        if not ticket.cancelled:
            self._show_weights(request, emit)
            emit(Status("weights", seconds=perf_counter() - start))

    def _schemes(self, request: Request, ticket: Ticket, emit: Listener) -> None:
        """Fits every scheme at every bit width once, so that a slider never waits for it."""
        prepared = self.workspace.prepared(request)
        dtype = request.codebook_dtype
        todo = [s for s in SCHEMES if not all(prepared.is_fitted(s, b, dtype) for b in range(1, 9))]
        start = perf_counter()
        for i, scheme in enumerate(todo):
            title = f"fitting {SCHEMES[scheme].title} at all bit widths"
            emit(Status(title, fraction=i / len(todo)))
            prepared.fit_all(scheme, codebook_dtype=dtype, should_stop=lambda: ticket.cancelled)
            if ticket.cancelled:
                return
        if todo:
            emit(self.workspace.distance_view(request))
            emit(Status("all schemes, all bit widths", seconds=perf_counter() - start))

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
        emit(trace_view(view, self.workspace.statistics(request.model)))
        emit(Status(stage, seconds=perf_counter() - start))

    def _is_sampled(self, request: Request) -> bool:
        """Whether the full picture is in the cache, so that a preview would only flicker."""
        return is_cached(request, self.workspace, full_size(request, self.workspace))

    def _prefetch(self, request: Request, ticket: Ticket) -> None:
        """Samples the neighbouring bit widths while nobody asks for anything."""
        idle = self._idle_seconds
        if request.bits is None or idle is None or not ticket.wait(idle):
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


@contextmanager
def _guard(stage: str, emit: Listener):
    """Turns an error of a stage into one sentence; the other stages go on."""
    try:
        yield
    except Cancelled:
        pass
    except ValueError as error:
        emit(Failure(stage, _sentence(str(error))))
    except Exception as error:
        emit(Failure(stage, f"The {stage} stage failed: {_sentence(str(error) or repr(error))}"))


def _sentence(text: str) -> str:
    """Keeps the first line, ended by a full stop."""
    line = text.strip().splitlines()[0].strip() if text.strip() else "unknown error"
    return line if line.endswith((".", "!", "?")) else line + "."
