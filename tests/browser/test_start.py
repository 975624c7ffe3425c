"""The app opens with the documented command: one screen, complete, offline, without complaints."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

Open = Callable[..., Page]
Rest = Callable[[Page], Page]

TITLES = ("Weights", "Distance", "Samples", "Trajectories")


def test_the_app_opens_and_shows_all_panels(app_page: Open, at_rest: Rest, traffic) -> None:
    page = at_rest(app_page())
    for title in TITLES:
        expect(page.get_by_text(title, exact=True).first).to_be_visible()
    expect(page.locator(".fmq-failed")).to_have_count(0)
    assert traffic.requests
    assert not traffic.foreign


def test_one_screen_without_scrolling(app_page: Open, at_rest: Rest) -> None:
    page = at_rest(app_page())
    overflow = page.evaluate(
        "() => { const e = document.scrollingElement;"
        " return [e.scrollWidth - innerWidth, e.scrollHeight - innerHeight] }"
    )
    assert max(overflow) <= 0, f"the page is {overflow} pixels larger than 1440x900"
    for part in (".fmq-head", ".fmq-status"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900, f"{part} ends below the screen"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_link_chooses_the_theme(app_page: Open, theme: str) -> None:
    page = app_page(f"?theme={theme}")
    expect(page.locator(".fmq-root")).to_have_attribute("data-fmq-theme", theme)


def test_a_wrong_link_is_one_sentence_and_the_app_starts(app_page: Open, at_rest: Rest) -> None:
    page = app_page("?bits=99&scheme=nonsense")
    expect(page.locator(".fmq-status-line")).to_contain_text("nonsense")
    expect(page.get_by_text("Weights", exact=True).first).to_be_visible()
