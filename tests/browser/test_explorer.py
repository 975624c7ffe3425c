"""The explorer as a person uses it: mouse and keyboard, links, themes, failures."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Locator, Page, expect

Open = Callable[..., Page]
Rest = Callable[[Page], Page]
CARDS = (".fmq-weights", ".fmq-distance", ".fmq-samples", ".fmq-trajectories")


def pictures(page: Page) -> list[bytes]:
    """What the four panels look like, with neither pointer nor focus on them."""
    page.mouse.move(700, 20)
    page.evaluate("() => document.activeElement.blur()")
    page.wait_for_timeout(600)
    return [page.locator(card).screenshot() for card in CARDS]


def words(page: Page) -> dict[str, object]:
    """What the panels say, and every choice that the controls show."""
    page.wait_for_timeout(600)
    return {
        "panels": [page.locator(card).inner_text() for card in CARDS],
        "figures": page.locator(".fmq-distance .fmq-figures").inner_text(),
        "lists": page.locator(".fmq-root select").evaluate_all("all => all.map(e => e.value)"),
        "numbers": page.locator(".fmq-root input").evaluate_all("all => all.map(e => e.value)"),
        "pressed": page.locator(".fmq-root .mod-active").all_inner_texts(),
        "bits": page.locator(".fmq-bits .widget-readout").inner_text(),
        "time": page.locator(".fmq-time").inner_text(),
    }


def figure(page: Page, name: str) -> Locator:
    """The cell of the plain figures in a row."""
    row = page.locator(".fmq-figures tbody tr").filter(has_text=name)
    return row.locator("td").first


def bits_slider(page: Page) -> Locator:
    return page.locator(".fmq-bits .noUi-handle")


def drag_to(page: Page, steps: int) -> None:
    """Drags the bits slider by whole steps, as a hand does: in many small moves."""
    track = page.locator(".fmq-bits .noUi-base").bounding_box()
    handle = bits_slider(page).bounding_box()
    assert track is not None
    assert handle is not None
    x, y = handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + steps * track["width"] / 8, y, steps=12)
    page.mouse.up()


def test_a_drag_changes_every_panel(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=moons&bits=2"))
    before = pictures(page)
    drag_to(page, 3)
    expect(figure(page, "label bits")).to_have_text("5")
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("5")
    at_rest(page)
    for card, old, new in zip(CARDS, before, pictures(page), strict=True):
        assert old != new, f"{card} did not change"


def test_every_panel_has_ink(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=digits&compare=uniform"))
    page.wait_for_timeout(400)
    drawings = [d for d in page.locator(".fmq-figure, .fmq-sheet").all() if d.is_visible()]
    assert len(drawings) == 7
    for drawing in drawings:  # a figure has a canvas for each of its layers
        colours = drawing.locator("canvas").evaluate_all(
            "layers => Math.max(...layers.map(c => new Set(new Uint32Array(c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data.buffer)).size))"
        )
        assert colours > 3


def test_arrow_keys_and_digits_set_the_bits(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=moons"))
    bits_slider(page).focus()
    page.keyboard.press("ArrowRight")
    expect(figure(page, "label bits")).to_have_text("4")
    page.keyboard.press("7")
    expect(figure(page, "label bits")).to_have_text("7")
    page.keyboard.press("0")
    expect(figure(page, "label bits")).to_have_text("32")
    expect(figure(page, "compression")).to_have_text("1.00×")


def test_every_control_can_be_reached_by_tab(app_page: Open) -> None:
    page = app_page("?model=moons")
    expect(page.locator(".fmq-figures td").first).to_be_visible()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("() => document.activeElement.closest('.widget-inline-hbox')?.innerText")
        )
    text = " ".join(filter(None, reached))
    for name in ("model", "scheme", "bits", "compare", "solver", "steps", "seed"):
        assert name in text, f"{name} cannot be reached by Tab"


def test_the_address_restores_the_whole_view(app_page: Open, at_rest: Rest) -> None:
    first = at_rest(app_page("?model=moons"))
    first.get_by_role("button", name="transport map").click()
    first.get_by_role("button", name="all tensors").click()
    first.locator(".fmq-controls select").nth(1).select_option(label="uniform (min-max)")
    first.keyboard.press("2")
    first.locator(".fmq-scrubber .noUi-handle").focus()
    for _ in range(4):
        first.keyboard.press("ArrowLeft")
    expect(first).to_have_url(re.compile(r"time=0\.6"))
    at_rest(first)
    before, address = words(first), first.url
    assert "scheme=uniform" in address
    assert "bits=2" in address
    first.goto("about:blank")
    first.goto(address)
    again = words(at_rest(first))
    assert again == before
    expect(first).to_have_url(address)


def test_a_bar_chooses_the_tensor(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=moons&distance_of=layers"))
    box = page.locator(".fmq-distance .fmq-figure").bounding_box()
    assert box
    before = page.locator(".fmq-weights .fmq-card-note").inner_text()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.8 * box["height"])
    expect(page.locator(".fmq-weights .fmq-card-note")).not_to_have_text(before)
    expect(page).to_have_url(re.compile("layer="))


def test_the_theme_button_turns_the_page_dark(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=moons&theme=light"))
    page.get_by_role("button", name="light / dark").click()
    expect(page.locator(".fmq-root")).to_have_attribute("data-fmq-theme", "dark")
    page.wait_for_timeout(500)
    dark = page.locator(".fmq-weights").evaluate("e => getComputedStyle(e).backgroundColor")
    assert dark == "rgb(24, 34, 49)"
    assert all(picture for picture in pictures(page))


def test_the_code_button_shows_python_that_compiles(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=moons&bits=4"))
    page.get_by_role("button", name="code", exact=True).click()
    text = page.locator(".fmq-dialog-text pre").inner_text()
    assert "bits=4" in text
    compile(text, "shown", "exec")
    page.get_by_role("button", name="close").click()
    expect(page.locator(".fmq-dialog-text")).to_be_hidden()


def test_reset_returns_to_the_beginning(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page("?model=moons&bits=7&scheme=piecewise"))
    page.get_by_role("button", name="reset").click()
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("3")
    expect(page).to_have_url(re.compile(r"/$"))
    at_rest(page)


@pytest.mark.parametrize("size", [(1440, 900), (1920, 1080)])
def test_no_text_is_cut(app_page: Open, at_rest: Rest, page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    at_rest(app_page("?model=digits&compare=equal_mass"))
    cut = page.evaluate(
        "() => [...document.querySelectorAll('.fmq-root :is(h1, h2, h3, button, td, th,"
        " .widget-label, .fmq-sample-title, .fmq-sample-figures, .fmq-key, .widget-readout)')]"
        ".filter(e => e.offsetParent && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)"
        ".map(e => e.innerText)"
    )
    assert not cut
    outside = page.evaluate(
        "() => [...document.querySelectorAll('.fmq-root *')].filter(e => e.offsetParent &&"
        " !e.closest('.fmq-figure') && e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.className)"
    )
    assert not outside


def test_a_killed_kernel_is_a_sentence_and_the_address_keeps_the_view(
    app_page: Open, at_rest: Rest, traffic
) -> None:
    traffic.expected.append(".")  # the page loses its kernel: it may complain
    page = at_rest(app_page("?model=moons&bits=6"))
    for process in psutil.Process().children(recursive=True):
        if process.is_running() and "ipykernel_launcher" in " ".join(process.cmdline()):
            process.kill()
    expect(page.locator(".fmq-lost")).to_contain_text("Reload this page", timeout=60_000)
    page.reload()
    expect(figure(page, "label bits")).to_have_text("6")
    expect(page.locator(".fmq-lost")).to_have_count(0)


BROKEN = """
import fmq_explore.explore.sampling as sampling
from fmq_explore.ui import explorer

works = sampling.sample

def sample(*arguments, seed, **options):
    if seed == 13:
        raise RuntimeError("the sampler is out of luck")
    return works(*arguments, seed=seed, **options)

sampling.sample = sample
explorer()
"""


def test_a_failing_stage_is_a_sentence_and_the_app_lives_on(
    start_voila: Callable[..., str], page: Page, at_rest: Rest, tmp_path: Path
) -> None:
    cell = {"cell_type": "code", "id": "broken", "metadata": {}, "outputs": []}
    cell |= {"execution_count": None, "source": BROKEN}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "broken.ipynb").write_text(json.dumps(notebook))
    page.goto(start_voila(str(tmp_path / "broken.ipynb")) + "?model=moons&seed=12")
    at_rest(page)
    page.get_by_role("button", name="next").click()
    expect(page.locator(".fmq-status-line.fmq-failed")).to_contain_text("out of luck")
    page.keyboard.press("5")
    expect(figure(page, "label bits")).to_have_text("5")
    page.get_by_role("button", name="next").click()
    expect(page.locator(".fmq-failed")).to_have_count(0)
    at_rest(page)
