"""What samples are measured with: classifiers, real data and the sweep's table, loaded once."""

__all__ = ["N_LATENTS", "Reality", "Row", "Yardsticks", "view_key"]

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import RLock
from typing import Any

from torch import Tensor

from ..measure.distribution import FrechetReference, KernelReference
from ..measure.reader import Reader, available_readers, load_reader
from ..measure.reference import available_references, load_reference
from ..measure.sliced import project_on_lines
from .cache import ByteCache
from .request import Request

CACHE_BYTES = 64 * 2**20
N_LATENTS = 64

Row = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Reality:
    """Real test data of one data set, made ready to hold samples against.

    Attributes:
        images: Images or points, shape (m, ...).
        labels: Their classes, or None.
        lines: The data projected on the directions of sliced W2.
        frechet: Moments of their features, or None without a reader.
        kernel: Kernel of their features, or None without a reader.
        reader: The classifier, or None.
    """

    images: Tensor
    labels: Tensor | None
    lines: Tensor
    frechet: FrechetReference | None
    kernel: KernelReference | None
    reader: Reader | None


class Yardsticks:
    """Loads when first asked for, and keeps, what measuring needs; remembers what was measured.

    Args:
        load_rows: Returns the rows of the sweep's table; by default there are none.
        cache_bytes: The most memory that finished views and latents may hold.
    """

    def __init__(
        self,
        load_rows: Callable[[], Sequence[Row]] | None = None,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        self.memory = ByteCache(cache_bytes)
        self._load_rows = load_rows or (lambda: ())
        self._rows: Sequence[Row] | None = None
        self._reality: dict[str, Reality | None] = {}
        self._lock = RLock()

    def rows(self) -> Sequence[Row]:
        """Returns the sweep's rows, one mapping from column to value each; none without a table."""
        with self._lock:
            if self._rows is None:
                self._rows = self._load_rows()
            return self._rows

    def reality(self, data: str) -> Reality | None:
        """Returns the real data of a data set, or None where none ship with the project."""
        with self._lock:
            if data not in self._reality:
                known = data in available_references()
                self._reality[data] = _reality(data) if known else None
            return self._reality[data]


def view_key(stage: str, request: Request) -> tuple[str, Request]:
    """Names the outcome of a stage: the tensor and the row on show do not matter to it."""
    group_size = request.group_size if request.granularity == "group" else Request.group_size
    return stage, replace(request, layer="", row=0, group_size=group_size)


def _reality(data: str) -> Reality:
    real = load_reference(data)
    features = real.features
    return Reality(
        images=real.images,
        labels=real.labels,
        lines=project_on_lines(real.images),
        frechet=None if features is None else FrechetReference.of(features),
        kernel=None if features is None else KernelReference.of(features),
        reader=load_reader(data) if data in available_readers() else None,
    )
