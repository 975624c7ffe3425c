"""Quantization-aware training: the codes are free as well."""

__all__ = ["FreeStudent", "train_quantized"]

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..quantize import QuantizedModel
from .importance import importance
from .student import Student
from .tuner import Progress, ShouldStop, Tuner, TuneRecipe, find_reference, reporting

RESTRAINT = 0.6
"""Share of the curvature that holds a code back; less than 1, as levels and other codes follow."""


class FreeStudent(Student):
    """A student whose codes move: each has an offset towards a neighbouring level.

    A weight runs as its level c_k, and the gradient passes straight through to its offset o from
    that level, counted in gaps: dL/do = g D, where D is the gap to the neighbour that o points at.
    To second order a move there changes the loss by g D + h D^2 / 2 with the curvature h. So as
    much as h D^2 / 2 draws every offset back, and only those go on whose move pays. At one half
    the code changes, and its offset begins at zero: on the way back it would have to go as far,
    which keeps codes from swinging to and fro (cf. arXiv 2203.11086).

    Args:
        qm: The quantized network, whose codes are where training starts; it is not changed.
        reference: The network it came from, at which curvatures are estimated.
        code_learning_rate: Peak for offsets, in gaps between levels.
        seed: Of that estimate.
        should_stop: Asked while it is made; True cancels.

    Raises:
        fmq_explore.flow.Cancelled: If `should_stop` said so.
    """

    def __init__(
        self,
        qm: QuantizedModel,
        reference: nn.Module,
        code_learning_rate: float,
        seed: int = 0,
        should_stop: ShouldStop | None = None,
    ) -> None:
        super().__init__(qm, reference)
        self.code_learning_rate = code_learning_rate
        self.offsets = torch.zeros(len(self._codes), requires_grad=True)
        last = torch.tensor([q.codebook.shape[1] - 1 for q in qm.tensors.values()])
        self._last = last.int().repeat_interleave(torch.tensor(self._sizes))
        self._pull = 0.5 * RESTRAINT * _curvature(qm, reference, seed, should_stop)
        self._gaps = torch.zeros_like(self._pull)

    def _read(self, levels: Tensor) -> Tensor:
        own = super()._read(levels)
        goes_up = (self.offsets >= 0) & (self._codes < self._last)
        ahead = goes_up.int().mul_(2).sub_(1)
        there = levels.detach().index_select(0, self._first + self._codes + ahead)
        self._gaps = ahead * (there - own.detach())
        return own + self._gaps * (self.offsets - self.offsets.detach())

    @torch.no_grad()
    def before_step(self) -> None:
        """Draws every offset back by half the curvature."""
        assert self.offsets.grad is not None
        self.offsets.grad += self._pull * self._gaps.square() * self.offsets.sign()

    @torch.no_grad()
    def after_step(self) -> None:
        """Moves the codes whose offset has reached the middle between two levels."""
        super().after_step()
        o, codes = self.offsets, self._codes
        # from the first level the only way leads up, and from the last one down
        outwards = (codes == 0) & (o < 0) | (codes == self._last) & (o > 0)
        up, down = (o > 0.5) & ~outwards, (o < -0.5) & ~outwards
        codes += up.int() - down.int()
        o.masked_fill_(up | down | outwards, 0.0)

    def groups(self, learning_rate: float, kept_learning_rate: float) -> list[dict]:
        """Returns what an optimiser takes, offsets included."""
        groups = super().groups(learning_rate, kept_learning_rate)
        return [*groups, {"params": [self.offsets], "peak": self.code_learning_rate}]


def _curvature(
    qm: QuantizedModel, reference: nn.Module, seed: int, should_stop: ShouldStop | None
) -> Tensor:
    """Returns the second derivative of the mean squared error of the velocity in each weight."""
    found = importance(reference, qm.tensors, seed=seed, should_stop=should_stop)
    n_outputs = math.prod(reference.data_shape)  # type: ignore[arg-type]
    return torch.cat([2 / n_outputs * found[name].flatten() for name in qm.tensors])


def train_quantized(
    qm: QuantizedModel,
    reference: nn.Module | None = None,
    steps: int = 1000,
    batch_size: int = 0,
    learning_rate: float = 0.015,
    kept_learning_rate: float = 0.005,
    code_learning_rate: float = 0.015,
    warm_up: int = 20,
    seed: int = 0,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
    after_step: Callable[[Tuner], None] | None = None,
) -> QuantizedModel:
    """Trains a network through its quantization: codes, levels and kept tensors.

    The gradient passes straight through the rounding (arXiv 1308.3432) and pushes each weight
    towards a neighbouring level; the curvature holds it back, so that only those moves are made
    that lower the loss to second order (`FreeStudent`). The target is that of `tune`, the
    reference's velocity along its own paths, so no data are needed. It is stronger than `tune` and
    takes longer. Codes need not stay monotone in the original weights, so that W2 of a row may
    fall below its root mean squared error: both are reported.

    Args:
        qm: The quantized network, better one of `feed_back_errors`; it is not changed.
        reference: The full-precision network; by default the one that was quantized.
        steps: Optimiser steps (Adam).
        batch_size: States per step; 0 for 32 images, or 512 points.
        learning_rate: Peak for levels, as a share of the spread of a tensor's levels.
        kept_learning_rate: Peak for kept tensors.
        code_learning_rate: Peak for codes: the most that a weight comes nearer to the next level
            in a step, in gaps between levels.
        warm_up: Steps until the peak.
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
        >>> trained = train_quantized(qm, steps=80)
        >>> any(bool((trained.tensors[n].codes != q.codes).any()) for n, q in qm.tensors.items())
        True
    """
    if not 0 <= code_learning_rate < math.inf:
        raise ValueError(f"code_learning_rate is {code_learning_rate}: use a number of at least 0")
    recipe = TuneRecipe(
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        kept_learning_rate=kept_learning_rate,
        warm_up=warm_up,
        seed=seed,
    )
    found = find_reference(qm, reference)
    student = FreeStudent(qm, found, code_learning_rate, seed, should_stop)
    Tuner(student, recipe).run(reporting(progress, after_step), should_stop)
    return student.quantized()
