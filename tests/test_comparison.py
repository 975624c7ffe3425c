"""`fmq.compare` against the measures it is made of, on tiny models."""

import copy
import math

import pytest
import torch
from torch import nn

import fmq_explore as fmq
from fmq_explore.comparison import PARTS, compare, measure_baseline
from fmq_explore.flow import MLP, Cancelled, UNet, sample
from fmq_explore.measure import (
    Judge,
    Reader,
    Reference,
    latent_basis,
    latent_statistics,
    psnr,
    rms_divergence,
    sliced_w2,
    w2_points,
)

TINY = {"n": 24, "steps": 2, "n_resamples": 20}
SAMPLES = ("fidelity", "quality")


@pytest.fixture(scope="module")
def moons():
    return fmq.load_model("moons")


@pytest.fixture(scope="module")
def quantized(moons):
    return fmq.quantize_model(moons, scheme="optimal", bits=3)


@pytest.fixture(scope="module")
def points(moons, quantized):
    return compare(moons, quantized, **TINY)


@pytest.fixture(scope="module")
def digits():
    return fmq.load_model("digits")


@pytest.fixture(scope="module")
def images(digits):
    qm = fmq.quantize_model(digits, scheme="uniform", bits=3)
    return compare(digits, qm, **TINY), qm


def test_fidelity_is_that_of_samples_from_the_same_noise(digits, images):
    found, qm = images
    label = torch.arange(24) % 10
    one, two = (sample(m, 24, 2, seed=0, label=label, record=True) for m in (digits, qm.model))
    assert found.fidelity.psnr.value == pytest.approx(float(psnr(one.samples, two.samples).mean()))
    drift = rms_divergence(one.path, two.path)
    assert torch.equal(found.fidelity.drift, drift)
    assert found.fidelity.times.tolist() == [0, 0.5, 1]
    assert found.fidelity.end_divergence.value == pytest.approx(float(drift[-1]), rel=1e-5)
    total = float(drift.double().square().mean().sqrt())
    assert found.fidelity.divergence.value == pytest.approx(total, rel=1e-5)
    for estimate in (found.fidelity.psnr, found.fidelity.ssim, found.fidelity.divergence):
        assert estimate.low < estimate.value < estimate.high


def test_quality_is_that_of_the_judge(digits, images):
    found, qm = images
    label = torch.arange(24) % 10
    judge = Judge.load("digits")
    for model, quality in ((qm.model, found.quality), (digits, found.baseline)):
        samples = sample(model, 24, 2, seed=0, label=label).samples
        assert quality == judge.judge(samples, label, n_resamples=20)
        read = judge.reader.read(samples)[1]
        assert quality.readability.value == pytest.approx(float((read == label).float().mean()))
        assert quality.w2 is None


def test_points_have_exact_w2_and_no_images(moons, quantized, points):
    data = fmq.measure.load_reference("moons").images
    for model, quality in ((quantized.model, points.quality), (moons, points.baseline)):
        samples = sample(model, 24, 2, seed=0, label=torch.arange(24) % 2).samples
        assert quality.w2.value == pytest.approx(w2_points(samples, data[:24]))
        assert quality.swd.value == pytest.approx(sliced_w2(samples, data))
        assert (quality.fd, quality.kid, quality.readability) == (None, None, None)
    assert (points.fidelity.psnr, points.fidelity.ssim) == (None, None)


def test_latents_are_described_in_the_axes_of_other_images(moons, quantized, points):
    reference = fmq.measure.load_reference("moons")

    def invert(model, rows):
        return fmq.invert(model, reference.images[rows], 2, label=reference.labels[rows]).samples

    here, others = slice(0, 64), slice(64, 128)
    basis = latent_basis(invert(moons, others))
    own = invert(moons, here)
    expected = latent_statistics(invert(quantized.model, here), basis, own)
    assert points.latents.drift == pytest.approx(expected.drift, rel=1e-5)
    assert points.latents.normality == pytest.approx(expected.normality, rel=1e-4, abs=1e-6)
    assert points.baseline_latents.total_variance == pytest.approx(float(own.var(0).mean()), 1e-4)
    assert points.baseline_latents.drift is None


