"""A real Voila server and a real browser for the tests that see what a person sees."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = (
    "no Chromium was found on the PATH: install one (on Debian `apt-get install chromium`, "
    "on Ubuntu `snap install chromium`) to run the browser tests"
)
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing but this machine has an address: a forgotten CDN fails at once instead of hanging
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]
SERVER_SECONDS, APP_SECONDS, EXPECT_SECONDS = 120, 180, 30
APP_ROOT = ".fmq-root"
"""What the app's outermost element is called: when it is visible, the interface is up."""
BROKEN_CELL = "There was an error when executing cell"
STATUS = ".fmq-status-line"
FULL_PICTURE = re.compile(r"^\d+ samples, \d+ steps in ")
"""What the status bar says when the last stage of a request is done."""
QUIET_MS = 1000
STAYS_DONE = """([selector, pattern, quiet]) => {
  const line = document.querySelector(selector);
  const rest = globalThis.fmqRest;
  const text = line?.outerHTML ?? "";
  if (text !== rest.text) Object.assign(rest, { text, since: performance.now() });
  const done = line?.classList.contains("fmq-done") && new RegExp(pattern).test(line.innerText);
  return done && performance.now() - rest.since > quiet;
}"""
"""Whether the status bar has said so, unchanged, for a while."""


@dataclass
class Traffic:
    """What a page asked for and complained about.

    Attributes:
        requests: The address of every request and WebSocket.
        complaints: Console errors, uncaught exceptions and failed answers, one sentence each.
        expected: Patterns of problems that a test provokes on purpose.
    """

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    @property
    def foreign(self) -> list[str]:
        """The addresses that are not on this machine."""
        inline = {"data", "blob", "about"}
        split = [(address, urlsplit(address)) for address in self.requests]
        return [
            address
            for address, parts in split
            if parts.scheme not in inline and parts.hostname not in {"127.0.0.1", "localhost"}
        ]

    @property
    def kernels(self) -> set[str]:
        """The addresses at which Voila ends the kernels that the page talked to."""
        found = (re.match(r"ws(://[^/]+)/.*kernels/([\w-]+)/", a) for a in self.requests)
        return {f"http{m[1]}/voila/api/shutdown/{m[2]}" for m in found if m}

    @property
    def problems(self) -> list[str]:
        """Everything that must not happen on a page, but for what the test expects."""
        found = [f"left the machine: {address}" for address in self.foreign] + self.complaints
        return [words for words in found if not any(re.search(p, words) for p in self.expected)]

    def watch(self, page: Page) -> None:
        """Listens to a page from now on."""

        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error":
                place = message.location.get("url", "")
                self.complaints.append(f"console error: {message.text} ({place})")

        page.on("console", on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda socket: self.requests.append(socket.url))


def missing(reason: str) -> None:
    """Skips for want of a browser, or fails where one is required (as in CI)."""
    if os.environ.get("FMQ_REQUIRE_BROWSER"):
        pytest.fail(f"FMQ_REQUIRE_BROWSER is set, but {reason}.", pytrace=False)
    pytest.skip(f"{reason}.")


def free_port() -> int:
    """Finds a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_listening(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Waits until the server takes connections; fails with its log if it does not."""
    deadline = time.monotonic() + SERVER_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    state = "is not listening" if server.poll() is None else f"ended with code {server.poll()}"
    pytest.fail(f"Voila {state}; its log says:\n{log.read_text()[-4000:]}", pytrace=False)


def stop(server: subprocess.Popen[bytes]) -> None:
    """Asks the server to end, and ends what is left of it and of its kernels.

    A kernel runs in a session of its own, so that killing the server's process group is not enough.
    """
    family = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGTERM)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)
    _, alive = psutil.wait_procs(family, timeout=5)
    for process in alive:
        process.kill()


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gives the folder of the servers' logs, which outlives the tests."""
    return tmp_path_factory.mktemp("voila")


@pytest.fixture(scope="session")
def start_voila(logs: Path) -> Iterator[Callable[..., str]]:
    """Gives a function that serves a notebook with Voila, as a user would, and returns its address.

    The function takes the notebook and the directory to start in.
    """
    servers: list[subprocess.Popen[bytes]] = []

    def start(notebook: str, directory: Path = ROOT) -> str:
        port, log = free_port(), logs / f"voila-{len(servers)}.log"
        voila = Path(sys.executable).with_name("voila")
        command = [str(voila), notebook, "--no-browser", f"--port={port}"]
        with log.open("wb") as sink:
            server = subprocess.Popen(
                command, cwd=directory, stdout=sink, stderr=sink, start_new_session=True
            )
        servers.append(server)
        wait_until_listening(server, port, log)
        return f"http://127.0.0.1:{port}/"

    yield start
    for server in servers:
        stop(server)


