"""Making few bits work: what the codes stand for, and the codes themselves, are trained."""

__all__ = ["Student", "Targets", "TuneRecipe", "Tuner", "tune"]

from .student import Student
from .targets import Targets
from .tuner import TuneRecipe, Tuner, tune
