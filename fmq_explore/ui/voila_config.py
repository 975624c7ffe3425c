"""How Voila is set up: the template, kernels that end with their pages, nothing from outside."""

__all__ = ["apps_folder", "configure", "serve", "share_path"]

import os
from pathlib import Path
from typing import Any

from .query import MODEL_VARIABLE
from .threads import wait_patiently

IDLE_SECONDS = 15 * 60
CULL_EVERY_SECONDS = 60
PAGES = ("explorer", "hardware")


def share_path() -> Path:
    """Returns the folder that Jupyter searches for this project's template."""
    return Path(__file__).parent / "share" / "jupyter"


def apps_folder() -> Path:
    """Returns the folder of the app notebooks: in the repository, or inside the wheel."""
    package = Path(__file__).parents[1]
    candidates = (package.parent / "apps", package / "_apps")
    found = next((folder for folder in candidates if (folder / "explorer.ipynb").is_file()), None)
    if found is None:
        raise FileNotFoundError("explorer.ipynb was not found; install fmq-explore again.")
    return found


def serve(port: int, browser: bool, model: Path | None = None, page: str = "explorer") -> None:
    """Serves an app with Voila until it is interrupted, from any directory.

    Args:
        port: The port on this machine; the next free one is taken if it is in use.
        browser: Whether to open a browser window.
        model: A file of weights that pages begin with.
        page: The app: `"explorer"` or `"hardware"`.

    Raises:
        ValueError: There is no such app.
    """
    if page not in PAGES:
        raise ValueError(f"page is {page!r}; choose one of {', '.join(PAGES)}")
    from traitlets.config import Config
    from voila.app import Voila

    if model is not None:
        os.environ[MODEL_VARIABLE] = str(model.expanduser().absolute())  # kernels inherit it
    config = Config()
    configure(config)
    arguments = [str(apps_folder() / f"{page}.ipynb"), f"--port={port}"]
    Voila.launch_instance(arguments + ([] if browser else ["--no-browser"]), config=config)


def configure(c: Any) -> None:
    """Fills a traitlets configuration, as ``voila.py`` and the command line both do.

    A kernel whose page was closed ends after a quarter of an hour; one with a page never does.
    """
    paths = [str(share_path()), *os.environ.get("JUPYTER_PATH", "").split(os.pathsep)]
    os.environ["JUPYTER_PATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))
    wait_patiently()  # kernels inherit the environment
    c.VoilaConfiguration.template = "fmq"
    c.VoilaConfiguration.strip_sources = True
    c.VoilaConfiguration.extension_allowlist = [
        "@voila-dashboards/widgets-manager8",
        "@jupyter-widgets/jupyterlab-manager",
        "anywidget",
    ]
    c.MappingKernelManager.cull_idle_timeout = IDLE_SECONDS
    c.MappingKernelManager.cull_interval = CULL_EVERY_SECONDS
    c.MappingKernelManager.cull_connected = False
