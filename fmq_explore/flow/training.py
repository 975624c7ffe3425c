"""Training a velocity network: optimiser, schedule, moving average, checkpoints that resume."""

__all__ = ["Recipe", "Trainer"]

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from .coupling import COUPLINGS
from .network import VelocityNetwork, build_network
from .path import TIME_SAMPLERS, flow_matching_loss

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
"""bfloat16 takes two thirds of the time where the processor knows it, and more where not."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        steps: Optimiser steps.
        batch_size: Samples per step.
        learning_rate: Peak of the schedule: linear warm-up, then a cosine down to zero.
        warm_up: Steps of the warm-up.
        weight_decay: Of AdamW, on matrices only.
        ema_decay: Of the moving average of the weights, which is what is kept.
        clip_norm: Largest norm of a gradient.
        label_dropout: Share of samples trained without their class, which allows guidance.
        time_sampler: A key of `TIME_SAMPLERS`.
        coupling: A key of `COUPLINGS`.
        precision: A key of `PRECISIONS`: of the arithmetic, the weights themselves are float32.
        seed: Of everything that is drawn.
    """

    steps: int = 10_000
    batch_size: int = 64
    learning_rate: float = 2e-3
    warm_up: int = 300
    weight_decay: float = 0.01
    ema_decay: float = 0.999
    clip_norm: float = 1.0
    label_dropout: float = 0.15
    time_sampler: str = "logit_normal"
    coupling: str = "independent"
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("batch_size", 1), ("warm_up", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least {least}")
        choices = {
            "time_sampler": TIME_SAMPLERS,
            "coupling": COUPLINGS,
            "precision": PRECISIONS,
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"unknown {name} {getattr(self, name)!r}: choose one of {', '.join(known)}"
                )

    def rate_at(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0.

        Example:
            >>> recipe = Recipe(steps=100, warm_up=10, learning_rate=1.0)
            >>> [round(recipe.rate_at(step), 3) for step in (0, 9, 55, 99)]
            [0.1, 1.0, 0.5, 0.0]
        """
        warm = min(1.0, (step + 1) / max(self.warm_up, 1))
        done = max(0, step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


class Trainer:
    """Trains one network; the same arguments give the same weights.

    Args:
        network: The network to train.
        x: Data, shape (n, ...).
        labels: Classes, shape (n,), or None.
        recipe: How to train.

    Example:
        >>> from fmq_explore.flow import MLP
        >>> trainer = Trainer(MLP(width=8), torch.randn(64, 2), None, Recipe(steps=3, batch_size=8))
        >>> trainer.run()
        >>> trainer.step
        3
    """

    def __init__(
        self, network: VelocityNetwork, x: Tensor, labels: Tensor | None, recipe: Recipe
    ) -> None:
        self.network, self.x, self.labels, self.recipe = network, x, labels, recipe
        self.average = build_network(network.config()).requires_grad_(False)
        self.average.load_state_dict(network.state_dict())
        self.average.eval()
        self.generator = torch.Generator().manual_seed(recipe.seed)
        self.optimiser = _adamw(network, recipe)
        self.step, self.loss, self.seconds = 0, math.nan, 0.0
        self.losses: list[float] = []  # the mean loss of every 100 steps
        self.stages = [[0, recipe.steps]]  # from which step on the schedule aimed at how many

    def run(self, after_step: Callable[["Trainer"], None] | None = None) -> None:
        """Trains up to `recipe.steps`, calling `after_step(self)` after every step."""
        total, self.network = 0.0, self.network.train()
        while self.step < self.recipe.steps:
            start = perf_counter()
            self.loss = self._train_step()
            self.step += 1
            total += self.loss
            if self.step % 100 == 0:
                self.losses.append(round(total / 100, 6))
                total = 0.0
            self.seconds += perf_counter() - start
            if after_step is not None:
                after_step(self)

    def _train_step(self) -> float:
        recipe = self.recipe
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate_at(self.step)
        x0, x1, t, label = self._draw()
        self.optimiser.zero_grad()
        precision = PRECISIONS[recipe.precision]
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            loss = flow_matching_loss(self.network, x0, x1, t, label)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip_norm)
        self.optimiser.step()
        decay = min(recipe.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, weight in zip(
                self.average.parameters(), self.network.parameters(), strict=True
            ):
                mean.lerp_(weight, 1 - decay)
        return loss.item()

    def _draw(self) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        n, g, recipe = self.recipe.batch_size, self.generator, self.recipe
        index = torch.randint(len(self.x), (n,), generator=g)
        x1 = self.x[index]
        x0 = COUPLINGS[recipe.coupling](torch.randn(x1.shape, generator=g), x1)
        t = TIME_SAMPLERS[recipe.time_sampler](n, g)
        if self.labels is None or self.network.n_classes is None:
            return x0, x1, t, None
        dropped = torch.rand(n, generator=g) < recipe.label_dropout
        return x0, x1, t, self.labels[index].masked_fill(dropped, self.network.n_classes)

    def save_checkpoint(self, path: Path) -> None:
        """Writes everything needed to go on as if there had been no break."""
        state: dict[str, Any] = {
            "config": self.network.config(),
            "recipe": asdict(self.recipe),
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "step": self.step,
            "seconds": self.seconds,
            "losses": self.losses,
            "stages": self.stages,
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)  # a crash while writing must not cost the last good checkpoint

    def resume(self, path: Path) -> None:
        """Goes on from a checkpoint; the number of steps may differ from then.

        Raises:
            ValueError: If the checkpoint belongs to another network.
        """
        state = torch.load(path, weights_only=True)
        if state["config"] != self.network.config():
            raise ValueError(f"{path} is of another network: train with --no-resume to start anew")
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.step, self.seconds = state["step"], state["seconds"]
        self.losses, self.stages = state["losses"], state["stages"]
        if self.stages[-1][1] != self.recipe.steps:
            self.stages.append([self.step, self.recipe.steps])


def _adamw(network: nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """Returns AdamW that leaves biases and norms out of the weight decay."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=(0.9, 0.99), fused=True)
