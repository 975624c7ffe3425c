"""What the measuring stages hand to the second page of panels: frozen records, nothing drawn."""

__all__ = [
    "MEASURES",
    "AllocationView",
    "BoundView",
    "LatentSet",
    "LatentView",
    "LivePoint",
    "Measure",
    "Missing",
    "QualityLine",
    "QualityView",
    "SensitivityView",
    "Shares",
]

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..measure.bounds import Bounds
    from ..measure.interval import Estimate


@dataclass(frozen=True)
class Measure:
    """A figure of generated samples.

    Attributes:
        title: What people call it.
        against: "fidelity" to the full-precision model's samples, or "quality", against data.
        best: Whether "high" or "low" is good.
        unit: Unit on the axis, empty for none.
        biased: Whether the figure depends on how many samples there are.
    """

    title: str
    against: str
    best: str
    unit: str = ""
    biased: bool = False


MEASURES = {
    "psnr": Measure("PSNR", "fidelity", "high", "dB"),
    "ssim": Measure("SSIM", "fidelity", "high"),
    "fd": Measure("Fréchet distance", "quality", "low", biased=True),
    "kid": Measure("KID", "quality", "low"),
    "swd": Measure("sliced W₂", "quality", "low", biased=True),
    "readability": Measure("readability", "quality", "high"),
}
"""The measures of the quality panel, by the name of their column in the sweep's table."""


@dataclass(frozen=True, eq=False)
class QualityLine:
    """One scheme's figure over bits, from the sweep.

    Attributes:
        bits: Label bits, ascending, shape (k,).
        true_bits: Bits per weight of the file, shape (k,).
        value: Mean over the seeds, shape (k,).
        low: Smallest figure of a seed, shape (k,).
        high: Largest figure of a seed, shape (k,).
    """

    bits: np.ndarray
    true_bits: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, eq=False)
class LivePoint:
    """What was measured on the samples on screen; without a scheme it is the reference."""

    scheme: str
    bits: float
    true_bits: float
    estimates: "dict[str, Estimate]"


@dataclass(frozen=True, eq=False)
class QualityView:
    """Figures of samples against bits: the sweep's lines, and the samples on screen.

    Attributes:
        lines: Lines by measure and scheme; empty where the sweep has nothing.
        reference: Mean, lowest and highest figure of the full-precision model over the sweep's
            seeds, by measure.
        live: The scheme on screen and the one beside it.
        live_reference: The full-precision model on screen; it has no fidelity to itself.
        n_live: The samples on screen.
        sweep: How the sweep was made, in a few words; empty where it has nothing.
        remarks: A sentence for each measure that cannot be had, by measure, or under "sweep".
    """

    lines: dict[str, dict[str, QualityLine]]
    reference: dict[str, tuple[float, float, float]]
    live: tuple[LivePoint, ...]
    live_reference: LivePoint
    n_live: int
    sweep: str
    remarks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class LatentSet:
    """The latents that one network finds for the images.

    Attributes:
        scheme: The scheme's name, empty for the reference.
        points: Coordinates along the first two axes, shape (n, 2).
        variance: Variance along each axis, shape (k,).
        total_variance: Variance of a coordinate of the latent.
        normality: See :class:`fmq_explore.measure.LatentStatistics`; 0 for a Gaussian.
        drift: RMS difference in a coordinate to the reference's latents; None for the reference.
    """

    scheme: str
    points: np.ndarray
    variance: np.ndarray
    total_variance: float
    normality: float
    drift: float | None


@dataclass(frozen=True, eq=False)
class LatentView:
    """The latents of the same real images under the reference and the quantized networks."""

    reference: LatentSet
    primary: LatentSet
    compare: LatentSet | None
    n: int


@dataclass(frozen=True, eq=False)
class BoundView:
    """The measured gap over time beside its estimated bounds, of the scheme on screen."""

    scheme: str
    bounds: "Bounds | None"
    n: int


@dataclass(frozen=True)
class Missing:
    """A view that cannot be had for this model, and why, in one sentence."""

    stage: str
    sentence: str


@dataclass(frozen=True, eq=False)
class SensitivityView:
    """The measured sensitivity of every quantized tensor: relative RMS error of the velocity.

    Attributes:
        scheme: The scheme's name.
        compare: The second scheme's name, or empty.
        layers: The tensors, in model order.
        errors: The error when this tensor alone is quantized, shape (n,).
        compare_errors: The same under the second scheme.
    """

    scheme: str
    compare: str
    layers: tuple[str, ...]
    errors: np.ndarray
    compare_errors: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Shares:
    """The bits that one scheme gives every tensor, and what equal bits would give.

    Attributes:
        scheme: The scheme's name.
        bits: Bits in a code of each tensor, shape (n,).
        true_bits: Bits in the file for a weight of each tensor, codebooks included, shape (n,).
        n_bytes: Size of the file.
        error: The objective, see :func:`fmq_explore.allocate`.
        best_error: The least error that can be had within the budget, or within ``n_bytes``.
        equal_bits: The best equal bits within the same bytes, None where none fit.
        equal_error: Their error.
        equal_n_bytes: Size of their file.
        equal_reach: Size of the smallest shared-out file that is as good as they are.
    """

    scheme: str
    bits: np.ndarray
    true_bits: np.ndarray
    n_bytes: int
    error: float
    best_error: float
    equal_bits: int | None
    equal_error: float | None
    equal_n_bytes: int | None
    equal_reach: int | None


@dataclass(frozen=True, eq=False)
class AllocationView:
    """Who has which bits, and what a budget may be.

    Attributes:
        layers: The quantized tensors, in model order.
        layer: The tensor on show.
        n_weights: Weights of each of them, shape (n,).
        n_parameters: Parameters of the whole model.
        objective: "sensitivity" or "error": what the errors are of.
        budget: The most bytes of the file; 0 for equal bits.
        smallest: Size of the smallest file of the first scheme.
        largest: Size beyond which more bytes bring nothing.
        primary: The first scheme's bits; None where there are none.
        compare: The second scheme's.
        remark: A sentence where a budget is too small, or there is nothing to share out.
    """

    layers: tuple[str, ...]
    layer: str
    n_weights: np.ndarray
    n_parameters: int
    objective: str
    budget: int
    smallest: int
    largest: int
    primary: Shares | None
    compare: Shares | None
    remark: str = ""
