"""Rescues networks and prints what comes of it: seconds, fidelity, readability, bytes."""

__all__ = ["main"]

import argparse
from time import perf_counter, process_time

import torch
from torch import Tensor, nn

from fmq_explore import available_models, load_model, quantize_model, sample
from fmq_explore.measure import Judge, psnr
from fmq_explore.quantize import SCHEMES
from fmq_explore.rescue import RESCUES, correct_biases, feed_back_errors, weighted_codebooks

CHEAP = {
    "biases": correct_biases,
    "weighted": lambda qm: weighted_codebooks(
        qm.reference, qm.bits, qm.granularity, codebook_dtype=qm.codebook_dtype
    ),
    "feedback": feed_back_errors,
}
WAYS = CHEAP | {name: way.apply for name, way in RESCUES.items()}


def draw(network: nn.Module, n: int, steps: int, labels: Tensor) -> Tensor:
    """Returns samples of every class in turn, from noise that no rescue has been trained on."""
    return sample(network, n, steps, label=labels).samples


def main() -> None:
    """Prints one line for each model, granularity, bit width and way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="mnist,fashion")
    parser.add_argument("--scheme", default="optimal", choices=list(SCHEMES))
    parser.add_argument("--granularities", default="channel")
    parser.add_argument("--bits", default="2")
    parser.add_argument("--ways", default="feedback,levels,codes,training")
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name in options.models.split(","):
        model, card = load_model(name), available_models()[name]
        judge = Judge.load(card.data)
        labels = torch.arange(options.n) % (card.n_classes or 1)
        full = draw(model, options.n, options.steps, labels)

        def figures(
            samples: Tensor, judge: Judge = judge, full: Tensor = full, labels: Tensor = labels
        ) -> str:
            read = judge.judge(samples, labels, against_data=False).readability
            return f"PSNR {float(psnr(full, samples).mean()):.1f} dB, readability {read}"

        print(f"{name}, full precision: {figures(full)}", flush=True)
        for granularity in options.granularities.split(","):
            for bits in map(int, options.bits.split(",")):
                qm = quantize_model(
                    model, options.scheme, bits, granularity, codebook_dtype="float16"
                )
                what = f"{name}, {options.scheme}, {bits} bits per {granularity}"
                before = figures(draw(qm.model, options.n, options.steps, labels))
                print(f"{what}, {qm.n_bytes:,} bytes: {before}", flush=True)
                for way in options.ways.split(","):
                    start, cpu = perf_counter(), process_time()
                    found = WAYS[way](qm)
                    seconds, cpu = perf_counter() - start, process_time() - cpu
                    after = figures(draw(found.model, options.n, options.steps, labels))
                    print(
                        f"{what}, {way}, {seconds:.0f} s ({cpu:.0f} s of processor), "
                        f"{found.n_bytes:,} bytes: {after}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
