"""What all tests share: the number of threads, and the order (the browser comes last)."""

import os
from pathlib import Path

os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # before torch: busy CI machines, as in the app

import pytest
import torch

BROWSER = Path(__file__).parent / "browser"


def pytest_configure() -> None:
    """Sets the threads of torch, here and nowhere else, so that figures and times are steady."""
    torch.set_num_threads(min(2, os.cpu_count() or 1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Moves the browser tests to the end.

    What is quick fails first; and Playwright keeps an event loop running in the main thread, in
    which no other test could call `asyncio.run`.
    """
    items.sort(key=lambda item: BROWSER in item.path.parents)
