"""The tiny flow-matching sampler: path, networks, solvers, sampling, training."""

__all__ = [
    "COUPLINGS",
    "MLP",
    "SOLVERS",
    "TIME_SAMPLERS",
    "Cancelled",
    "Flow",
    "Recipe",
    "Solver",
    "Trainer",
    "UNet",
    "VelocityNetwork",
    "build_network",
    "couple_by_transport",
    "flow_matching_loss",
    "interpolate",
    "invert",
    "noise",
    "sample",
    "target_velocity",
]

from .coupling import COUPLINGS, couple_by_transport
from .mlp import MLP
from .network import VelocityNetwork, build_network
from .path import TIME_SAMPLERS, flow_matching_loss, interpolate, target_velocity
from .sampling import Cancelled, Flow, invert, noise, sample
from .solvers import SOLVERS, Solver
from .training import Recipe, Trainer
from .unet import UNet
