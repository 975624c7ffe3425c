"""Every number on screen: weights, fidelity to the reference, quality against data, paths."""

__all__ = [
    "Basis",
    "Bounds",
    "Estimate",
    "FrechetReference",
    "Judge",
    "KernelReference",
    "LatentStatistics",
    "QualityFigures",
    "Reader",
    "ReaderCard",
    "Reference",
    "aggregate_w2",
    "available_readers",
    "available_references",
    "bootstrap",
    "bounds",
    "endpoint_distance",
    "fit_basis",
    "frechet_distance",
    "kid",
    "latent_basis",
    "latent_statistics",
    "layer_w2",
    "load_reader",
    "load_reference",
    "pooled_w2",
    "project",
    "proportion",
    "psnr",
    "readability",
    "rms_divergence",
    "sensitivity",
    "sensitivity_of",
    "sliced_w2",
    "ssim",
    "ssim_window",
    "velocities",
    "velocity_error",
    "w2_1d",
    "w2_points",
]

from .bounds import Bounds, bounds
from .distribution import FrechetReference, KernelReference, frechet_distance, kid
from .fidelity import psnr, ssim, ssim_window
from .interval import Estimate, bootstrap, proportion
from .latents import LatentStatistics, latent_basis, latent_statistics
from .paths import endpoint_distance, rms_divergence
from .projection import Basis, fit_basis, project
from .quality import Judge, QualityFigures
from .reader import Reader, ReaderCard, available_readers, load_reader, readability
from .reference import Reference, available_references, load_reference
from .sensitivity import sensitivity, sensitivity_of
from .sliced import sliced_w2
from .velocity import velocities, velocity_error
from .weights import aggregate_w2, layer_w2, pooled_w2, w2_1d, w2_points
