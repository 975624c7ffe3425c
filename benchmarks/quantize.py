"""How fast the quantizers are, against peers in the same run: `python benchmarks/quantize.py`.

Ratios are what counts: every pair is timed in turn, and medians are taken. The peers are a loop
over channels as the paper's code does it, kmeans1d (exact, C++), and scikit-learn's KMeans (a local
optimum).
"""

__all__ = ["main"]

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

import fmq_explore as fmq
from fmq_explore.quantize import PreparedModel, prepare, warm_up


def unet_like() -> nn.Module:
    """Builds a list of layers with the shapes of a U-Net of about half a million parameters."""
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Conv2d(4, 32, 3), nn.Linear(64, 128), nn.Linear(128, 128)]
    for channels in (32, 32, 64, 64, 64):
        for _ in range(2):
            layers += [nn.Conv2d(channels, channels, 3), nn.GroupNorm(8, channels)]
        layers.append(nn.Linear(128, 2 * channels))
    layers += [nn.Conv2d(32, 64, 3), nn.Conv2d(64, 192, 1), nn.Conv2d(64, 128, 1)]
    return nn.Sequential(*layers, nn.Conv2d(64, 64, 3), nn.Conv2d(64, 64, 3), nn.Conv2d(32, 4, 3))


def uniform_loop(row: Tensor, n_levels: int) -> Tensor:
    low, high = row.min(), row.max()
    if low == high:
        return row.clone()
    scale = (high - low) / (n_levels - 1)
    return torch.round((row - low) / scale) * scale + low


def equal_mass_loop(row: Tensor, n_levels: int) -> Tensor:
    order = torch.argsort(row)
    small, extra = divmod(len(row), n_levels)
    out, start = torch.empty_like(row), 0
    for k in range(n_levels):
        chunk = order[start : start + small + (k < extra)]
        if len(chunk):
            out[chunk] = row[chunk].mean()
        start += len(chunk)
    return out


def piecewise_loop(row: Tensor, n_levels: int) -> Tensor:
    edges = torch.quantile(row, torch.linspace(0, 1, n_levels + 1))
    out = row.clone()
    for k in range(n_levels):
        below = row <= edges[k + 1] if k == n_levels - 1 else row < edges[k + 1]
        out[(row >= edges[k]) & below] = 0.5 * (edges[k] + edges[k + 1])
    return out


def logarithmic_loop(row: Tensor, n_levels: int) -> Tensor:
    out = row.clone()
    for sign in (-1, 1):
        chosen = row * sign > 0
        size = row[chosen].abs()
        if size.numel():
            low, high = size.min().log2().item(), size.max().log2().item()
            levels = torch.logspace(low, high, n_levels // 2, base=2)
            nearest = (size[:, None] - levels).abs().argmin(1)
            out[chosen] = sign * levels[nearest]
    return out


LOOPS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "uniform": uniform_loop,
    "equal_mass": equal_mass_loop,
    "piecewise": piecewise_loop,
    "logarithmic": logarithmic_loop,
}


def channels(model: nn.Module, names: tuple[str, ...]) -> Iterator[Tensor]:
    """Yields every row of the quantized tensors."""
    for name in names:
        yield from model.get_parameter(name).detach().flatten(1)


def median(*runs: Callable[[], object], repeats: int) -> list[float]:
    """Returns the median seconds of each function, timed in turn."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, found in zip(runs, times, strict=True):
            started = time.perf_counter()
            run()
            found.append(time.perf_counter() - started)
    return [statistics.median(found) for found in times]


def forget(prepared: PreparedModel) -> None:
    """Empties the memory of fits, so that the next one is computed."""
    prepared._fits.clear()
    prepared._solved.clear()


def paper_schemes(model: nn.Module, repeats: int) -> None:
    """Times the paper's four, sort and write included, against the loop over channels."""
    copy = prepare(model)
    print("\nscheme       bits   loop ms   ours ms   ratio   of that the sort, once a model")
    for scheme, loop in LOOPS.items():
        for bits in (2, 4, 8):

            def peer(loop: Callable = loop, bits: int = bits) -> None:
                for row in channels(model, copy.names):
                    loop(row, 2**bits)

            def ours(scheme: str = scheme, bits: int = bits) -> None:
                forget(copy)
                copy.fit(scheme, bits)

            slow, fast, sort = median(peer, ours, lambda: prepare(model), repeats=repeats)
            ratio = f"{slow / fast:6.0f}x"
            with_sort = f"{slow / (fast + sort):.0f}x with its {1e3 * sort:.0f} ms"
            print(f"{scheme:12} {bits:4} {1e3 * slow:9.1f} {1e3 * fast:9.2f} {ratio}   {with_sort}")


