"""What a rescued network learns from: the reference's velocity along the reference's own paths."""

__all__ = ["Batch", "Targets"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..flow import VelocityNetwork, sample

CLASSLESS = 0.1
"""Share of states that are shown without their class, so that guidance is rescued as well."""


@dataclass(frozen=True, eq=False)
class Batch:
    """States and the velocity the reference has there.

    Attributes:
        x: States, shape (n, ...).
        t: Their times, shape (n,).
        label: Their classes, shape (n,), or None.
        velocity: The reference's velocity, shape (n, ...).
    """

    x: Tensor
    t: Tensor
    label: Tensor | None
    velocity: Tensor


class Targets:
    """Paths of a reference from noise to its own samples, from which batches are drawn.

    No data are needed: the states that matter are those that the sampler visits.

    Args:
        reference: The full-precision network.
        n: Number of paths, every class in turn.
        steps: Midpoint steps of a path; states in between are interpolated.
        seed: Seed of the noise and of all batches.
        should_stop: Asked between solver steps.

    Raises:
        fmq_explore.flow.Cancelled: If `should_stop` said so.
        ValueError: If the network cannot be sampled.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> batch = Targets(MLP(width=8), n=4, steps=2).batch(16)
        >>> batch.x.shape, batch.t.shape, batch.velocity.shape
        (torch.Size([16, 2]), torch.Size([16]), torch.Size([16, 2]))
    """

    def __init__(
        self,
        reference: nn.Module,
        n: int = 256,
        steps: int = 10,
        seed: int = 0,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self.reference = reference
        self._n_classes: int | None = getattr(reference, "n_classes", None)
        self._labels = torch.arange(n) % self._n_classes if self._n_classes else None
        # a network of this project knows "no class"; one from elsewhere need not
        self._classless = CLASSLESS if isinstance(reference, VelocityNetwork) else 0.0
        if not _knows_no_class(reference, self._n_classes):
            self._classless = 0.0
        flow = sample(
            reference, n, steps, seed=seed, label=self._labels, record=True, should_stop=should_stop
        )
        assert flow.path is not None
        self.path = flow.path
        self._generator = torch.Generator().manual_seed(seed)

    def batch(self, size: int) -> Batch:
        """Draws states at random times of random paths, and evaluates the reference there."""
        g, n_steps = self._generator, len(self.path) - 1
        index = torch.randint(self.path.shape[1], (size,), generator=g)
        t = torch.rand(size, generator=g)
        step = (t * n_steps).long().clamp(max=n_steps - 1)
        share = (t * n_steps - step).reshape(-1, *[1] * (self.path.ndim - 2))
        x = torch.lerp(self.path[step, index], self.path[step + 1, index], share)
        label = self._draw_labels(index)
        with torch.no_grad():
            velocity = call(self.reference, x, t, label)
        return Batch(x, t, label, velocity)

    def error(self, network: nn.Module, size: int = 128) -> float:
        """Returns the RMS error of a network's velocity over the RMS of the reference's."""
        batch = self.batch(size)
        with torch.no_grad():
            gap = call(network, batch.x, batch.t, batch.label) - batch.velocity
        scale = float(batch.velocity.square().mean())
        return math.sqrt(float(gap.square().mean()) / max(scale, 1e-30))

    def _draw_labels(self, index: Tensor) -> Tensor | None:
        if self._labels is None or self._n_classes is None:
            return None
        dropped = torch.rand(len(index), generator=self._generator) < self._classless
        return self._labels[index].masked_fill(dropped, self._n_classes)


def call(network: nn.Module, x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
    """Returns the velocity of a network, which need not know classes."""
    return network(x, t) if label is None else network(x, t, label)


def _knows_no_class(network: nn.Module, n_classes: int | None) -> bool:
    """Tells whether the class after the last one stands for "no class"."""
    if not n_classes:
        return False
    shape: tuple[int, ...] = network.data_shape  # type: ignore[assignment]
    none = torch.full((1,), n_classes)
    try:
        with torch.no_grad():
            network(torch.zeros(1, *shape), torch.zeros(1), none)
    except (IndexError, ValueError):
        return False
    return True