def test_bounds_are_of_paths_from_the_same_noise(moons, quantized, points):
    label = torch.arange(16) % 2
    one, two = (
        sample(m, 16, 2, "euler", seed=0, label=label).samples for m in (moons, quantized.model)
    )
    gap = float((one - two).square().sum(1).mean().sqrt())
    assert points.bounds.gap == pytest.approx(gap, rel=1e-4)
    assert points.bounds.gap <= points.bounds.bound_discrete


def test_the_record_is_flat_and_has_the_same_names_for_all_models(points, images):
    one, two = points.record(), images[0].record()
    assert list(one) == list(two)
    assert all(type(value) is float for value in one.values())
    assert one["w2"] == points.weights.w2
    assert one["w2_to_data"] == points.quality.w2.value
    assert one["baseline_swd_high"] == points.baseline.swd.high
    assert one["latent_drift"] == points.latents.drift
    assert one["bound_log_norm"] == points.bounds.bound_log_norm
    for name in ("psnr", "psnr_low", "fd", "kid_high", "readability", "baseline_readability"):
        assert math.isnan(one[name])
        assert math.isfinite(two[name])
    assert math.isnan(two["w2_to_data"])
    estimated = [name for name in one if f"{name}_low" in one]
    assert len(estimated) == 14
    for name in estimated:
        assert math.isnan(two[name]) or two[f"{name}_low"] <= two[name] <= two[f"{name}_high"]


def test_it_prints_a_table(points, images):
    lines = str(images[0]).splitlines()
    assert lines[0].split("  ")[0] == "24 samples, 2 midpoint steps, seed 0"
    assert "quantized" in lines[0]
    assert "full precision" in lines[0]
    column = lines[0].index("full precision")
    for title, name in (("sliced W2 to data", "swd"), ("readability", "readability")):
        line = next(line for line in lines if line.startswith(title))
        assert line[column:] == str(getattr(images[0].baseline, name))
        assert line[len(title) : column].strip() == str(getattr(images[0].quality, name))
    assert "PSNR" in str(images[0])
    assert "PSNR" not in str(points)
    assert f"({points.weights.n_bytes:,} bytes)" in str(points)


def test_a_baseline_is_measured_once_and_gives_the_same(moons, quantized, points):
    baseline = measure_baseline(moons, **TINY)
    again = compare(moons, quantized, baseline=baseline, **TINY)
    assert again.record() == pytest.approx(points.record(), nan_ok=True)
    with pytest.raises(ValueError, match="measure it anew with measure_baseline"):
        compare(moons, quantized, baseline=baseline, **TINY | {"steps": 3})
    with pytest.raises(ValueError, match="belongs to another model"):
        compare(quantized.model, quantized, baseline=baseline, **TINY)
    few = measure_baseline(moons, parts=("fidelity",), **TINY)
    with pytest.raises(ValueError, match="measured without quality"):
        compare(moons, quantized, baseline=few, parts=SAMPLES, **TINY)


def test_a_network_is_measured_like_the_quantized_model_it_comes_from(moons, quantized):
    found = compare(moons, quantized.model, parts=(), **TINY).weights
    assert found.w2 == pytest.approx(quantized.w2, rel=1e-5)
    assert found.relative_error == pytest.approx(quantized.relative_error, rel=1e-5)
    assert (found.bits_per_weight, found.n_bytes) == (32, 4 * moons.n_parameters)


def test_a_model_is_no_distance_from_itself(digits):
    found = compare(digits, copy.deepcopy(digits), parts=SAMPLES, **TINY)
    assert (found.weights.w2, found.weights.relative_error) == (0, 0)
    assert found.fidelity.psnr.value == math.inf
    assert found.fidelity.ssim.value == pytest.approx(1)
    assert found.fidelity.drift.tolist() == [0, 0, 0]
    assert found.quality == found.baseline
    assert "inf" in str(found)


