"""The weight stages: cells over one row, and distances of all schemes."""

__all__ = ["BITS", "distance_view", "mean_bits", "shown_layer", "weights_view"]

from collections.abc import Callable

import numpy as np

from ..quantize import SCHEMES, Fit, PreparedModel
from .request import Request
from .results import DistanceView, Figures, SchemeCells, WeightsView

BITS = np.arange(1, 9)
FULL_BITS = 32
MAX_BINS = 80

CurveMemory = dict[tuple[str, str], dict[str, np.ndarray]]
FitOf = Callable[[str], Fit]


def shown_layer(request: Request, prepared: PreparedModel) -> str:
    """Returns the tensor on show: the one asked for, else the largest one quantized."""
    if request.layer in prepared.names:
        return request.layer
    if not prepared.names:
        raise ValueError(
            "Every tensor of this model is kept exact, so nothing is quantized; "
            "take a tag out of “kept exact”."
        )
    return max(prepared.names, key=lambda name: int(np.prod(prepared.shape(name))))


def weights_view(request: Request, prepared: PreparedModel, fit_of: FitOf) -> WeightsView:
    """Makes the view of one row: its histogram, and each scheme's levels, masses and borders.

    A row index beyond the tensor's rows shows its last row.

    Args:
        request: What to show.
        prepared: The model's sorted weights.
        fit_of: Returns what the request makes of the network with one of its schemes.
    """
    layer = shown_layer(request, prepared)
    rows = prepared.rows_of(layer)
    n_rows = rows.stop - rows.start
    row = min(request.row, n_rows - 1)
    values = np.asarray(prepared.sorted_row(layer, row), dtype=np.float64)
    share, edges = _histogram(values)
    return WeightsView(
        layer=layer,
        shape=tuple(prepared.shape(layer)),
        row=row,
        n_rows=n_rows,
        sorted_row=values,
        edges=edges,
        share=share,
        primary=_cells(request.primary, _fit(request, request.primary, fit_of), layer, row),
        compare=_cells(request.second, _fit(request, request.second, fit_of), layer, row),
    )


def distance_view(
    request: Request,
    prepared: PreparedModel,
    fit_of: FitOf,
    known: CurveMemory | None = None,
) -> DistanceView:
    """Makes the curves from the codebooks fitted so far, and the figures of the request's schemes.

    Args:
        request: What to show.
        prepared: The model's sorted weights.
        fit_of: Returns what the request makes of the network with one of its schemes.
        known: Where complete curves are remembered, so that a slider does not collect them anew.
    """
    layer = shown_layer(request, prepared)
    known = {} if known is None else known
    primary, compare = (_fit(request, name, fit_of) for name in (request.primary, request.second))
    return DistanceView(
        bits=BITS,
        model_curves=_curves(request, prepared, "", known),
        layer_curves=_curves(request, prepared, layer, known),
        layer=layer,
        layers=tuple(prepared.names),
        layer_errors=_layer_errors(prepared, primary),
        compare_errors=_layer_errors(prepared, compare) if request.second else None,
        primary=_figures(request, prepared, request.primary, primary),
        compare=_figures(request, prepared, request.second, compare) if request.second else None,
    )


def _histogram(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bins a row by the Freedman-Diaconis rule, within reason; shares add up to one."""
    low, high = float(values[0]), float(values[-1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    spread = np.subtract(*np.quantile(values, [0.75, 0.25]))
    width = 2 * spread / len(values) ** (1 / 3) if spread > 0 else (high - low) / 16
    n_bins = int(np.clip(np.ceil((high - low) / width), 8, MAX_BINS))
    counts, edges = np.histogram(values, bins=n_bins, range=(low, high))
    return counts / len(values), edges


def _cells(scheme: str, fit: Fit | None, layer: str, row: int) -> SchemeCells | None:
    """Takes levels, their masses and the borders of one row from a fit."""
    if fit is None:
        return None
    levels, counts = fit.levels(layer)[row], fit.counts(layer)[row]
    used = counts > 0
    return SchemeCells(
        scheme=scheme,
        levels=np.asarray(levels, dtype=np.float64),
        mass=counts / counts.sum(),
        borders=_borders(fit.borders(layer)[row], levels, used),
        w2=float(fit.row_w2(layer)[row]),
        bits=fit.bits[layer],
    )


def _borders(borders: np.ndarray, levels: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Keeps the borders that part two levels; one that repeats its neighbour has no cell."""
    return np.unique(borders[levels[1:] > levels[:-1]]) if used.sum() > 1 else borders[:0]


def _fit(request: Request, scheme: str, fit_of: FitOf) -> Fit | None:
    return fit_of(scheme) if scheme and request.bits is not None else None


def _fit_if_known(request: Request, prepared: PreparedModel, scheme: str, bits: int) -> Fit | None:
    if not prepared.is_fitted(scheme, bits, request.codebook_dtype):
        return None
    return prepared.fit(scheme, bits, request.codebook_dtype)


def _curves(
    request: Request, prepared: PreparedModel, layer: str, known: CurveMemory
) -> dict[str, np.ndarray]:
    """Returns W2 by scheme and bits of one tensor, or of the model for an empty name.

    Where a scheme lacks a bit width, or is not fitted yet, its curve has a NaN.
    """
    key = (request.codebook_dtype, layer)
    if key in known:
        return known[key]
    curves = {}
    for scheme in SCHEMES:
        fits = [_fit_if_known(request, prepared, scheme, int(bits)) for bits in BITS]
        values = [f and (f.tensor_w2(layer) if layer else f.w2) for f in fits]
        curves[scheme] = np.array([np.nan if v is None else v for v in values])
    if all(
        np.isfinite(curve[np.isin(BITS, SCHEMES[scheme].allowed_bits)]).all()
        for scheme, curve in curves.items()
    ):
        known[key] = curves
    return curves


def _layer_errors(prepared: PreparedModel, fit: Fit | None) -> np.ndarray:
    if fit is None:
        return np.zeros(len(prepared.names))
    return np.array([fit.tensor_relative_error(name) for name in prepared.names])


def _figures(request: Request, prepared: PreparedModel, scheme: str, fit: Fit | None) -> Figures:
    full_bytes = 4 * prepared.n_weights
    if fit is None or request.bits is None:
        return Figures(scheme, FULL_BITS, float(FULL_BITS), full_bytes, 1.0, 0.0, 0.0)
    widths = set(fit.bits.values())
    layer = shown_layer(request, prepared)
    return Figures(
        scheme=scheme,
        label_bits=mean_bits(fit),
        bits_per_weight=fit.bits_per_weight,
        n_bytes=fit.n_bytes,
        compression=full_bytes / fit.n_bytes,
        w2=fit.w2,
        relative_error=fit.relative_error,
        layer_bits=fit.bits[layer],
        layer_w2=fit.tensor_w2(layer),
        mixed=(min(widths), max(widths)) if len(widths) > 1 else None,
    )


def mean_bits(fit: Fit) -> float:
    """Returns the bits of a code, averaged over the weights of all quantized tensors."""
    if len(set(fit.bits.values())) == 1:
        return next(iter(fit.bits.values()))
    lengths = {name: len(found.codes) for name, found in fit.fits.items()}
    total = sum(bits * lengths[name] for name, bits in fit.bits.items())
    return total / sum(lengths.values())
