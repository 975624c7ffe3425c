"""What a comparison found: nested records, a flat one, and a table to print."""

__all__ = ["Comparison", "FidelityFigures", "WeightFigures"]

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import nan

from torch import Tensor

from ..measure.gap import Bounds
from ..measure.interval import Estimate
from ..measure.latents import LatentStatistics
from ..measure.quality import QualityFigures

FIDELITY = {
    "psnr": "PSNR to full precision (dB)",
    "ssim": "SSIM to full precision",
    "divergence": "divergence of the paths",
    "end_divergence": "divergence at t = 1",
}
QUALITY = {
    "swd": "sliced W2 to data",
    "w2": "W2 to data",
    "fd": "Fréchet distance to data",
    "kid": "kernel distance to data",
    "readability": "readability",
}
LATENTS = {
    "total_variance": "variance of the latents",
    "normality": "distance of the latents from normal",
    "drift": "drift of the latents",
}
BOUNDS = {
    "gap": "gap of Euler paths",
    "bound_discrete": "bound on it, discrete",
    "bound_log_norm": "bound on it, logarithmic norm",
    "bound_field": "bound on it, field",
    "bound_weights": "bound on it, weights",
}


@dataclass(frozen=True)
class WeightFigures:
    """What quantization did to the weights.

    Attributes:
        w2: W2 between the weights, row by row (not its square).
        relative_error: RMS error over the RMS of the weights.
        bits_per_weight: Bits in the file for each weight, codebooks and kept tensors included.
        n_bytes: Size of the file in bytes.
    """

    w2: float
    relative_error: float
    bits_per_weight: float
    n_bytes: int


@dataclass(frozen=True, eq=False)
class FidelityFigures:
    """How far samples are from the reference's own, from the same noise.

    Attributes:
        psnr: Mean over images in dB, data range 2, or None for points.
        ssim: Mean over images, or None for points.
        divergence: RMS difference per coordinate over all recorded states of the paths.
        end_divergence: The same at t = 1 only.
        times: Times of the states, shape (steps+1,).
        drift: RMS difference per coordinate at every time, shape (steps+1,).
    """

    psnr: Estimate | None
    ssim: Estimate | None
    divergence: Estimate
    end_divergence: Estimate
    times: Tensor
    drift: Tensor


@dataclass(frozen=True, eq=False)
class Comparison:
    """The measured record of a quantized model. Made by `compare`; a part left out is None.

    Attributes:
        weights: What happened to the weights.
        fidelity: Distance to the reference's samples from the same noise.
        quality: Distance of the samples to real data.
        baseline: The same of the reference's own samples: what quality to expect at best.
        latents: The noise that the quantized model finds behind real images.
        baseline_latents: The noise that the reference finds behind them.
        bounds: The gap between 16 Euler paths, and upper bounds on it.
        n: Number of samples.
        steps: Steps of the solver.
        solver: Name of the solver.
        seed: Seed of the noise.
    """

    weights: WeightFigures
    fidelity: FidelityFigures | None
    quality: QualityFigures | None
    baseline: QualityFigures | None
    latents: LatentStatistics | None
    baseline_latents: LatentStatistics | None
    bounds: Bounds | None
    n: int
    steps: int
    solver: str
    seed: int

    def record(self) -> dict[str, float]:
        """Returns all figures by name, NaN where one was left out or does not apply.

        Estimated figures have siblings `_low` and `_high`, the ends of their interval; those of
        the reference begin with `baseline_`. The names are the same for every model.
        """
        found = {f.name: float(getattr(self.weights, f.name)) for f in fields(WeightFigures)}
        for name in FIDELITY:
            found |= _flat(name, self.fidelity, name)
        for prefix, quality in (("", self.quality), ("baseline_", self.baseline)):
            for name in QUALITY:
                found |= _flat(f"{prefix}{_column(name)}", quality, name)
        for prefix, latents in (("", self.latents), ("baseline_", self.baseline_latents)):
            found[f"{prefix}latent_variance"] = _number(latents, "total_variance")
            found[f"{prefix}latent_normality"] = _number(latents, "normality")
        found["latent_drift"] = _number(self.latents, "drift")
        found |= {name: _number(self.bounds, name) for name in BOUNDS}
        return found | {"n": float(self.n), "steps": float(self.steps), "seed": float(self.seed)}

    def __str__(self) -> str:
        head = f"{self.n} samples, {self.steps} {self.solver} steps, seed {self.seed}"
        rows = [(head, "quantized", "full precision"), *self._lines()]
        first, second = (max(len(row[i]) for row in rows) for i in range(2))
        return "\n".join(f"{a:<{first}}  {b:<{second}}  {c}".rstrip() for a, b, c in rows)

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        """Yields the rows of the table: title, figure, and the reference's figure."""
        w = self.weights
        yield "W2 of the weights", f"{w.w2:.3g}", "0"
        yield "relative error of the weights", f"{w.relative_error:.2%}", "0"
        yield "bits per weight", f"{w.bits_per_weight:.2f} ({w.n_bytes:,} bytes)", ""
        for titles, ours, full in (
            (FIDELITY, self.fidelity, None),
            (QUALITY, self.quality, self.baseline),
            (LATENTS, self.latents, self.baseline_latents),
            (BOUNDS, self.bounds, None),
        ):
            for name, title in titles.items():
                if getattr(ours, name, None) is not None:
                    yield title, _text(ours, name), _text(full, name)


def _column(name: str) -> str:
    """Names a figure of quality in the flat record, where `w2` is that of the weights."""
    return "w2_to_data" if name == "w2" else name


def _text(figures: object, name: str) -> str:
    value = getattr(figures, name, None)
    return f"{value:.3g}" if isinstance(value, float) else str(value or "")


def _number(figures: object, name: str) -> float:
    value = getattr(figures, name, None)
    return nan if value is None else float(value)


def _flat(column: str, figures: object, name: str) -> dict[str, float]:
    """Returns an estimate as three numbers."""
    estimate = getattr(figures, name, None) or Estimate(nan, nan, nan)
    ends = {f"{column}_low": estimate.low, f"{column}_high": estimate.high}
    return {column: estimate.value} | ends
