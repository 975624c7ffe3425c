"""Checks an installed wheel: it brings its own models and app, and takes nothing from the clone."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import fmq_explore as fmq
from fmq_explore import hardware, measure, zoo

SECONDS = 180


def check_models(package: Path, repository: Path) -> None:
    """Every model of the clone is in the wheel, and runs."""
    shipped = {path.stem for path in (repository / "assets" / "models").glob("*.json")}
    found = set(fmq.available_models())
    assert shipped, f"{repository} has no models to ship"
    assert found == shipped, f"the wheel has {sorted(found)}, the clone has {sorted(shipped)}"
    assert package in zoo.assets_folder().resolve().parents, "the models are not the wheel's"
    for name in sorted(found):
        flow = fmq.sample(fmq.load_model(name), n=2, steps=1)
        assert flow.samples.isfinite().all(), f"{name} gives samples that are not finite"
        print(f"{name}: {tuple(flow.samples.shape)}")


def check_readers(repository: Path) -> None:
    """Every reader and all real test data of the clone are in the wheel, and fit each other."""
    readers = {path.stem for path in (repository / "assets" / "readers").glob("*.json")}
    references = {p.stem for p in (repository / "assets" / "reference").glob("*.safetensors")}
    assert readers, f"{repository} has no readers to ship"
    assert set(measure.available_readers()) == readers, "the wheel lacks readers of the clone"
    assert set(measure.available_references()) == references, "the wheel lacks real data"
    for name in sorted(readers):
        judge = measure.Judge.load(name)
        assert judge.reader is not None, f"{name} has no reader"
        assert judge.reference is not None, f"{name} has no real data"
        right = measure.readability(judge.reader, judge.reference.images, judge.reference.labels)
        assert right.float().mean() > 0.7, f"the reader of {name} does not read"
        print(f"{name}: reads {right.float().mean():.1%} of {len(right)} real images")


def check_chips() -> None:
    """The chips and the kernels, which are data, are in the wheel."""
    found = hardware.assess_all(fmq.load_model("digits"))
    assert len(found) == len(hardware.available_devices()) > 10, "the wheel lacks chips"
    assert any(one.stacks for one in found), "the wheel lacks kernels"
    print(f"chips: {len(found)}")


def check_app() -> None:
    """The app starts from here and its notebook runs to the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [Path(sys.executable).with_name("fmq-explore"), "app", "--no-browser"]
    server = subprocess.Popen([*command, f"--port={port}"])
    try:
        page = read_page(f"http://127.0.0.1:{port}/")
    finally:
        server.terminate()
        server.wait(30)
    assert "error when executing" not in page, "the app's notebook failed"
    assert "widget-view" in page, "the app's page has no widgets"
    assert "fmq" in page, "the page was not made with the project's template"
    assert "cdn." not in page, "the page links a CDN"
    print(f"app: a page of {len(page)} characters")


def read_page(address: str) -> str:
    """Reads a page as soon as the server answers."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            with urlopen(address, timeout=SECONDS) as answer:
                return answer.read().decode()
        except (URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    clone = Path(os.environ["REPOSITORY"]).resolve()
    home = Path(fmq.__file__).resolve().parent
    assert clone not in home.parents, f"{home} is the clone, not the wheel"
    check_models(home, clone)
    check_readers(clone)
    check_chips()
    check_app()
