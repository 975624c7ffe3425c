"""The sections of RESULTS.md: each claim with its figures and its verdict, and the standings."""

__all__ = [
    "PAPER",
    "Parts",
    "Schemes",
    "latents",
    "quality",
    "ratio",
    "scaling",
    "standing",
    "true_bits",
]

from collections.abc import Callable

import numpy as np

from ..measure.interval import Estimate
from .claims import (
    OT,
    RULES,
    Scaling,
    Shares,
    claim_latents,
    claim_quality,
    claim_ratio,
    claim_scaling,
)
from .evidence import LOW_BITS, Evidence, geometric, over_models
from .markdown import listed, number, paragraph, percent, picture, quote, table, title
from .standings import BUDGETS, at_budget, crossover, wins

PAPER = "[arXiv 2511.11418](https://arxiv.org/abs/2511.11418)"

Parts = tuple[Evidence, ...]
Schemes = tuple[str, ...]


def _claim(head: str, claim: str, verdicts: list[tuple[str, str]], rule: str) -> str:
    found = "; ".join(f"per {granularity}: **{verdict}**" for granularity, verdict in verdicts)
    return "\n\n".join(
        [f"## {head}", quote(f"Claim: {claim} ({PAPER})"), paragraph(f"Verdict {found}."), rule]
    )


def quality(parts: Parts, schemes: Schemes) -> str:
    shares = [(part, claim_quality(part, schemes)) for part in parts]
    head = _claim(
        "1. Quality at 2 and 3 bits",
        "the quality of generated images (PSNR, SSIM, FID) is kept down to 2-3 bits under OT, "
        "where uniform, piecewise and logarithmic quantization fail.",
        [(part.granularity, share.verdict) for part, share in shares],
        paragraph(
            "Kept means: a Fréchet distance of at most 2 times, and a readability of at least 0.9 "
            f"times, that of the full-precision model. The rule: {RULES['shares']}."
        ),
    )
    return "\n\n".join(
        [
            head,
            _shares_table(shares, schemes, "Fréchet distance"),
            paragraph("PSNR in dB, per channel:"),
            _by_bits(
                parts[0], schemes, lambda s, i: over_models(parts[0].mean(s, "psnr")[:, i]), 1
            ),
            paragraph("Fréchet distance over that of the full-precision model, per channel:"),
            _by_bits(parts[0], schemes, lambda s, i: geometric(_relative_fd(parts[0], s)[:, i]), 1),
            *(picture(f"quality-{p.granularity}.svg", f"Quality, {p.granularity}") for p in parts),
            *(
                picture(f"samples-{model}.png", f"{model}: same noise at 2, 3 and 4 bits")
                for model in parts[0].models
            ),
        ]
    )


def _shares_table(shares: list[tuple[Evidence, Shares]], schemes: Schemes, ahead: str) -> str:
    words = [
        f"Per {part.granularity}, {percent(share.support)} of the pairs support the claim, and "
        f"equal mass has the smallest {ahead} of the paper's four in {percent(share.ahead)} of the "
        "cases."
        for part, share in shares
    ]
    head = [f"kept at {listed(LOW_BITS)} bits", *(f"per {part.granularity}" for part, _ in shares)]
    lines = [[title(s), *(percent(share.kept_by[s]) for _, share in shares)] for s in schemes]
    return paragraph(*words) + "\n\n" + table(head, lines)


def _relative_fd(part: Evidence, scheme: str) -> np.ndarray:
    return part.mean(scheme, "fd") / part.mean_baseline("fd")[:, None]


def _by_bits(
    part: Evidence, schemes: Schemes, figure: Callable[[str, int], Estimate], places: int
) -> str:
    """Makes a table of one figure, schemes by bits."""
    head = ["scheme", *(f"{b} bits" for b in part.bits)]
    columns = range(len(part.bits))
    return table(
        head, [[title(s), *(number(figure(s, i), places) for i in columns)] for s in schemes]
    )


def scaling(parts: Parts, schemes: Schemes) -> str:
    found = [(part, claim_scaling(part, schemes)) for part in parts]
    head = _claim(
        "2. Scaling with the bits",
        "the FID of uniform and of OT quantization scales as 2^-2b, that is, by -6.02 dB per bit.",
        [(part.granularity, slopes.verdict) for part, slopes in found],
        paragraph(f"The rule: {RULES['scaling']}."),
    )
    sections = [head]
    for part, slopes in found:
        sections += [
            paragraph(
                f"Slopes in dB per bit over {part.bits[0]} to {part.bits[-1]} bits, per "
                f"{part.granularity}; of the Fréchet distance, what it has above that of the "
                "full-precision model from the same noise, where it is above it with every seed. "
                f"{_agreeing(slopes)}"
            ),
            table(
                ["scheme", "W2² of the weights", "Fréchet distance", "squared error of samples"],
                [
                    [
                        title(s),
                        *(number(x[s]) for x in (slopes.w2_squared, slopes.fd, slopes.mse)),
                    ]
                    for s in schemes
                ],
            ),
        ]
    sections.append(
        paragraph(
            "A codebook keeps a row exactly that has no more weights than levels, so that at many "
            "bits small models flatter the schemes with codebooks, per channel above all."
        )
    )
    return "\n\n".join(sections)


def _agreeing(slopes: Scaling) -> str:
    found = [f"{title(scheme)} in {words}" for words, scheme in slopes.agreeing]
    return f"Of the four of the rule these agree: {listed(found)}." if found else "None agrees."


