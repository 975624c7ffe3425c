"""The harness itself: that a real server answers, and that a bad page cannot pass."""

from collections.abc import Callable

import nbformat
import pytest
from playwright.sync_api import Page, expect


@pytest.fixture(scope="module")
def slider_url(start_voila: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Serves a notebook of one slider and its doubled value."""
    code = (
        "import ipywidgets as w\n"
        "s, out = w.IntSlider(3, 0, 9), w.Label('6')\n"
        "s.observe(lambda c: setattr(out, 'value', str(2 * c['new'])), 'value')\n"
        "w.VBox([s, out])"
    )
    folder = tmp_path_factory.mktemp("slider")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, folder / "slider.ipynb")
    return start_voila("slider.ipynb", folder)


def test_a_slider_reaches_the_kernel_and_back(page: Page, slider_url: str, traffic) -> None:
    # Voila's stock template links an icon font on a CDN; the app's own template does not
    traffic.expected.append("fontawesome")
    page.goto(slider_url)
    handle = page.locator(".noUi-handle")
    handle.press("ArrowRight")
    expect(page.locator(".widget-label").last).to_have_text("8")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("console.error('broken')", "console error: broken"),
        ("setTimeout(() => { throw new Error('thrown') })", "page error: thrown"),
        ("fetch('http://example.org/x').catch(() => 0)", "left the machine: http://example.org/x"),
    ],
)
def test_a_bad_page_is_noticed(page: Page, traffic, script: str, words: str) -> None:
    page.set_content("<p>hello</p>")
    page.evaluate(f"() => {{ {script} }}")
    page.wait_for_timeout(200)
    assert any(words in problem for problem in traffic.problems)
    traffic.requests.clear()
    traffic.complaints.clear()
