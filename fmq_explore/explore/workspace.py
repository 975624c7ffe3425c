"""The models, sorted weights and sampled paths that requests share."""

__all__ = ["Workspace"]

from collections.abc import Callable
from copy import deepcopy
from threading import RLock

from torch import nn

from ..quantize import SCHEMES, Fit, PreparedModel, prepare
from ..zoo import Statistics, available_models, load_model, load_statistics
from .cache import ByteCache
from .request import Request
from .results import DistanceView, WeightsView
from .weights import CurveMemory, distance_view, weights_view

SAMPLE_CACHE_BYTES = 384 * 2**20
N_PREPARED = 8


class Workspace:
    """What is computed once and used by many requests.

    Args:
        load: Loads a model by name; the default is :func:`fmq_explore.load_model`.
        sample_cache_bytes: The most memory that sampled paths may hold.
    """

    def __init__(
        self,
        load: Callable[[str], nn.Module] = load_model,
        sample_cache_bytes: int = SAMPLE_CACHE_BYTES,
    ) -> None:
        self.paths = ByteCache(sample_cache_bytes)
        self.cards = available_models()
        self._load = load
        self._models: dict[str, nn.Module] = {}
        self._scratch: dict[str, nn.Module] = {}
        self._statistics: dict[str, Statistics] = {}
        self._prepared: dict[tuple, tuple[PreparedModel, CurveMemory]] = {}
        self._lock = RLock()

    def model(self, name: str) -> nn.Module:
        """Returns the full-precision model, loaded when first asked for."""
        with self._lock:
            if name not in self._models:
                self._models[name] = self._load(name)
            return self._models[name]

    def scratch(self, name: str) -> nn.Module:
        """Returns a copy of the model whose weights a quantization may overwrite; worker only."""
        with self._lock:
            if name not in self._scratch:
                self._scratch[name] = deepcopy(self.model(name))
            return self._scratch[name]

    def statistics(self, name: str) -> Statistics:
        """Returns the model's fixed basis and the background of real data in it."""
        with self._lock:
            if name not in self._statistics:
                self._statistics[name] = load_statistics(name)
            return self._statistics[name]

    def prepared(self, request: Request) -> PreparedModel:
        """Returns the sorted weights for the request's model, granularity and kept tensors."""
        return self._entry(request)[0]

    def weights_view(self, request: Request) -> WeightsView:
        """Makes the view of the chosen row."""
        return weights_view(request, self.prepared(request))

    def distance_view(self, request: Request) -> DistanceView:
        """Makes the view of all distances; complete curves are remembered."""
        return distance_view(request, *self._entry(request))

    def fit(self, request: Request, scheme: str) -> Fit:
        """Returns the codebooks of one scheme for the request, fitted when first asked for."""
        if request.bits is None:
            raise ValueError("Full precision has no codebooks; choose 1 to 8 bits.")
        return self.prepared(request).fit(scheme, request.bits, request.codebook_dtype)

    def is_ready(self, request: Request) -> bool:
        """Tells whether the weight views can be made at once, without sorting or fitting."""
        entry = self._prepared.get(_prepared_key(request))
        if entry is None or request.bits is None:
            return entry is not None
        prepared, _ = entry
        return all(
            prepared.is_fitted(scheme, request.bits, request.codebook_dtype)
            for scheme in (request.scheme, request.compare)
            if scheme
        )

    def _entry(self, request: Request) -> tuple[PreparedModel, CurveMemory]:
        """Returns what was sorted before, or sorts; the interface thread never comes to sort."""
        key = _prepared_key(request)
        entry = self._prepared.get(key)
        if entry is not None:
            return entry
        with self._lock:
            if key not in self._prepared:
                _, granularity, group_size, keep = key
                while len(self._prepared) >= N_PREPARED:
                    self._prepared.pop(next(iter(self._prepared)))
                made = prepare(self.model(request.model), granularity, group_size, keep)
                self._prepared[key] = (made, {})
            return self._prepared[key]

    def check(self, request: Request) -> None:
        """Checks the request's names against what there is.

        Raises:
            ValueError: The model, a scheme or the class does not exist.
        """
        cards = self.cards
        if request.model not in cards:
            raise ValueError(f"model is {request.model!r}; choose one of {', '.join(cards)}.")
        for name in (request.scheme, request.compare):
            if name and name not in SCHEMES:
                raise ValueError(f"scheme is {name!r}; choose one of {', '.join(SCHEMES)}.")
        n_classes = cards[request.model].n_classes
        if request.label is not None and request.label >= (n_classes or 0):
            have = f"0 to {n_classes - 1}" if n_classes else "none: it has no classes"
            raise ValueError(f"label is {request.label}; {request.model} offers {have}.")


def _prepared_key(request: Request) -> tuple:
    group_size = request.group_size if request.granularity == "group" else None
    return request.model, request.granularity, group_size, request.keep
