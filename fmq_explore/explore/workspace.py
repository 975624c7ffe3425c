"""The models, sorted weights and sampled paths that requests share."""

__all__ = ["Workspace"]

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import RLock
from typing import cast

from torch import nn

from ..flow import VelocityNetwork
from ..quantize import SCHEMES, Fit, PreparedModel, prepare
from ..zoo import (
    Card,
    Statistics,
    available_models,
    is_file_name,
    load_model,
    load_statistics,
)
from .budgets import Budgets
from .cache import ByteCache
from .request import RESCUED, UPLOAD, Request
from .rescuing import Rescues
from .results import DistanceView, WeightsView
from .sentences import upload_is_gone
from .weights import CurveMemory, distance_view, weights_view

SAMPLE_CACHE_BYTES = 384 * 2**20
VIEW_CACHE_BYTES = 64 * 2**20
PREPARED_BYTES = 2**30
N_PREPARED, N_OPENED = 8, 2


class Workspace:
    """What is computed once and used by many requests.

    Args:
        load: Loads a model by name; the default is :func:`fmq_explore.load_model`.
        sample_cache_bytes: The most memory that sampled paths may hold.
        prepared_bytes: The most memory that sorted weights and their fits may hold.
    """

    def __init__(
        self,
        load: Callable[[str], nn.Module] = load_model,
        sample_cache_bytes: int = SAMPLE_CACHE_BYTES,
        prepared_bytes: int = PREPARED_BYTES,
    ) -> None:
        self.paths = ByteCache(sample_cache_bytes)
        self.views = ByteCache(VIEW_CACHE_BYTES)  # measured views, and latents
        self.cards = available_models()
        self._load = load
        self._prepared_bytes = prepared_bytes
        self._files: dict[str, Path] = {}
        self._models: dict[str, nn.Module] = {}
        self._scratch: dict[str, nn.Module] = {}
        self._statistics: dict[str, Statistics] = {}
        self._prepared: dict[tuple, tuple[PreparedModel, CurveMemory]] = {}
        self._lock = RLock()
        self.budgets = Budgets(self.prepared, self._network)
        self.rescues = Rescues()

    def open(self, path: str, uploaded_as: str = "") -> tuple[str, Card]:
        """Opens a file of weights and remembers it as one of the models.

        Args:
            path: The file, `~` for the home folder; its absolute path becomes the model's name.
            uploaded_as: The file's own name where it came through the browser and `path` is only
                where it was put; the model's name then says so.

        Returns:
            The model's name and its card.

        Raises:
            ValueError: The file is not one, is broken or too large, or holds no weights.
        """
        file = Path(path).expanduser().absolute()
        name = UPLOAD + uploaded_as if uploaded_as else str(file)
        if not Path(path).expanduser().is_absolute() and not file.exists():
            raise ValueError(f"There is no file {path} in {file.parent}: give its whole path.")
        model = cast(VelocityNetwork, self._load(str(file)))
        card = replace(model.card, name=name, title=uploaded_as or model.card.title)
        model.card = card
        with self._lock:
            self._forget(name)
            self._files[name], self._models[name] = file, model
            self.cards[name] = card
            kept = [n for n in self._models if n in self._files]
            for old in kept[:-N_OPENED]:
                self._forget(old)
        return name, card

    def _forget(self, name: str) -> None:
        """Drops what was made of a model; it is read again when it is asked for."""
        self._models.pop(name, None)
        self._scratch.pop(name, None)
        self._statistics.pop(name, None)
        for key in [key for key in self._prepared if key[0] == name]:
            del self._prepared[key]
        self.rescues.drop(name)
        for memory in (self.paths, self.views):
            memory.drop(lambda key: key[0] == name)

    def is_opened(self, name: str) -> bool:
        """Tells whether a model came from a file and not with the project."""
        return name in self._files

    def model(self, name: str) -> nn.Module:
        """Returns the full-precision model, loaded when first asked for."""
        with self._lock:
            if name not in self._models:
                self._models[name] = self._load(str(self._files.get(name, name)))
            return self._models[name]

    def can_sample(self, name: str) -> bool:
        """Tells whether a model is a network, and not weights alone."""
        return bool(self.cards[name].data_shape)

    def _network(self, request: Request) -> nn.Module | None:
        return self.model(request.model) if self.can_sample(request.model) else None

    def forget_fits(self, request: Request) -> None:
        """Drops all codebooks of the request's model."""
        self.budgets.clear()
        self.prepared(request).forget()

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

    def has_statistics(self, name: str) -> bool:
        """Tells whether a model's basis is at hand."""
        return name in self._statistics

    def keep_statistics(self, name: str, statistics: Statistics) -> None:
        """Remembers the basis of a model that came without one."""
        self._statistics[name] = statistics

    def prepared(self, request: Request) -> PreparedModel:
        """Returns the sorted weights for the request's model, granularity and kept tensors."""
        return self._entry(request)[0]

    def weights_view(self, request: Request) -> WeightsView:
        """Makes the view of the chosen row."""
        return weights_view(request, self.prepared(request), partial(self.fit, request))

    def distance_view(self, request: Request) -> DistanceView:
        """Makes the view of all distances; complete curves are remembered."""
        prepared, known = self._entry(request)
        return distance_view(request, prepared, partial(self.fit, request), known)

    def fit(self, request: Request, scheme: str) -> Fit:
        """Returns the codebooks of one scheme for the request, fitted when first asked for.

        A scheme that does not have the request's bits gets the nearest that it has.
        """
        if request.bits is None:
            raise ValueError("Full precision has no codebooks; choose 1 to 8 bits.")
        if scheme == RESCUED:
            return self._rescued(request)
        if request.budget:
            return self.budgets.share(request, scheme)[1]
        bits = SCHEMES[scheme].nearest_bits(request.bits)
        return self.prepared(request).fit(scheme, bits, request.codebook_dtype)

    def _rescued(self, request: Request) -> Fit:
        fit = self.rescues.fit(request)
        if fit is None:
            raise ValueError("This network is not rescued yet; wait for the rescue to end.")
        return fit

    def attainable(self, request: Request) -> Request:
        """Returns what can be shown of a request now: before a rescue is done, that without it."""
        if request.rescue and (request.bits is None or self.rescues.fit(request) is None):
            return replace(request, rescue="")
        return request

    def is_ready(self, request: Request) -> bool:
        """Tells whether the weight views can be made at once, without sorting or fitting."""
        entry = self._prepared.get(_prepared_key(request))
        if entry is None or request.bits is None:
            return entry is not None
        prepared, _ = entry
        if request.budget:
            return self.has_curves(request)
        return all(
            prepared.is_fitted(s, SCHEMES[s].nearest_bits(request.bits), request.codebook_dtype)
            for s in request.schemes
        )

    def has_curves(self, request: Request) -> bool:
        """Tells whether a budget can be shared out at once, for all schemes on show."""
        if _prepared_key(request) not in self._prepared:
            return False
        schemes = {request.scheme, *request.schemes}
        return all(self.budgets.has_curves(request, scheme) for scheme in schemes)

    def _entry(self, request: Request) -> tuple[PreparedModel, CurveMemory]:
        """Returns what was sorted before, or sorts; the interface thread never comes to sort."""
        key = _prepared_key(request)
        entry = self._prepared.get(key)
        if entry is not None:
            return entry
        with self._lock:
            if key not in self._prepared:
                _, granularity, group_size, keep = key
                while len(self._prepared) >= N_PREPARED or self._is_over_budget():
                    self._prepared.pop(next(iter(self._prepared)))
                made = prepare(self.model(request.model), granularity, group_size, keep)
                self._prepared[key] = (made, {})
            return self._prepared[key]

    def _is_over_budget(self) -> bool:
        n_bytes = sum(prepared.n_bytes for prepared, _ in self._prepared.values())
        return bool(self._prepared) and n_bytes > self._prepared_bytes

    def has_room(self, request: Request, n_fits: int) -> bool:
        """Tells whether so many more fits of the request's model have room: a byte a weight."""
        prepared = self.prepared(request)
        n_bytes = prepared.n_bytes + n_fits * len(prepared.rows.values)
        return n_bytes <= self._prepared_bytes

    def check(self, request: Request) -> None:
        """Checks the request's names against what there is; opens a file that is named.

        Raises:
            ValueError: The model, a scheme or the class does not exist, or a file cannot be opened.
        """
        cards = self.cards
        if request.model not in cards and request.model.startswith(UPLOAD):
            raise ValueError(upload_is_gone(request.model))
        if request.model not in cards and is_file_name(request.model):
            self.open(request.model)
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
