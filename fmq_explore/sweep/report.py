"""RESULTS.md, written from the table alone."""

__all__ = ["report"]

from ..quantize import SCHEMES
from .claims import OT, PAPER_OTHERS, claim_latents, claim_quality, claim_ratio, claim_scaling
from .evidence import Evidence
from .markdown import listed, paragraph, table, title
from .sections import (
    PAPER,
    Parts,
    Schemes,
    latents,
    quality,
    ratio,
    scaling,
    standing,
    true_bits,
)
from .table import Table


def report(rows: Table) -> str:
    """Writes the results, claim by claim.

    Every number and every verdict is computed from the table; the words are a template.

    Args:
        rows: A sweep with per-channel rows of the paper's four schemes.

    Returns:
        Markdown, the same for the same table.

    Raises:
        ValueError: If rows are missing that the claims are about.
    """
    parts = tuple(
        Evidence(rows, g) for g in ("channel", "tensor") if g in rows.values("granularity")
    )
    schemes = tuple(scheme for scheme in SCHEMES if scheme in rows.values("scheme"))
    missing = [s for s in (OT, *PAPER_OTHERS) if s not in schemes]
    if missing or not parts or parts[0].granularity != "channel":
        raise ValueError(
            f"the table lacks {missing[0] if missing else 'granularity channel'}, which the claims "
            "are about: run fmq-explore sweep with all schemes, per channel"
        )
    sections = [
        _opening(rows, parts, schemes),
        quality(parts, schemes),
        scaling(parts, schemes),
        ratio(parts),
        latents(parts, schemes),
        standing(parts[0], schemes),
        true_bits(parts, schemes),
        _limits(rows, parts[0]),
    ]
    return "\n\n".join(sections) + "\n"


def _opening(rows: Table, parts: Parts, schemes: Schemes) -> str:
    first, row = parts[0], rows.rows[-1]
    claims = (
        ("1. OT keeps the quality of samples to 2-3 bits, where others fail", claim_quality),
        ("2. Uniform and OT both scale as 2^-2b", claim_scaling),
        ("3. The ratio of OT to uniform is constant, 0.25 to 0.4", lambda e, _: claim_ratio(e)),
        ("4. OT keeps the latents stable to 2-3 bits, where others do not", claim_latents),
    )
    verdicts = [
        [words, *(f"**{claim(part, schemes).verdict}**" for part in parts)]
        for words, claim in claims
    ]
    return "\n\n".join(
        [
            "# Results",
            paragraph(
                f"The experiment of {PAPER}, *Low-Bit, High-Fidelity: Optimal Transport "
                "Quantization for Flow Matching*, repeated on this project's own models. Every "
                "number and every verdict below is computed from `assets/sweep.csv` by "
                "`fmq-explore sweep-report`; `fmq-explore sweep-figures` draws the figures from "
                'the same table. "OT" in the claims is the equal-mass scheme of the paper.'
            ),
            table(["claim", *(f"per {part.granularity}" for part in parts)], verdicts),
            paragraph(
                f"**What was measured.** {len(rows)} rows: {listed(map(title, schemes))}, at "
                f"{first.bits[0]} to {first.bits[-1]} bits, "
                f"{listed(f'per {part.granularity}' for part in parts)}, on the models of "
                f"{listed(first.models)}; {len(first.seeds)} noise seeds, {row['n']} samples a "
                f"row, {row['steps']} {row['solver']} steps. Tensors kept in full precision: "
                f"{listed(row['keep'].split('+'))}; codebooks in {row['codebook_dtype']}."
            ),
            paragraph(
                "**How to read it.** PSNR is *fidelity*: how near a sample is to the "
                "full-precision model's own sample from the same noise. Fréchet distance, kernel "
                "distance and readability are *quality*: how near the samples are to real test "
                "images, as this project's own small classifiers see them. The Fréchet distance is "
                "therefore not the FID of other work, and is biased upwards by the small number of "
                "samples; it is given over that of the full-precision model at the same number. "
                "Figures are means over seeds, then over models; in brackets a 95 % bootstrap "
                f"interval over the {len(first.models)} models, which is rough with so few."
            ),
        ]
    )


def _limits(rows: Table, part: Evidence) -> str:
    row = rows.rows[-1]
    points = [
        "CelebA and ImageNet were not used: they cannot be had without a network. Any folder of "
        "images trains through `fmq-explore train`, but no model of them is claimed here.",
        "The models are small (up to some 2 million weights) and trained on two CPU cores; large "
        "models have longer rows, on which codebooks cost less and tails matter differently.",
        f"{len(part.seeds)} noise seeds with {row['n']} samples each and {row['steps']} solver "
        "steps show large differences, not small ones.",
        "The Fréchet distance and readability rest on the features of this project's own "
        "classifiers, one a data set. They rank schemes; their values compare with no other work.",
        "Latents are measured once for each setting, on 64 images: they do not depend on the noise "
        "seed. The paper measures activations of a bottleneck instead, in axes fitted anew for "
        "every model, and PSNR on one pass through the network; those are not repeated here.",
        "Weights are quantized, activations are not. Biases and norms stay in full precision, "
        "where the paper's code quantizes them as well.",
    ]
    items = [paragraph(point).replace("\n", "\n  ") for point in points]
    return "## What was not done\n\n" + "\n".join(f"- {item}" for item in items)
