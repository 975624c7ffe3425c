"""How torch's threads wait for one another, set before torch is loaded."""

__all__ = ["wait_patiently"]

import os


def wait_patiently() -> None:
    """Lets OpenMP threads sleep while they wait, unless the environment says otherwise.

    By default they spin. The browser that draws the panels shares the cores with the kernel, and a
    thread that spins keeps the one it waits for from its core: on two busy cores a small network
    was measured 20 times slower. It counts only before torch is imported.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
