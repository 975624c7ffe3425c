"""The activation stage: what every layer sees over time, and what 8-bit activations cost."""

__all__ = ["ACTIVATION_BITS", "activation_view"]

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor, nn

from ..flow import Cancelled, sample
from ..integer import (
    ActivationRanges,
    ActivationRecord,
    choose_ranges,
    quantize_activations,
    record_activations,
)
from ..measure.velocity import velocities, velocity_error
from .activation_results import ACTIVATION_METHODS, ActivationCost, ActivationView, LayerActivations
from .request import Request
from .sampling import class_labels, fidelity, full_size, reference_flow
from .workspace import Workspace
from .yardsticks import Yardsticks

ACTIVATION_BITS = 8
VIEW_BYTES = 2**16  # about what all but the record takes

ShouldStop = Callable[[], bool]
Progress = Callable[[float], None]
T = TypeVar("T")


def activation_view(
    request: Request,
    workspace: Workspace,
    yardsticks: Yardsticks,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> ActivationView:
    """Calibrates all layers along the reference's trajectories, and measures what it costs.

    Every method is tried with full-precision weights and with the first scheme's. The samples are
    the first half of those on screen: the same noise, in the same steps.

    Args:
        request: What is on screen.
        workspace: Where the models are; what belongs to the reference alone is kept there.
        yardsticks: Not needed here; all measuring stages are called alike.
        should_stop: Asked between solver steps.
        progress: Told the finished fraction.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    scheme = request.shown[0] if request.shown else ""
    runs = 1 + 2 * len(ACTIVATION_METHODS) + (1 + len(ACTIVATION_METHODS) if scheme else 0)
    work = _Work(request, workspace, should_stop, progress, runs)
    record = work.once("record", work.record)
    ranges = {
        m: work.once(f"range {m}", lambda m=m: work.choose(record, m)) for m in ACTIVATION_METHODS
    }
    model = workspace.model(request.model)
    alone = {
        m: work.once(f"cost {m}", lambda m=m: work.cost(model, ranges[m]))
        for m in ACTIVATION_METHODS
    }
    beside: dict[str, ActivationCost] = {}
    if scheme:
        network = workspace.scratch(request.model)
        workspace.fit(request, scheme).write_into(network)
        beside = {m: work.cost(network, ranges.get(m)) for m in ("", *ACTIVATION_METHODS)}
    return ActivationView(
        times=record.times,
        layers={name: _layer(name, record, ranges) for name in record.inputs},
        costs=alone,
        scheme=scheme,
        scheme_costs=beside,
        bits=ACTIVATION_BITS,
        n=work.n,
    )


class _Work:
    """What the runs of one request share: the reference's path, and how much is done."""

    def __init__(
        self,
        request: Request,
        workspace: Workspace,
        should_stop: ShouldStop | None,
        progress: Progress | None,
        runs: int,
    ) -> None:
        self._request, self._workspace = request, workspace
        self._should_stop, self._progress = should_stop, progress
        self._runs, self._done = runs, 0
        size = full_size(request, workspace)
        self.n = size.n // 2
        flow = reference_flow(request, workspace, size, should_stop)
        assert flow.path is not None
        self._path, self._times = flow.path[:, : self.n], flow.times
        n_classes = workspace.cards[request.model].n_classes
        self._label = class_labels(request, n_classes, self.n)
        self._truth: Tensor | None = None

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Returns what belongs to the reference alone, from memory where it is known."""
        r = self._request
        plain = replace(Request(), model=r.model, solver=r.solver, steps=r.steps, seed=r.seed)
        plain = replace(plain, label=r.label, guidance=r.guidance)
        key = (r.model, f"activations {name}", plain)
        known = self._workspace.views.get(key)
        if known is not None:
            self._advance()
            return known
        made = make()
        n_bytes = made.n_bytes if isinstance(made, ActivationRecord) else VIEW_BYTES
        self._workspace.views.put(key, made, n_bytes=n_bytes)
        return made

    def record(self) -> ActivationRecord:
        """Notes what all layers see."""
        return self._sampled(record_activations, self._workspace.model(self._request.model))

    def choose(self, record: ActivationRecord, method: str) -> ActivationRanges:
        """Chooses the static ranges of a method."""
        if self._should_stop is not None and self._should_stop():
            raise Cancelled("cancelled between two methods")
        found = choose_ranges(record, method, ACTIVATION_BITS, outputs=False)
        self._advance()
        return found

    def cost(self, network: nn.Module, ranges: ActivationRanges | None) -> ActivationCost:
        """Measures a network with rounded activations; without ranges, as it is."""
        rounded = network if ranges is None else quantize_activations(network, ranges)
        if self._truth is None:
            self._truth = self._velocities(self._workspace.model(self._request.model))
        error = velocity_error(self._truth, self._velocities(rounded))
        samples = self._sampled(sample, rounded).samples
        figure, value = next(iter(fidelity(self._path[-1], samples).items()))
        return ActivationCost(error, figure, value)

    def _velocities(self, network: nn.Module) -> Tensor:
        path, times = self._path[:-1], self._times[:-1]
        guidance = self._request.guidance
        return velocities(network, path, times, self._label, guidance, self._should_stop)

    def _sampled(self, function: Callable[..., Any], network: nn.Module) -> Any:
        """Calls what samples, with all that decides the samples."""
        request = self._request
        found = function(
            network,
            n=self.n,
            steps=request.steps,
            solver=request.solver,
            seed=request.seed,
            label=self._label,
            guidance=request.guidance,
            should_stop=self._should_stop,
            progress=lambda done, steps: self._tell(done / steps),
        )
        self._advance()
        return found

    def _tell(self, fraction: float) -> None:
        if self._progress is not None:
            self._progress(min((self._done + fraction) / self._runs, 1.0))

    def _advance(self) -> None:
        self._done += 1
        self._tell(0.0)


def _layer(
    name: str, record: ActivationRecord, ranges: dict[str, ActivationRanges]
) -> LayerActivations:
    """Returns what a layer was seen to take in, and the static range of each method."""
    seen = record.inputs[name]
    grids = {method: chosen.inputs[name].grid for method, chosen in ranges.items()}
    return LayerActivations(
        minimum=seen.minimum,
        maximum=seen.maximum,
        percentiles=seen.percentiles,
        rms=seen.rms,
        ranges={method: (grid.low, grid.high) for method, grid in grids.items()},
    )
