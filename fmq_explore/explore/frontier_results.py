"""What the frontier stage hands to its panel: configurations with their bytes and figures."""

__all__ = ["FRONTIER_MEASURES", "FrontierPoint", "FrontierView"]

from collections.abc import Mapping
from dataclasses import dataclass

from .measures_results import MEASURES, Measure

FRONTIER_MEASURES = {
    **MEASURES,
    "relative_error": Measure("relative error of the weights", "weights", "low"),
}
"""What may be set against bytes, by the name of the column in the tables."""


@dataclass(frozen=True)
class FrontierPoint:
    """One configuration, with all that a request needs to show it.

    Attributes:
        scheme: The scheme's name.
        granularity: What shares a codebook.
        group_size: Weights of a group, None without groups.
        bits: Equal bits, or 0 where bytes are shared out.
        budget: The bytes that are shared out, or 0.
        objective: What sharing out makes least; empty without.
        rescue: How the network was trained afterwards; empty for not at all.
        codebook_dtype: How codebooks are stored.
        keep: Tensors left in full precision.
        n_bytes: Size of the file.
        bits_per_weight: The same for each parameter, in bits.
        values: Mean, lowest and highest figure over the seeds, by measure.
    """

    scheme: str
    granularity: str
    group_size: int | None
    bits: int
    budget: int
    objective: str
    rescue: str
    codebook_dtype: str
    keep: tuple[str, ...]
    n_bytes: int
    bits_per_weight: float
    values: Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class FrontierView:
    """Bytes against quality for everything that was measured of a model.

    Attributes:
        points: The configurations: equal bits first, then shared-out bytes, then rescued ones.
        fronts: Of each measure the points that no other one beats in both, from the smallest file
            to the largest, as indices.
        reference: Mean, lowest and highest figure of the full-precision model, by measure.
        words: How the figures were measured.
        remark: A sentence where nothing was measured of this model.
    """

    points: tuple[FrontierPoint, ...]
    fronts: Mapping[str, tuple[int, ...]]
    reference: Mapping[str, tuple[float, float, float]]
    words: str
    remark: str = ""
