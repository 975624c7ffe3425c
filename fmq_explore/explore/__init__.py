"""The headless explorer: requests in, views out; everything the app shows, without a widget."""

__all__ = [
    "ACTIVATION_METHODS",
    "DEFAULT_MODEL",
    "FRONTIER_MEASURES",
    "MEASURES",
    "RESCUED",
    "UNCONDITIONAL",
    "UPLOAD",
    "ActivationCost",
    "ActivationView",
    "AllocationView",
    "BoundView",
    "ByteCache",
    "ChipChoice",
    "DistanceView",
    "Explorer",
    "Failure",
    "Figures",
    "FrontierPoint",
    "FrontierView",
    "HardwareExplorer",
    "HardwareView",
    "LatentSet",
    "LatentView",
    "LatestRunner",
    "LayerActivations",
    "LivePoint",
    "Measure",
    "Missing",
    "QualityLine",
    "QualityView",
    "Request",
    "RescueView",
    "Results",
    "SampleSet",
    "SampleSize",
    "SamplesView",
    "SchemeCells",
    "SensitivityView",
    "Shares",
    "Status",
    "Ticket",
    "TraceView",
    "WeightsView",
    "Workspace",
    "Yardsticks",
    "code_for",
    "explore",
    "full_size",
    "hardware_code",
]

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .activation_results import (
    ACTIVATION_METHODS,
    ActivationCost,
    ActivationView,
    LayerActivations,
)
from .frontier_results import FRONTIER_MEASURES, FrontierPoint, FrontierView
from .hardware_results import ChipChoice, HardwareView
from .measures_results import (
    MEASURES,
    AllocationView,
    BoundView,
    LatentSet,
    LatentView,
    LivePoint,
    Measure,
    Missing,
    QualityLine,
    QualityView,
    SensitivityView,
    Shares,
)
from .request import DEFAULT_MODEL, RESCUED, UNCONDITIONAL, UPLOAD, Request
from .results import (
    DistanceView,
    Failure,
    Figures,
    RescueView,
    Results,
    SampleSet,
    SamplesView,
    SchemeCells,
    Status,
    TraceView,
    WeightsView,
)

if TYPE_CHECKING:
    from .cache import ByteCache
    from .code import code_for, hardware_code
    from .explorer import Explorer, explore
    from .hardware_explorer import HardwareExplorer
    from .runner import LatestRunner, Ticket
    from .sampling import SampleSize, full_size
    from .workspace import Workspace
    from .yardsticks import Yardsticks

# What needs torch is loaded when first used: an interface is on screen before that.
__getattr__ = lazy_names(
    __name__,
    {
        "ByteCache": "cache",
        "Explorer": "explorer",
        "HardwareExplorer": "hardware_explorer",
        "LatestRunner": "runner",
        "SampleSize": "sampling",
        "Ticket": "runner",
        "Workspace": "workspace",
        "Yardsticks": "yardsticks",
        "code_for": "code",
        "explore": "explorer",
        "full_size": "sampling",
        "hardware_code": "code",
    },
)
