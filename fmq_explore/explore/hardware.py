"""The hardware stage: the network of a request on every chip, by its file and its graph."""

__all__ = ["count", "hardware_view", "is_ready"]

from functools import cache

import numpy as np

from ..hardware import (
    Anchor,
    Plan,
    Workload,
    anchor_time,
    assess_all,
    footprint,
    network_cost,
)
from ..hardware.cost import is_counted
from .hardware_results import ChipChoice, HardwareView
from .request import UNCONDITIONAL, Request
from .workspace import Workspace

KIB = 1024


def is_ready(request: Request, workspace: Workspace) -> bool:
    """Tells whether the view is made at once: the network was counted, or there is none."""
    if not workspace.can_sample(request.model):
        return True
    return is_counted(workspace.model(request.model))


def count(request: Request, workspace: Workspace) -> None:
    """Runs the network once and remembers what it costs."""
    if workspace.can_sample(request.model):
        network_cost(workspace.model(request.model))


def hardware_view(
    request: Request, workspace: Workspace, chips: ChipChoice | None = None
) -> HardwareView:
    """Assesses the network of a request on all chips.

    Args:
        request: The network, and how samples are drawn.
        workspace: Where its fits are.
        chips: What is assumed about chips.
    """
    model = workspace.model(request.model)
    quantized = model if request.bits is None else workspace.fit(request, request.primary)
    cost = network_cost(model) if workspace.can_sample(request.model) else None
    plan = _plan(request, workspace, chips or ChipChoice())
    load = Workload(footprint(quantized), plan, cost)
    live = decoding = np.empty(0, dtype=np.int64)
    peak = ("", "")
    if cost is not None:
        live, decoding = load.memory()
        peak = (cost.peak.name, cost.peak.kind)
    return HardwareView(
        weights=load.weights,
        plan=plan,
        assessments=assess_all(load),
        live=live,
        decoding=decoding,
        peak=peak,
        anchor=_anchor(),
    )


def _plan(request: Request, workspace: Workspace, chips: ChipChoice) -> Plan:
    """Returns the run: guidance counts where there are classes to be guided to."""
    guided = workspace.cards[request.model].n_classes and request.label != UNCONDITIONAL
    return Plan(
        solver=request.solver,
        steps=request.steps,
        guidance=request.guidance if guided else 1.0,
        activation_bits=chips.activation_bits,
        decode_cycles=chips.decode_cycles,
        runtime_bytes=KIB * chips.runtime_kib,
    )


@cache
def _anchor() -> Anchor:
    return anchor_time()
