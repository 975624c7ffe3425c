"""Every number on screen: distances between weights, fidelity of images, divergence of paths."""

__all__ = [
    "Basis",
    "aggregate_w2",
    "endpoint_distance",
    "fit_basis",
    "layer_w2",
    "pooled_w2",
    "project",
    "psnr",
    "rms_divergence",
    "ssim",
    "ssim_window",
    "w2_1d",
    "w2_points",
]

from .fidelity import psnr, ssim, ssim_window
from .paths import endpoint_distance, rms_divergence
from .projection import Basis, fit_basis, project
from .weights import aggregate_w2, layer_w2, pooled_w2, w2_1d, w2_points
