"""Quality: how far generated samples are from real data, with intervals."""

__all__ = ["Judge", "QualityFigures"]

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .distribution import FrechetReference, KernelReference
from .interval import Estimate, bootstrap, proportion
from .reader import Reader, available_readers, load_reader
from .reference import Reference, available_references, load_reference
from .sliced import project_on_lines, sliced_w2_of_sorted

N_POINTS = 256
"""Points a side of the exact W2 between points, which costs more than their number cubed."""
UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class QualityFigures:
    """How far samples are from real test data. None where a figure does not apply.

    Attributes:
        swd: Sliced W2 to the data, in the unit of the pixels or coordinates.
        w2: For points, exact W2 between the first 256 samples and 256 data points.
        fd: Fréchet distance of the reader's features, squared form.
        kid: Kernel distance of the reader's features, an unbiased MMD squared; may be negative.
        readability: Share of the samples that are read as the class they were asked to show.
    """

    swd: Estimate | None = None
    w2: Estimate | None = None
    fd: Estimate | None = None
    kid: Estimate | None = None
    readability: Estimate | None = None


@dataclass(frozen=True, eq=False)
class Judge:
    """Real data, and a reader of them, made ready so that many sets of samples can be judged.

    Attributes:
        reference: Real test data, or None: then only readability is judged.
        reader: The classifier, or None: then there are no features and no readability.
        lines: The data along the directions of sliced W2, ascending, or None.
        frechet: Moments of the data's features, or None.
        kernel: Kernel of the data's features, or None.
    """

    reference: Reference | None
    reader: Reader | None
    lines: Tensor | None
    frechet: FrechetReference | None
    kernel: KernelReference | None

    @classmethod
    def of(cls, reference: Reference | None, reader: Reader | None = None) -> "Judge":
        """Makes a judge of real data and a reader; features of a reference without any are made."""
        features = None
        if reference is not None and reader is not None and reference.images.ndim == 4:
            stored = reference.features
            features = reader.read(reference.images)[0] if stored is None else stored
        return cls(
            reference=reference,
            reader=reader,
            lines=None if reference is None else _ascending(project_on_lines(reference.images)),
            frechet=None if features is None else FrechetReference.of(features),
            kernel=None if features is None else KernelReference.of(features),
        )

    @classmethod
    def load(cls, data: str, folder: Path | None = None) -> "Judge":
        """Makes the judge of a data set from what ships with the project, as far as it does.

        Args:
            data: Name of the data set.
            folder: A folder with subfolders `readers` and `reference`, instead of the assets.

        Example:
            >>> Judge.load("moons").reader is None
            True
        """
        known = folder is not None or data in available_references()
        reference = load_reference(data, folder) if known else None
        known = folder is not None or data in available_readers()
        return cls.of(reference, load_reader(data, folder) if known else None)

    def suits(self, shape: tuple[int, ...]) -> bool:
        """Tells whether samples of a shape can be held against these data."""
        shapes = [] if self.reference is None else [tuple(self.reference.images.shape[1:])]
        shapes += [] if self.reader is None else [self.reader.data_shape]
        return all(tuple(shape) == own for own in shapes)

    def judge(
        self,
        samples: Tensor,
        labels: Tensor | None = None,
        against_data: bool = True,
        n_resamples: int = 200,
        seed: int = 0,
    ) -> QualityFigures:
        """Measures samples; images are clipped to [-1, 1] first, as a screen shows them.

        The intervals say how far the figures would move if other samples were drawn from the same
        model; the real data count as fixed. Their width was held against independent draws of 256
        real images: it is right for samples unlike the data, and up to twice too large for samples
        so like them that Fréchet and kernel distance are mostly chance. Samples that are not finite
        have figures of NaN.

        Args:
            samples: Generated samples, shape (n, ...), n at least 2.
            labels: The classes they were asked to show, shape (n,), or None.
            against_data: Whether to hold them against the data: no, if they show only some classes.
            n_resamples: Resamples for an interval; half as many for the exact W2, which is slow.
            seed: Seed of the resampling.

        Raises:
            ValueError: If the samples' shape is not that of the data.

        Example:
            >>> judge = Judge.of(Reference(torch.zeros(4, 2), None, None))
            >>> print(judge.judge(torch.full((4, 2), 3.0)).w2)
            4.24
        """
        if not self.suits(tuple(samples.shape[1:])) or len(samples) < 2:
            raise ValueError(
                f"samples of shape {tuple(samples.shape)} cannot be held against these data: use "
                "at least 2 samples, and the data that the model was trained on"
            )
        names = self._names(labels is not None, against_data)
        if not samples.isfinite().all():
            return QualityFigures(**dict.fromkeys(names, UNKNOWN))
        shown = samples.clamp(-1, 1) if samples.ndim == 4 else samples
        found = self._distances(names, shown, n_resamples, seed)
        found |= self._readings(names, shown, labels, n_resamples, seed)
        return QualityFigures(**found)

    def _names(self, has_labels: bool, against_data: bool) -> list[str]:
        """Names the figures that apply."""
        names = []
        if against_data and self.reference is not None:
            names += ["swd"] + ["w2"] * (self.reference.images.ndim == 2)
            names += ["fd", "kid"] * (self.frechet is not None)
        return names + ["readability"] * (has_labels and self.reader is not None)

    def _distances(
        self, names: list[str], samples: Tensor, n_resamples: int, seed: int
    ) -> dict[str, Estimate]:
        """Measures the samples themselves."""
        found: dict[str, Estimate] = {}
        reference, lines = self.reference, self.lines
        if reference is None or lines is None or "swd" not in names:
            return found
        found["swd"] = bootstrap(
            lambda rows: sliced_w2_of_sorted(_ascending(rows), lines),
            project_on_lines(samples),
            n_resamples=n_resamples,
            seed=seed,
        ).at_least(0.0)
        if "w2" in names:
            n = min(N_POINTS, len(samples), len(reference.images))
            found["w2"] = _w2(samples[:n], reference.images[:n], max(2, n_resamples // 2), seed)
        return found

    def _readings(
        self,
        names: list[str],
        samples: Tensor,
        labels: Tensor | None,
        n_resamples: int,
        seed: int,
    ) -> dict[str, Estimate]:
        """Measures what the reader makes of them."""
        found: dict[str, Estimate] = {}
        if self.reader is None:
            return found
        features, read = self.reader.read(samples)
        options = {"n_resamples": n_resamples, "seed": seed}
        if self.frechet is not None and self.kernel is not None and "fd" in names:
            found["fd"] = bootstrap(self.frechet.distance, features, **options).at_least(0.0)
            kernels = self.kernel.kernels(features)
            found["kid"] = bootstrap(kernels.distance, torch.arange(len(features)), **options)
        if labels is not None:
            found["readability"] = proportion(read == labels)
        return found


def _ascending(rows: Tensor) -> Tensor:
    """Sorts projections, shape (n, directions), along every direction: (directions, n)."""
    return rows.T.sort(dim=1).values


def _w2(samples: Tensor, points: Tensor, n_resamples: int, seed: int) -> Estimate:
    """Computes exact W2 between two sets of points; costs are computed once for all resamples."""
    import ot  # 0.5 s, and only 2-D models come here

    cost = torch.cdist(samples.double(), points.double()).square().numpy()

    def distance(index: NDArray[np.int64]) -> float:
        drawn, counts = np.unique(index, return_counts=True)
        masses = counts / len(index), np.full(len(points), 1 / len(points))
        plan = np.asarray(ot.emd(*masses, cost[drawn]))
        return float(np.sqrt((plan * cost[drawn]).sum()))

    drawn = np.arange(len(samples))
    return bootstrap(distance, drawn, n_resamples=n_resamples, seed=seed).at_least(0.0)
