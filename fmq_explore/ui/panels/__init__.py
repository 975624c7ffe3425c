"""The panels: each draws one view of the explorer's results, and computes nothing."""

__all__ = ["DistancePanel", "SamplesPanel", "TrajectoriesPanel", "WeightsPanel"]

from .distance import DistancePanel
from .samples import SamplesPanel
from .trajectories import TrajectoriesPanel
from .weights import WeightsPanel
