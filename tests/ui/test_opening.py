"""Opening files in the app, without a browser: what is chosen, what is said, what stays."""

import threading
from pathlib import Path

import pytest
import torch

from fmq_explore.explore import Explorer, Request, Workspace
from fmq_explore.flow import MLP, Recipe, Trainer
from fmq_explore.foreign import limits
from fmq_explore.ui.app import ExplorerApp
from fmq_explore.ui.catalog import Catalog, load_catalog
from fmq_explore.ui.opening import open_named
from fmq_explore.ui.query import MODEL_VARIABLE, query_string
from fmq_explore.ui.upload import Upload


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


class Waiting:
    """A backend whose answers are complete when submit returns."""

    def __init__(self, listener, answers: bool) -> None:
        self._explorer = Explorer(listener, workspace=WORKSPACE, idle_seconds=None)
        self.workspace, self._answers = WORKSPACE, answers

    def submit(self, request, measures=()) -> None:
        if self._answers:
            self._explorer.submit(request, measures).result(timeout=120)


WORKSPACE = Workspace()
"""Shared, so that the model on show at first is sorted and fitted once."""


def started(query: str, catalog: Catalog, answers: bool = True) -> ExplorerApp:
    """An app that does in one thread what the real one does in three."""
    made = ExplorerApp(query, start=False)
    made._loop = None
    backend = Waiting(made._on_record, answers)
    found, name, problem = open_named(catalog, backend.workspace, made.choice.model)
    made._start(found, backend, name, problem)
    return made


@pytest.fixture
def app(catalog: Catalog) -> ExplorerApp:
    return started("model=moons&steps=2", catalog)


@pytest.fixture
def weights(tmp_path: Path) -> str:
    tensors = {"a.weight": torch.randn(4, 9), "b.weight": torch.randn(8, 30)}
    torch.save({"state_dict": tensors}, tmp_path / "foreign.pt")
    return str(tmp_path / "foreign.pt")


@pytest.fixture
def checkpoint(tmp_path: Path) -> str:
    torch.manual_seed(0)
    trainer = Trainer(MLP((2,), 3, 16), torch.randn(64, 2), None, Recipe(steps=1, batch_size=8))
    trainer.run()
    trainer.save_checkpoint(tmp_path / "own.pt")
    return str(tmp_path / "own.pt")


def wait(app: ExplorerApp) -> None:
    """Waits for the thread that opens a file."""
    for thread in threading.enumerate():
        if thread.name == "open":
            thread.join(60)


def type_path(app: ExplorerApp, path: str) -> None:
    app.controls.open_file.click()
    app.opening.path.value = path
    app.opening.go.click()
    wait(app)


def status(app: ExplorerApp) -> str:
    return app.status.widget.value


def test_the_button_opens_and_closes_the_box(app: ExplorerApp) -> None:
    assert not app.opening.is_open
    app.controls.open_file.click()
    assert app.opening.is_open
    assert "nothing in it is run" in app.opening.note.value
    app._on_page({"event": "escape"})
    assert not app.opening.is_open


def test_a_path_becomes_the_model_on_show(app: ExplorerApp, weights: str) -> None:
    app.choice.layer, app.choice.row = "hidden.0.weight", 7
    type_path(app, f' "{weights}" ')
    assert app.choice.model == app.controls.model.value == weights
    assert ("foreign.pt", weights) in app.controls.model.options
    assert app.pages.weights._drawn.layer == app.controls.layer.value == "b.weight"
    assert app.pages.weights._drawn.row == 0
    assert app.pages.distance._drawn.primary.label_bits == 3
    for panel in (app.pages.samples, app.pages.trajectories):
        assert "Weights only: foreign.pt cannot be sampled" in panel.widget.note.value
    assert not app.opening.is_open
    assert "276 weights · no network" in app.controls.model_note.value
    assert "fmq-failed" not in status(app)
    assert "foreign.pt" in app.page.query


