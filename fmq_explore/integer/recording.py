"""What goes into and comes out of every layer while the full-precision model makes its samples."""

__all__ = ["PERCENTS", "ActivationRecord", "Statistics", "integer_layers", "record_activations"]

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..flow import SOLVERS, sample
from ..flow.field import Label

PERCENTS = (0.1, 1.0, 50.0, 99.0, 99.9)
"""The percentiles of the values of a step that statistics hold."""

KEPT_VALUES = 2**15  # of each tensor, over all steps, for choosing ranges
_STAGES = 6  # evaluations in a step to count with where the solver chooses

ShouldStop = Callable[[], bool]
Progress = Callable[[int, int], Any]


@dataclass(frozen=True, eq=False)
class Statistics:
    """The values of one tensor at every step.

    Attributes:
        minimum: The smallest value, shape (steps,).
        maximum: The largest value, shape (steps,).
        percentiles: The percentiles `PERCENTS`, of values drawn at random, shape (steps, 5).
        rms: The root mean square, shape (steps,).
        values: Values drawn at random, equally many at every step, in no order that matters.
    """

    minimum: NDArray[np.float32]
    maximum: NDArray[np.float32]
    percentiles: NDArray[np.float32]
    rms: NDArray[np.float32]
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ActivationRecord:
    """The inputs and outputs of every convolution and linear layer along sampling trajectories.

    Attributes:
        inputs: By name of the layer, in the order in which layers are first called.
        outputs: The same for what comes out.
        times: The middle of every step in time, shape (steps,).
    """

    inputs: Mapping[str, Statistics]
    outputs: Mapping[str, Statistics]
    times: NDArray[np.float64]

    @property
    def n_bytes(self) -> int:
        """Memory that the drawn values take."""
        return sum(s.values.nbytes for side in (self.inputs, self.outputs) for s in side.values())


def integer_layers(model: nn.Module) -> dict[str, nn.Conv2d | nn.Linear]:
    """Returns the layers by name that integer kernels compute: 2-D convolutions and linear ones.

    Example:
        >>> list(integer_layers(nn.Sequential(nn.Linear(4, 4), nn.SiLU(), nn.Linear(4, 2))))
        ['0', '2']
    """
    modules = model.named_modules()
    return {n: m for n, m in modules if type(m) in (nn.Conv2d, nn.Linear)}  # type: ignore[misc]


