"""The headless explorer: requests in, views out; everything the app shows, without a widget."""

__all__ = [
    "DEFAULT_MODEL",
    "UNCONDITIONAL",
    "ByteCache",
    "DistanceView",
    "Explorer",
    "Failure",
    "Figures",
    "LatestRunner",
    "Request",
    "Results",
    "SampleSet",
    "SampleSize",
    "SamplesView",
    "SchemeCells",
    "Status",
    "Ticket",
    "TraceView",
    "WeightsView",
    "Workspace",
    "code_for",
    "explore",
    "full_size",
]

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from .request import DEFAULT_MODEL, UNCONDITIONAL, Request
from .results import (
    DistanceView,
    Failure,
    Figures,
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
    from .code import code_for
    from .explorer import Explorer, explore
    from .runner import LatestRunner, Ticket
    from .sampling import SampleSize, full_size
    from .workspace import Workspace

# What needs torch is loaded when first used: an interface is on screen before that.
__getattr__ = lazy_names(
    __name__,
    {
        "ByteCache": "cache",
        "Explorer": "explorer",
        "LatestRunner": "runner",
        "SampleSize": "sampling",
        "Ticket": "runner",
        "Workspace": "workspace",
        "code_for": "code",
        "explore": "explorer",
        "full_size": "sampling",
    },
)
