"""The claims of arXiv 2511.11418 about low bits, each with a measurement and a computed verdict."""

__all__ = [
    "FAILS",
    "HOLDS",
    "OT",
    "PAPER_OTHERS",
    "PARTLY",
    "RULES",
    "Ratio",
    "Scaling",
    "Shares",
    "claim_latents",
    "claim_quality",
    "claim_ratio",
    "claim_scaling",
]

from collections.abc import Callable
from dataclasses import dataclass
from math import log10
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measure.interval import Estimate
from .evidence import LOW_BITS, Array, Evidence, geometric, over_models, slopes_db

HOLDS, PARTLY, FAILS = "holds", "holds partly", "does not hold"
PAPER_OTHERS = ("uniform", "piecewise", "logarithmic")
OT = "equal_mass"

MOST, FEW = 0.75, 0.25
FD_KEPT, READ_KEPT = 2.0, 0.9
VARIANCE_KEPT = 0.1
SLOPE, SLOPE_SLACK = -20 * log10(2), 1.0
RHO_LOW, RHO_HIGH = 0.25, 0.4

OfScheme = Callable[[str], NDArray[Any]]


@dataclass(frozen=True)
class Shares:
    """How often a property holds at 2 and 3 bits; a case is a model at one of these.

    Attributes:
        support: Share of the pairs of a case and one of the paper's other three schemes in which
            equal mass has the property and the other lacks it: what the claim says of every pair.
        ahead: Share of the cases in which equal mass is the best of the paper's four.
        kept_by: Share of the cases in which each scheme has the property, by scheme.
    """

    support: float
    ahead: float
    kept_by: dict[str, float]

    @property
    def verdict(self) -> str:
        """The word that follows from the support."""
        if self.support >= MOST:
            return HOLDS
        return PARTLY if self.support >= FEW else FAILS


def claim_quality(evidence: Evidence, schemes: tuple[str, ...]) -> Shares:
    """Claim 1: equal mass keeps the quality of samples at 2 and 3 bits, where others fail.

    Kept is a Fréchet distance of at most twice, and a readability of at least 0.9 times, that of
    the full-precision model, on means over seeds.
    """
    fd, read = evidence.mean_baseline("fd"), evidence.mean_baseline("readability")

    def kept(scheme: str) -> NDArray[Any]:
        near = evidence.mean(scheme, "fd") <= FD_KEPT * fd[:, None]
        readable = evidence.mean(scheme, "readability") >= READ_KEPT * read[:, None]
        return near & (readable | np.isnan(read)[:, None])

    return _shares(evidence, schemes, kept, lambda s: evidence.mean(s, "fd"))


def claim_latents(evidence: Evidence, schemes: tuple[str, ...]) -> Shares:
    """Claim 4: equal mass keeps the latents stable at 2 and 3 bits, where others fail.

    Stable is a variance of the latents within 10 % of the full-precision model's, for the same
    images. Ahead is the smallest drift of the latents.
    """
    variance = evidence.mean_baseline("latent_variance")

    def kept(scheme: str) -> NDArray[Any]:
        ratio = evidence.mean(scheme, "latent_variance") / variance[:, None]
        return abs(ratio - 1) <= VARIANCE_KEPT

    return _shares(evidence, schemes, kept, lambda s: evidence.mean(s, "latent_drift"))


def _shares(
    evidence: Evidence, schemes: tuple[str, ...], kept: OfScheme, distance: OfScheme
) -> Shares:
    at = evidence.at(LOW_BITS)
    ours = kept(OT)[:, at]
    others = np.array([kept(scheme)[:, at] for scheme in PAPER_OTHERS])
    apart = np.array([distance(scheme)[:, at] for scheme in PAPER_OTHERS])
    return Shares(
        support=float((ours & ~others).mean()),
        ahead=float((distance(OT)[:, at] < apart).all(axis=0).mean()),
        kept_by={scheme: float(kept(scheme)[:, at].mean()) for scheme in schemes},
    )


