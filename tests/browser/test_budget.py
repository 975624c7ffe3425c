"""The page of budgets as a person uses it: the slider, a click on a point, and what that loads."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .test_measures import COLOURS, CUT, OUTSIDE, measured

Open = Callable[..., Page]
QUERY = "?page=budget&model=digits&steps=1&objective=error"
POINT = """wanted => {
  for (const doc of Bokeh.documents) {
    const source = doc.get_model_by_name("points");
    if (!source) continue;
    const i = source.data.title.indexOf(wanted);
    const view = Bokeh.index.get_one(doc.roots()[0]);
    const box = view.el.getBoundingClientRect();
    const at = (scale, values) => scale.compute(values[i]);
    return [box.left + at(view.frame.x_scale, source.data.x),
            box.top + at(view.frame.y_scale, source.data.y)];
  }
}"""
"""Where on the page the point of a configuration is."""


def test_the_slider_shares_out_bytes_and_a_point_loads_its_configuration(app_page: Open) -> None:
    page = measured(app_page(QUERY))
    size, line = page.locator(".fmq-budget-size"), page.locator(".fmq-budget-shared")
    gains = page.locator(".fmq-allocation .fmq-constants")
    expect(gains).to_contain_text("3 for all")
    expect(line).to_be_hidden()
    before = size.inner_text()
    page.locator(".fmq-budget-line .noUi-handle").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"budget=\d+"))
    expect(line).to_be_visible()
    expect(size).not_to_have_text(before)
    expect(gains).to_contain_text(re.compile(r"\d–\d bits"))
    measured(page)
    page.mouse.click(*page.evaluate(POINT, "OT equal mass, 8 bits, per tensor"))
    expect(page).to_have_url(re.compile("scheme=equal_mass"))
    expect(page).to_have_url(re.compile("granularity=tensor"))
    expect(page).not_to_have_url(re.compile("budget="))
    expect(gains).to_contain_text("8 for all")
    expect(line).to_be_hidden()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_is_cut_at_either_size(app_page: Open, page: Page, theme: str) -> None:
    measured(app_page(f"{QUERY}&theme={theme}&budget=60000&compare=uniform"))
    for width, height in ((1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1500)
        assert not page.evaluate(CUT), width
        assert not page.evaluate(OUTSIDE), width
        for card in (".fmq-allocation", ".fmq-frontier"):
            assert page.locator(f"{card} canvas").evaluate_all(COLOURS) > 3
