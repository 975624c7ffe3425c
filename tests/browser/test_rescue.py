"""The rescue as a person uses it: pressed, watched, shown beside what was before, and undone."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

Open = Callable[..., Page]
GAP = r"RMS gap ([\d.]+)"


def test_a_network_is_rescued_and_the_rescue_undone(app_page: Open) -> None:
    page = app_page("?model=moons&bits=1&steps=4")
    button, bar = page.locator(".fmq-rescue-button"), page.locator(".fmq-rescue-bar")
    expect(page.locator(".fmq-status-line.fmq-done")).to_be_visible(timeout=90_000)
    page.locator(".fmq-rescue-way select").select_option(label="levels only")
    button.click()
    expect(page.locator(".fmq-rescue-bar.fmq-done")).to_be_visible(timeout=120_000)
    expect(button).to_have_text("undo")
    expect(page).to_have_url(re.compile("rescue=levels"))
    panels = page.locator(".fmq-panels")
    expect(panels).to_contain_text(re.compile(GAP + r"[\s\S]*" + GAP))
    expect(panels).to_contain_text("rescued")
    after, before = (float(value) for value in re.findall(GAP, panels.inner_text()))
    assert after < before
    button.click()
    expect(button).to_have_text("rescue")
    expect(bar).to_have_count(0)
    expect(panels).not_to_contain_text("rescued")