def ratio(parts: Parts) -> str:
    found = [(part, claim_ratio(part)) for part in parts]
    head = _claim(
        "3. The ratio of OT to uniform",
        "rho(b), the error of OT over that of uniform, is a constant between 0.25 and 0.4 under "
        "realistic assumptions on the tails of the weights.",
        [(part.granularity, rho.verdict) for part, rho in found],
        paragraph(f"The rule: {RULES['ratio']}."),
    )
    lines = []
    for part, rho in found:
        for words, values in (("W2²", rho.w2_squared), ("Fréchet", rho.fd)):
            lines.append([f"{words}, per {part.granularity}", *map(number, values)])
    words = []
    for part, rho in found:
        inside = [b for b, r in zip(rho.bits, rho.w2_squared, strict=True) if rho.inside(r)]
        where = f"at {listed(inside)} bits" if inside else "at no bit width"
        words.append(f"Per {part.granularity} the ratio of W2² lies in that range {where}.")
    rows = table(["equal mass over uniform", *(f"{b} bits" for b in parts[0].bits)], lines)
    return "\n\n".join([head, paragraph(*words), rows])


def latents(parts: Parts, schemes: Schemes) -> str:
    shares = [(part, claim_latents(part, schemes)) for part in parts]
    first, at = parts[0], "latent_drift"
    head = _claim(
        "4. Stability of the latents",
        "the latents of OT-quantized models stay stable down to 2-3 bits, measured by their "
        "variance, where those of other schemes do not.",
        [(part.granularity, share.verdict) for part, share in shares],
        paragraph(
            "Latents are the noise that a model finds behind 64 real test images, run backwards. "
            "Kept means: their variance is within 10 % of that under the full-precision model. A "
            "variance may agree by chance where the latents are far off; the drift shows that. "
            f"The rule: {RULES['shares']}."
        ),
    )

    def variance(scheme: str, i: int) -> Estimate:
        whole = first.mean_baseline("latent_variance")
        return geometric(first.mean(scheme, "latent_variance")[:, i] / whole)

    return "\n\n".join(
        [
            head,
            _shares_table(shares, schemes, "drift of the latents"),
            paragraph("Variance of the latents over that under full precision, per channel:"),
            _by_bits(first, schemes, variance, 2),
            paragraph("Drift, the RMS difference to the full-precision latents, per channel:"),
            _by_bits(first, schemes, lambda s, i: over_models(first.mean(s, at)[:, i]), 2),
            *(picture(f"latents-{p.granularity}.svg", f"Latents, {p.granularity}") for p in parts),
        ]
    )


def standing(part: Evidence, schemes: Schemes) -> str:
    n, columns = len(part.models), range(len(part.bits))

    def gain(scheme: str, i: int) -> Estimate:
        return geometric((part.mean(scheme, "w2") / part.mean(OT, "w2"))[:, i] ** 2)

    crossings = [
        [words, *("–" if bits is None else str(bits) for bits in crossover(part, column))]
        for words, column in (
            ("by W2 of the weights", "w2"),
            ("by PSNR", "psnr"),
            ("by Fréchet distance", "fd"),
        )
    ]
    sections = [
        "## 5. Where the exact optimum and clipped uniform stand",
        paragraph(
            "Equal mass minimises W2 only among codebooks whose levels carry equal weight. `OT "
            "exact` is the codebook of least W2 (one-dimensional k-means), `clipped` the uniform "
            "grid over the range of least squared error. W2² of the weights over that of equal "
            "mass, per channel:"
        ),
        _by_bits(part, schemes, gain, 2),
        paragraph(
            "From how many bits on uniform is at least as good as equal mass, and stays so, per "
            "channel (a dash: at none that was measured):"
        ),
        table(["uniform is as good", *part.models], crossings),
    ]
    for column, words in (("psnr", "the highest PSNR"), ("fd", "the lowest Fréchet distance")):
        count = wins(part, schemes, column)
        sections += [
            paragraph(f"Models, of {n}, on which a scheme has {words} of all, per channel:"),
            table(
                ["scheme", *(f"{b} bits" for b in part.bits)],
                [[title(s), *(str(int(count[s][i])) for i in columns)] for s in schemes],
            ),
        ]
    return "\n\n".join(sections)


def true_bits(parts: Parts, schemes: Schemes) -> str:
    sections = [
        "## 6. At equal true bits per weight",
        paragraph(
            "Bits on the label are not bits in the file: a codebook costs 2^b entries a row, a "
            "uniform grid two numbers. At a budget of true bits per weight (file size over number "
            "of weights, all included) each scheme enters with its version of highest PSNR that "
            f"fits, quantized {' or '.join(f'per {part.granularity}' for part in parts)}."
        ),
    ]
    found = {budget: at_budget(parts, schemes, budget) for budget in BUDGETS}
    head = ["scheme", *(f"up to {budget:g} bits" for budget in BUDGETS)]
    n = len(parts[0].models)
    for words, text in (
        ("PSNR in dB", lambda b: number(b.psnr, 1)),
        ("Fréchet distance over that of the full-precision model", lambda b: number(b.fd, 1)),
        (f"Models, of {n}, on which a scheme has the highest PSNR", lambda b: str(b.best)),
        (f"Models, of {n}, of which a version fits", lambda b: str(b.n_models)),
    ):
        sections += [
            paragraph(f"{words}:"),
            table(head, [[title(s), *(text(found[b][s]) for b in BUDGETS)] for s in schemes]),
        ]
    sections.append(picture("true-bits.svg", "Quality against true bits per weight"))
    return "\n\n".join(sections)
