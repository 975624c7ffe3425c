"""A row holds what the public functions say, and depends on its task alone."""

from dataclasses import replace
from math import isnan, sqrt

import pytest
import torch

import fmq_explore as fmq
from fmq_explore.measure import (
    frechet_distance,
    kid,
    latent_basis,
    latent_statistics,
    load_reader,
    load_reference,
    psnr,
    readability,
    rms_divergence,
    sliced_w2,
    ssim,
)
from fmq_explore.sweep import COLUMNS, Task, run_task

TASK = Task("digits", "equal_mass", 3, seed=1, n=24, steps=2)


@pytest.fixture(scope="module")
def row():
    """The row of the task."""
    return run_task(TASK)


def test_every_figure_is_that_of_the_public_functions(row):
    model = fmq.load_model("digits")
    settings = {"scheme": "equal_mass", "bits": 3, "codebook_dtype": "float16"}
    qm = fmq.quantize_model(model, **settings)
    run = {"n": 24, "steps": 2, "seed": 1, "label": torch.arange(24) % 10, "record": True}
    one, two = fmq.sample(model, **run), fmq.sample(qm.model, **run)
    apart = rms_divergence(one.path, two.path).double()
    reader, real = load_reader("digits"), load_reference("digits")
    shown = two.samples.clamp(-1, 1)
    features = reader.read(shown)[0]
    back = {"steps": 2, "label": real.labels[:64]}
    latents, start = (fmq.invert(m, real.images[:64], **back).samples for m in (qm.model, model))
    rest = fmq.invert(model, real.images[64:128], steps=2, label=real.labels[64:128]).samples
    found = latent_statistics(latents, latent_basis(rest), start)
    expected = {
        "bits_per_weight": qm.bits_per_weight,
        "n_bytes": qm.n_bytes,
        "w2": qm.w2,
        "relative_error": qm.relative_error,
        "psnr": float(psnr(one.samples, two.samples).mean()),
        "ssim": float(ssim(one.samples, two.samples).mean()),
        "divergence": sqrt(float(apart.square().mean())),
        "swd": sliced_w2(shown, real.images),
        "fd": frechet_distance(features, real.features),
        "kid": kid(features, real.features),
        "readability": float(readability(reader, shown, run["label"]).float().mean()),
        "latent_variance": found.total_variance,
        "latent_normality": found.normality,
        "latent_drift": found.drift,
    }
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    assert tuple(row) == COLUMNS


def test_the_figures_agree_with_those_of_compare(row):
    model = fmq.load_model("digits")
    qm = fmq.quantize_model(model, scheme="equal_mass", bits=3, codebook_dtype="float16")
    parts = ("fidelity", "quality", "latents")
    found = fmq.compare(model, qm, n=24, steps=2, seed=1, parts=parts, n_resamples=2).record()
    shared = {name for name in COLUMNS if name in found} - {"n", "steps", "seed"}
    assert len(shared) == 14
    assert {name: row[name] for name in shared} == pytest.approx(
        {name: found[name] for name in shared}, rel=1e-4
    )


def test_a_row_does_not_depend_on_what_was_measured_before_or_on_threads(row):
    run_task(Task("moons", "uniform", 2, n=8, steps=1))
    run_task(replace(TASK, scheme="uniform", bits=2))
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        again = run_task(TASK)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert again | {"seconds": 0} == row | {"seconds": 0}


def test_the_baseline_has_quality_and_latents_but_no_fidelity():
    task = Task("digits", "full", 32, "", seed=1, n=24, steps=2, codebook_dtype="", keep=())
    row = run_task(task)
    nothing = {"psnr", "ssim", "divergence", "latent_drift"}
    assert {name for name, value in row.items() if value != value} == nothing
    assert (row["w2"], row["bits_per_weight"]) == (0, 32)
    reader = load_reader("digits")
    label = torch.arange(24) % 10
    samples = fmq.sample(fmq.load_model("digits"), n=24, steps=2, seed=1, label=label).samples
    share = float((reader.read(samples)[1] == label).float().mean())
    assert row["readability"] == pytest.approx(share)


def test_points_have_no_figures_of_images_and_later_seeds_no_latents():
    row = run_task(Task("moons", "uniform", 4, n=16, steps=2, latents=False))
    nothing = {"psnr", "ssim", "fd", "kid", "readability"}
    nothing |= {"latent_variance", "latent_normality", "latent_drift"}
    assert {name for name, value in row.items() if value != value} == nothing
    assert not isnan(run_task(Task("moons", "uniform", 4, n=16, steps=2))["latent_drift"])


def test_a_model_that_is_not_the_callers_is_refused():
    with pytest.raises(ValueError, match="differ from those of the caller"):
        run_task(TASK, key="0" * 32)
