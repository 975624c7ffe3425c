"""Where the schemes stand beside each other: at equal labels, and at equal true bits."""

__all__ = ["BUDGETS", "Budget", "at_budget", "crossover", "wins"]

from dataclasses import dataclass
from math import nan

import numpy as np

from ..measure.interval import Estimate
from .evidence import Array, Evidence, geometric, over_models

BUDGETS = (3.0, 4.0, 5.0, 6.0)


def wins(evidence: Evidence, schemes: tuple[str, ...], column: str) -> dict[str, Array]:
    """Counts the models in which each scheme is the best of all, shape (bits,), by scheme.

    Best is the highest PSNR, or the lowest of any other column. Equal figures count for all.
    """
    sign = -1.0 if column in ("psnr", "ssim", "readability") else 1.0
    values = {scheme: sign * evidence.mean(scheme, column) for scheme in schemes}
    best = np.fmin.reduce(list(values.values()))
    return {scheme: (value == best).sum(axis=0) for scheme, value in values.items()}


def crossover(evidence: Evidence, column: str) -> list[int | None]:
    """Returns for each model from how many bits on uniform is at least as good as equal mass.

    None where equal mass is ahead at the most bits measured.
    """
    sign = -1.0 if column == "psnr" else 1.0
    uniform, ours = (sign * evidence.mean(s, column) for s in ("uniform", "equal_mass"))
    found: list[int | None] = []
    for behind in uniform > ours:
        last = np.flatnonzero(behind)
        first = 0 if len(last) == 0 else int(last[-1]) + 1
        found.append(evidence.bits[first] if first < len(evidence.bits) else None)
    return found


@dataclass(frozen=True)
class Budget:
    """What a scheme makes of at most so many true bits per weight.

    Attributes:
        psnr: Over models, in dB.
        fd: Fréchet distance over that of the full-precision model, geometric mean over models.
        n_models: Models of which a version fits.
        best: Models in which no other scheme has a higher PSNR.
    """

    psnr: Estimate
    fd: Estimate
    n_models: int
    best: int


def at_budget(
    parts: tuple[Evidence, ...], schemes: tuple[str, ...], budget: float
) -> dict[str, Budget]:
    """Compares schemes at a budget of true bits per weight, whatever their labels say.

    Each scheme enters with its version of highest PSNR, over granularities and bits, whose file
    stays within the budget. A scheme's file may stay well below.
    """
    chosen = {scheme: _best_within(parts, scheme, budget) for scheme in schemes}
    top = np.fmax.reduce([psnr for psnr, _ in chosen.values()])
    return {
        scheme: Budget(
            psnr=over_models(psnr),
            fd=geometric(fd),
            n_models=int(np.isfinite(psnr).sum()),
            best=int((psnr == top).sum()),
        )
        for scheme, (psnr, fd) in chosen.items()
    }


def _best_within(parts: tuple[Evidence, ...], scheme: str, budget: float) -> tuple[Array, Array]:
    """Returns PSNR and relative Fréchet distance of the chosen versions, shape (models,) each."""
    models = parts[0].models
    psnr, fd = np.full(len(models), nan), np.full(len(models), nan)
    for part in parts:
        size, quality = part.mean(scheme, "bits_per_weight"), part.mean(scheme, "psnr")
        relative = part.mean(scheme, "fd") / part.mean_baseline("fd")[:, None]
        for row, model in enumerate(part.models):
            if model not in models:
                continue
            i = models.index(model)
            for fits, value, distance in zip(
                size[row] <= budget, quality[row], relative[row], strict=True
            ):
                if fits and not value <= psnr[i]:
                    psnr[i], fd[i] = value, distance
    return psnr, fd
