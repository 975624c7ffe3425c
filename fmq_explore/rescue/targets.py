"""What a rescued network learns from: the reference's velocity along the reference's own paths."""

__all__ = ["Batch", "Targets"]

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..flow import Cancelled, VelocityNetwork

CLASSLESS = 0.1
"""Share of paths that are followed without a class, so that guidance is rescued as well."""

OTHER_NOISE = 0x9E3779B9
"""Added to a seed: noise that `sample` draws for no seed of the explorer."""


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
    """Fresh paths of a reference from noise to its own samples, from which batches are drawn.

    No data are needed: the states that matter are those that the sampler visits. Paths take Euler
    steps of random lengths, so that every evaluation of the reference is a state, a time and the
    velocity there: nothing is evaluated twice, and no state is shown twice. Their noise is none
    that `fmq_explore.sample` draws with the same seed, since a network must not be judged by the
    samples that it was trained on.

    Args:
        reference: The full-precision network.
        n: Number of paths that are drawn at a time.
        steps: Steps of a path.
        seed: Seed of the noise, the classes and the times.

    Raises:
        ValueError: If the network has no `data_shape`.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> batch = Targets(MLP(width=8), n=4, steps=2).batch(12)
        >>> batch.x.shape, batch.t.shape, batch.velocity.shape
        (torch.Size([12, 2]), torch.Size([12]), torch.Size([12, 2]))
    """

    def __init__(self, reference: nn.Module, n: int = 512, steps: int = 5, seed: int = 0) -> None:
        shape: tuple[int, ...] | None = getattr(reference, "data_shape", None)  # type: ignore[assignment]
        if shape is None:
            raise ValueError(
                f"{type(reference).__name__} has no data_shape: set it to the shape of one sample"
            )
        self.reference, self.shape = reference, shape
        self._n, self._steps = n, steps
        self._n_classes: int | None = getattr(reference, "n_classes", None)
        # a network of this project knows "no class"; one from elsewhere need not
        knows = isinstance(reference, VelocityNetwork) and _knows_no_class(
            reference, self._n_classes
        )
        self._classless = CLASSLESS if knows else 0.0
        self._generator = torch.Generator().manual_seed((seed + OTHER_NOISE) % 2**32)
        self._pool: Batch | None = None
        self._used = 0

    @property
    def are_points(self) -> bool:
        """Whether a state is a vector."""
        return len(self.shape) == 1

    def batch(self, size: int, should_stop: Callable[[], bool] | None = None) -> Batch:
        """Draws states at random times of fresh paths, with the reference's velocity there.

        Args:
            size: How many.
            should_stop: Asked between the steps of new paths; the next call begins these anew.

        Raises:
            fmq_explore.flow.Cancelled: If `should_stop` said so.
        """
        if self._pool is None or self._used + size > len(self._pool.t):
            before = self._generator.get_state()
            try:
                self._pool, self._used = self._draw(size, should_stop), 0
            except Cancelled:
                self._generator.set_state(before)
                raise
        pool, part = self._pool, slice(self._used, self._used + size)
        self._used += size
        label = None if pool.label is None else pool.label[part]
        return Batch(pool.x[part], pool.t[part], label, pool.velocity[part])

    def error(self, network: nn.Module, size: int = 128) -> float:
        """Returns the RMS error of a network's velocity over the RMS of the reference's."""
        batch = self.batch(size)
        with torch.no_grad():
            gap = call(network, batch.x, batch.t, batch.label) - batch.velocity
        scale = float(batch.velocity.square().mean())
        return math.sqrt(float(gap.square().mean()) / max(scale, 1e-30))

    def _draw(self, size: int, should_stop: Callable[[], bool] | None) -> Batch:
        """Follows new paths, and shuffles their states."""
        g, n_times = self._generator, self._steps + 1
        n = max(self._n, math.ceil(size / n_times))
        x, label = torch.randn(n, *self.shape, generator=g), self._draw_labels(n)
        # the beginning, where every solver asks, and one time in each of as many parts as steps
        parts = torch.arange(self._steps)[:, None] + torch.rand(self._steps, n, generator=g)
        times = torch.cat((torch.zeros(1, n), parts / self._steps))
        states, velocities = [x], []
        for k, t in enumerate(times):
            if should_stop is not None and should_stop():
                raise Cancelled("cancelled while paths were drawn")
            if k:
                dt = (t - times[k - 1]).reshape(-1, *[1] * len(self.shape))
                states.append(states[-1] + dt * velocities[-1])
            with torch.no_grad():
                velocities.append(call(self.reference, states[-1], t, label))
        order = torch.randperm(n * n_times, generator=g)
        labels = None if label is None else label.repeat(n_times)[order]
        x, v = torch.cat(states)[order], torch.cat(velocities)[order]
        return Batch(x, times.flatten()[order], labels, v)

    def _draw_labels(self, n: int) -> Tensor | None:
        if not self._n_classes:
            return None
        label = torch.randint(self._n_classes, (n,), generator=self._generator)
        dropped = torch.rand(n, generator=self._generator) < self._classless
        return label.masked_fill(dropped, self._n_classes)


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