def exact(model: nn.Module, repeats: int) -> None:
    """Times all eight bit widths of the exact minimiser against its peers at four bits."""
    import kmeans1d
    from sklearn.cluster import KMeans

    prepared = prepare(model)
    rows = [row.double().numpy() for row in channels(model, prepared.names)]
    some = rows[:: max(1, len(rows) // 24)]
    errors = {}

    def all_bits() -> None:
        forget(prepared)
        prepared.fit_all("optimal")

    def c_plus_plus() -> None:
        errors["kmeans1d"] = 0.0
        for row in rows:
            codes, centres = kmeans1d.cluster(row, min(16, len(row)))
            errors["kmeans1d"] += float(((row - np.take(centres, codes)) ** 2).sum())

    def local() -> None:
        errors["sklearn"] = 0.0
        for row in some:
            found = KMeans(min(16, len(row)), n_init=1, random_state=0).fit(row[:, None])
            errors["sklearn"] += float(found.inertia_)

    ours, peer, sklearn = median(all_bits, c_plus_plus, local, repeats=repeats)
    sklearn *= len(rows) / len(some)
    fit = prepared.fit("optimal", 4)
    sse = np.concatenate([fit.fits[name].row_sse for name in prepared.names])
    print(f"\nexact W2, b = 1..8 together {1e3 * ours:8.0f} ms")
    print(f"kmeans1d, b = 4 alone       {1e3 * peer:8.0f} ms, {peer / ours:.1f}x ours", end="")
    print(f", its error {errors['kmeans1d'] / sse.sum():.9f} of ours")
    excess = errors["sklearn"] / sse[:: max(1, len(rows) // 24)].sum()
    print(
        f"scikit-learn, b = 4 alone   {1e3 * sklearn:8.0f} ms, {sklearn / ours:.1f}x ours", end=""
    )
    print(f", its error {excess:.3f} of ours (from {len(some)} rows)")
    for bits in range(1, 9):

        def one(bits: int = bits) -> None:
            forget(prepared)
            prepared.fit("optimal", bits)

        print(f"  b = {bits} alone {1e3 * median(one, repeats=repeats)[0]:7.1f} ms")


def long_row(repeats: int) -> None:
    """Times one row of 150,000 weights."""
    torch.manual_seed(0)
    prepared = prepare(nn.Linear(500, 300), "tensor")

    def one(bits: int) -> Callable[[], None]:
        def run() -> None:
            forget(prepared)
            prepared.fit("optimal", bits)

        return run

    def all_bits() -> None:
        forget(prepared)
        prepared.fit_all("optimal")

    four, eight, every = median(one(4), one(8), all_bits, repeats=repeats)
    print("\none row of 150,000 weights:", end=" ")
    print(f"b=4 {1e3 * four:.0f} ms, b=8 {1e3 * eight:.0f} ms, b=1..8 {1e3 * every:.0f} ms")
    forget(prepared)
    asked = [0.0]

    def stop() -> bool:
        asked.append(time.perf_counter())
        return len(asked) > 3

    prepared.fit_all("optimal", stop)
    print(f"cancelled there within {1e3 * (time.perf_counter() - asked[-1]):.0f} ms")


def warm(model: nn.Module) -> None:
    """Times what a slider move costs when all fits are in memory."""
    prepared = prepare(model)
    prepared.fit_all("optimal")
    bits = iter(range(1, 10_000))
    name = prepared.names[len(prepared.names) // 2]

    def change() -> None:
        prepared._fits.clear()
        fit = prepared.fit("optimal", 1 + next(bits) % 8)
        _ = fit.w2, fit.relative_error, fit.n_bytes, fit.report()
        _ = fit.levels(name), fit.borders(name), fit.counts(name), fit.row_w2(name)
        fit.write_into(model)

    fit = prepared.fit("optimal", 4)
    whole, write = median(change, lambda: fit.write_into(model), repeats=100)
    print(f"\nchange of bits, warm: {1e3 * whole:.2f} ms; of that write_into {1e3 * write:.2f} ms")


def main() -> None:
    """Prints all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median is taken")
    parser.add_argument("--part", choices=["paper", "exact", "long", "warm"], help="only this part")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    warm_up()
    print(f"warm-up {time.perf_counter() - started:.1f} s")
    models = {"a U-Net's shapes": unet_like()}
    if "mnist" in fmq.available_models():
        models["mnist"] = fmq.load_model("mnist")
    for title, model in models.items():
        n_weights = sum(p.numel() for p in model.parameters())
        print(f"\n== {title}: {n_weights:,} parameters, per channel")
        for part, measure in {"paper": paper_schemes, "exact": exact}.items():
            if chosen.part in (None, part):
                measure(model, chosen.repeats)
        if chosen.part in (None, "warm"):
            warm(model)
    if chosen.part in (None, "long"):
        long_row(chosen.repeats)


if __name__ == "__main__":
    main()
