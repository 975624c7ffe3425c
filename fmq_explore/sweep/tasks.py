"""What a sweep measures: one task a row, named by its content."""

__all__ = [
    "BASELINE",
    "DEFAULT_SCHEMES",
    "MEASUREMENT",
    "Task",
    "content_key",
    "fingerprint",
    "plan",
]

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, TypeVar

import torch

from ..assets import assets_folder
from ..flow import SOLVERS, VelocityNetwork
from ..quantize import CODEBOOK_DTYPES, GRANULARITIES, SCHEMES, kept_names
from ..zoo import available_models, load_model

T = TypeVar("T")

MEASUREMENT = 1
"""Counts the changes of what a row means: a higher number makes every row anew."""

SENSITIVITY = 2
"""Counts the changes of how bytes are shared out by sensitivity: those rows are made anew."""

BASELINE = "full"
"""The scheme of the rows that measure the full-precision model."""

DEFAULT_SCHEMES = (
    *("uniform", "symmetric", "clipped", "power_of_two"),
    *("logarithmic", "piecewise", "equal_mass", "optimal"),
)
"""The schemes of the experiment: the paper's four, evenly spaced baselines, and the optimum."""

_FULL = {"scheme": BASELINE, "bits": 32, "granularity": "", "codebook_dtype": "", "keep": ()}


@dataclass(frozen=True)
class Task:
    """One row of the table before it is measured.

    Attributes:
        model: A key of `available_models`, or the path of a model.
        scheme: A key of `SCHEMES`, or `"full"` for the full-precision model.
        bits: Bits of a code; 32 for the full-precision model.
        granularity: A name in `GRANULARITIES`; empty for the full-precision model.
        group_size: Weights of a group, or None.
        seed: Seed of the noise.
        n: Number of generated samples; classes take turns.
        steps: Steps of the solver.
        solver: A key of `SOLVERS`.
        codebook_dtype: How codebooks are stored.
        keep: Tensors left in full precision.
        latents: Whether the latents of real images are measured; they do not depend on the seed.
        budget: Bytes of the file that are shared out among the tensors instead of `bits`, or 0.
        objective: What sharing out makes least: `"sensitivity"` or `"error"`; empty without.
        rescue: How the quantized network is trained: a key of `RESCUES`, or empty.
    """

    model: str
    scheme: str
    bits: int
    granularity: str = "channel"
    group_size: int | None = None
    seed: int = 0
    n: int = 128
    steps: int = 6
    solver: str = "midpoint"
    codebook_dtype: str = "float16"
    keep: tuple[str, ...] = ("bias", "norm")
    latents: bool = True
    budget: int = 0
    objective: str = ""
    rescue: str = ""

    @property
    def is_baseline(self) -> bool:
        """Whether this is the full-precision model itself."""
        return self.scheme == BASELINE

    def __str__(self) -> str:
        """Returns the task in a few words, for a message."""
        width = f"{self.budget} bytes" if self.budget else f"{self.bits} bits"
        kind = BASELINE if self.is_baseline else f"{self.scheme} {width} {self.granularity}"
        kind += f" {self.objective}" if self.budget else ""
        kind += f", rescued ({self.rescue})" if self.rescue else ""
        return f"{self.model}, {kind}, seed {self.seed}"


