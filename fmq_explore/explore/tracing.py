"""The tracing stage: paths in the plane of one fixed basis, and their divergence over time."""

__all__ = ["trace_view"]

import numpy as np
from torch import Tensor

from ..measure.paths import rms_divergence
from ..zoo import Statistics
from .results import SamplesView, TraceView

N_TRACES = 120


def trace_view(view: SamplesView, statistics: Statistics) -> TraceView:
    """Projects the first 120 paths of every run, and measures how far each runs from the reference.

    The divergence is the root mean square over all samples and all their coordinates, not only
    those of the plane.
    """
    sets = [view.primary] + ([view.compare] if view.compare else [])
    divergence = {
        s.scheme or "reference": rms_divergence(view.reference.path, s.path).numpy() for s in sets
    }
    planar = view.reference.path[0, 0].numel() == 2
    return TraceView(
        times=view.times,
        background=np.asarray(statistics.data_points),
        axes=("x₁", "x₂") if planar else ("principal axis 1", "principal axis 2"),
        reference=_project(view.reference.path, statistics),
        primary=_project(view.primary.path, statistics),
        compare=_project(view.compare.path, statistics) if view.compare else None,
        divergence=divergence,
        preview=view.preview,
    )


def _project(path: Tensor, statistics: Statistics) -> np.ndarray:
    """Maps states (steps + 1, n, ...) to the plane, (steps + 1, min(n, 200), 2)."""
    return statistics.project(path[:, :N_TRACES].flatten(2)).numpy()
