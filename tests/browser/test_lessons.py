"""Lessons as a person takes them: by mouse, by keyboard and by link."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

Open = Callable[..., Page]


def test_a_lesson_asks_shows_and_answers(app_page: Open) -> None:
    page = app_page("?model=moons&steps=2")
    band = page.locator(".fmq-lesson")
    expect(band).to_be_hidden()
    page.get_by_role("button", name="lessons").click()
    expect(band.locator("h2")).to_have_text("Uniform beats the paper's OT from 3 bits on: why?")
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("4")
    expect(page).to_have_url(re.compile("lesson=crossover"))
    expect(band.locator(".fmq-answer")).to_be_hidden()
    band.get_by_role("button", name="answer").click()
    expect(band.locator(".fmq-answer")).to_contain_text("0.0342")
    band.get_by_role("button", name="›").click()
    expect(band.locator("h2")).to_contain_text("25 bits in the file")
    expect(band.locator(".fmq-answer")).to_be_hidden()
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("8")
    page.keyboard.press("5")
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("5")
    band.get_by_role("button", name="start over").click()
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("8")
    band.get_by_role("button", name="close lesson").click()
    expect(band).to_be_hidden()
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("8")


def test_a_link_opens_a_lesson_and_keeps_what_was_changed(app_page: Open) -> None:
    page = app_page("?lesson=late")
    band = page.locator(".fmq-lesson")
    expect(band.locator("h2")).to_have_text("Why do trajectories part late?")
    expect(page.locator(".fmq-figures tbody tr").first).to_be_visible()
    page.keyboard.press("3")
    expect(page).to_have_url(re.compile("model=moons"))
    assert "bits=" not in page.url  # three is the default, and must not turn into the lesson's two
    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(band.locator("h2")).to_have_text("Why do trajectories part late?")
    expect(page.locator(".fmq-bits .widget-readout")).to_have_text("3")


def test_a_lesson_can_be_taken_by_keyboard(app_page: Open) -> None:
    page = app_page("?model=moons&steps=2")
    page.get_by_role("button", name="lessons").focus()
    page.keyboard.press("Enter")
    band = page.locator(".fmq-lesson")
    expect(band).to_be_visible()
    for _ in range(14):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement.innerText") == "answer":
            break
    page.keyboard.press("Enter")
    expect(band.locator(".fmq-answer")).to_be_visible()
    page.keyboard.press("Escape")
    expect(band).to_be_hidden()


def test_a_lesson_leaves_room_for_the_panels(app_page: Open) -> None:
    page = app_page("?lesson=optimum")
    page.locator(".fmq-lesson").get_by_role("button", name="answer").click()
    expect(page.locator(".fmq-answer")).to_be_visible()
    for width, height in ((1440, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(800)
        cut = page.evaluate(
            "() => [...document.querySelectorAll('.fmq-lesson :is(h2, p, button)')].filter(e =>"
            " e.offsetParent && (e.scrollWidth > e.clientWidth + 1 ||"
            " e.scrollHeight > e.clientHeight + 3)).map(e => e.innerText)"
        )
        assert not cut
        bottom = page.locator(".fmq-status").bounding_box()
        assert bottom
        assert bottom["y"] + bottom["height"] <= height
        for card in (".fmq-weights", ".fmq-samples"):
            box = page.locator(card).bounding_box()
            assert box
            assert box["height"] > 230
