"""The bound stage: how far quantization moves the samples, beside what theory bounds it by."""

__all__ = ["bound_view"]

from collections.abc import Callable

from ..measure.bounds import bounds
from .measures_results import BoundView
from .request import Request
from .sampling import class_labels
from .workspace import Workspace
from .yardsticks import Yardsticks

N_SAMPLES = 16


def bound_view(
    request: Request,
    workspace: Workspace,
    yardsticks: Yardsticks,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> BoundView:
    """Measures the gap of 16 Euler paths and estimates its bounds.

    Args:
        request: What is on screen; its noise, class and number of steps are taken, its solver and
            its guidance are not: the bounds are about Euler steps of the plain field.
        workspace: Where the models are.
        yardsticks: Not needed here; all measuring stages are called alike.
        should_stop: Asked between Euler steps.
        progress: Told the finished fraction.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    if request.bits is None:
        return BoundView("", None, N_SAMPLES)
    network = workspace.scratch(request.model)
    workspace.fit(request, request.primary).write_into(network)
    found = bounds(
        workspace.model(request.model),
        network,
        n=N_SAMPLES,
        steps=request.steps,
        seed=request.seed,
        label=class_labels(request, workspace.cards[request.model].n_classes, N_SAMPLES),
        should_stop=should_stop,
        progress=progress,
    )
    return BoundView(request.primary, found, N_SAMPLES)
