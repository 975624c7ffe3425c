"""How torch's threads wait for one another, set before torch is loaded."""

__all__ = ["wait_patiently"]

import os

SPINS = "2000"


def wait_patiently() -> None:
    """Lets OpenMP threads sleep soon while they wait, unless the environment says otherwise.

    By default they spin for milliseconds. The browser that draws the panels shares the cores with
    the kernel, and a thread that spins keeps the one it waits for from its core: with one of two
    cores busy, a small network was measured 2 to 20 times slower. A short spin costs nothing on
    an idle machine. It counts only before torch is imported, and for the OpenMP of GNU.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