def record_activations(
    model: nn.Module,
    n: int = 64,
    steps: int = 10,
    solver: str = "midpoint",
    seed: int = 0,
    label: Label = None,
    guidance: float = 1.0,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> ActivationRecord:
    """Samples with the full-precision model, and notes what every layer sees on the way.

    All evaluations in a step count as one. Extremes and RMS are of all values; percentiles and the
    values that ranges are chosen from are of a random part, drawn with the seed: about 33,000 of
    each tensor, equally many at every evaluation.

    Args:
        model: The network; nothing in it is changed.
        n: Number of samples, as for `sample`, like all arguments that follow.
        steps: Steps of equal length.
        solver: A key of `SOLVERS`.
        seed: Seed of the noise, and of the values that are drawn.
        label: Class of all samples, or of each; None for no class.
        guidance: Scale of guidance; both evaluations count.
        should_stop: Asked before every step.
        progress: Called as `progress(done_steps, steps)` after every step.

    Raises:
        ValueError: If an argument is out of range, the model has no layer of the kind, or a value
            is not finite.
        fmq_explore.flow.Cancelled: If `should_stop` said so.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> record = record_activations(MLP(width=8, depth=1), n=4, steps=3, solver="euler")
        >>> list(record.inputs)
        ['condition.time_in', 'condition.time_out', 'first', 'hidden.0', 'last']
        >>> record.inputs["last"].percentiles.shape
        (3, 5)
    """
    layers = integer_layers(model)
    if not layers:
        raise ValueError(
            f"{type(model).__name__} has no convolution or linear layer: give a network whose "
            "layers are nn.Conv2d or nn.Linear"
        )
    rule = SOLVERS.get(solver)  # an unknown one is told by `sample`
    stages = (rule and rule.stages) or _STAGES
    quota = max(KEPT_VALUES // (max(steps, 1) * stages), 1) if isinstance(steps, int) else 1
    recorder = _Recorder(quota, seed)

    def advance(done: int, total: int) -> None:
        recorder.step = done
        if progress is not None:
            progress(done, total)

    with _listening(layers, recorder):
        sample(
            model,
            n,
            steps,
            solver,
            seed,
            label,
            guidance=guidance,
            should_stop=should_stop,
            progress=advance,
        )
    return recorder.finish(steps)


@contextmanager
def _listening(layers: Mapping[str, nn.Module], recorder: "_Recorder") -> Iterator[None]:
    """Lets the recorder hear every layer, for as long as the context lasts."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _, inputs, output: recorder.hear(name, inputs[0], output)

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class _Recorder:
    """Gathers extremes, sums of squares, and a random part of the values."""

    def __init__(self, quota: int, seed: int) -> None:
        self.step = 0
        self._quota = quota
        self._generator = torch.Generator().manual_seed(max(seed, 0))
        self._heard: dict[tuple[str, bool], list[tuple[int, _Piece]]] = {}

    def hear(self, name: str, input: Tensor, output: Tensor) -> None:
        for value, is_input in ((input, True), (output, False)):
            pieces = self._heard.setdefault((name, is_input), [])
            pieces.append((self.step, _Piece.of(value.detach(), self._quota, self._generator)))

    def finish(self, steps: int) -> ActivationRecord:
        sides: dict[bool, dict[str, Statistics]] = {True: {}, False: {}}
        for (name, is_input), pieces in self._heard.items():
            sides[is_input][name] = _summary(name, pieces, steps)
        return ActivationRecord(sides[True], sides[False], (np.arange(steps) + 0.5) / steps)


@dataclass(frozen=True, eq=False)
class _Piece:
    """What is kept of one tensor of one evaluation."""

    low: float
    high: float
    square: float
    count: int
    values: NDArray[np.float32]

    @classmethod
    def of(cls, x: Tensor, quota: int, generator: torch.Generator) -> "_Piece":
        flat = x.float().flatten()
        low, high = torch.aminmax(flat)
        square = float(torch.linalg.vector_norm(flat, dtype=torch.float64)) ** 2
        if flat.numel() <= quota:
            values = flat.numpy(force=True).copy()
        else:  # not every k-th: a stride that divides the channels would see few of them
            drawn = torch.randint(flat.numel(), (quota,), generator=generator)
            values = flat[drawn].numpy(force=True)
        return cls(float(low), float(high), square, flat.numel(), values)


def _summary(name: str, pieces: list[tuple[int, _Piece]], steps: int) -> Statistics:
    """Puts the pieces of each step together."""
    by_step: list[list[_Piece]] = [[] for _ in range(steps)]
    for step, piece in pieces:
        by_step[step].append(piece)
    if not all(by_step):
        raise ValueError(f"the layer {name} is not called at every step: its range is unknown")
    rms = [(sum(p.square for p in part) / sum(p.count for p in part)) ** 0.5 for part in by_step]
    if not np.isfinite(rms).all():
        raise ValueError(f"a value at the layer {name} is not finite: check the weights")
    values = [np.concatenate([p.values for p in part]) for part in by_step]
    return Statistics(
        minimum=np.array([min(p.low for p in part) for part in by_step], np.float32),
        maximum=np.array([max(p.high for p in part) for part in by_step], np.float32),
        percentiles=np.array([np.percentile(v, PERCENTS) for v in values], np.float32),
        rms=np.array(rms, np.float32),
        values=np.concatenate(values),
    )