def test_other_architectures_have_no_distance_of_weights(moons):
    torch.manual_seed(0)
    found = compare(moons, MLP((2,), 2, width=8), parts=("fidelity",), **TINY)
    assert math.isnan(found.weights.w2)
    assert found.weights.n_bytes < 4 * moons.n_parameters
    assert found.fidelity.end_divergence.value > 0


def test_parts_can_be_left_out(moons, quantized):
    found = compare(moons, quantized, parts=("fidelity",), **TINY)
    assert found.quality is found.baseline is found.latents is found.bounds is None
    assert math.isnan(found.record()["swd"])
    found = compare(moons, quantized, parts=("latents",), **TINY)
    assert found.fidelity is None
    assert found.latents.drift > 0


class Bare(nn.Module):
    """A user's network: no card, no classes."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x, t):
        return self.layer(x)


def test_a_model_of_ones_own_without_reader_or_data():
    torch.manual_seed(0)
    model = Bare()
    qm = fmq.quantize_model(model, scheme="uniform", bits=1)
    with pytest.raises(ValueError, match="Bare has no data_shape: set it"):
        compare(model, qm, **TINY)
    model.data_shape = (3,)
    found = compare(model, qm, **TINY)
    assert found.fidelity.end_divergence.value > 0
    assert found.quality.swd is None
    assert found.latents is None
    assert found.bounds.gap > 0
    assert math.isnan(found.record()["swd"])
    own = Judge.of(Reference(torch.randn(40, 3), None, None))
    found = compare(model, qm, judge=own, **TINY)
    assert found.quality.swd.value > 0
    assert found.latents.drift > 0


def test_images_of_ones_own_are_judged_by_ones_own_reader():
    torch.manual_seed(0)
    model = UNet((1, 8, 8), 3, channels=8, patch=1, embedding=16)
    nn.init.normal_(model.last.weight, std=0.1)
    judge = Judge.of(
        Reference(torch.rand(30, 1, 8, 8), None, None), Reader((1, 8, 8), "abc", (4, 8)).eval()
    )
    found = compare(model, fmq.quantize_model(model, bits=2), judge=judge, parts=SAMPLES, **TINY)
    assert found.quality.fd.value > 0
    assert 0 <= found.quality.readability.value <= 1


def test_samples_of_one_class_are_not_held_against_all(digits):
    found = compare(digits, digits, label=3, parts=SAMPLES, **TINY)
    assert (found.quality.swd, found.quality.fd) == (None, None)
    assert found.quality.readability.value > 0.5


def test_a_model_that_breaks_has_figures_of_nan(moons):
    broken = copy.deepcopy(moons)
    with torch.no_grad():
        broken.first.weight.fill_(torch.nan)
    found = compare(moons, broken, parts=("fidelity", "quality", "latents"), **TINY)
    assert math.isnan(found.quality.swd.value)
    assert math.isnan(found.fidelity.end_divergence.value)
    assert found.latents is None
    assert found.baseline.swd.value > 0


def test_progress_runs_from_nothing_to_all_and_can_be_stopped(moons, quantized):
    seen = []
    compare(moons, quantized, progress=seen.append, **TINY)
    assert seen == sorted(seen)
    assert 0 < seen[0] < 0.2
    assert seen[-1] == 1
    for after in (0, 3, 7, 11):
        seen.clear()
        with pytest.raises(Cancelled):
            compare(
                moons,
                quantized,
                progress=seen.append,
                should_stop=lambda after=after: len(seen) >= after,
                **TINY,
            )
        assert len(seen) == after


def test_wrong_arguments_are_one_sentence(moons, quantized):
    with pytest.raises(ValueError, match="unknown part 'speed': choose of fidelity, quality"):
        compare(moons, quantized, parts=("speed",))
    with pytest.raises(ValueError, match="use at least 2 of each"):
        compare(moons, quantized, n=1)
    with pytest.raises(ValueError, match="label 7 is out of range"):
        compare(moons, quantized, label=7, **TINY)
    assert fmq.compare is compare
    assert PARTS == ("fidelity", "quality", "latents", "bounds")
