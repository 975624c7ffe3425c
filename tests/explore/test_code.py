"""The code behind the button is run, and gives the very numbers on screen."""

import pytest
import torch

from fmq_explore.explore import Request, Workspace, code_for, explore, full_size


@pytest.mark.parametrize(
    "request_",
    [
        Request(model="moons", bits=2, scheme="equal_mass", compare="clipped", steps=3, seed=5),
        Request(model="moons", bits=5, granularity="group", group_size=40, keep=(), solver="heun"),
        Request(model="moons", bits=None, steps=2),
        Request(model="moons", bits=4, scheme="binary", compare="minifloat", steps=2),
        Request(model="moons", bits=3, scheme="ternary", granularity="shared", steps=2),
    ],
    ids=["compare", "group", "full", "nearest", "shared"],
)
def test_the_code_repeats_the_screen(request_: Request, capsys) -> None:
    workspace = Workspace()
    results = explore(request_, workspace)
    names: dict = {}
    exec(code_for(request_, full_size(request_, workspace), n_classes=2), names)
    assert torch.equal(names["flow"].path, results.samples.reference.path)
    if request_.bits is not None:
        assert names["qm"].n_bytes == results.distance.primary.n_bytes
        assert torch.equal(names["flow_q"].path, results.samples.primary.path)
        assert str(results.distance.primary.n_bytes) in capsys.readouterr().out
    if request_.compare:
        assert torch.equal(names["flow_q_2"].path, results.samples.compare.path)


def test_classes_are_written_out() -> None:
    request = Request(label=None, guidance=2.0)
    text = code_for(request, full_size_of_images(), n_classes=10)
    assert "label=torch.arange(64) % 10" in text
    assert "guidance=2" in text
    assert text.startswith("import fmq_explore as fmq\nimport torch\n")
    assert "label=7" in code_for(Request(label=7), full_size_of_images(), n_classes=10)


def full_size_of_images():
    from fmq_explore.explore import SampleSize

    return SampleSize(64, 10)
