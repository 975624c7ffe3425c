"""Imports run downwards only: ui -> explore -> measure, hardware, zoo -> flow, quantize -> data."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import fmq_explore

PACKAGE = Path(fmq_explore.__file__).parent
FACE = PACKAGE / "__init__.py"
FILES = sorted(PACKAGE.rglob("*.py"))

RANK = {
    "_lazy": -1,
    "assets": 0,
    "data": 0,
    "palette": 0,
    "flow": 1,
    "foreign": 1.5,
    "quantize": 1,
    "measure": 2,
    "hardware": 2,
    "integer": 2,
    "figures": 2,
    "zoo": 2,
    "allocation": 2.5,
    "explore": 3,
    "comparison": 3,
    "rescue": 2.5,
    "readers": 3,
    "sweep": 3,
    "workshop": 4,
    "ui": 4,
    "cli": 5,
}
"""A module imports from its own part and from lower ranks; equals do not know each other."""

READS_DATA = ("zoo", "flow.train", "workshop", "readers", "cli")
WIDGETS = {"IPython", "anywidget", "bokeh", "ipywidgets", "jupyter_bokeh", "traitlets"}
QUANTIZE_NEEDS = {"numba", "numpy", "safetensors", "torch"}

LAZY_EXCEPTION = ("quantize", "flow", {"build_network"})
"""A quantized file names its network; `load_quantized` builds it, inside a function, when asked."""


class Import(NamedTuple):
    """One imported module: its dotted name, the names taken from it, whether a function does it."""

    target: str
    names: frozenset[str]
    is_lazy: bool


def imports(module: str, source: str, is_package: bool = False) -> Iterator[Import]:
    """Finds every import statement of a module, relative ones resolved."""
    parents = module.split(".") if is_package else module.split(".")[:-1]

    def visit(node: ast.AST, is_lazy: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield Import(alias.name, frozenset(), is_lazy)
            elif isinstance(child, ast.ImportFrom):
                base = parents[: len(parents) + 1 - child.level] if child.level else []
                target = ".".join([*base, *([child.module] if child.module else [])])
                yield Import(target, frozenset(a.name for a in child.names), is_lazy)
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from visit(child, is_lazy or function)

    yield from visit(ast.parse(source), False)


def parts(found: Import) -> set[str]:
    """Names the parts of the package that an import reaches; none for a foreign module."""
    root, *rest = found.target.split(".")
    if root != "fmq_explore":
        return set()
    return {rest[0]} if rest else {HOMES.get(name, name) for name in found.names} - {"__version__"}


HOMES = {
    name: item.target.split(".")[1]
    for item in imports("fmq_explore", FACE.read_text(), is_package=True)
    if item.target.startswith("fmq_explore.")
    for name in item.names
}
"""The part in which each name of the package's face lives."""


def violations(module: str, source: str, is_package: bool = False) -> list[str]:
    """Lists what a module imports against the rules, one sentence each."""
    part = module.split(".")[1]
    inner = module.removeprefix("fmq_explore.")
    found = []
    for item in imports(module, source, is_package):
        root = item.target.split(".")[0]
        if root in WIDGETS and part != "ui":
            found.append(f"{module} imports {root}, but only ui/ may know widgets")
        foreign = (
            root not in {"fmq_explore", *QUANTIZE_NEEDS} and root not in sys.stdlib_module_names
        )
        if part == "quantize" and foreign:
            found.append(f"{module} imports {root}, but quantize/ needs only {QUANTIZE_NEEDS}")
        for other in parts(item) - {part}:
            allowed = RANK[other] < RANK[part] or (
                (part, other, item.names) == LAZY_EXCEPTION and item.is_lazy
            )
            if not allowed:
                found.append(f"{module} imports {other}, which is not below {part}")
            elif other == "data" and not inner.startswith(READS_DATA):
                found.append(f"{module} imports data, which is for {READS_DATA} only")
    return found


@pytest.mark.parametrize(
    "path", [f for f in FILES if f != FACE], ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_run_downwards(path: Path) -> None:
    relative = path.relative_to(PACKAGE).with_suffix("")
    is_package = relative.name == "__init__"
    names = relative.parts[:-1] if is_package else relative.parts
    assert names[0] in RANK, f"{names[0]} has no place in the layers: give it a rank in RANK."
    module = ".".join(["fmq_explore", *names])
    assert not violations(module, path.read_text(), is_package)


def test_the_face_imports_nothing_but_the_lazy_loader() -> None:
    """The rest stands under TYPE_CHECKING, and tests/test_import.py sees what really loads."""
    body = ast.parse(FACE.read_text()).body
    found = [node.module for node in body if isinstance(node, ast.ImportFrom)]
    assert found == ["typing", "_lazy"]
    assert not any(isinstance(node, ast.Import) for node in body)


def test_imports_by_name_are_the_lazy_loader_and_the_one_exception() -> None:
    """A string that is imported would slip through the test above."""
    texts = {str(f.relative_to(PACKAGE)): f.read_text() for f in FILES}
    users = {name for name, text in texts.items() if "import_module(" in text}
    assert users <= {"_lazy.py", "quantize/model.py"}
    for name in users - {"_lazy.py"}:
        strings = [n.value for n in ast.walk(ast.parse(texts[name])) if isinstance(n, ast.Constant)]
        modules = [s for s in strings if isinstance(s, str) and re.fullmatch(r"[\w.]*\.\w+", s)]
        assert modules == ["fmq_explore.flow"]  # as in LAZY_EXCEPTION


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("quantize.rows", "from ..flow import sample"),
        ("quantize.rows", "from .. import sample"),
        ("quantize.rows", "from fmq_explore.flow import build_network"),
        ("quantize.rows", "def f():\n    from ..flow import sample"),
        ("quantize.rows", "import scipy"),
        ("flow.unet", "import fmq_explore.quantize"),
        ("flow.unet", "def f():\n    from fmq_explore import quantize_model"),
        ("flow.unet", "from ..data import load"),
        ("measure.weights", "from ..zoo import load_model"),
        ("measure.weights", "if True:\n    from bokeh.plotting import figure"),
        ("explore.stages", "import ipywidgets as widgets"),
        ("explore.stages", "from ..ui.panels import weights"),
        ("explore.stages", "from ..data import load"),
        ("cli", "import traitlets.config"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str) -> None:
    assert len(violations(f"fmq_explore.{module}", source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("quantize.rows", "import numpy as np\nfrom .grid import uniform\nimport math"),
        ("quantize.model", "def f():\n    from ..flow import build_network"),
        ("flow.train", "from ..data import load"),
        ("explore.stages", "from ..measure import psnr\nfrom fmq_explore import sample"),
        ("explore.stages", "from .. import __version__"),
        (
            "ui.panels",
            "import bokeh\nfrom ..explore import Request\nfrom ..quantize import SCHEMES",
        ),
        ("cli", "from .ui import app\nfrom .flow.train import train\nfrom .data import load"),
    ],
)
def test_a_right_import_is_left_alone(module: str, source: str) -> None:
    assert not violations(f"fmq_explore.{module}", source)
