"""The panels: each draws one view of the explorer's results, and computes nothing."""

__all__ = [
    "ActivationsPanel",
    "AllocationPanel",
    "BoundsPanel",
    "DistancePanel",
    "FrontierPanel",
    "LatentsPanel",
    "QualityPanel",
    "SamplesPanel",
    "TrajectoriesPanel",
    "WeightsPanel",
]

from .activations import ActivationsPanel
from .allocation import AllocationPanel
from .bounds import BoundsPanel
from .distance import DistancePanel
from .frontier import FrontierPanel
from .latents import LatentsPanel
from .quality import QualityPanel
from .samples import SamplesPanel
from .trajectories import TrajectoriesPanel
from .weights import WeightsPanel
