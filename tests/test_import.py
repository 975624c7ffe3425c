"""The import is light, public names resolve, and `quantize` is both a package and a function."""

import subprocess
import sys

HEAVY = "bokeh ipywidgets numba ot sklearn torchdiffeq torchmetrics"

ORDERS = [
    "import fmq_explore as fmq; fmq.quantize(w)",
    "from fmq_explore import quantize; quantize(w); quantize.quantize(w)",
    "import fmq_explore.quantize; fmq_explore.quantize(w)",
    "from fmq_explore.quantize import quantize; quantize(w)",
    "from fmq_explore.quantize import quantize_model; import fmq_explore; fmq_explore.quantize(w)",
    "import fmq_explore as fmq; fmq.quantize_model; fmq.quantize(w); fmq.quantize.SCHEMES",
    "import fmq_explore.quantize.rows; fmq_explore.quantize(w); fmq_explore.quantize.rows",
    "from fmq_explore import *; quantize(w); quantize.SCHEMES",
]


def run(code: str) -> str:
    """Runs code in a fresh interpreter and returns what it printed."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_loads_nothing_heavy() -> None:
    found = run(
        "import sys, torch; before = set(sys.modules); import fmq_explore\n"
        f"print(*[name for name in {HEAVY!r}.split() if name in sys.modules])\n"
        "print(len(set(sys.modules) - before))"
    ).splitlines()
    assert found[0] == ""
    assert int(found[1]) <= 3


def test_every_public_name_resolves() -> None:
    names = run(
        "import fmq_explore\n"
        "assert sorted(fmq_explore.__all__) == dir(fmq_explore)\n"
        "print(*[n for n in fmq_explore.__all__ if getattr(fmq_explore, n, None) is None])"
    )
    assert names == "\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert run("import fmq_explore; print(hasattr(fmq_explore, 'unknown'))") == "False\n"


def test_quantize_is_a_function_and_a_package_in_any_order() -> None:
    run(
        "import sys, torch\n"
        "w = torch.linspace(-1, 1, 64).reshape(4, 16)\n"
        f"for order in {ORDERS!r}:\n"
        "    for name in [n for n in sys.modules if n.split('.')[0] == 'fmq_explore']:\n"
        "        del sys.modules[name]\n"
        "    exec(order, {'w': w})\n"
    )
