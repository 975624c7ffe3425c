"""The ways to rescue a network that the explorer offers and the frontier measures."""

__all__ = ["RESCUES", "Rescue", "get_rescue"]

from dataclasses import asdict, dataclass

from ..quantize import QuantizedModel
from .feedback import feed_back_errors
from .qat import train_quantized
from .tuner import TuneRecipe, tune


@dataclass(frozen=True)
class Rescue:
    """A way to rescue a network: which functions, in what order, with which recipes.

    Attributes:
        title: The name for people.
        tuning: The recipe of `tune`.
        feeds_back: Whether `feed_back_errors` chooses the codes first.
        training: The recipe of `train_quantized`, which comes last; None without.
        weight_learning_rate: Its peak for latent weights.
    """

    title: str
    tuning: TuneRecipe
    feeds_back: bool = False
    training: TuneRecipe | None = None
    weight_learning_rate: float = 0.0

    @property
    def steps(self) -> int:
        """Steps of all parts."""
        return self.tuning.steps + (self.training.steps if self.training else 0)

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
        qm = tune(qm, **asdict(self.tuning))
        if self.training is None:
            return qm
        rate = self.weight_learning_rate
        return train_quantized(qm, weight_learning_rate=rate, **asdict(self.training))


RESCUES = {
    "levels": Rescue("levels only", TuneRecipe(steps=600)),
    "codes": Rescue("codes, then levels", TuneRecipe(steps=500, learning_rate=0.05), True),
    "training": Rescue(
        "codes and levels, trained",
        TuneRecipe(steps=250, learning_rate=0.05),
        True,
        TuneRecipe(steps=350, learning_rate=0.02),
        weight_learning_rate=0.005,
    ),
}
"""By the name that a link gives them: each takes a minute at most for the models that ship."""


def get_rescue(name: str) -> Rescue:
    """Returns the rescue of that name; raises ValueError for an unknown one.

    Example:
        >>> get_rescue("levels").steps
        600
    """
    if name not in RESCUES:
        raise ValueError(f"rescue {name!r} is unknown; choose one of {', '.join(RESCUES)}")
    return RESCUES[name]
