"""The plane in which a model's paths are drawn: shipped with it, or fitted on its own samples."""

__all__ = ["has_plane", "plane"]

from collections.abc import Callable
from dataclasses import replace

import torch

from ..measure.projection import fit_basis
from ..zoo import Statistics
from .request import Request
from .sampling import full_size, reference_flow
from .workspace import Workspace


def has_plane(request: Request, workspace: Workspace) -> bool:
    """Tells whether the plane is at hand, without sampling."""
    return not workspace.is_opened(request.model) or workspace.has_statistics(request.model)


def plane(
    request: Request,
    workspace: Workspace,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Statistics:
    """Returns the fixed plane of the request's model, with points behind the paths.

    A model that was opened from a file comes without one. Its plane is that of the two principal
    axes of the samples that its full-precision network makes of the default noise in the default
    number of steps, whatever the request says, and these samples stand for the data.

    Args:
        request: What is on screen; only its model counts.
        workspace: Where planes and sampled paths are kept.
        should_stop: Asked between solver steps.
        progress: Told the finished fraction.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    if not has_plane(request, workspace):
        usual = replace(Request(), model=request.model)
        flow = reference_flow(usual, workspace, full_size(usual, workspace), should_stop, progress)
        drawn = flow.samples.flatten(1)
        d = drawn.shape[1]
        if d > 2:
            basis = fit_basis(drawn)
            fitted = Statistics(basis.mean, basis.components, torch.empty(0, 2), None)
        else:
            fitted = Statistics(torch.zeros(d), torch.eye(2)[:, :d], torch.empty(0, 2), None)
        workspace.keep_statistics(request.model, replace(fitted, data_points=fitted.project(drawn)))
    return workspace.statistics(request.model)
