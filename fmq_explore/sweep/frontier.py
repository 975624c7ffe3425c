"""What a frontier adds to the sweep: bytes shared out, shared codebooks, and rescued networks."""

__all__ = ["PARTS", "load_frontier", "plan_frontier"]

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import ceil
from typing import Any

from ..assets import assets_folder
from ..flow import VelocityNetwork
from ..quantize import SCHEMES, prepare
from ..zoo import load_model
from .table import Table, load_table
from .tasks import DEFAULT_SCHEMES, Task, plan

N, STEPS, SEEDS = 100, 6, (0, 1, 2)
"""Those of the sweep that ships, so that the rows may stand in one plot."""

TRUE_BITS = (1.75, 2.0, 2.5, 3.0, 3.5, 4.5, 6.0)
"""Budgets, in bits of the file for each parameter."""

LOW_BITS = (1, 2, 3, 4, 5, 6)
GROUP_SIZE = 64

MIXED = (
    ("optimal", "channel", "sensitivity"),
    ("optimal", "tensor", "sensitivity"),
    ("optimal", "shared", "sensitivity"),
    ("uniform", "channel", "sensitivity"),
    ("optimal", "channel", "error"),
)
"""Scheme, granularity and objective of the rows whose bytes are shared out."""

RESCUED = (
    *(("optimal", "channel", bits, "training") for bits in (1, 2, 3)),
    *(("optimal", grain, 2, "training") for grain in ("shared", "tensor")),
    *(("optimal", "channel", 2, rescue) for rescue in ("levels", "codes")),
)
"""Scheme, granularity, bits and rescue of the rescued rows at equal bits."""

RESCUED_BUDGETS = (1.75,)
"""Budgets of the rows whose bytes are shared out, per channel, before they are rescued."""


def plan_frontier(
    models: Iterable[str] | None = None,
    parts: Iterable[str] | None = None,
    *,
    n: int = N,
    steps: int = STEPS,
    seeds: Iterable[int] = SEEDS,
) -> tuple[Task, ...]:
    """Lists what a frontier adds to the sweep; latents are not measured.

    Args:
        models: Models by name; by default all models of images that ship with the project.
        parts: Keys of `PARTS`; by default all.
        n: Number of samples of a row.
        steps: Steps of the midpoint rule.
        seeds: Seeds of the noise.

    Returns:
        The tasks, model by model, the seeds of one network side by side.

    Raises:
        ValueError: If a name is unknown, or a number is out of range.

    Example:
        >>> tasks = plan_frontier(["moons"], ["mixed"], seeds=[0])
        >>> str(tasks[0])
        'moons, optimal 14121 bytes channel sensitivity, seed 0'
    """
    chosen = tuple(PARTS) if parts is None else tuple(parts)
    for name in chosen:
        if name not in PARTS:
            raise ValueError(f"part {name!r} is unknown; choose one of {', '.join(PARTS)}")
    seeds = tuple(seeds)
    # The sweep's own plan checks names and numbers, and gives one task a model and seed
    base = plan(models, ["uniform"], [2], ["channel"], seeds, n=n, steps=steps)
    first = [task for task in base if not task.is_baseline and task.seed == seeds[0]]
    found = [
        replace(task, seed=seed)
        for start in first
        for part in chosen
        for task in PARTS[part](replace(start, latents=False), load_model(start.model))
        for seed in seeds
    ]
    return tuple(dict.fromkeys(found))


def load_frontier() -> Table:
    """Reads the frontier that ships with the project; without one it is empty."""
    path = assets_folder() / "frontier.csv"
    return load_table(path) if path.is_file() else Table(())


def _mixed(start: Task, model: VelocityNetwork) -> Iterator[Task]:
    for scheme, granularity, objective in MIXED:
        for budget in _budgets(start, model, scheme, granularity, TRUE_BITS):
            rule = {"scheme": scheme, "granularity": granularity, "objective": objective}
            yield replace(start, bits=0, budget=budget, **rule)


def _equal(start: Task, model: VelocityNetwork) -> Iterator[Task]:
    """Lists equal bits where the sweep has none: other granularities, 1 bit, and new schemes."""
    for scheme in ("optimal", "clipped", "equal_mass"):
        yield from _at(start, scheme, "shared", LOW_BITS)
    for scheme in ("optimal", "uniform"):
        yield from _at(start, scheme, "group", LOW_BITS[1:5], GROUP_SIZE)
    for granularity in ("channel", "tensor"):
        yield from _at(start, "optimal", granularity, (1,))
    for scheme in SCHEMES:
        if scheme not in DEFAULT_SCHEMES:
            yield from _at(start, scheme, "channel", LOW_BITS)


def _rescued(start: Task, model: VelocityNetwork) -> Iterator[Task]:
    for scheme, granularity, bits, rescue in RESCUED:
        rule = {"scheme": scheme, "granularity": granularity}
        yield replace(start, bits=bits, rescue=rescue, **rule)
    for budget in _budgets(start, model, "optimal", "channel", RESCUED_BUDGETS):
        shared = replace(start, scheme="optimal", granularity="channel", bits=0, budget=budget)
        yield replace(shared, objective="sensitivity", rescue="training")


def _at(
    start: Task, scheme: str, granularity: str, bits: Iterable[int], group_size: int | None = None
) -> Iterator[Task]:
    for b in bits:
        if b in SCHEMES[scheme].allowed_bits:
            rule: dict[str, Any] = {"granularity": granularity, "group_size": group_size}
            yield replace(start, scheme=scheme, bits=b, **rule)


def _budgets(
    start: Task, model: VelocityNetwork, scheme: str, granularity: str, true_bits: Iterable[float]
) -> list[int]:
    """Returns budgets in bytes, but for those below the fewest bits for all."""
    lowest = SCHEMES[scheme].allowed_bits[0]
    prepared = prepare(model, granularity, None, start.keep)
    least = prepared.fit(scheme, lowest, start.codebook_dtype).n_bytes
    sizes = [ceil(bits * prepared.n_weights / 8) for bits in true_bits]
    return [size for size in sizes if size >= least]


PARTS: dict[str, Callable[[Task, VelocityNetwork], Iterator[Task]]] = {
    "mixed": _mixed,
    "equal": _equal,
    "rescued": _rescued,
}
"""The parts of a frontier, in the order in which they are measured; the last one trains."""
