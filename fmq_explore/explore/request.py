"""What a person asked to see: one frozen, hashable record, and its form in a web address."""

__all__ = ["DEFAULT_MODEL", "RESCUED", "RESCUE_NAMES", "UNCONDITIONAL", "UPLOAD", "Request"]

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

DEFAULT_MODEL = "mnist"
UNCONDITIONAL = -1
UPLOAD = "upload:"
"""What the name of a model begins with whose file came through the browser."""

GRANULARITIES = ("tensor", "channel", "group", "shared")
CODEBOOK_DTYPES = ("float16", "float32")
OBJECTIVES = ("sensitivity", "error")
RESCUE_NAMES = ("", "levels", "codes", "training")
RESCUED = "rescued"
"""What the first column shows once a network is rescued, where else it names a scheme."""

_INTEGER_RANGES = {
    "group_size": (2, 65_536),
    "row": (0, 1_000_000),
    "steps": (1, 100),
    "seed": (0, 2**31 - 1),
    "budget": (0, 2**40),
}


@dataclass(frozen=True)
class Request:
    """Everything that decides what is computed: same request, same results, bit for bit.

    Attributes:
        model: The name of a shipped model, or the whole path of a file of weights.
        scheme: The quantization scheme, a key of :data:`fmq_explore.quantize.SCHEMES`.
        bits: The label bits of a code, 1 to 8, or None for full precision.
        granularity: Which weights share a codebook: tensor, channel or group; or shared, a codebook
            for each tensor and a scale for each channel.
        group_size: The consecutive weights in a group; counts only at group granularity.
        keep: The tags or names of the tensors left in full precision.
        codebook_dtype: The type in which codebook entries are stored.
        layer: The tensor on show; empty for the largest one.
        row: The row of that tensor on show.
        solver: The ODE solver, a key of :data:`fmq_explore.flow.SOLVERS`.
        steps: The number of solver steps, 1 to 100.
        label: The class asked for, None for every class in turn, or -1 for no class at all.
        guidance: The guidance scale, 1 for the plain conditional field.
        seed: The seed of the noise.
        compare: A second scheme at the same bits, or empty for none.
        budget: The most bytes of the file, shared out among the tensors; 0 for ``bits`` for all.
        objective: What sharing out makes least: the estimated error of the samples, or the error
            of the weights.
        rescue: How the quantized network is rescued, empty for not at all: its ``levels`` are
            tuned, its ``codes`` chosen first, or both trained (``training``). Without a second
            scheme, the network before it stands beside it.

    Example:
        >>> request = Request(bits=2, scheme="equal_mass")
        >>> request.query()
        'scheme=equal_mass&bits=2'
        >>> Request.from_query(request.query())[0] == request
        True
    """

    model: str = DEFAULT_MODEL
    scheme: str = "optimal"
    bits: int | None = 3
    granularity: str = "channel"
    group_size: int = 64
    keep: tuple[str, ...] = ("bias", "norm")
    codebook_dtype: str = "float16"
    layer: str = ""
    row: int = 0
    solver: str = "midpoint"
    steps: int = 10
    label: int | None = None
    guidance: float = 1.0
    seed: int = 0
    compare: str = ""
    budget: int = 0
    objective: str = "sensitivity"
    rescue: str = ""

    def __post_init__(self) -> None:
        """Checks every value at the boundary.

        Raises:
            ValueError: A value is outside its range; the sentence names value, range and remedy.
        """
        _check_choice("granularity", self.granularity, GRANULARITIES)
        _check_choice("codebook_dtype", self.codebook_dtype, CODEBOOK_DTYPES)
        _check_choice("objective", self.objective, OBJECTIVES)
        _check_choice("rescue", self.rescue, RESCUE_NAMES)
        if self.bits is not None and self.bits not in range(1, 9):
            raise ValueError(
                f"bits is {self.bits}; choose 1 to 8, or full precision (bits=full in a link)."
            )
        for name, (low, high) in _INTEGER_RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; choose a whole number from {low} to {high}.")
        if not 0.0 <= self.guidance <= 10.0:
            raise ValueError(f"guidance is {self.guidance}; choose a number from 0 to 10.")
        if self.label is not None and self.label < UNCONDITIONAL:
            raise ValueError(
                f"label is {self.label}; choose a class from 0 on, or -1 for no class at all."
            )

    @property
    def primary(self) -> str:
        """What the first column shows."""
        return RESCUED if self.rescue else self.scheme

    @property
    def second(self) -> str:
        """What the second column shows, empty for none."""
        return self.compare or (self.scheme if self.rescue else "")

    @property
    def schemes(self) -> tuple[str, ...]:
        """The schemes whose codebooks are needed; none at full precision."""
        if self.bits is None:
            return ()
        return (self.scheme, self.compare) if self.compare else (self.scheme,)

    @property
    def shown(self) -> tuple[str, ...]:
        """What the columns show; nothing at full precision."""
        if self.bits is None:
            return ()
        return (self.primary, self.second) if self.second else (self.primary,)

    @property
    def widths(self) -> tuple[Any, ...]:
        """What decides the bits of the tensors: equal bits, or a budget and its objective."""
        return (self.budget, self.objective) if self.budget and self.bits else (self.bits,)

    def query(self) -> str:
        """Writes the values that differ from the defaults as a query string."""
        default = Request()
        pairs = {
            f.name: _to_text(getattr(self, f.name))
            for f in fields(self)
            if getattr(self, f.name) != getattr(default, f.name)
        }
        return urlencode(pairs, safe=",.*")

    @classmethod
    def from_query(cls, query: str) -> tuple["Request", list[str]]:
        """Reads a query string; what cannot be read keeps its default and is reported.

        Args:
            query: A query string, with or without the leading question mark.

        Returns:
            The request, and one sentence for each value that was not understood.
        """
        return cls.from_mapping(dict(parse_qsl(query.lstrip("?"), keep_blank_values=True)))

    @classmethod
    def from_mapping(cls, values: Mapping[str, str]) -> tuple["Request", list[str]]:
        """Reads text values by field name; unknown names are left to others."""
        request, problems = cls(), []
        for f in fields(cls):
            if f.name not in values:
                continue
            try:
                request = replace(request, **{f.name: _from_text(f.name, values[f.name])})
            except ValueError as error:
                problems.append(f"The link's {f.name} was not understood: {error}")
        return request, problems


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; choose one of {', '.join(allowed)}.")


def _to_text(value: Any) -> str:
    if value is None:
        return "full"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _from_text(name: str, text: str) -> Any:
    """Reads one value; raises ValueError with a sentence a person can act on."""
    if name == "keep":
        return tuple(part for part in text.split(",") if part)
    if name in ("bits", "label") and text in ("full", "all", ""):
        return None
    if name in ("bits", "label", *_INTEGER_RANGES):
        try:
            return int(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a whole number.") from None
    if name == "guidance":
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a number.") from None
    return text
