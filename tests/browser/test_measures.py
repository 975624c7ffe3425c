"""The second page as a person uses it: figures with ink, nothing cut, links, and the way back."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

Open = Callable[..., Page]
APP_MS = 180_000
CARDS = (".fmq-quality", ".fmq-bounds", ".fmq-latents")
CUT = """() => [...document.querySelectorAll('.fmq-root :is(h1, h2, button, td, th, .widget-label,'
  + '.fmq-key, .fmq-badge, .fmq-constants div, .fmq-card-note .widget-html-content)')]
  .filter(e => e.offsetParent && e.clientWidth > 0
    && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 3))
  .map(e => e.innerText)"""
OUTSIDE = """() => [...document.querySelectorAll('.fmq-root *')].filter(e => e.offsetParent
  && !e.closest('.fmq-figure') && (e.getBoundingClientRect().right > innerWidth + 1
    || e.getBoundingClientRect().bottom > innerHeight + 1)).map(e => e.className)"""
COLOURS = (
    "layers => Math.max(...layers.map(c => new Set(new Uint32Array(c.getContext('2d')"
    ".getImageData(0, 0, c.width, c.height).data.buffer)).size))"
)


def measured(page: Page) -> Page:
    """Waits until all three panels show what was measured last."""
    done = page.locator(".fmq-status-line.fmq-done span")
    expect(done).to_have_text(re.compile("^measures in"), timeout=APP_MS)
    expect(page.locator(".fmq-stale")).to_have_count(0)
    page.wait_for_timeout(600)
    return page


def drawings(page: Page) -> list[Locator]:
    found = page.locator(".fmq-measures .fmq-figure").all()
    return [drawing for drawing in found if drawing.is_visible()]


def test_the_switch_shows_three_panels_with_ink(app_page: Open) -> None:
    page = app_page("?model=digits&steps=4&compare=uniform")
    expect(page.locator(".fmq-weights")).to_be_visible()
    page.get_by_role("button", name="measures", exact=True).click()
    for card in CARDS:
        expect(page.locator(card)).to_be_visible()
    expect(page.locator(".fmq-weights")).to_be_hidden()
    expect(page).to_have_url(re.compile("page=measures"))
    measured(page)
    assert len(drawings(page)) == 4
    for drawing in drawings(page):
        assert drawing.locator("canvas").evaluate_all(COLOURS) > 3
    plane = page.locator(".fmq-square").bounding_box()
    assert plane
    assert plane["width"] == pytest.approx(plane["height"], abs=1), "circles are not round"
    page.get_by_role("button", name="weights and samples").click()
    expect(page.locator(".fmq-weights")).to_be_visible()
    expect(page.locator(".fmq-quality")).to_be_hidden()
    expect(page).not_to_have_url(re.compile("page="))


def test_nothing_is_cut_and_nothing_scrolls(app_page: Open, page: Page) -> None:
    query = "?page=measures&model=digits&steps=2&compare=equal_mass&quality_of=fd&theme=light"
    measured(app_page(query))
    for width, height in ((1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        for theme in ("dark", "light"):
            page.get_by_role("button", name="light / dark").click()
            expect(page.locator(".fmq-root")).to_have_attribute("data-fmq-theme", theme)
            page.wait_for_timeout(1500)
            assert not page.evaluate(CUT), (width, theme)
            assert not page.evaluate(OUTSIDE), (width, theme)
            assert all(d.locator("canvas").evaluate_all(COLOURS) > 3 for d in drawings(page))


def test_bits_move_the_ring_and_the_address_restores_the_view(app_page: Open) -> None:
    page = measured(app_page("?page=measures&model=digits&steps=2"))
    now = page.locator(".fmq-quality .fmq-constants")
    before = now.inner_text()
    page.keyboard.press("6")
    expect(now).not_to_have_text(before, timeout=APP_MS)
    measured(page)
    page.locator(".fmq-quality .fmq-measure select").select_option(label="SSIM (fidelity)")
    page.get_by_role("button", name="true bits").click()
    expect(page).to_have_url(re.compile("quality_of=ssim&quality_by=true"))
    expect(page.locator(".fmq-quality .fmq-card-note")).to_contain_text("fidelity")
    shown, address = now.inner_text(), page.url
    page.goto("about:blank")
    page.goto(address)
    again = measured(page)
    chosen = again.locator(".fmq-quality .fmq-measure select option:checked")
    expect(chosen).to_have_text("SSIM (fidelity)")
    assert now.inner_text() == shown


def test_sensitivity_is_measured_tensor_by_tensor(app_page: Open) -> None:
    page = app_page("?model=moons&steps=2&distance_of=sensitivity")
    measured(page)
    note = page.locator(".fmq-distance .fmq-card-note")
    expect(note).to_contain_text("one tensor alone is quantized")
    box = page.locator(".fmq-distance .fmq-figure").bounding_box()
    assert box
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + 0.8 * box["height"])
    expect(page).to_have_url(re.compile("layer="))


def test_a_panel_leads_to_its_tutorial(app_page: Open) -> None:
    page = app_page("?page=measures&model=digits&steps=2")
    page.locator(".fmq-bounds .fmq-tutorial").click()
    box = page.locator(".fmq-dialog")
    expect(box).to_contain_text("jupyter lab notebooks/06_bounds.ipynb")
    expect(box.get_by_text("Open it here in JupyterLab")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
