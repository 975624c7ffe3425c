"""What a quantized network costs on a microcontroller, and whether it fits: with sources."""

__all__ = [
    "KINDS",
    "Anchor",
    "Assessment",
    "Cost",
    "Device",
    "Figure",
    "Footprint",
    "Operation",
    "Plan",
    "Source",
    "Stack",
    "Verdict",
    "Workload",
    "anchor_time",
    "assess",
    "assess_all",
    "available_devices",
    "available_sources",
    "available_stacks",
    "footprint",
    "get_device",
    "network_cost",
]

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .anchor import Anchor, anchor_time
    from .assessment import Assessment, assess, assess_all
    from .contents import Footprint, footprint
    from .cost import Cost, network_cost
    from .devices import Device, Source, available_devices, available_sources, get_device
    from .figure import KINDS, Figure
    from .graph import Operation
    from .plan import Plan
    from .stacks import Stack, available_stacks
    from .verdict import Verdict
    from .workload import Workload

__getattr__ = lazy_names(
    __name__,
    {
        "Anchor": "anchor",
        "Assessment": "assessment",
        "Cost": "cost",
        "Device": "devices",
        "Figure": "figure",
        "Footprint": "contents",
        "KINDS": "figure",
        "Operation": "graph",
        "Plan": "plan",
        "Source": "devices",
        "Stack": "stacks",
        "Verdict": "verdict",
        "Workload": "workload",
        "anchor_time": "anchor",
        "assess": "assessment",
        "assess_all": "assessment",
        "available_devices": "devices",
        "available_sources": "devices",
        "available_stacks": "stacks",
        "footprint": "contents",
        "get_device": "devices",
        "network_cost": "cost",
    },
)
