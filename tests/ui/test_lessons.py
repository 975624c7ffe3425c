"""Lessons state only what the library computes, anew, for the models that ship."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from urllib.parse import parse_qsl

import pytest
import torch
from torch import Tensor

from fmq_explore.explore import Request, Workspace, Yardsticks, full_size
from fmq_explore.explore.bounds import bound_view
from fmq_explore.explore.quality import quality_view
from fmq_explore.explore.sampling import class_labels, samples_view
from fmq_explore.explore.sensitivity import sensitivity_view
from fmq_explore.measure import layer_w2, pooled_w2, rms_divergence
from fmq_explore.quantize import Fit
from fmq_explore.ui.lessons import LESSONS, Lesson
from fmq_explore.ui.state import Choice
from fmq_explore.ui.tutorials import TUTORIALS

CASES = [(lesson, *figure) for lesson in LESSONS.values() for figure in lesson.figures]


def request_of(lesson: Lesson, changes: str) -> Request:
    """The request of a figure: one scheme at a time, with what differs from the lesson's view."""
    values = dict(parse_qsl(lesson.query)) | dict(parse_qsl(changes))
    request, problems = Request.from_mapping(values)
    assert not problems
    return replace(request, compare="", layer="", row=0)


def words(lesson: Lesson) -> str:
    return " ".join((lesson.question, lesson.look, lesson.answer))


@cache
def shared() -> tuple[Workspace, Yardsticks]:
    return Workspace(), Yardsticks()


def fit(request: Request) -> Fit:
    return shared()[0].fit(request, request.scheme)


@cache
def samples(request: Request):
    return samples_view(request, shared()[0], full_size(request, shared()[0]))


@cache
def sensitivities(request: Request) -> dict[str, float]:
    view = sensitivity_view(request, *shared())
    return dict(zip(view.layers, view.errors, strict=True))


@cache
def bounds_of(request: Request):
    return bound_view(request, *shared()).bounds


@cache
def quality(request: Request) -> dict[str, float]:
    view = quality_view(request, *shared())
    point = view.live[0] if view.live else view.live_reference
    return {name: estimate.value for name, estimate in point.estimates.items()}


@cache
def velocities(request: Request) -> tuple[Tensor, Tensor]:
    """The reference's velocity along its own path, and what quantization adds to it."""
    workspace = shared()[0]
    path = samples(request).reference.path
    network, scratch = workspace.model(request.model), workspace.scratch(request.model)
    labels = class_labels(request, network.n_classes, path.shape[1])
    fit(request).write_into(scratch)
    with torch.no_grad():
        steps = [(x, torch.full((len(x),), k / request.steps)) for k, x in enumerate(path[:-1])]
        v = torch.stack([network(x, t, labels) for x, t in steps])
        return v, torch.stack([scratch(x, t, labels) for x, t in steps]) - v


def tensors(request: Request, lesson: Lesson) -> tuple[Tensor, Tensor]:
    """The lesson's tensor before and after."""
    workspace, name = shared()[0], dict(parse_qsl(lesson.query))["layer"]
    scratch = workspace.scratch(request.model)
    fit(request).write_into(scratch)
    pair = (workspace.model(request.model), scratch)
    before, after = (m.get_parameter(name).detach().clone() for m in pair)
    return before, after


def gap(request: Request, time: float) -> float:
    view = samples(request)
    divergence = rms_divergence(view.reference.path, view.primary.path)
    return float(divergence[round(time * request.steps)])


