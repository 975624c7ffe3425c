"""What is planned, and when two tasks are the same."""

from dataclasses import fields, replace

import pytest
import torch

from fmq_explore.sweep.tasks import DEFAULT_SCHEMES, Task, content_key, fingerprint, plan
from fmq_explore.zoo import available_models, load_model


def test_the_plan_is_the_product_and_one_baseline_a_seed():
    tasks = plan(["moons", "spiral"], ["uniform", "optimal"], [2, 5], ["channel"], [3, 4, 5])
    assert len(tasks) == len(set(tasks)) == 2 * (2 * 2 * 1 * 3 + 3)
    baseline = [t for t in tasks if t.is_baseline]
    assert [(t.model, t.seed, t.bits, t.granularity) for t in baseline] == [
        (model, seed, 32, "") for model in ("moons", "spiral") for seed in (3, 4, 5)
    ]


def test_by_default_it_is_the_whole_experiment():
    tasks = plan()
    images = [name for name, card in available_models().items() if len(card.data_shape) == 3]
    assert len(tasks) == len(images) * (len(DEFAULT_SCHEMES) * 7 * 2 + 1) * 3
    assert {t.n for t in tasks} == {128}
    assert {t.steps for t in tasks} == {6}


def test_a_scheme_is_measured_at_the_bits_it_has():
    tasks = plan(["moons"], ["ternary", "uniform"], [1, 2, 3], ["channel"], [0])
    found = [(t.scheme, t.bits) for t in tasks if not t.is_baseline]
    assert found == [("ternary", 2), ("uniform", 1), ("uniform", 2), ("uniform", 3)]


def test_latents_are_asked_of_the_first_seed_only():
    tasks = plan(["moons"], ["uniform"], [2], ["channel"], [7, 1])
    assert {t.seed for t in tasks if t.latents} == {7}
    assert sum(t.latents for t in tasks) == 2


def test_tasks_of_a_model_stand_side_by_side_and_groups_have_a_size():
    tasks = plan(["moons", "spiral"], ["uniform"], [2], ["group", "tensor"], [0], group_size=16)
    assert [t.model for t in tasks] == ["moons"] * 3 + ["spiral"] * 3
    assert {t.granularity: t.group_size for t in tasks} == {"": None, "group": 16, "tensor": None}


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"models": ["celeba"]}, "no model 'celeba'"),
        ({"models": ["moons"], "schemes": ["optimum"]}, "scheme 'optimum' is unknown"),
        ({"models": ["moons"], "schemes": ["binary"], "bits": [4, 2]}, "'binary' has 1 bit only"),
        ({"models": ["moons"], "schemes": ["full"]}, "scheme 'full' is unknown"),
        ({"models": ["moons"], "granularities": ["row"]}, "granularity 'row' is unknown"),
        ({"models": ["moons"], "solver": "rk5"}, "solver 'rk5' is unknown"),
        ({"models": ["moons"], "bits": [0, 2]}, "bits is 0: use a whole number from 1 to 8"),
        ({"models": ["moons"], "bits": [2.0]}, "bits is 2.0"),
        ({"models": ["moons"], "seeds": [-1]}, "seed is -1"),
        ({"models": ["moons"], "n": 2}, "n is 2: use a whole number from 4"),
        ({"models": ["moons"], "keep": ["head"]}, "keep entry 'head' matches no tensor"),
        ({"models": ["moons"], "codebook_dtype": "int8"}, "codebook_dtype 'int8' is unknown"),
        ({"models": []}, "the sweep is empty"),
        ({"models": ["moons"], "seeds": []}, "the sweep is empty"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(what, words):
    with pytest.raises(ValueError, match=words) as caught:
        plan(**what)
    assert "\n" not in str(caught.value)


def test_every_part_of_a_task_is_in_its_key():
    task = Task("moons", "uniform", 2)
    other = {str: "x", int: 9, type(None): 9, bool: False, tuple: ("bias",)}
    names = [f.name for f in fields(Task)]
    changed = [replace(task, **{name: other[type(getattr(task, name))]}) for name in names]
    keys = {content_key(one, "a") for one in changed}
    keys |= {content_key(task, "a"), content_key(task, "b")}
    assert len(keys) == len(names) + 2
    assert content_key(replace(task), "a") in keys


def test_a_fingerprint_changes_with_a_single_weight_and_with_nothing_else():
    model, same = load_model("moons"), load_model("moons")
    assert fingerprint(model) == fingerprint(same)
    with torch.no_grad():
        next(same.parameters()).view(-1)[0] += 1e-6
    assert fingerprint(model) != fingerprint(same)
