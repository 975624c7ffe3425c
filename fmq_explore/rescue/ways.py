"""The ways to rescue a network that the explorer offers and the frontier measures."""

__all__ = ["RESCUES", "Rescue", "get_rescue"]

from collections.abc import Callable
from dataclasses import asdict, dataclass

from torch import nn

from ..quantize import QuantizedModel
from .feedback import feed_back_errors
from .qat import FreeStudent, train_quantized
from .student import Student
from .tuner import TuneRecipe, tune


@dataclass(frozen=True)
class Rescue:
    """A way to rescue a network: which functions, with which recipe.

    Attributes:
        title: The name for people.
        recipe: How it is trained.
        feeds_back: Whether `feed_back_errors` chooses the codes first.
        code_learning_rate: The peak for codes of `train_quantized`; with 0 they are left to `tune`.
    """

    title: str
    recipe: TuneRecipe
    feeds_back: bool = False
    code_learning_rate: float = 0.0

    def apply(self, qm: QuantizedModel) -> QuantizedModel:
        """Returns the rescued network.

        Example:
            >>> import fmq_explore as fmq
            >>> qm = fmq.quantize_model(fmq.load_model("moons"), "optimal", bits=2)
            >>> rescued = Rescue("briefly", TuneRecipe(steps=20), feeds_back=True).apply(qm)
            >>> rescued.bits == qm.bits
            True
        """
        if self.feeds_back:
            qm = feed_back_errors(qm)
        recipe, rate = asdict(self.recipe), self.code_learning_rate
        return (
            train_quantized(qm, code_learning_rate=rate, **recipe) if rate else tune(qm, **recipe)
        )

    def student(
        self, qm: QuantizedModel, reference: nn.Module, should_stop: Callable[[], bool] | None
    ) -> Student:
        """Returns what is trained, once codes were fed back where that is asked for."""
        rate, seed = self.code_learning_rate, self.recipe.seed
        return (
            FreeStudent(qm, reference, rate, seed, should_stop) if rate else Student(qm, reference)
        )


RESCUES = {
    "levels": Rescue("levels only", TuneRecipe(steps=600)),
    "codes": Rescue("codes, then levels", TuneRecipe(steps=600), True),
    "training": Rescue(
        "codes and levels, trained", TuneRecipe(steps=1000, learning_rate=0.015), True, 0.015
    ),
}
"""By the name that a link gives them: each takes a minute at most for the models that ship."""


def get_rescue(name: str) -> Rescue:
    """Returns the rescue of that name; raises ValueError for an unknown one.

    Example:
        >>> get_rescue("levels").recipe.steps
        600
    """
    if name not in RESCUES:
        raise ValueError(f"rescue {name!r} is unknown; choose one of {', '.join(RESCUES)}")
    return RESCUES[name]
