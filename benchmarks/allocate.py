"""Times the sharing out of bytes once the curves are cached, and holds it against the optimum."""

__all__ = ["main"]

import argparse
from statistics import median
from time import perf_counter

import numpy as np

from fmq_explore.allocation import AllocationCurves, allocation_curves
from fmq_explore.quantize import prepare
from fmq_explore.zoo import load_model


def optimum(curves: AllocationCurves, room: int) -> tuple[float, float]:
    """Returns the least squared error within so many bytes of data by scipy's milp, and seconds."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    n, k = curves.errors.shape
    table = np.vstack([np.kron(np.eye(n), np.ones(k)), curves.n_bytes.reshape(1, -1)])
    limits = LinearConstraint(table, np.r_[np.ones(n), -np.inf], np.r_[np.ones(n), room])
    start = perf_counter()
    found = milp(
        curves.errors.reshape(-1),
        integrality=np.ones(n * k),
        bounds=Bounds(0, 1),
        constraints=limits,
        options={"mip_rel_gap": 1e-9},
    )
    return float(found.fun), perf_counter() - start


def main() -> None:
    """Prints medians over budgets from the smallest file to four times its size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mnist,cifar10")
    parser.add_argument("--budgets", type=int, default=25)
    options = parser.parse_args()
    for name in options.models.split(","):
        for granularity in ("channel", "tensor"):
            prepared = prepare(load_model(name), granularity)
            start = perf_counter()
            curves = allocation_curves(prepared, "optimal", "float16")
            built = perf_counter() - start
            budgets = np.geomspace(curves.smallest, 4 * curves.smallest, options.budgets)
            times, ratios, exact_times = [], [], []
            for budget in budgets.astype(int).tolist():
                curves.allocate(budget)
                start = perf_counter()
                allocation = curves.allocate(budget)
                times.append(1e3 * (perf_counter() - start))
                at = [curves.widths.index(b) for b in allocation.bits.values()]
                data = int(curves.n_bytes[np.arange(len(at)), at].sum())
                best, seconds = optimum(curves, budget - (allocation.n_bytes - data))
                ratios.append((allocation.error**2 * curves.whole) / best - 1)
                exact_times.append(1e3 * seconds)
            print(
                f"{name} per {granularity}: {len(curves.names)} tensors, curves {built:.2f} s; "
                f"allocate median {median(times):.2f} ms, most {max(times):.2f} ms; milp "
                f"{median(exact_times):.0f} ms; squared error above the optimum: most "
                f"{max(ratios):.1e}"
            )


if __name__ == "__main__":
    main()