@dataclass(frozen=True)
class Scaling:
    """Slopes in dB per bit, by scheme, with intervals over models.

    Attributes:
        w2_squared: Of W2^2 of the weights.
        fd: Of what the Fréchet distance has above the full-precision model's.
        mse: Of the mean squared difference of the samples, which is what PSNR measures.
    """

    w2_squared: dict[str, Estimate]
    fd: dict[str, Estimate]
    mse: dict[str, Estimate]

    @property
    def agreeing(self) -> tuple[tuple[str, str], ...]:
        """Which of four slopes agree with -6.02, as (what, scheme).

        A slope agrees if its interval reaches within 1 dB: what is uncertain is not refuted.
        """
        return tuple(
            (words, scheme)
            for words, part in (("W2²", self.w2_squared), ("Fréchet distance", self.fd))
            for scheme in ("uniform", OT)
            if part[scheme].low <= SLOPE + SLOPE_SLACK and part[scheme].high >= SLOPE - SLOPE_SLACK
        )

    @property
    def verdict(self) -> str:
        """All four, two or three, or fewer."""
        n = len(self.agreeing)
        return HOLDS if n == 4 else PARTLY if n >= 2 else FAILS


def claim_scaling(evidence: Evidence, schemes: tuple[str, ...]) -> Scaling:
    """Claim 2: uniform and equal mass both scale as 2^-2b."""

    def slope(values: Array) -> Estimate:
        return over_models(slopes_db(evidence.bits, values))

    return Scaling(
        w2_squared={s: slope(evidence.mean(s, "w2") ** 2) for s in schemes},
        fd={s: slope(evidence.excess(s)) for s in schemes},
        mse={s: slope(10 ** (-evidence.mean(s, "psnr") / 10)) for s in schemes},
    )


@dataclass(frozen=True)
class Ratio:
    """Equal mass over uniform, bit by bit, geometric means over models.

    Attributes:
        bits: Bit widths.
        w2_squared: Ratios of W2^2 of the weights.
        fd: Ratios of what the Fréchet distances have above the full-precision model's.
    """

    bits: tuple[int, ...]
    w2_squared: tuple[Estimate, ...]
    fd: tuple[Estimate, ...]

    @staticmethod
    def inside(ratio: Estimate) -> bool:
        """Whether a ratio lies where the paper has it."""
        return RHO_LOW <= ratio.value <= RHO_HIGH

    @property
    def verdict(self) -> str:
        """Inside at every bit in both; inside at half of the bits at least in W2^2; or less."""
        weights = [self.inside(ratio) for ratio in self.w2_squared]
        known = [self.inside(ratio) for ratio in self.fd if np.isfinite(ratio.value)]
        if all(weights) and all(known) and known:
            return HOLDS
        return PARTLY if np.mean(weights) >= 0.5 else FAILS


def claim_ratio(evidence: Evidence) -> Ratio:
    """Claim 3: the ratio of equal mass to uniform is constant, between 0.25 and 0.4."""
    w2 = (evidence.mean(OT, "w2") / evidence.mean("uniform", "w2")) ** 2
    fd = evidence.excess(OT) / evidence.excess("uniform")
    columns = range(len(evidence.bits))
    return Ratio(
        bits=evidence.bits,
        w2_squared=tuple(geometric(w2[:, i]) for i in columns),
        fd=tuple(geometric(fd[:, i]) for i in columns),
    )


RULES = {
    "shares": (
        "every model at 2 and at 3 bits is paired with each of the paper's other three schemes; a "
        "pair supports the claim if equal mass keeps it and the other scheme loses it. "
        f"*{HOLDS[0].upper()}{HOLDS[1:]}* if at least {MOST:.0%} of the pairs do; *{FAILS}* if "
        f"fewer than {FEW:.0%} do; *{PARTLY}* in between"
    ),
    "scaling": (
        "a slope agrees if its interval reaches within "
        f"{SLOPE_SLACK:g} dB of {SLOPE:.2f} dB per bit, so that an uncertain one is not refuted. "
        f"*{HOLDS[0].upper()}{HOLDS[1:]}* if all four agree (W2² and Fréchet distance, of uniform "
        f"and of equal mass); *{PARTLY}* if two or three do; *{FAILS}* otherwise"
    ),
    "ratio": (
        f"*{HOLDS}* if the ratio lies between {RHO_LOW} and {RHO_HIGH} at every bit width, in W2² "
        f"and, where it can be told, in the Fréchet distance; *{PARTLY}* if it does in W2² at half "
        f"of the bit widths or more; *{FAILS}* otherwise"
    ),
}
"""How each verdict follows from the figures."""
