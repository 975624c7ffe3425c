"""Tutorials as a reader meets them: question, prediction, pictures, exercises with solutions."""

import ast
import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ALL = sorted((ROOT / "notebooks").glob("*.ipynb"))
TUTORIALS = [path for path in ALL if not path.name.startswith("00")]
MAX_BYTES = 600_000

DETAILS = re.compile(r"<details>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
MACHINE = re.compile(r"/(?:home|root|tmp|work|usr|Users)/|[A-Z]:\\\\|site-packages")

every_tutorial = pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
every_notebook = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def cells(path: Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The cells of a notebook, all or of one kind."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if kind in (None, cell["cell_type"])]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def is_live(cell: dict[str, Any]) -> bool:
    """A cell with a widget: skipped where outputs are made, run without comparison by nbval."""
    return "skip-execution" in cell["metadata"].get("tags", [])


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path, "code") for output in cell["outputs"]]


def pictures(path: Path) -> list[str]:
    """The pictures in the outputs, PNG or JPEG, as base64."""
    data = [output.get("data", {}) for output in outputs(path)]
    return ["".join(d[kind]) for d in data for kind in ("image/png", "image/jpeg") if kind in d]


def prose(path: Path) -> str:
    return "\n\n".join(source(cell) for cell in cells(path, "markdown"))


def test_there_are_tutorials() -> None:
    assert len(TUTORIALS) >= 4
    numbers = [path.name[:2] for path in ALL]
    assert len(set(numbers)) == len(numbers)


@every_tutorial
def test_it_opens_with_a_question(path: Path) -> None:
    first = cells(path)[0]
    assert first["cell_type"] == "markdown"
    title, *rest = source(first).splitlines()
    assert title.startswith(f"# {path.name[:2]} ")
    opening = " ".join(rest).strip()
    assert re.match(r"\*\*.*?\?\*\*", opening), "no question in bold below the title"


@every_tutorial
def test_it_asks_for_a_prediction(path: Path) -> None:
    text = prose(path)
    assert len(re.findall(r"\*\*(?:Before you run: )?predict", text, re.IGNORECASE)) >= 2


@every_tutorial
def test_it_ends_with_two_exercises_and_hidden_solutions(path: Path) -> None:
    text = prose(path)
    assert "## Exercises" in text
    solutions = DETAILS.findall(text[text.index("## Exercises") :])
    assert len(solutions) == 2
    for solution in solutions:
        assert "<summary>" in solution
        blocks = PYTHON.findall(solution)
        assert blocks, "a solution without code"
        for block in blocks:
            ast.parse(block)


@every_tutorial
def test_its_outputs_are_complete(path: Path) -> None:
    code = cells(path, "code")
    done = [cell for cell in code if not is_live(cell)]
    assert all(cell["execution_count"] is not None for cell in done), "not executed throughout"
    assert [cell["execution_count"] for cell in done] == list(range(1, len(done) + 1))
    assert not any(cell["outputs"] for cell in code if is_live(cell)), "a live cell with output"
    texts = [output for output in outputs(path) if output["output_type"] == "stream"]
    assert len(pictures(path)) >= 1
    assert len(texts) >= 3
    for picture in pictures(path):
        assert base64.b64decode(picture)[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0")


@every_notebook
def test_its_outputs_show_no_error_warning_or_machine(path: Path) -> None:
    for output in outputs(path):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", "".join(output["text"])
        data = output.get("data", {})
        text = "".join([*output.get("text", []), *data.get("text/plain", [])])
        assert "warning" not in text.lower()
        assert " at 0x" not in text, "the address of an object changes from run to run"
        assert not any("widget" in key for key in data), "a widget's output belongs to a live cell"
    assert not MACHINE.search(re.sub(r'"image/\w+": ".*?"', "", path.read_text(encoding="utf-8")))


@every_notebook
def test_it_is_small_and_carries_no_state(path: Path) -> None:
    assert path.stat().st_size < MAX_BYTES
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
    assert all(set(cell["metadata"]) <= {"tags"} for cell in notebook["cells"])


@every_notebook
def test_its_links_lead_somewhere(path: Path) -> None:
    planned = {"RESULTS.md", *(tutorial.name for tutorial in ALL)}
    for target in LINK.findall(prose(path)):
        assert (path.parent / target).is_file() or Path(target).name in planned, target


def test_readme_lists_every_notebook() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Tutorials") :].split("\n## ")[0]
    for path in ALL:
        assert f"notebooks/{path.name}" in section
    assert section.count("?") >= len(ALL)
