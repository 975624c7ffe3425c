"""The state travels in a link, whole, and controls and state never disagree."""

import pytest

from fmq_explore.explore import Request
from fmq_explore.ui.catalog import Catalog, ModelEntry
from fmq_explore.ui.controls import FULL, Controls
from fmq_explore.ui.state import REQUEST_NAMES, VIEW_NAMES, Choice

CATALOG = Catalog(
    models={
        "moons": ModelEntry("Moons", ()),
        "mnist": ModelEntry("MNIST", tuple("0123456789")),
    },
    schemes={"uniform": "uniform (min-max)", "optimal": "OT, exact W2"},
    solvers={"euler": "Euler", "midpoint": "midpoint"},
)


@pytest.fixture
def choice() -> Choice:
    return Choice()


@pytest.fixture
def controls(choice: Choice) -> Controls:
    made = Controls(choice)
    made.fill(CATALOG)
    return made


def test_the_state_begins_as_the_default_request(choice: Choice) -> None:
    assert choice.request() == Request()
    assert choice.query() == ""


def test_a_link_restores_computed_and_looked_at(choice: Choice) -> None:
    choice.apply(Request(model="moons", scheme="uniform", bits=None, seed=3, keep=("time",)))
    choice.weights_as, choice.distance_of, choice.samples_as = "transport", "layers", "difference"
    choice.time, choice.theme = 0.25, "dark"
    other = Choice()
    assert other.apply_query(choice.query()) == []
    names = (*REQUEST_NAMES, *VIEW_NAMES)
    assert {n: getattr(other, n) for n in names} == {n: getattr(choice, n) for n in names}


def test_a_broken_link_says_so_and_changes_nothing_else(choice: Choice) -> None:
    problems = choice.apply_query("?bits=many&theme=pink&time=noon&seed=4&unknown=1")
    assert len(problems) == 3
    assert choice.seed == 4
    assert choice.bits == 3
    assert choice.theme == "auto"


def test_reset_returns_everything_but_the_theme(choice: Choice) -> None:
    choice.apply(Request(model="moons", bits=7, seed=9))
    choice.time, choice.theme = 0.5, "dark"
    choice.reset()
    assert choice.request() == Request()
    assert choice.time == 1.0
    assert choice.theme == "dark"


@pytest.mark.parametrize(
    ("name", "widget_value", "state_value"),
    [
        ("scheme", "uniform", "uniform"),
        ("compare", "optimal", "optimal"),
        ("bits", 7, 7),
        ("bits", FULL, None),
        ("granularity", "group", "group"),
        ("group_size", 31, 31),
        ("codebook_dtype", "float32", "float32"),
        ("solver", "euler", "euler"),
        ("steps", 21, 21),
        ("label", 4, 4),
        ("guidance", 2.5, 2.5),
        ("seed", 12, 12),
        ("model", "moons", "moons"),
    ],
)
def test_controls_and_state_follow_each_other(
    choice: Choice, controls: Controls, name: str, widget_value, state_value
) -> None:
    widget = getattr(controls, name)
    before_state, before_widget = getattr(choice, name), widget.value
    widget.value = widget_value
    assert getattr(choice, name) == state_value
    setattr(choice, name, before_state)
    assert widget.value == before_widget


def test_every_control_has_a_tooltip_of_one_sentence(controls: Controls) -> None:
    names = ("model", "scheme", "compare", "bits", "granularity", "group_size", "codebook_dtype")
    names += ("layer", "solver", "steps", "label", "guidance", "seed", "new_noise")
    widgets = [getattr(controls, name) for name in names] + list(controls.keep.values())
    for widget in widgets:
        assert widget.tooltip
        assert widget.tooltip.endswith(".")
        assert widget.tooltip.count(".") == 1


def test_kept_tensors_are_buttons_and_unknown_names_survive(
    choice: Choice, controls: Controls
) -> None:
    choice.keep = ("bias", "net.3.weight")
    assert controls.keep["bias"].value
    assert not controls.keep["norm"].value
    controls.keep["time"].value = True
    assert set(choice.keep) == {"bias", "time", "net.3.weight"}


def test_a_model_without_classes_drops_the_class(choice: Choice, controls: Controls) -> None:
    choice.label = 4
    choice.model = "moons"
    assert choice.label is None
    assert controls.label.disabled
    choice.model = "mnist"
    assert not controls.label.disabled
    assert len(controls.label.options) == 12


def test_lists_do_not_change_the_state_while_they_are_filled(
    choice: Choice, controls: Controls
) -> None:
    seen: list = []
    choice.observe(seen.append)
    controls.set_layers(("a.weight", "b.weight"), "b.weight")
    assert not seen
    assert controls.layer.value == "b.weight"
    controls.layer.value = "a.weight"
    assert choice.layer == "a.weight"


def test_a_state_that_is_not_on_a_list_goes_back_to_the_default(choice: Choice) -> None:
    choice.scheme, choice.model = "magic", "nobody"
    problems = Controls(choice).fill(CATALOG)
    assert choice.scheme == "optimal"
    assert choice.model == "mnist"
    assert problems == [
        "model is 'nobody'; choose one of moons, mnist.",
        "scheme is 'magic'; choose one of uniform, optimal.",
    ]
