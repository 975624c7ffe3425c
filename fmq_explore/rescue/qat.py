"""Quantization-aware training: the codes are free as well."""

__all__ = ["FreeStudent", "train_quantized"]

from collections.abc import Callable

from torch import Tensor, nn

from ..quantize import QuantizedModel
from .nearest import nearest_codes, pulled_into_cells
from .student import Student, laid_out
from .tuner import Progress, ShouldStop, Tuner, TuneRecipe, find_reference, reporting


class FreeStudent(Student):
    """A student with latent weights behind its codes; each takes the level nearest to it.

    Args:
        qm: The quantized network, whose codes are where training starts; it is not changed.
        reference: The network it came from.
        weight_learning_rate: Peak for latent weights, as a share of the spread of the levels.
    """

    def __init__(
        self, qm: QuantizedModel, reference: nn.Module, weight_learning_rate: float
    ) -> None:
        super().__init__(qm, reference)
        self.weight_learning_rate = weight_learning_rate
        self.latent = {
            name: self._start(name, reference.get_parameter(name).detach().float())
            for name in qm.tensors
        }

    def _start(self, name: str, weights: Tensor) -> Tensor:
        q = self.qm.tensors[name]
        return pulled_into_cells(weights, q.codebook, q.rows, q.codes).requires_grad_(True)

    def codes(self, name: str) -> Tensor:
        """Returns the codes as they are now, uint8, shape of the weights."""
        latent, levels = self.latent[name].detach(), self.levels(name).detach()
        return nearest_codes(latent, levels, self.qm.tensors[name].rows)

    def _weight(self, name: str) -> Tensor:
        q, latent = self.qm.tensors[name], self.latent[name]
        levels = self.levels(name)
        index = q.rows * levels.shape[1] + self.codes(name).long()
        level = levels.flatten().take(index.flatten()).reshape(q.shape)
        # straight through: the gradient of the level reaches the latent weight unchanged
        return laid_out(level + latent - latent.detach())

    def groups(self, learning_rate: float, kept_learning_rate: float) -> list[dict]:
        """Returns what an optimiser takes, latent weights included."""
        groups = super().groups(learning_rate, kept_learning_rate)
        latent = [
            {"params": [tensor], "peak": self.weight_learning_rate * self.spread(name)}
            for name, tensor in self.latent.items()
        ]
        return [*groups, *latent]


def train_quantized(
    qm: QuantizedModel,
    reference: nn.Module | None = None,
    steps: int = 1000,
    batch_size: int = 0,
    learning_rate: float = 0.02,
    kept_learning_rate: float = 5e-3,
    weight_learning_rate: float = 0.005,
    warm_up: int = 20,
    n_paths: int = 512,
    path_steps: int = 5,
    seed: int = 0,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
    after_step: Callable[[Tuner], None] | None = None,
) -> QuantizedModel:
    """Trains a network through its quantization: codes, levels and kept tensors.

    Every weight keeps a latent value u and runs as its nearest level; the gradient passes straight
    through the rounding to u (arXiv 1308.3432), and on to the level as well. The target is that of
    `tune`, the reference's velocity along its own paths, so no data are needed. It is stronger than
    `tune` and slower; start it from a tuned network. Codes need not stay monotone in the original
    weights, so that W2 of a row may fall below its root mean squared error: both are reported.

    Args:
        qm: The quantized network, tuned or not; it is not changed.
        reference: The full-precision network; by default the one that was quantized.
        steps: Optimiser steps (Adam).
        batch_size: States per step; 0 for 32 images, or 512 points.
        learning_rate: Peak for levels, as a share of the spread of a tensor's levels.
        kept_learning_rate: Peak for kept tensors.
        weight_learning_rate: Peak for latent weights, as a share of that spread.
        warm_up: Steps until the peak.
        n_paths: Paths of the reference that are learnt from.
        path_steps: Midpoint steps of each.
        seed: Of the paths and of everything that is drawn.
        should_stop: Asked before every step; True cancels.
        progress: Told the finished fraction after every step.
        after_step: Called with the tuner after every step.

    Returns:
        A network of the same size in bytes, but for one figure a tensor where W2 is a third one.

    Raises:
        ValueError: An argument is out of range, or there is no reference.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> import fmq_explore as fmq
        >>> model = fmq.load_model("moons")
        >>> qm = fmq.quantize_model(model, "optimal", bits=1)
        >>> trained = train_quantized(qm, steps=20, weight_learning_rate=0.1)
        >>> any(bool((trained.tensors[n].codes != q.codes).any()) for n, q in qm.tensors.items())
        True
    """
    if not 0 <= weight_learning_rate < float("inf"):
        raise ValueError(
            f"weight_learning_rate is {weight_learning_rate}: use a number of at least 0"
        )
    recipe = TuneRecipe(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        kept_learning_rate=kept_learning_rate,
        warm_up=warm_up,
        n_paths=n_paths,
        path_steps=path_steps,
        seed=seed,
    )
    student = FreeStudent(qm, find_reference(qm, reference), weight_learning_rate)
    Tuner(student, recipe).run(reporting(progress, after_step), should_stop)
    return student.quantized()
