"""The rescue line: a button that starts, stops and undoes, and tells how far it is."""

import pytest

from fmq_explore.explore import RescueView
from fmq_explore.rescue import RESCUES
from fmq_explore.ui.rescue import WAYS, RescueLine
from fmq_explore.ui.state import QUANTIZATION, Choice

OTHER = {
    "model": "moons",
    "scheme": "uniform",
    "bits": 4,
    "granularity": "tensor",
    "group_size": 32,
    "keep": ("bias",),
    "codebook_dtype": "float32",
    "budget": 100_000,
    "objective": "error",
}


@pytest.fixture
def line() -> RescueLine:
    return RescueLine(Choice())


def test_every_way_of_the_library_can_be_chosen() -> None:
    assert set(WAYS) == set(RESCUES)


def test_the_button_starts_stops_and_undoes(line) -> None:
    choice = line._choice
    assert line.button.description == "rescue"
    line.way.value = "levels"
    line.button.click()
    assert choice.rescue == "levels"
    assert line.button.description == "stop"
    assert line.way.disabled
    line.show(RescueView(30, 600, 0.61, 0.4))
    assert "61% → 40%" in line.progress.value
    assert "width:5.0%" in line.progress.value
    line.show(RescueView(600, 600, 0.61, 0.27))
    assert line.button.description == "undo"
    line.button.click()
    assert choice.rescue == ""
    assert line.button.description == "rescue"
    assert "fmq-rescue-bar" not in line.progress.value
    assert not line.way.disabled


def test_what_is_known_of_the_last_rescue_is_forgotten(line) -> None:
    line.button.click()
    line.show(RescueView(600, 600, 0.6, 0.3))
    line.button.click()
    line.show(RescueView(600, 600, 0.6, 0.3))  # it comes late, and nobody asked
    line.button.click()
    assert line.button.description == "stop"


@pytest.mark.parametrize("name", QUANTIZATION)
def test_another_network_is_not_rescued(line, name) -> None:
    line.button.click()
    setattr(line._choice, name, OTHER[name])
    assert line._choice.rescue == ""


def test_another_noise_or_row_leaves_the_rescue_alone(line) -> None:
    line.button.click()
    line._choice.seed, line._choice.row, line._choice.steps = 3, 2, 5
    assert line._choice.rescue


def test_a_link_restores_the_rescue() -> None:
    choice = Choice()
    line = RescueLine(choice)
    assert choice.apply_query("model=digits&bits=2&scheme=uniform&rescue=levels") == []
    assert (choice.rescue, line.way.value) == ("levels", "levels")
    assert "rescue=levels" in choice.query()


def test_there_is_nothing_to_rescue_at_full_precision_or_without_a_network(line) -> None:
    assert not line.button.disabled
    line._choice.bits = None
    assert line.button.disabled
    line._choice.bits = 2
    assert not line.button.disabled
    line.set_possible(False)
    assert line.button.disabled