@pytest.fixture(scope="session")
def app_url(start_voila: Callable[..., str]) -> str:
    """Starts the app with the README's command and returns its address."""
    return start_voila("apps/explorer.ipynb")


@pytest.fixture
def lab_url(tmp_path: Path) -> Iterator[str]:
    """Starts JupyterLab on a copy of the notebook, so that the repository's stays as it is."""
    shutil.copy(ROOT / "apps" / "explorer.ipynb", tmp_path)
    port, log = free_port(), tmp_path / "lab.log"
    lab = Path(sys.executable).with_name("jupyter-lab")
    options = ["--no-browser", "--allow-root", f"--port={port}", f"--ServerApp.root_dir={tmp_path}"]
    options += [
        "--IdentityProvider.token=",
        "--LabApp.news_url=",
        "--LabApp.expose_app_in_browser=1",
    ]
    folders = {
        f"JUPYTERLAB_{name}_DIR": str(tmp_path / name) for name in ("WORKSPACES", "SETTINGS")
    }
    with log.open("wb") as sink:
        server = subprocess.Popen(
            [str(lab), *options],
            cwd=tmp_path,
            env=os.environ | folders,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        wait_until_listening(server, port, log)
        yield f"http://127.0.0.1:{port}/lab/tree/explorer.ipynb"
    finally:
        stop(server)


expect.set_options(timeout=EXPECT_SECONDS * 1000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Starts the system's Chromium."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing(NO_BROWSER)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=BROWSER_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def traffic() -> Traffic:
    """Gives the record of the test's page; a test fails if it ends with problems in it."""
    return Traffic()


@pytest.fixture
def page(browser: Browser, traffic: Traffic) -> Iterator[Page]:
    """Opens an empty page of 1440x900 whose traffic is recorded."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(APP_SECONDS * 1000)
    traffic.watch(page)
    yield page
    page.close()
    for shutdown in traffic.kernels:
        # Voila leaves the kernel of a closed page running, and its work would slow the next test
        token = {"Cookie": "_xsrf=same", "X-XSRFToken": "same"}
        context.request.post(shutdown, headers=token)
    context.close()


@pytest.fixture
def app_page(page: Page, app_url: str, logs: Path) -> Callable[[str], Page]:
    """Gives a function that opens the app with a query string, and returns when it is up."""

    def open_app(query: str = "") -> Page:
        page.goto(app_url + query)
        up = page.locator(APP_ROOT).first
        up.or_(page.get_by_text(BROKEN_CELL).first).first.wait_for(state="visible")
        if not up.is_visible():
            log = max(logs.iterdir(), key=lambda path: path.stat().st_mtime).read_text()
            pytest.fail(f"the notebook failed; Voila's log says:\n{log[-4000:]}", pytrace=False)
        return page

    return open_app


@pytest.fixture
def at_rest() -> Callable[[Page], Page]:
    """Gives a function that waits until the app has shown all there is to show."""

    def wait(page: Page) -> Page:
        done = page.locator(f"{STATUS}.fmq-done span")
        expect(done).to_have_text(FULL_PICTURE, timeout=APP_SECONDS * 1000)
        # Right after a click the bar may still speak of the work before: it has to stay as it is
        page.evaluate("() => { globalThis.fmqRest = { text: '', since: 0 } }")
        page.wait_for_function(STAYS_DONE, arg=[STATUS, FULL_PICTURE.pattern, QUIET_MS])
        return page

    return wait


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Fails a test whose page had problems, and keeps a screenshot of every failure."""
    __tracebackhide__ = True
    page, traffic = pyfuncitem.funcargs.get("page"), pyfuncitem.funcargs.get("traffic")
    try:
        result = yield
        if isinstance(traffic, Traffic) and traffic.problems:
            pytest.fail("the page had problems:\n" + "\n".join(traffic.problems), pytrace=False)
        return result
    except BaseException:
        if isinstance(traffic, Traffic):
            pyfuncitem.add_report_section("call", "page", "\n".join(traffic.complaints))
        if isinstance(page, Page) and not page.is_closed():
            name = re.sub(r"[^\w-]+", "-", pyfuncitem.name)
            target = ROOT / "screenshots" / f"failed-{name}.png"
            page.screenshot(path=target)
            pyfuncitem.add_report_section("call", "screenshot", str(target))
        raise
