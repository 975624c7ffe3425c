"""What the stages hand to the panels: frozen records of arrays and numbers, nothing drawn."""

__all__ = [
    "DistanceView",
    "Failure",
    "Figures",
    "RescueView",
    "Results",
    "SampleSet",
    "SamplesView",
    "SchemeCells",
    "Status",
    "TraceView",
    "WeightsView",
]

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .request import Request

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class SchemeCells:
    """One scheme's levels and cells over one row of weights.

    Attributes:
        scheme: The scheme's name.
        levels: Ascending levels in use, shape (k,).
        mass: The share of the row's weights on each level, shape (k,).
        borders: The cell borders between them, shape (k - 1,).
        w2: The row's Wasserstein-2 distance, in weight units.
        bits: The bits of a code of this tensor.
    """

    scheme: str
    levels: np.ndarray
    mass: np.ndarray
    borders: np.ndarray
    w2: float
    bits: int


@dataclass(frozen=True, eq=False)
class WeightsView:
    """The chosen row of the chosen tensor, and what the schemes make of it."""

    layer: str
    shape: tuple[int, ...]
    row: int
    n_rows: int
    sorted_row: np.ndarray
    edges: np.ndarray
    share: np.ndarray
    primary: SchemeCells | None
    compare: SchemeCells | None


@dataclass(frozen=True)
class Figures:
    """The plain figures of one scheme at one bit width over the whole model.

    Attributes:
        label_bits: The bits of a code, averaged over the weights; 32 for full precision.
        bits_per_weight: What the file really holds for each parameter, all overheads included.
        n_bytes: The size of the file.
        compression: Bytes of the full-precision parameters over ``n_bytes``.
        w2: Root of the weight-averaged squared W2 of the rows.
        relative_error: ``w2`` over the root mean square of the quantized weights.
        layer_bits: The bits of a code of the tensor on show.
        layer_w2: W2 of the tensor on show.
        mixed: The fewest and the most bits of a tensor, None where all have the same.
    """

    scheme: str
    label_bits: float
    bits_per_weight: float
    n_bytes: int
    compression: float
    w2: float
    relative_error: float
    layer_bits: int = 32
    layer_w2: float = 0.0
    mixed: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class DistanceView:
    """W2 against bits for all schemes, the figures, and the error of every tensor.

    Attributes:
        bits: The label bits of the curves, 1 to 8.
        model_curves: W2 of the whole model by scheme, shape (8,), NaN where not yet known.
        layer_curves: The same for the tensor on show.
        layer: The tensor on show.
        layers: The names of the quantized tensors, in model order.
        layer_errors: The relative error of each of them under the primary scheme.
        compare_errors: The same under the second scheme.
    """

    bits: np.ndarray
    model_curves: dict[str, np.ndarray]
    layer_curves: dict[str, np.ndarray]
    layer: str
    layers: tuple[str, ...]
    layer_errors: np.ndarray
    compare_errors: np.ndarray | None
    primary: Figures
    compare: Figures | None


@dataclass(frozen=True, eq=False)
class SampleSet:
    """One network's run from the common noise, with its fidelity to the reference.

    Attributes:
        scheme: The scheme's name, empty for the reference.
        path: States from noise to data, shape (steps + 1, n, ...).
        fidelity: Mean figures such as ``{"PSNR": 21.3, "SSIM": 0.81}``; the reference and
            previews have none.
    """

    scheme: str
    path: "Tensor"
    fidelity: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class SamplesView:
    """Reference and quantized runs from the same noise.

    Attributes:
        times: Times of the states, shape (steps + 1,).
        reference: The full-precision run, of the same size as the others.
        primary: The scheme's run.
        compare: The second scheme's run.
        preview: Whether this is a quick first look.
        shown_reference: The reference to look at: in a preview the full one, where it is at hand.
        n_full: How many samples the full picture has.
    """

    times: np.ndarray
    reference: SampleSet
    primary: SampleSet
    compare: SampleSet | None
    preview: bool
    shown_reference: SampleSet
    n_full: int = 64


@dataclass(frozen=True, eq=False)
class TraceView:
    """Paths in the plane of one fixed basis, and how far apart they run.

    Attributes:
        times: Times of the states, shape (steps + 1,).
        background: Real data in the same plane, shape (m, 2).
        axes: What the two axes are.
        reference: Reference paths, shape (steps + 1, n, 2).
        primary: The quantized network's paths.
        compare: The second scheme's paths.
        divergence: Root mean square gap to the reference in a coordinate, over time, by scheme.
    """

    times: np.ndarray
    background: np.ndarray
    axes: tuple[str, str]
    reference: np.ndarray
    primary: np.ndarray
    compare: np.ndarray | None
    divergence: dict[str, np.ndarray]
    preview: bool


@dataclass(frozen=True)
class RescueView:
    """How far a rescue is.

    Attributes:
        step: Steps done; 0 before the first.
        steps: Steps in all.
        error_before: RMS error of the velocity over its RMS before the rescue.
        error: The same in the last steps.
    """

    step: int
    steps: int
    error_before: float
    error: float

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.step >= self.steps


@dataclass(frozen=True)
class Status:
    """What is being computed, how far it is (None: unknown), or how long it took (seconds)."""

    stage: str
    fraction: float | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Failure:
    """A stage that could not be done, as one sentence for the person."""

    stage: str
    sentence: str


@dataclass(frozen=True, eq=False)
class Results:
    """All views of one request."""

    request: Request
    weights: WeightsView
    distance: DistanceView
    samples: SamplesView
    trace: TraceView
