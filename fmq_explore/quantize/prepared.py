"""A network made ready: every row sorted once, every fit remembered."""

__all__ = ["PreparedModel", "prepare"]

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .bits import assign_bits, check_bits
from .file import describe
from .fit import Fit
from .keep import kept_names
from .rows import Rows, check_granularity, row_lengths, sort_rows
from .scheme import Scheme, get_scheme
from .shared import Pool, pool_rows
from .solve import TensorFit, check_codebook_dtype, solve, to_array


@dataclass(frozen=True)
class Plan:
    """One tensor to be quantized: its rows in the common `Rows`, and what it was."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    first: int
    last: int
    norm_squared: float


@dataclass(frozen=True, eq=False)
class PreparedModel:
    """The weights of a network, sorted, with all fits made so far. Made by `prepare`.

    It holds a copy: training the network afterwards changes nothing here.

    Attributes:
        rows: The rows of all quantized tensors, end to end.
        plans: The quantized tensors by name, in the model's order.
        names: Names of the quantized tensors, in the model's order.
        kept: Names of the parameters left in full precision.
        parameters: Names of all parameters, in the model's order, tied ones once.
        raw: Everything else that the state holds: kept parameters and buffers by name.
        tied: Names that share a tensor with another name, and that name.
        n_weights: Number of weights in all parameters, kept ones included.
        granularity: `"tensor"`, `"channel"`, `"group"` or `"shared"`.
        group_size: Weights in a group, or None.
        description: The network's class and configuration, for the file.
        pools: The pooled rows of every tensor whose rows share a codebook.
    """

    rows: Rows
    plans: Mapping[str, Plan]
    names: tuple[str, ...]
    kept: tuple[str, ...]
    parameters: tuple[str, ...]
    raw: Mapping[str, Tensor]
    tied: Mapping[str, str]
    n_weights: int
    granularity: str
    group_size: int | None
    description: Mapping[str, object]
    pools: Mapping[str, Pool] = field(default_factory=dict)
    _solved: dict[tuple[str, str, str, int], TensorFit] = field(default_factory=dict, repr=False)
    _fits: dict[object, Fit] = field(default_factory=dict, repr=False)

    def plan(self, name: str) -> Plan:
        """Returns what is known of a quantized tensor; raises ValueError for any other name."""
        if name not in self.plans:
            state = "kept in full precision" if name in self.kept else "not in the model"
            raise ValueError(
                f"tensor {name!r} is {state}; choose a quantized one, see PreparedModel.names"
            )
        return self.plans[name]

    def shape(self, name: str) -> tuple[int, ...]:
        """Returns the shape of a quantized tensor."""
        return self.plan(name).shape

    def rows_of(self, name: str) -> slice:
        """Returns which of the common rows belong to a tensor."""
        plan = self.plan(name)
        return slice(plan.first, plan.last)

    def sorted_row(self, name: str, i: int) -> NDArray[np.float64]:
        """Returns row i of a tensor, ascending, shape (n,)."""
        plan = self.plan(name)
        n_rows = plan.last - plan.first
        if not -n_rows <= i < n_rows:
            raise ValueError(f"tensor {name!r} has {n_rows} rows, so there is no row {i}")
        return self.rows.row(plan.first + i % n_rows)

    def is_fitted(
        self, scheme: str, bits: int | Mapping[str, int], codebook_dtype: str = "float32"
    ) -> bool:
        """Returns whether `fit` with these arguments has nothing left to compute."""
        wanted = assign_bits(bits, self.names, self.kept)
        return all((scheme, codebook_dtype, name, b) in self._solved for name, b in wanted.items())

    def fit(
        self, scheme: str, bits: int | Mapping[str, int], codebook_dtype: str = "float32"
    ) -> Fit:
        """Quantizes the network, from memory where it can.

        Args:
            scheme: A name in `SCHEMES`.
            bits: Bits in a code, 1 to 8, for all tensors or by name; names may be patterns.
            codebook_dtype: `"float32"` or `"float16"`, how codebooks are stored.

        Raises:
            ValueError: An argument is out of range, a tensor has no bits, or the scheme does not
                have those bits.
        """
        rule = get_scheme(scheme)
        check_codebook_dtype(codebook_dtype)
        wanted = {n: rule.require(b) for n, b in assign_bits(bits, self.names, self.kept).items()}
        key = (scheme, codebook_dtype, tuple(wanted.values()))
        if key not in self._fits:
            for name, b in wanted.items():
                self._solve(rule, codebook_dtype, name, (b,))
            fits = {n: self._solved[scheme, codebook_dtype, n, b] for n, b in wanted.items()}
            self._fits[key] = Fit(self, rule, codebook_dtype, MappingProxyType(wanted), fits)
        return self._fits[key]

    def fit_all(
        self,
        scheme: str,
        should_stop: Callable[[], bool] | None = None,
        progress: Callable[[float], None] | None = None,
        codebook_dtype: str = "float32",
        bits: Iterable[int] | None = None,
    ) -> bool:
        """Fits all bit widths that a scheme has, in one pass where it can.

        The work runs in a thread of its own that holds no lock on the interpreter, while this one
        asks `should_stop` and reports to `progress` every 20 ms.

        Args:
            scheme: A name in `SCHEMES`.
            should_stop: Asked often; what is finished by then stays in memory.
            progress: Told the finished fraction, 0 to 1.
            codebook_dtype: `"float32"` or `"float16"`.
            bits: The bit widths, ascending, where not all are wanted.

        Returns:
            True when all is fitted, False when stopped before.
        """
        rule = get_scheme(scheme)
        check_codebook_dtype(codebook_dtype)
        wanted = rule.allowed_bits if bits is None else bits
        bits = tuple(rule.require(check_bits(b)) for b in wanted)
        state = np.zeros(2, dtype=np.int64)
        failures: list[BaseException] = []

        def work() -> None:
            try:
                for name in self.names:
                    self._solve(rule, codebook_dtype, name, bits, state)
                    if state[0]:
                        return
            except BaseException as failure:  # raised again in the caller's thread
                failures.append(failure)

        thread = threading.Thread(target=work, name="fit_all", daemon=True)
        thread.start()
        total = max(len(self.rows.values), 1)
        try:
            while thread.is_alive():
                thread.join(0.02)
                if should_stop is not None and should_stop():
                    break
                if progress is not None:
                    progress(min(float(state[1]) / total, 1.0))
        finally:
            state[0] = 1
            thread.join()
        if failures:
            raise failures[0]
        return all(self.is_fitted(scheme, b, codebook_dtype) for b in bits)

    @property
    def n_bytes(self) -> int:
        """Bytes of memory in use: sorted weights, their order, and the codes of all fits."""
        codes = sum(fit.codes.nbytes for fit in tuple(self._solved.values()))
        pooled = sum(pool.rows.values.nbytes for pool in self.pools.values())
        return self.rows.values.nbytes + self.rows.order.nbytes + pooled + codes

    def forget(self) -> None:
        """Drops all fits made so far; they are made anew when they are asked for."""
        self._fits.clear()
        self._solved.clear()

    def _solve(
        self,
        scheme: Scheme,
        codebook_dtype: str,
        name: str,
        bits: Iterable[int],
        state: NDArray[np.int64] | None = None,
    ) -> None:
        """Fits one tensor at those bit widths that are not in memory yet."""
        missing = [b for b in bits if (scheme.name, codebook_dtype, name, b) not in self._solved]
        plan = self.plans[name]
        if missing:
            found = solve(
                scheme,
                self.rows,
                plan.first,
                plan.last,
                missing,
                codebook_dtype,
                plan.dtype,
                name,
                state,
                self.pools.get(name),
            )
            for fit in found:
                self._solved[scheme.name, codebook_dtype, name, fit.bits] = fit


def prepare(
    model: nn.Module,
    granularity: str = "channel",
    group_size: int | None = None,
    keep: str | Iterable[str] = ("bias", "norm"),
) -> PreparedModel:
    """Sorts every row of a network once, so that it can be quantized in a moment.

    Args:
        model: The network.
        granularity: Weights that share a codebook: `"tensor"`, `"channel"`, `"group"`, or
            `"shared"`: a codebook for each tensor and a scale for each channel.
        group_size: Consecutive weights of a channel in a group, for `"group"`.
        keep: Tensors left in full precision: tags (`"bias"`, `"norm"`, `"first"`, `"last"`,
            `"time"`), names, or patterns.

    Raises:
        ValueError: An argument is out of range, or a tensor to be quantized is empty or not finite.

    Example:
        >>> prepared = prepare(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)))
        >>> prepared.names, prepared.kept, prepared.n_weights
        (('0.weight', '1.weight'), ('0.bias', '1.bias'), 58)
    """
    if not isinstance(model, nn.Module):
        raise ValueError(
            f"model must be a torch.nn.Module, got {type(model).__name__}; wrap the function in one"
        )
    check_granularity(granularity, group_size)
    group_size = group_size if granularity == "group" else None
    state, tied = _state(model)
    parameters = tuple(name for name, p in model.named_parameters() if name in state)
    chosen = kept_names(model, keep)
    chosen |= {tied[name] for name in chosen if name in tied}
    kept = {n for n in parameters if n in chosen or not state[n].is_floating_point()}
    names = tuple(name for name in parameters if name not in kept)
    arrays = [to_array(state[name], name) for name in names]
    rows = sort_rows([array for array, _ in arrays], granularity, group_size)
    plans: dict[str, Plan] = {}
    first = 0
    for name, (array, dtype) in zip(names, arrays, strict=True):
        last = first + len(row_lengths(array.shape, granularity, group_size))
        values = rows.values[rows.offsets[first] : rows.offsets[last]]
        plans[name] = Plan(name, array.shape, dtype, first, last, float(np.square(values).sum()))
        first = last
    return PreparedModel(
        rows=rows,
        plans=MappingProxyType(plans),
        names=names,
        kept=tuple(name for name in parameters if name in kept),
        parameters=parameters,
        raw={n: t.detach().cpu().clone() for n, t in state.items() if n not in plans},
        tied=tied,
        n_weights=sum(state[name].numel() for name in parameters),
        granularity=granularity,
        group_size=group_size,
        description=describe(model),
        pools=MappingProxyType(
            {n: pool_rows(rows, p.first, p.last) for n, p in plans.items()}
            if granularity == "shared"
            else {}
        ),
    )


def _state(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Returns the tensors of a state dict, each once, and the further names of shared ones."""
    state: dict[str, Tensor] = {}
    tied: dict[str, str] = {}
    seen: dict[int, str] = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if not isinstance(tensor, Tensor):
            continue
        if id(tensor) in seen:
            tied[name] = seen[id(tensor)]
        else:
            seen[id(tensor)] = name
            state[name] = tensor
    return state, tied
