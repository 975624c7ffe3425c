"""The hardware app in a browser: it opens from the explorer's foot, and follows the slider."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

Open = Callable[..., Page]
TABLE = ".fmq-chips-table"


def test_the_app_opens_on_one_screen_and_follows_the_bits(
    page: Page, start_voila: Callable[..., str], traffic
) -> None:
    page.goto(start_voila("apps/hardware.ipynb") + "?model=digits&scheme=symmetric&bits=8")
    rows = page.locator(f"{TABLE} tbody tr")
    expect(rows).to_have_count(16, timeout=180_000)
    expect(rows.first).to_contain_text("fits")
    flash = page.locator(f"{TABLE} .fmq-memory span").first
    before = flash.inner_text()
    page.locator(".fmq-headline").click()
    page.keyboard.press("5")
    expect(flash).not_to_have_text(before)
    expect(rows.first).to_contain_text("fits with decoding")
    expect(page).to_have_url(re.compile(r"app=hardware.*bits=5"))
    overflow = page.evaluate(
        "() => { const e = document.scrollingElement; const c = document.querySelector("
        "'.fmq-chips-card'); return [e.scrollWidth - innerWidth, e.scrollHeight - innerHeight,"
        " c.scrollHeight - c.clientHeight] }"
    )
    assert max(overflow) <= 0, f"the page is {overflow} pixels larger than 1440x900"
    cut = page.evaluate(
        "() => [...document.querySelectorAll('.fmq-memory span, .fmq-chips-table thead th')]"
        ".filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.innerText)"
    )
    assert not cut, f"cut off: {cut}"
    assert not traffic.foreign


def test_the_foot_of_the_explorer_leads_to_the_chips(
    app_page: Open, at_rest: Callable[[Page], Page]
) -> None:
    page = at_rest(app_page("?model=digits&bits=4&steps=2"))
    strip, link = page.locator(".fmq-strip-line"), page.locator(".fmq-strip-line a:visible")
    place = strip.bounding_box()
    page.keyboard.press("2")
    expect(strip).to_contain_text("3.41 bits per weight")
    expect(link).to_contain_text("of 16 chips")
    assert strip.bounding_box() == place, "the line moved"
    strip.hover()
    expect(page.locator(".fmq-strip-box")).to_contain_text("STM32F746")
    with page.context.expect_page() as opened:
        link.click()
    expect(opened.value.locator(f"{TABLE} tbody tr")).to_have_count(16, timeout=180_000)
    expect(opened.value.locator(".fmq-bits .widget-readout")).to_have_text("2")
