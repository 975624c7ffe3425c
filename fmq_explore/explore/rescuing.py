"""The rescue stage: a quantized network is trained while its samples are watched."""

__all__ = ["Rescues", "Watched", "without_rescue"]

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from torch import nn

from ..quantize import Fit, QuantizedModel
from ..quantize.model import from_fit
from ..quantize.retrained import adopt
from ..rescue import RESCUES, Rescue, Targets, Tuner, feed_back_errors
from .request import Request
from .results import RescueView

MAX_DONE, MAX_BEGUN = 8, 2
N_AVERAGED = 25


class Rescues:
    """Remembers rescued networks, and those that were begun and left: they go on from there."""

    def __init__(self) -> None:
        self._done: OrderedDict[tuple, tuple[Fit, RescueView]] = OrderedDict()
        self._begun: OrderedDict[tuple, _Course] = OrderedDict()
        self._lock = Lock()

    def fit(self, request: Request) -> Fit | None:
        """Returns the rescued network of a request, None before it is one."""
        done = self._done.get(rescue_key(request))
        return done and done[0]

    def view(self, request: Request) -> RescueView | None:
        """Returns how far the rescue of a request is, None before it was begun."""
        key = rescue_key(request)
        done = self._done.get(key)
        if done is not None:
            return done[1]
        begun = self._begun.get(key)
        return begun and begun.view()

    def drop(self, model: str) -> None:
        """Forgets what was made of a model."""
        with self._lock:
            for memory in (self._done, self._begun):
                for key in [key for key in memory if key[0] == model]:
                    del memory[key]

    def run(
        self,
        request: Request,
        plain: Fit,
        model: nn.Module,
        watch: Callable[["Watched"], Any],
        should_stop: Callable[[], bool],
        progress: Callable[[float], Any] | None = None,
    ) -> Fit:
        """Rescues the network of a request, or goes on with it.

        Args:
            request: What is to be rescued, and how.
            plain: The network as it was quantized.
            model: The full-precision network.
            watch: Called after every step.
            should_stop: Asked before every step; what was reached is kept.
            progress: Told the finished fraction of what comes before the first step.

        Raises:
            fmq_explore.flow.Cancelled: ``should_stop`` said so.
        """
        key = rescue_key(request)
        with self._lock:
            course = self._begun.pop(key, None) or _Course(RESCUES[request.rescue], plain, model)
            self._begun[key] = course
            while len(self._begun) > MAX_BEGUN:
                self._begun.popitem(last=False)
        fit = adopt(plain, course.run(watch, should_stop, progress))
        with self._lock:
            self._begun.pop(key, None)
            self._done[key] = fit, course.view()
            while len(self._done) > MAX_DONE:
                self._done.popitem(last=False)
        return fit


class _Course:
    """One rescue from beginning to end: codes, then training."""

    def __init__(self, rescue: Rescue, plain: Fit, model: nn.Module) -> None:
        self._rescue, self._model = rescue, model
        self._plain = from_fit(plain, model)
        self._error_before = float("nan")
        self._tuner: Tuner | None = None

    def run(
        self,
        watch: Callable[["Watched"], Any],
        should_stop: Callable[[], bool],
        progress: Callable[[float], Any] | None = None,
    ) -> QuantizedModel:
        def after_step(tuner: Tuner) -> None:
            watch(Watched(self.view(), tuner.student.write_into))

        rescue, model = self._rescue, self._model
        if self._tuner is None:
            start = self._plain
            # few paths, and others than those that training begins with
            others = Targets(model, n=32, seed=rescue.recipe.seed + 1)
            self._error_before = others.error(start.model)
            if rescue.feeds_back:
                start = feed_back_errors(start, model, should_stop=should_stop, progress=progress)
            self._tuner = Tuner(rescue.student(start, model, should_stop), rescue.recipe)
        self._tuner.run(after_step, should_stop)
        return self._tuner.student.quantized()

    def view(self) -> RescueView:
        errors = self._tuner.errors if self._tuner else []
        return RescueView(
            step=len(errors),
            steps=self._rescue.recipe.steps,
            error_before=self._error_before,
            error=_mean(errors[-N_AVERAGED:]),
        )


@dataclass(frozen=True)
class Watched:
    """A moment of a rescue: how far it is, and how to get the weights of that moment."""

    view: RescueView
    write_into: Callable[[nn.Module], None]


def rescue_key(request: Request) -> tuple:
    """Names a rescue by all that decides it: the model first, then how it is quantized."""
    group_size = request.group_size if request.granularity == "group" else None
    rule = (request.granularity, group_size, request.keep, request.codebook_dtype)
    return (request.model, request.rescue, request.scheme, *request.widths, *rule)


def without_rescue(request: Request) -> Request:
    """Returns the request for the network as it was before."""
    return replace(request, rescue="")


def _mean(values: list[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values else float("nan")
