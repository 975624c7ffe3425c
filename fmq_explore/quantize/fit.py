"""A network at chosen bits: levels, distances, size, and the quantized weights themselves."""

__all__ = ["Fit"]

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .cells import count, fill
from .container import Entry, file_size
from .file import file_entries, file_metadata
from .report import TensorReport, kept_report, quantized_report, relative_error
from .scheme import Scheme
from .solve import TensorFit
from .tensor import QuantizedTensor, from_fit

if TYPE_CHECKING:
    from .prepared import PreparedModel


@dataclass(frozen=True, eq=False)
class Fit:
    """What one scheme makes of a prepared network. Made by `PreparedModel.fit`.

    Attributes:
        prepared: The network's sorted weights.
        scheme: The scheme.
        codebook_dtype: How codebooks are stored.
        bits: Bits of every quantized tensor, by name.
        fits: What was found for every tensor, by name.
    """

    prepared: "PreparedModel"
    scheme: Scheme
    codebook_dtype: str
    bits: Mapping[str, int]
    fits: Mapping[str, TensorFit]

    def _fit(self, name: str) -> TensorFit:
        self.prepared.plan(name)
        return self.fits[name]

    def levels(self, name: str) -> NDArray[np.float32]:
        """Returns the levels of every row, ascending, shape (rows, K)."""
        return self._fit(name).levels

    def counts(self, name: str) -> NDArray[np.int64]:
        """Returns how many weights sit at every level, shape (rows, K)."""
        fit, rows = self._fit(name), self.prepared.rows_of(name)
        out = np.zeros(fit.levels.shape, dtype=np.int64)
        count(fit.codes, self.prepared.rows.offsets, rows.start, rows.stop, out)
        return out

    def borders(self, name: str) -> NDArray[np.float64]:
        """Returns the borders between neighbouring cells, ascending, shape (rows, K - 1).

        A weight above border k and not above border k + 1 has code k + 1. Where a scheme goes by
        rank the border is half-way between the two weights that it parts. A level that repeats the
        one below has an empty cell: its borders coincide, above all weights at the upper end.
        """
        fit = self._fit(name)
        levels = fit.levels.astype(np.float64)
        if not fit.own_cells:
            borders = 0.5 * (levels[:, 1:] + levels[:, :-1])
            unused = levels[:, 1:] == levels[:, :-1]
            if unused.any():
                ends = np.maximum(self._largest(name), levels[:, -1])
                np.copyto(borders, ends[:, None], where=unused)
                borders = np.minimum.accumulate(borders[:, ::-1], axis=1)[:, ::-1]
            return borders
        rows = self.prepared.rows
        offsets = rows.offsets[self.prepared.rows_of(name)]
        cuts = np.cumsum(self.counts(name), axis=1)[:, :-1]
        lengths = self._lengths(name)[:, None]
        above = rows.values[offsets[:, None] + np.minimum(cuts, lengths - 1)]
        below = rows.values[offsets[:, None] + np.maximum(cuts - 1, 0)]
        return np.where(cuts == lengths, above, np.where(cuts == 0, below, 0.5 * (below + above)))

    def _largest(self, name: str) -> NDArray[np.float64]:
        rows, where = self.prepared.rows, self.prepared.rows_of(name)
        return rows.values[rows.offsets[where.start + 1 : where.stop + 1] - 1]

    def _lengths(self, name: str) -> NDArray[np.int64]:
        rows = self.prepared.rows_of(name)
        return np.diff(self.prepared.rows.offsets[rows.start : rows.stop + 1])

    def row_w2(self, name: str) -> NDArray[np.float64]:
        """Returns the Wasserstein-2 distance of every row to its levels, shape (rows,)."""
        fit = self._fit(name)
        row_sse = fit.row_sse if fit.row_transport_sse is None else fit.row_transport_sse
        return np.sqrt(row_sse / self._lengths(name))

    def tensor_w2(self, name: str) -> float:
        """Returns W2 of a tensor: the root of its rows' mean W2^2, rows counted by length."""
        fit = self._fit(name)
        return math.sqrt(fit.transport_sse / len(fit.codes))

    def tensor_relative_error(self, name: str) -> float:
        """Returns the RMS error of a tensor over the RMS of its weights."""
        sse = self._fit(name).sse
        return relative_error(sse, self.prepared.plan(name).norm_squared)

    @cached_property
    def _sse(self) -> float:
        return sum(fit.sse for fit in self.fits.values())

    @property
    def w2(self) -> float:
        """W2 of the quantized tensors together, every row counted by its length."""
        total = sum(fit.transport_sse for fit in self.fits.values())
        return math.sqrt(total / max(len(self.prepared.rows.values), 1))

    @property
    def relative_error(self) -> float:
        """RMS error of the quantized tensors over the RMS of their weights."""
        norm_squared = sum(plan.norm_squared for plan in self.prepared.plans.values())
        return relative_error(self._sse, norm_squared)

    @cached_property
    def n_bytes(self) -> int:
        """Size of the file that holds the quantized network, header included."""
        return file_size(self.entries(), self.metadata())

    @property
    def bits_per_weight(self) -> float:
        """Bits in the file for each weight of the network, kept ones and header included."""
        return 8 * self.n_bytes / max(self.prepared.n_weights, 1)

    def entries(self) -> list[Entry]:
        """Returns what the file holds, without the data."""
        plans = self.prepared.plans
        left = {n: (plans[n].shape, plans[n].dtype) for n, f in self.fits.items() if f.left}
        raw = {n: (tuple(t.shape), t.dtype) for n, t in self.prepared.raw.items()}
        sizes = {n: f.n_bytes for n, f in self.fits.items() if not f.left}
        n_figures = 2 if all(f.row_transport_sse is None for f in self.fits.values()) else 3
        return file_entries(sizes, raw | left, n_figures)

    def metadata(self) -> dict[str, str]:
        """Returns the text that the file carries."""
        plans = self.prepared.plans
        quantized = {
            n: (f.bits, plans[n].shape, plans[n].dtype) for n, f in self.fits.items() if not f.left
        }
        return file_metadata(
            self.scheme.name,
            self.codebook_dtype,
            self.prepared.granularity,
            self.prepared.group_size,
            quantized,
            [n for n, f in self.fits.items() if f.left],
            [n for n, t in self.prepared.raw.items() if t.dtype == torch.uint8],
            self.prepared.tied,
            self.prepared.description,
        )

    def report(self) -> list[TensorReport]:
        """Returns one line for every parameter, kept ones included, in the model's order."""
        return [self._report(name) for name in self.prepared.parameters]

    def _report(self, name: str) -> TensorReport:
        if name not in self.fits:
            tensor = self.prepared.raw[name]
            return kept_report(name, tuple(tensor.shape), tensor.dtype.itemsize, "keep")
        fit, plan = self.fits[name], self.prepared.plans[name]
        if fit.left:
            return kept_report(name, plan.shape, plan.dtype.itemsize, "small")
        mse = fit.sse / len(fit.codes)
        w2 = math.sqrt(fit.transport_sse / len(fit.codes))
        return quantized_report(name, plan.shape, fit.bits, mse, plan.norm_squared, fit.n_bytes, w2)

    def tensor(self, name: str) -> QuantizedTensor:
        """Returns one tensor with its codes and codebook."""
        fit, plan = self._fit(name), self.prepared.plan(name)
        return from_fit(
            fit,
            plan.shape,
            plan.dtype,
            self.scheme.name,
            self.prepared.granularity,
            self.prepared.group_size,
            self._lengths(name),
            plan.norm_squared,
        )

    @torch.no_grad()
    def write_into(self, module: nn.Module) -> None:
        """Copies the quantized and the kept weights into a network of the same architecture.

        Raises:
            ValueError: The network lacks a tensor, or has it in another shape.
        """
        state = module.state_dict(keep_vars=True)
        for name, plan in self.prepared.plans.items():
            target = _target(state, name, plan.shape)
            _write(self.fits[name], self.prepared.rows.offsets, plan.first, plan.last, target)
        for name, tensor in self.prepared.raw.items():
            _target(state, name, tensor.shape).copy_(tensor)


def _target(state: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    """Returns the tensor to write to, after a check that it is the right one."""
    if name not in state:
        raise ValueError(f"the network has no tensor {name!r}; give one of the same architecture")
    target = state[name]
    if target.shape != shape:
        raise ValueError(
            f"tensor {name!r} has shape {tuple(target.shape)} in the network but {tuple(shape)} "
            f"in the weights; give one of the same architecture"
        )
    return target


def _write(
    fit: TensorFit, offsets: NDArray[np.int64], first: int, last: int, target: Tensor
) -> None:
    """Writes levels straight into float32 memory of the CPU, by way of a copy elsewhere."""
    direct = target.dtype == torch.float32 and target.is_cpu and target.is_contiguous()
    out = target.detach().view(-1).numpy() if direct else np.empty(len(fit.codes), np.float32)
    fill(fit.codes, offsets, first, last, fit.levels, out)
    if not direct:
        target.copy_(torch.from_numpy(out).view(target.shape))
