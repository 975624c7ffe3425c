"""The same notebook runs inside JupyterLab."""

from pathlib import Path

from playwright.sync_api import Page, TimeoutError, expect

ROOT = Path(__file__).parents[2]
APP_SECONDS = 120


def test_the_notebook_runs_in_lab(lab_url: str, page: Page, traffic) -> None:
    traffic.expected.append("")  # Lab's own complaints are not ours; foreign addresses are
    page.goto(lab_url)
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    dialog = page.locator(".jp-Dialog")
    try:  # Lab may ask which kernel, once it has seen the notebook
        dialog.wait_for(timeout=8000)
        dialog.get_by_role("button", name="Select").click()
        dialog.wait_for(state="detached")
    except TimeoutError:
        pass
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Shift+Enter")
    root = page.locator(".fmq-root")
    root.wait_for(state="visible", timeout=APP_SECONDS * 1000)
    done = page.locator(".fmq-status-line.fmq-done span")
    expect(done).to_contain_text("64 samples, 10 steps in", timeout=APP_SECONDS * 1000)
    bits = page.locator(".fmq-bits .noUi-handle")
    bits.focus()
    page.keyboard.press("ArrowRight")
    label = page.locator(".fmq-figures tbody tr").filter(has_text="label bits").locator("td")
    expect(label.first).to_have_text("4")
    for canvas in (".fmq-weights canvas", ".fmq-sheet canvas", ".fmq-plane canvas"):
        expect(page.locator(canvas).first).to_be_visible()
    page.screenshot(path=ROOT / "screenshots" / "lab.png")
    assert not traffic.foreign
