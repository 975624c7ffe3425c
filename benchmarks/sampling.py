"""Times sampling of 28x28 images: bare forward passes against a recorded path, in one run."""

__all__ = ["main"]

import argparse
from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch
from torch import Tensor

from fmq_explore.flow import UNet, noise, sample
from fmq_explore.zoo import load_model


def seconds(work: Callable[[], object]) -> float:
    """Returns the time of one call."""
    start = perf_counter()
    work()
    return perf_counter() - start


def _still(x: Tensor, t: Tensor, label: Tensor) -> Tensor:
    """A velocity that costs nothing: what remains is the solver itself."""
    return x


def main() -> None:
    """Prints medians over pairs that ran one after the other, so that load hits both alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=21)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model("mnist")
    assert isinstance(model, UNet)
    x, label = noise(model.data_shape, 16), torch.arange(16) % 10
    time = torch.tensor(0.5)

    def bare() -> None:
        with torch.inference_mode():
            for _ in range(2 * options.steps):
                model(x, time, label)

    def path() -> None:
        sample(model, 16, options.steps, "midpoint", label=label, record=True)

    bare()
    path()
    pairs = []
    for i in range(options.repeats):  # the order alternates, so that neither side is always second
        first, second = (bare, path) if i % 2 else (path, bare)
        times = {first: seconds(first), second: seconds(second)}
        pairs.append((times[bare], times[path]))
    ratio = median(b / a for a, b in pairs)
    print(f"{model.n_parameters} weights, {options.steps} midpoint steps, 16 images of 28x28")
    print(f"bare forward passes  {1e3 * median(a for a, _ in pairs):8.1f} ms")
    print(f"recorded path        {1e3 * median(b for _, b in pairs):8.1f} ms")
    print(f"ratio                {ratio:8.3f}    (at most 1.1)")
    alone = median(
        seconds(
            lambda: sample(_still, 16, options.steps, label=label, record=True, shape=x.shape[1:])
        )
        for _ in range(50)
    )
    print(f"the solver alone     {1e3 * alone:8.2f} ms, with a network that costs nothing")
    label64 = torch.arange(64) % 10
    full = median(seconds(lambda: sample(model, 64, 10, label=label64)) for _ in range(5))
    guided = median(
        seconds(lambda: sample(model, 64, 10, label=label64, guidance=2.0)) for _ in range(3)
    )
    print(f"64 images, 10 steps  {1e3 * full:8.1f} ms, guided {1e3 * guided:.1f} ms")


if __name__ == "__main__":
    main()
