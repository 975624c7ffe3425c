"""The rescue stage: a quantized network is trained, and its samples improve before one's eyes."""

__all__ = ["rescue"]

from collections.abc import Callable
from time import monotonic
from typing import Any

from .request import Request
from .rescuing import Watched, without_rescue
from .results import Status
from .sampling import watched_view
from .workspace import Workspace

BETWEEN_FIGURES, BETWEEN_SAMPLES = 0.2, 2.5
"""Seconds: watching must not take long from the work that is watched."""


def rescue(
    request: Request,
    workspace: Workspace,
    emit: Callable[[Any], None],
    should_stop: Callable[[], bool],
) -> None:
    """Rescues the request's network, telling how far it is and showing its samples now and then.

    Emits :class:`RescueView` and :class:`SamplesView` records. What was reached stays when it is
    stopped; the same request goes on from there.

    Raises:
        ValueError: The model is no network that runs.
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    if not workspace.can_sample(request.model):
        raise ValueError(
            f"{workspace.cards[request.model].title} cannot be rescued, since it is weights alone; "
            "choose a model that can be sampled."
        )
    model = workspace.model(request.model)
    next_figures = next_samples = monotonic()

    def watch(now: Watched) -> None:
        nonlocal next_figures, next_samples
        if monotonic() >= next_figures:
            emit(now.view)
            emit(Status("rescuing", fraction=now.view.step / now.view.steps))
            next_figures = monotonic() + BETWEEN_FIGURES
        if monotonic() >= next_samples:
            emit(watched_view(request, workspace, now.write_into, should_stop))
            next_samples = monotonic() + BETWEEN_SAMPLES

    emit(Status("preparing the rescue"))
    plain = workspace.fit(without_rescue(request), request.scheme)

    def prepare(fraction: float) -> None:
        emit(Status("choosing codes", fraction=fraction))

    workspace.rescues.run(request, plain, model, watch, should_stop, prepare)