def test_the_models_that_ship_come_back_after_it(app: ExplorerApp, weights: str) -> None:
    type_path(app, weights)
    app.controls.model.value = "moons"
    assert "Weights only" not in app.pages.samples.widget.note.value
    assert "fmq-nothing" not in app.pages.samples.widget._dom_classes
    assert app.controls.model_note.layout.display == "none"
    app.controls.model.value = weights
    assert "Weights only" in app.pages.samples.widget.note.value


def test_what_needs_a_network_says_so_on_every_page(app: ExplorerApp, weights: str) -> None:
    type_path(app, weights)
    app.choice.distance_of = "sensitivity"
    app._submit()
    card = app.pages.distance.widget
    assert "Weights only" in card.note.value
    assert "fmq-nothing" in card._dom_classes
    app.choice.distance_of = "model"
    app._submit()
    assert "against bits" in card.note.value
    assert "fmq-nothing" not in card._dom_classes
    app.choice.page = "measures"
    for panel in (app.pages.quality, app.pages.latents, app.pages.bounds):
        assert "Weights only: foreign.pt" in panel.widget.note.value
    assert "fmq-failed" not in status(app)


def test_our_own_checkpoint_samples(app: ExplorerApp, checkpoint: str) -> None:
    type_path(app, checkpoint)
    assert "fmq-failed" not in status(app)
    assert app.pages.samples._drawn.reference.path.shape[1:] == (1000, 2)
    assert app.pages.trajectories._drawn.background.shape == (1000, 2)
    assert [name for name, _ in app.controls.label.options] == [
        "each in turn",
        *"012",
        "no class",
    ]


def test_a_wrong_file_is_one_sentence_and_nothing_is_lost(app: ExplorerApp, tmp_path: Path) -> None:
    before, drawn = app.choice.request(), app.pages.samples._drawn
    (tmp_path / "junk.pt").write_bytes(b"junk" * 99)
    type_path(app, str(tmp_path / "junk.pt"))
    sentence = "junk.pt is damaged, or no file of PyTorch: save or copy it again."
    assert sentence in status(app)
    assert "fmq-failed" in status(app)
    assert sentence in app.opening.note.value
    assert app.opening.is_open
    assert app.choice.request() == before
    assert app.pages.samples._drawn is drawn
    app.controls.bits.value = 5
    assert "fmq-failed" not in status(app)
    assert app.pages.distance._drawn.primary.label_bits == 5


@pytest.mark.parametrize("path", ["", "   ", "/nowhere/at/all.pt", "relative.pt", "~/none.pt"])
def test_a_path_to_nothing_is_one_sentence(app: ExplorerApp, path: str) -> None:
    type_path(app, path)
    assert "fmq-failed" in status(app)
    assert app.choice.model == "moons"


def test_a_link_opens_the_file_again(app: ExplorerApp, weights: str, catalog: Catalog) -> None:
    type_path(app, weights)
    app.choice.bits = 2
    twin = started(app.choice.query(), catalog)
    assert twin.choice.request() == app.choice.request()
    assert "fmq-failed" not in status(twin)
    assert twin.pages.distance._drawn.primary.label_bits == 2


def test_a_link_to_a_file_that_is_gone_says_so(catalog: Catalog) -> None:
    app = started("model=/nowhere/gone.pt&bits=2", catalog, answers=False)
    assert "/nowhere/gone.pt does not exist: check the path." in status(app)
    assert app.choice.model == Request().model
    assert app.choice.bits == 2


def pieces(app: ExplorerApp, name: str, content: bytes, size: int = 1000) -> list[dict]:
    """Plays the browser's part of an upload; returns what the kernel answered."""
    answers: list[dict] = []
    upload = app.opening.upload
    upload.send = lambda message, *_: answers.append(message)
    upload._receive(None, {"event": "begin", "turn": 5, "name": name, "size": len(content)}, [])
    while "want" in answers[-1]:
        start = answers[-1]["want"]
        upload._receive(None, {"event": "piece", "turn": 5}, [content[start : start + size]])
    wait(app)
    return answers


