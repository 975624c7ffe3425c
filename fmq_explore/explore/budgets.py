"""Budgets of bytes: the curves they are shared out by, and who was given what."""

__all__ = ["Budgets", "allocation_view"]

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from ..allocation import Allocation, AllocationCurves, curves_of, file_bytes
from ..quantize import Fit, PreparedModel
from .measures_results import AllocationView, Shares
from .request import Request
from .weights import shown_layer

if TYPE_CHECKING:
    from .workspace import Workspace

MAX_CURVES, MAX_SHARED = 8, 64

ShouldStop = Callable[[], bool]
Progress = Callable[[float], None]


@dataclass(frozen=True, eq=False)
class _Entry:
    """The curves of a scheme, and what was shared out by them, by budget."""

    curves: AllocationCurves
    shared: dict[int, tuple[Allocation, Fit]] = field(default_factory=dict)


class Budgets:
    """Remembers the curves of schemes, and what was shared out by them last.

    Curves hold on to the fits they were made of: `clear` when those are to be forgotten.

    Args:
        prepared: Returns the sorted weights of a request.
        model: Returns the network of a request, or None for weights alone.
    """

    def __init__(
        self,
        prepared: Callable[[Request], PreparedModel],
        model: Callable[[Request], nn.Module | None],
    ) -> None:
        self._prepared, self._model = prepared, model
        self._entries: dict[tuple, _Entry] = {}
        self._lock = Lock()

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()

    def has_curves(self, request: Request, scheme: str) -> bool:
        """Tells whether a budget can be shared out at once."""
        return self._known(request, scheme) is not None

    def curves(
        self,
        request: Request,
        scheme: str,
        should_stop: ShouldStop | None = None,
        progress: Progress | None = None,
    ) -> AllocationCurves:
        """Returns the curves of a scheme, fitted and measured when first asked for.

        Raises:
            fmq_explore.flow.Cancelled: ``should_stop`` said so.
        """
        known = self._known(request, scheme)
        if known is not None:
            return known.curves
        prepared, model = self._prepared(request), self._model(request)
        made = curves_of(
            prepared,
            model or nn.Module(),
            scheme,
            request.codebook_dtype,
            "error" if model is None else request.objective,
            should_stop,
            progress,
        )
        with self._lock:
            while len(self._entries) >= MAX_CURVES:
                del self._entries[next(iter(self._entries))]
            self._entries[self._key(request, scheme)] = _Entry(made)
        return made

    def share(self, request: Request, scheme: str) -> tuple[Allocation, Fit]:
        """Shares out the request's budget: the bits of every tensor, and their codebooks.

        Raises:
            ValueError: The budget is below the smallest file.
        """
        self.curves(request, scheme)
        entry = self._known(request, scheme)
        assert entry is not None
        with self._lock:
            known = entry.shared.get(request.budget)
        if known is not None:
            return known
        allocation = entry.curves.allocate(request.budget)
        made = allocation, entry.curves.fit(allocation)
        with self._lock:
            while len(entry.shared) >= MAX_SHARED:
                del entry.shared[next(iter(entry.shared))]
            entry.shared[request.budget] = made
        return made

    def _known(self, request: Request, scheme: str) -> _Entry | None:
        """Returns what is known of the very weights that the request stands for now."""
        with self._lock:
            known = self._entries.get(self._key(request, scheme))
        return known if known and known.curves.prepared is self._prepared(request) else None

    @staticmethod
    def _key(request: Request, scheme: str) -> tuple:
        group_size = request.group_size if request.granularity == "group" else None
        rule = (request.granularity, group_size, request.keep, request.codebook_dtype)
        return (request.model, *rule, scheme, request.objective)


def allocation_view(request: Request, workspace: "Workspace") -> AllocationView:
    """Makes the view of who has which bits, and of what equal bits of the same size would give.

    Args:
        request: What is on screen.
        workspace: Where the models and their curves are.
    """
    budgets, prepared = workspace.budgets, workspace.prepared(request)
    curves = budgets.curves(request, request.scheme)
    sizes = [int(np.prod(prepared.shape(name))) for name in prepared.names]
    remark = ""
    shares: list[Shares] = []
    for scheme in request.schemes:
        try:
            shares.append(_shares(request, workspace, scheme))
        except ValueError as error:
            remark = remark or str(error)
    return AllocationView(
        layers=tuple(prepared.names),
        layer=shown_layer(request, prepared),
        n_weights=np.array(sizes),
        n_parameters=prepared.n_weights,
        objective=request.objective if workspace.can_sample(request.model) else "error",
        budget=request.budget,
        smallest=curves.smallest,
        largest=max(curves.largest, *curves.equal_sizes),
        primary=shares[0] if shares else None,
        compare=shares[1] if len(shares) > 1 else None,
        remark=remark or ("" if request.schemes else "Full precision has no bits to share out."),
    )


def _shares(request: Request, workspace: "Workspace", scheme: str) -> Shares:
    """Returns what a scheme gives every tensor, beside equal bits within the same bytes."""
    curves = workspace.budgets.curves(request, scheme)
    fit = workspace.fit(request, scheme)
    names = curves.names
    bits = np.array([fit.bits[name] for name in names])
    true_bits = [8 * file_bytes(fit, name) / len(fit.fits[name].codes) for name in names]
    allocation = curves.allocate(request.budget or fit.n_bytes)
    at = None if allocation.equal_bits is None else curves.widths.index(allocation.equal_bits)
    return Shares(
        scheme=scheme,
        bits=bits,
        true_bits=np.array(true_bits),
        n_bytes=fit.n_bytes,
        error=curves.error_of(fit),
        best_error=allocation.error,
        equal_bits=allocation.equal_bits,
        equal_error=allocation.equal_error,
        equal_n_bytes=allocation.equal_n_bytes,
        equal_reach=None if at is None else curves.equal_reaches[at],
    )
