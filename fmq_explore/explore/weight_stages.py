"""The stages before any sample: codebooks of the schemes on show, of all others, and curves."""

__all__ = ["collect_curves", "fit_schemes", "fit_weights"]

from collections.abc import Callable
from time import perf_counter
from typing import Any

from ..quantize import SCHEMES
from .request import Request
from .results import Status
from .runner import Ticket
from .workspace import Workspace

Emit = Callable[[Any], None]


def fit_weights(request: Request, workspace: Workspace, ticket: Ticket, emit: Emit) -> None:
    """Loads, sorts and fits what the request shows; the other schemes come later."""
    emit(Status("sorting the weights"))
    prepared = workspace.prepared(request)
    stage = "fitting codebooks (compiled at the first start on a machine: 20 seconds)"
    emit(Status(stage))
    if not workspace.has_room(request, n_fits=2):
        workspace.forget_fits(request)
    for scheme in request.schemes:
        if request.bits is not None and not ticket.cancelled:
            rule = SCHEMES[scheme]
            prepared.fit_all(
                scheme,
                should_stop=lambda: ticket.cancelled,
                progress=lambda fraction: emit(Status(stage, fraction=fraction)),
                codebook_dtype=request.codebook_dtype,
                bits=None if request.budget else (rule.nearest_bits(request.bits),),
            )
    if request.budget:
        collect_curves(request, workspace, ticket, emit)


def collect_curves(request: Request, workspace: Workspace, ticket: Ticket, emit: Emit) -> None:
    """Collects the curves by which bits are shared out: fitted, and measured."""
    stage = "measuring what the error of each tensor counts for"
    for scheme in dict.fromkeys((request.scheme, *request.schemes)):
        if not workspace.budgets.has_curves(request, scheme):
            emit(Status(stage))
            workspace.budgets.curves(
                request,
                scheme,
                should_stop=lambda: ticket.cancelled,
                progress=lambda fraction: emit(Status(stage, fraction=fraction)),
            )


def fit_schemes(request: Request, workspace: Workspace, ticket: Ticket, emit: Emit) -> None:
    """Fits every scheme at every bit width once, so that a slider never waits for it."""
    prepared = workspace.prepared(request)
    dtype = request.codebook_dtype
    todo = [
        name
        for name, scheme in SCHEMES.items()
        if not all(prepared.is_fitted(name, b, dtype) for b in scheme.allowed_bits)
    ]
    if not todo:
        return
    n_fits = sum(len(SCHEMES[name].allowed_bits) for name in todo)
    if not workspace.has_room(request, n_fits=n_fits):
        return  # a large model: the curves show what was asked for
    start = perf_counter()
    for i, scheme in enumerate(todo):
        title = f"fitting {SCHEMES[scheme].title} at all bit widths"
        emit(Status(title, fraction=i / len(todo)))
        prepared.fit_all(scheme, codebook_dtype=dtype, should_stop=lambda: ticket.cancelled)
        if ticket.cancelled:
            return
    emit(workspace.distance_view(request))
    emit(Status("all schemes, all bit widths", seconds=perf_counter() - start))