def test_an_upload_comes_in_pieces(app: ExplorerApp, weights: str) -> None:
    content = Path(weights).read_bytes()
    answers = pieces(app, "mine.pt", content)
    assert [a.get("want") for a in answers] == [*range(0, len(content), 1000), None]
    assert app.choice.model == "upload:mine.pt"
    assert app.controls.model.label == "mine.pt"
    assert app.pages.weights._drawn.layer == "b.weight"
    app.header.link.click()
    assert "it must be opened again" in status(app)
    app.header.code.click()
    assert 'load_model("mine.pt")' in app.dialog.text.value.replace("&quot;", '"')
    assert "sample" not in app.dialog.text.value


def test_the_link_of_an_upload_says_that_it_is_gone(catalog: Catalog) -> None:
    app = started("model=upload:mine.pt", catalog, answers=False)
    assert "mine.pt was uploaded, and an uploaded file is gone with its page" in status(app)
    assert app.choice.model == Request().model


def test_an_upload_is_refused_before_it_is_sent(app: ExplorerApp, monkeypatch) -> None:
    assert pieces(app, "picture.png", b"1") == [{"turn": 5, "done": True}]
    assert "picture.png ends in" in status(app)
    assert pieces(app, "empty.pt", b"") == [{"turn": 5, "done": True}]
    assert "empty.pt is empty" in status(app)
    monkeypatch.setattr(limits, "MAX_BYTES", 10)
    assert pieces(app, "large.pt", bytes(11)) == [{"turn": 5, "done": True}]
    assert "large.pt has" in status(app)
    assert app.choice.model == "moons"


def test_a_name_cannot_lead_out_of_the_folder(app: ExplorerApp, weights: str) -> None:
    pieces(app, "../../mine.pt", Path(weights).read_bytes())
    assert app.choice.model == "upload:mine.pt"
    path = app.backend.workspace._files["upload:mine.pt"]
    assert path.parent == Path(app.opening.upload._folder.name)


def test_a_newer_upload_ends_the_one_on_its_way() -> None:
    taken: list[str] = []
    upload = Upload(lambda path, name: taken.append(path.read_text()), taken.append)
    upload.send = lambda *_: None
    for turn, text in ((1, b"old"), (2, b"new")):
        begin = {"event": "begin", "turn": turn, "name": "a.pt", "size": 6}
        upload._receive(None, begin, [])
        upload._receive(None, {"event": "piece", "turn": turn}, [text])
    upload._receive(None, {"event": "piece", "turn": 1}, [b"old"])
    assert taken == []
    upload._receive(None, {"event": "piece", "turn": 2}, [b"er!"])
    assert taken == ["newer!"]


def test_opening_is_off_the_interface_thread(app: ExplorerApp, weights: str, monkeypatch) -> None:
    names: list[str] = []
    real = Workspace.open

    def spy(self, *arguments):
        names.append(threading.current_thread().name)
        return real(self, *arguments)

    monkeypatch.setattr(Workspace, "open", spy)
    type_path(app, weights)
    assert names == ["open"]


def test_a_changed_file_is_shown_anew(app: ExplorerApp, weights: str) -> None:
    type_path(app, weights)
    torch.save({"only.weight": torch.randn(6, 6)}, weights)
    type_path(app, weights)
    assert app.pages.weights._drawn.layer == "only.weight"
    assert len([1 for _, value in app.controls.model.options if value == weights]) == 1


def test_the_command_line_names_the_file_of_a_page_without_a_link(monkeypatch) -> None:
    monkeypatch.delenv("VOILA_PREHEAT", raising=False)
    monkeypatch.setenv(MODEL_VARIABLE, "/data/my model.pt")
    monkeypatch.setenv("QUERY_STRING", "")
    app = ExplorerApp(query_string(), start=False)
    assert app.choice.model == "/data/my model.pt"
    monkeypatch.setenv("QUERY_STRING", "bits=4")
    assert query_string() == "bits=4"
