"""What the activation stage hands to its panel: frozen records, nothing drawn."""

__all__ = ["ACTIVATION_METHODS", "ActivationCost", "ActivationView", "LayerActivations"]

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

ACTIVATION_METHODS = {
    "min_max": "min-max",
    "mse": "MSE",
    "percentile": "percentile",
    "entropy": "entropy",
}
"""The ways to choose a static range, and their titles."""


@dataclass(frozen=True, eq=False)
class LayerActivations:
    """What goes into one layer over time, and the static range of each method.

    Attributes:
        minimum: Smallest value at every step, shape (steps,).
        maximum: Largest value, shape (steps,).
        percentiles: The percentiles 0.1, 1, 50, 99 and 99.9, shape (steps, 5).
        rms: Root mean square, shape (steps,).
        ranges: Smallest and largest number of the grid, by method.
    """

    minimum: np.ndarray
    maximum: np.ndarray
    percentiles: np.ndarray
    rms: np.ndarray
    ranges: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class ActivationCost:
    """What rounding activations costs, against the full-precision network.

    Attributes:
        velocity_error: Relative RMS error of the velocity along the reference's path.
        figure: The measure of fidelity: "PSNR" in dB, or "RMS gap" for points.
        fidelity: Its value over the samples.
    """

    velocity_error: float
    figure: str
    fidelity: float


@dataclass(frozen=True, eq=False)
class ActivationView:
    """Activations of all layers over time, and what static ranges cost.

    Attributes:
        times: The middle of every step in time, shape (steps,).
        layers: What goes into each convolution and linear layer, by name, in the order of calls.
        costs: With weights in full precision, by method.
        scheme: The scheme whose weights were tried too, empty at full precision.
        scheme_costs: With its weights, by method; under an empty name with float activations.
        bits: Bits of an activation.
        n: Number of samples.
    """

    times: np.ndarray
    layers: Mapping[str, LayerActivations]
    costs: Mapping[str, ActivationCost]
    scheme: str
    scheme_costs: Mapping[str, ActivationCost]
    bits: int
    n: int
