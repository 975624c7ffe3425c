"""Static ranges of activations: one grid for each layer, chosen once, the same at every time."""

__all__ = ["ActivationRange", "ActivationRanges", "calibrate_activations", "choose_ranges"]

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..flow.field import Label
from ..quantize.calibration import CALIBRATIONS, calibrate
from .affine import AffineGrid
from .recording import ActivationRecord, Statistics, record_activations


@dataclass(frozen=True, eq=False)
class ActivationRange:
    """The range of one tensor, and what was seen of it at every step.

    Attributes:
        low: Lower end that the method chose, at most 0.
        high: Upper end, at least 0.
        grid: Scale and zero point of the codes.
        seen: Extremes, percentiles and RMS at every step.
    """

    low: float
    high: float
    grid: AffineGrid
    seen: Statistics

    @property
    def scale(self) -> float:
        """Step of the codes."""
        return self.grid.scale

    @property
    def zero_point(self) -> int:
        """Code of zero."""
        return self.grid.zero_point


@dataclass(frozen=True, eq=False)
class ActivationRanges:
    """The ranges of all convolutions and linear layers of a network.

    Attributes:
        inputs: Range of what goes into each layer, by the layer's name.
        outputs: Range of what comes out.
        times: The middle of every step in time, shape (steps,); 0 is noise, 1 is data.
        method: How the ranges were chosen.
        bits: Bits of the codes.
    """

    inputs: Mapping[str, ActivationRange]
    outputs: Mapping[str, ActivationRange]
    times: NDArray[np.float64]
    method: str
    bits: int


def calibrate_activations(
    model: nn.Module,
    n: int = 64,
    steps: int = 10,
    solver: str = "midpoint",
    seed: int = 0,
    label: Label = None,
    method: str = "min_max",
    bits: int = 8,
    guidance: float = 1.0,
    should_stop: Callable[[], bool] | None = None,
    progress: Callable[[int, int], Any] | None = None,
) -> ActivationRanges:
    """Chooses a static range for the input and the output of every convolution and linear layer.

    The values are those along sampling trajectories of the full-precision model, so no data are
    needed: noise at t = 0 is where a layer sees one distribution, near data another, and a static
    range has to serve both.

    Args:
        model: The full-precision network.
        n: Number of samples.
        steps: Steps of the trajectories.
        solver: A key of `SOLVERS`.
        seed: Seed of the noise.
        label: Class of all samples, or of each; None for no class.
        method: `"min_max"`, `"percentile"`, `"mse"` or `"entropy"`; see
            `fmq_explore.quantize.calibration.calibrate`.
        bits: Bits of a code, 2 to 8.
        guidance: Scale of guidance, as for `sample`.
        should_stop: Asked before every step; True cancels.
        progress: Called as `progress(done_steps, steps)` after every step.

    Raises:
        ValueError: If an argument is out of range, or the model has no such layer.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> ranges = calibrate_activations(MLP(width=8, depth=1), n=16, steps=4)
        >>> ranges.inputs["last"].seen.minimum.shape, ranges.inputs["last"].low > -0.2785
        ((4,), True)
    """
    _check(method, bits)
    record = record_activations(
        model, n, steps, solver, seed, label, guidance, should_stop, progress
    )
    return choose_ranges(record, method, bits)


def choose_ranges(
    record: ActivationRecord, method: str = "min_max", bits: int = 8, outputs: bool = True
) -> ActivationRanges:
    """Chooses ranges from what was recorded, see `calibrate_activations`.

    Args:
        record: What went into and came out of the layers.
        method: How to choose.
        bits: Bits of a code, 2 to 8.
        outputs: Whether outputs get ranges too; `quantize_activations` does without.
    """
    _check(method, bits)
    sides = (record.inputs, record.outputs if outputs else {})
    chosen = [{n: _choose(s, method, bits) for n, s in side.items()} for side in sides]
    return ActivationRanges(
        inputs=chosen[0],
        outputs=chosen[1],
        times=record.times,
        method=method,
        bits=bits,
    )


def _choose(seen: Statistics, method: str, bits: int) -> ActivationRange:
    values = seen.values
    if method == "min_max":  # of all values: the random part need not hold the extremes
        values = np.append(seen.minimum, seen.maximum)
    low, high = calibrate(values, bits, method)
    return ActivationRange(
        min(low, 0.0), max(high, 0.0), AffineGrid.spanning(low, high, bits), seen
    )


def _check(method: str, bits: int) -> None:
    if method not in CALIBRATIONS:
        raise ValueError(f"method is {method!r}: choose one of {', '.join(CALIBRATIONS)}")
    if isinstance(bits, bool) or bits not in range(2, 9):
        raise ValueError(f"bits of activations is {bits!r}: use 2 to 8")