def plan(
    models: Iterable[str] | None = None,
    schemes: Iterable[str] | None = None,
    bits: Iterable[int] = range(2, 9),
    granularities: Iterable[str] = ("channel", "tensor"),
    seeds: Iterable[int] = (0, 1, 2),
    *,
    group_size: int = 64,
    n: int = 128,
    steps: int = 6,
    solver: str = "midpoint",
    codebook_dtype: str = "float16",
    keep: Iterable[str] = ("bias", "norm"),
) -> tuple[Task, ...]:
    """Lists every combination, and the full-precision model of each seed.

    Args:
        models: Models by name or path; by default all models of images that ship with the project.
        schemes: Keys of `SCHEMES`; by default `DEFAULT_SCHEMES`.
        bits: Bits of a code, 1 to 8; a scheme is measured at those of them that it has.
        granularities: Weights that share a codebook.
        seeds: Seeds of the noise. Latents are measured with the first one only.
        group_size: Weights of a group, where the granularity is `"group"`.
        n: Number of samples of a row, at least 4.
        steps: Steps of the solver.
        solver: A key of `SOLVERS`.
        codebook_dtype: How codebooks are stored.
        keep: Tensors left in full precision, as for `quantize_model`.

    Returns:
        The tasks, those that share a model side by side.

    Raises:
        ValueError: If a name is unknown, or a number is out of range.

    Example:
        >>> tasks = plan(["moons"], ["uniform", "optimal"], bits=[2, 3], seeds=[0, 1])
        >>> len(tasks), str(tasks[0]), str(tasks[-1])
        (18, 'moons, full, seed 0', 'moons, optimal 3 bits tensor, seed 1')
    """
    names = _image_models() if models is None else _unique(models)
    rules = {
        "granularity": _unique(granularities),
        "scheme": DEFAULT_SCHEMES if schemes is None else _unique(schemes),
        "bits": _unique(bits),
    }
    noises, keep = _unique(seeds), _unique(keep)
    storage = {"codebook_dtype": codebook_dtype, "keep": keep}
    run = {"n": n, "steps": steps, "solver": solver}
    _check(rules, noises, group_size, run, codebook_dtype)
    for model in names:
        kept_names(load_model(model), keep)  # refuses an unknown model or tensor
    settings = [_FULL] + [
        dict(zip(rules, rule, strict=True))
        | {"group_size": group_size if rule[0] == "group" else None}
        | storage
        for rule in product(*rules.values())
        if rule[2] in SCHEMES[rule[1]].allowed_bits
    ]
    tasks = tuple(
        Task(model=model, **setting, **run, seed=seed, latents=seed == noises[0])
        for model, setting, seed in product(names, settings, noises)
    )
    if not tasks:
        raise ValueError("the sweep is empty: name at least one model and one seed")
    return tasks


def fingerprint(model: VelocityNetwork) -> str:
    """Returns a hash of all that a row of this model reads: weights, reader and real data."""
    digest = hashlib.sha256(json.dumps(model.config(), sort_keys=True).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    data = getattr(model.card, "data", "")
    for kind in ("readers", "reference"):
        path = assets_folder() / kind / f"{data}.safetensors"
        digest.update(path.read_bytes() if path.is_file() else b"none")
    return digest.hexdigest()


def content_key(task: Task, fingerprint: str) -> str:
    """Returns a name of all that decides a row: the task, what it reads, and how it is measured.

    A row that is there under its key need not be measured again, and one that was made with other
    weights, or measured in another way, is not taken for it.

    Args:
        task: The task.
        fingerprint: That of its model, see `fingerprint`.

    Example:
        >>> two, three = Task("moons", "uniform", 2), Task("moons", "uniform", 3)
        >>> content_key(two, "") == content_key(three, "")
        False
    """
    later = {"budget": 0, "objective": "", "rescue": ""}  # what old journals know nothing of
    named = {name: value for name, value in asdict(task).items() if later.get(name, ...) != value}
    content = [named, fingerprint, MEASUREMENT]
    content += [SENSITIVITY] if task.objective == "sensitivity" else []
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _check(
    rules: dict[str, tuple], seeds: tuple, group_size: int, run: dict[str, Any], codebook: str
) -> None:
    """Refuses what no task can be made of, in one sentence."""
    _check_names("scheme", rules["scheme"], SCHEMES)
    _check_names("granularity", rules["granularity"], GRANULARITIES)
    _check_names("solver", (run["solver"],), SOLVERS)
    _check_names("codebook_dtype", (codebook,), CODEBOOK_DTYPES)
    _check_numbers("bits", rules["bits"], 1, 8)
    for name in rules["scheme"]:
        if rules["bits"] and not set(rules["bits"]) & set(SCHEMES[name].allowed_bits):
            SCHEMES[name].require(rules["bits"][0])  # says which bits there are
    _check_numbers("seed", seeds, 0, 2**63 - 1)
    _check_numbers("n", (run["n"],), 4, 2**20)
    _check_numbers("steps", (run["steps"],), 1, 2**20)
    _check_numbers("group_size", (group_size,), 1, 2**20)


def _image_models() -> tuple[str, ...]:
    """Names the models of images that ship with the project, small images first."""
    return tuple(name for name, card in available_models().items() if len(card.data_shape) == 3)


def _unique(values: Iterable[T] | str) -> tuple[T, ...]:
    """Returns each value once, in order; a single word is one value."""
    return tuple(dict.fromkeys((values,) if isinstance(values, str) else values))  # type: ignore[arg-type]


def _check_names(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"{what} {name!r} is unknown; choose one of {', '.join(known)}")


def _check_numbers(what: str, values: Iterable[int], low: int, high: int) -> None:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{what} is {value!r}: use a whole number from {low} to {high}")
