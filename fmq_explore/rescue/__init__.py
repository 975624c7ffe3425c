"""Making few bits work: what the codes stand for, and the codes themselves, are trained."""

__all__ = [
    "RESCUES",
    "FreeStudent",
    "Rescue",
    "Student",
    "Targets",
    "TuneRecipe",
    "Tuner",
    "correct_biases",
    "feed_back_errors",
    "get_rescue",
    "importance",
    "train_quantized",
    "tune",
    "weighted_codebooks",
]

from .biases import correct_biases
from .feedback import feed_back_errors
from .importance import importance, weighted_codebooks
from .qat import FreeStudent, train_quantized
from .student import Student
from .targets import Targets
from .tuner import Tuner, TuneRecipe, tune
from .ways import RESCUES, Rescue, get_rescue
