"""A table in which the truth is chosen."""

from collections.abc import Callable

from fmq_explore.sweep.table import COLUMNS, Table, tidy
from fmq_explore.sweep.tasks import DEFAULT_SCHEMES

MODELS = ("small", "medium", "large")
ERROR = dict(zip(DEFAULT_SCHEMES, (1.0, 1.5, 0.6, 1.2, 3.0, 1.4, 0.7, 0.4), strict=True))

Law = Callable[[str, int], float]


def squared_error(scheme: str, bits: int) -> float:
    """An error that falls by 6.02 dB a bit for every scheme."""
    return ERROR[scheme] * 4.0**-bits


def made_table(
    fd: Law = lambda scheme, bits: 1 + 8 * squared_error(scheme, bits),
    w2_squared: Law = squared_error,
    readability: Law = lambda scheme, bits: 0.9,
    variance: Law = lambda scheme, bits: 1 + squared_error(scheme, bits),
    granularities: tuple[str, ...] = ("channel", "tensor"),
) -> Table:
    """Makes a table of three models with the given laws; full precision has fd, variance 1."""
    rows = []
    for i, model in enumerate(MODELS):
        common = {"model": model, "group_size": None, "n": 64, "steps": 6, "solver": "midpoint"}
        common |= {"keep": "bias+norm", "swd": 0.1, "kid": 0.0, "seconds": 1.0, "version": 1}
        for seed in (0, 1):
            full = dict.fromkeys(COLUMNS) | common | {"seed": seed, "scheme": "full", "bits": 32}
            full |= {
                "n_bytes": 4000 * (i + 1),
                "fd": 1.0,
                "readability": 0.9,
                "bits_per_weight": 32,
            }
            rows.append(full | {"latent_variance": None if seed else 1.0})
            for granularity in granularities:
                for scheme in DEFAULT_SCHEMES:
                    for bits in range(2, 9):
                        error = squared_error(scheme, bits)
                        extra = 2**bits / 32 if granularity == "channel" else 0.1
                        quantized = common | {
                            "scheme": scheme,
                            "bits": bits,
                            "granularity": granularity,
                            "seed": seed,
                            "codebook_dtype": "float16",
                            "bits_per_weight": bits + extra,
                            "n_bytes": 1000,
                            "w2": w2_squared(scheme, bits) ** 0.5,
                            "relative_error": error**0.5,
                            "psnr": 30 - 100 * error,
                            "ssim": 0.9,
                            "divergence": error**0.5,
                            "fd": fd(scheme, bits),
                            "readability": readability(scheme, bits),
                            "latent_variance": None if seed else variance(scheme, bits),
                            "latent_normality": None if seed else 0.0,
                            "latent_drift": None if seed else error**0.5,
                        }
                        rows.append(dict.fromkeys(COLUMNS) | quantized)
    return tidy(rows)