MEASURES: dict[str, Callable[[Request, Lesson, str], float]] = {
    "w2": lambda r, _, __: fit(r).w2,
    "true_bits": lambda r, _, __: fit(r).bits_per_weight,
    "compression": lambda r, _, __: 4 * shared()[0].prepared(r).n_weights / fit(r).n_bytes,
    "longest_row": lambda r, _, __: max(
        torch.tensor(shared()[0].prepared(r).shape(name))[1:].prod().item()
        for name in shared()[0].prepared(r).names
    ),
    "psnr": lambda r, _, __: samples(r).primary.fidelity["PSNR"],
    "gap": lambda r, _, time: gap(r, float(time)),
    "sensitivity": lambda r, _, name: max(
        error for layer, error in sensitivities(r).items() if layer.startswith(name)
    ),
    "velocity error": lambda r, _, __: float(velocities(r)[1].norm() / velocities(r)[0].norm()),
    "velocity lost": lambda r, _, __: abs(
        float((velocities(r)[0] * velocities(r)[1]).sum() / velocities(r)[0].square().sum())
    ),
    "row w2": lambda r, lesson, _: layer_w2(*tensors(r, lesson)),
    "pooled w2": lambda r, lesson, _: pooled_w2(*tensors(r, lesson)),
    "log norm": lambda r, _, __: bounds_of(r).log_norm,
    "log norm is negative up to": lambda r, _, __: float(
        bounds_of(r).times[:-1][bounds_of(r).log_norm_over_t < 0][-1]
    ),
    "bound": lambda r, _, name: getattr(bounds_of(r), name),
    "quality": lambda r, _, name: quality(r)[name],
}


@pytest.mark.parametrize(
    ("lesson", "measure", "changes", "stated"),
    CASES,
    ids=[f"{lesson.name}: {measure}, {changes}" for lesson, measure, changes, _ in CASES],
)
def test_every_number_in_an_answer_is_true(
    lesson: Lesson, measure: str, changes: str, stated: str
) -> None:
    assert stated in words(lesson)
    name = max((m for m in MEASURES if measure.startswith(m)), key=len)
    found = MEASURES[name](request_of(lesson, changes), lesson, measure[len(name) :].strip())
    number, _, unit = stated.partition(" ")
    number = number.replace(",", "")
    scale = {"%": 0.01, "million": 1e6}.get(unit, 1.0)
    # Half a unit of the last digit, and a little for sums that another machine rounds otherwise
    tolerance = scale * 0.5 * 10.0 ** -len(number.partition(".")[2])
    assert found == pytest.approx(float(number) * scale, abs=1.02 * tolerance, rel=2e-3)


def test_the_mid_network_bears_what_the_ends_do_not() -> None:
    """What the lesson says in words: like errors of the weights, unlike ones of the velocity."""
    lesson = LESSONS["breaks-first"]
    request = request_of(lesson, "")
    errors = [fit(request).tensor_relative_error(n) for n in sensitivities(request)]
    assert min(errors) > 0.2
    assert max(errors) < 0.45
    *_, second, worst = sorted(sensitivities(request), key=sensitivities(request).__getitem__)
    assert worst == "last.weight"
    assert not second.startswith("middle")


@pytest.mark.parametrize("seed", [1, 2])
def test_the_clipped_grid_beats_the_optimum_at_other_seeds_too(seed: int) -> None:
    lesson = LESSONS["optimum"]
    psnr = {
        scheme: samples(request_of(lesson, f"scheme={scheme}&seed={seed}")).primary.fidelity["PSNR"]
        for scheme in ("optimal", "clipped")
    }
    assert psnr["clipped"] > psnr["optimal"] + 1


def test_the_optimum_is_below_both_at_every_width() -> None:
    request = request_of(LESSONS["crossover"], "")
    for bits in range(1, 9):
        at = {s: fit(replace(request, scheme=s, bits=bits)).w2 for s in ("optimal", "uniform")}
        at["equal_mass"] = fit(replace(request, scheme="equal_mass", bits=bits)).w2
        assert at["optimal"] <= min(at["uniform"], at["equal_mass"])


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_a_lesson_is_a_view_that_exists(lesson: Lesson) -> None:
    choice = Choice()
    assert choice.apply_query(lesson.query) == []
    assert lesson.question.endswith("?")
    assert lesson.tutorial in TUTORIALS
    assert len(lesson.answer) < 620
    shared()[0].check(choice.request())


def test_there_are_lessons_enough_and_none_states_a_number_untested() -> None:
    assert len(LESSONS) >= 7
    for lesson in LESSONS.values():
        stated = " ".join(figure[2] for figure in lesson.figures)
        for number in re.findall(r"\d+\.\d+|\d+ %", words(lesson)):
            assert number in stated, f"{lesson.name} states {number} without a source"
