"""A file of one's own in the real app: by its path, from the browser, and what is no such file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import torch
from playwright.sync_api import Locator, Page, expect
from torch import nn

from fmq_explore.flow import MLP, Recipe, Trainer

Open = Callable[..., Page]
Rest = Callable[[Page], Page]
STATUS = ".fmq-status-line"
ALL_FITTED = re.compile(r"all schemes, all bit widths in ")
GOODBYE = "voila/api/shutdown"
"""What Voila sends when a page is left, without the token that its server asks for."""
NO_NETWORK = "Weights only: {} cannot be sampled, since nothing is known of the network"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small file of weights of a network that is none of ours."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.GroupNorm(4, 16), nn.Conv2d(16, 32, 3))
    torch.save({"state_dict": net.state_dict(), "epoch": 3}, tmp_path / "foreign.pt")
    return tmp_path / "foreign.pt"


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint of this project's own training."""
    torch.manual_seed(0)
    trainer = Trainer(MLP((2,), 2, 16), torch.randn(64, 2), None, Recipe(steps=1, batch_size=8))
    trainer.run()
    trainer.save_checkpoint(tmp_path / "own.pt")
    return tmp_path / "own.pt"


def open_path(page: Page, path: str) -> None:
    """Types a path into the box, as a person does."""
    page.get_by_role("button", name="open a file…").click()
    field = page.locator(".fmq-opening input[type=text]")
    field.fill(path)
    field.press("Enter")


def chosen(page: Page) -> Locator:
    """The model that the list shows."""
    return page.locator(".fmq-tip-model select option:checked")


def test_a_typed_path_opens_and_its_link_comes_back(
    app_page: Open, traffic: Any, weights: Path, checkpoint: Path, at_rest: Rest
) -> None:
    traffic.expected.append(GOODBYE)
    page = at_rest(app_page("?model=moons&steps=4"))
    page.get_by_role("button", name="open a file…").click()
    expect(page.locator(".fmq-opening input[type=text]")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".fmq-opening")).to_be_hidden()
    open_path(page, str(weights))
    expect(page.locator(f"{STATUS} span")).to_have_text(ALL_FITTED)
    expect(chosen(page)).to_have_text("foreign.pt")
    expect(page.locator(".fmq-opening")).to_be_hidden()
    expect(page.locator(".fmq-weights .fmq-card-note")).to_contain_text("2.weight 32×16×3×3")
    expect(page.locator(".fmq-distance .fmq-figures")).to_contain_text("true bits")
    for card in (".fmq-samples", ".fmq-trajectories"):
        words = NO_NETWORK.format("foreign.pt")
        expect(page.locator(f"{card} .fmq-card-note")).to_contain_text(words)
    assert quote(str(weights), safe="") in page.url

    open_path(page, str(checkpoint))
    at_rest(page)
    expect(page.locator(".fmq-samples .fmq-card-note")).to_contain_text("1000 from the same noise")
    expect(page.locator(".fmq-trajectories .fmq-card-note")).to_contain_text("paths")
    expect(chosen(page)).to_have_text("own.pt")
    page.reload()
    at_rest(page)
    expect(chosen(page)).to_have_text("own.pt")


def test_an_upload_opens_and_a_wrong_file_loses_nothing(
    app_page: Open, traffic: Any, weights: Path, tmp_path: Path, at_rest: Rest
) -> None:
    traffic.expected.append(GOODBYE)
    page = at_rest(app_page("?model=moons&steps=4"))
    (tmp_path / "junk.pt").write_bytes(b"no weights" * 300_000)  # three pieces
    page.get_by_role("button", name="open a file…").click()
    with page.expect_file_chooser() as chooser:
        page.locator(".fmq-upload-button").click()
    chooser.value.set_files(tmp_path / "junk.pt")
    failed = page.locator(f"{STATUS}.fmq-failed span")
    expect(failed).to_have_text("junk.pt is damaged, or no file of PyTorch: save or copy it again.")
    expect(chosen(page)).to_have_text("Moons")
    expect(page.locator(".fmq-samples .fmq-card-note")).to_contain_text("1000 from the same noise")

    page.locator(".fmq-upload input").set_input_files(weights)
    expect(page.locator(f"{STATUS} span")).to_have_text(ALL_FITTED)
    expect(chosen(page)).to_have_text("foreign.pt")
    page.get_by_role("button", name="copy link").click()
    expect(page.locator(f"{STATUS} span")).to_contain_text("it must be opened again")
    page.reload()
    expect(failed).to_contain_text("foreign.pt was uploaded, and an uploaded file is gone")
    expect(chosen(page)).to_have_text("MNIST")
