"""The sensitivity stage: which tensors the network can least afford to quantize."""

__all__ = ["sensitivity_view"]

from collections.abc import Callable

import numpy as np

from ..measure.sensitivity import sensitivity_of
from .measures_results import SensitivityView
from .request import Request
from .sampling import class_labels
from .workspace import Workspace
from .yardsticks import Yardsticks

N_SAMPLES = 16
N_STEPS = 4


def sensitivity_view(
    request: Request,
    workspace: Workspace,
    yardsticks: Yardsticks,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> SensitivityView:
    """Quantizes one tensor at a time and measures the change of the velocity.

    Args:
        request: What is on screen; its noise and class are taken, 16 samples in 4 steps.
        workspace: Where the models are.
        yardsticks: Not needed here; all measuring stages are called alike.
        should_stop: Asked before every tensor.
        progress: Told the finished fraction.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    layers = tuple(workspace.prepared(request).names)
    schemes = request.shown
    errors = []
    for i, scheme in enumerate(schemes):

        def share(done: float, i: int = i) -> None:
            if progress is not None:
                progress((i + done) / len(schemes))

        errors.append(_errors(request, scheme, workspace, should_stop, share))
    return SensitivityView(
        scheme=request.primary,
        compare=request.second,
        layers=layers,
        errors=errors[0] if errors else np.zeros(len(layers)),
        compare_errors=errors[1] if len(errors) > 1 else None,
    )


def _errors(
    request: Request,
    scheme: str,
    workspace: Workspace,
    should_stop: Callable[[], bool] | None,
    progress: Callable[[float], None],
) -> np.ndarray:
    network = workspace.model(request.model)
    found = sensitivity_of(
        workspace.fit(request, scheme),
        network,
        n=N_SAMPLES,
        steps=N_STEPS,
        seed=request.seed,
        label=class_labels(request, getattr(network, "n_classes", None), N_SAMPLES),
        should_stop=should_stop,
        progress=progress,
    )
    return np.array(list(found.values()))
