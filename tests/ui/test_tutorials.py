"""The box of a tutorial says what the notebook itself says."""

import json
from pathlib import Path

import pytest

from fmq_explore.ui.tutorials import TUTORIALS, Tutorial, tutorial_html

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.mark.parametrize("tutorial", TUTORIALS.values(), ids=TUTORIALS)
def test_title_and_question_are_those_of_the_notebook(tutorial: Tutorial) -> None:
    notebook = json.loads((NOTEBOOKS / f"{tutorial.name}.ipynb").read_text(encoding="utf-8"))
    text = "".join(notebook["cells"][0]["source"]).replace("*", "")
    opening = " ".join(text.split())
    assert opening.startswith(f"# {tutorial.number} · {tutorial.title} {tutorial.question}")


def test_the_box_names_file_and_command() -> None:
    text = tutorial_html(TUTORIALS["04_crossover"])
    assert "notebooks/04_crossover.ipynb" in text
    assert "jupyter lab notebooks/04_crossover.ipynb" in text
    assert 'class="fmq-lab-only"' in text
