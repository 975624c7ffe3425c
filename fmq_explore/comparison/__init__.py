"""A quantized model held against its original: weights, fidelity, quality, latents and bounds."""

__all__ = [
    "PARTS",
    "Baseline",
    "Comparison",
    "FidelityFigures",
    "WeightFigures",
    "compare",
    "measure_baseline",
]

from .baseline import PARTS, Baseline
from .comparing import compare, measure_baseline
from .record import Comparison, FidelityFigures, WeightFigures
