"""Judging samples: the figures of the single measures, and intervals of the right width."""

import math

import numpy as np
import pytest
import torch

from fmq_explore.measure import (
    FrechetReference,
    Judge,
    KernelReference,
    Reader,
    Reference,
    bootstrap,
    frechet_distance,
    kid,
    sliced_w2,
    w2_points,
)


@pytest.fixture
def judge():
    torch.manual_seed(0)
    reader = Reader((1, 8, 8), "abc", (8, 12)).eval()
    return Judge.of(Reference(torch.rand(40, 1, 8, 8), None, None), reader)


def test_the_figures_are_those_of_the_measures(judge):
    samples, labels = 2 * torch.randn(30, 1, 8, 8), torch.arange(30) % 3
    found = judge.judge(samples, labels, n_resamples=10)
    shown = samples.clamp(-1, 1)
    real = judge.reader.read(judge.reference.images)[0]
    features, read = judge.reader.read(shown)
    assert found.swd.value == pytest.approx(sliced_w2(shown, judge.reference.images), rel=1e-6)
    assert found.fd.value == pytest.approx(frechet_distance(features, real), rel=1e-6)
    assert found.kid.value == pytest.approx(kid(features, real), rel=1e-6)
    assert found.readability.value == pytest.approx(float((read == labels).double().mean()))
    assert found.w2 is None


def test_the_interval_of_exact_w2_is_the_plain_bootstrap():
    g = torch.Generator().manual_seed(0)
    samples, data = torch.randn(20, 2, generator=g), torch.randn(50, 2, generator=g)
    found = Judge.of(Reference(data, None, None)).judge(samples, n_resamples=60, seed=4).w2
    plain = bootstrap(lambda rows: w2_points(rows, data[:20]), samples, n_resamples=30, seed=4)
    assert (found.value, found.low, found.high) == pytest.approx(
        (plain.value, plain.low, plain.high), rel=1e-9
    )


def test_what_does_not_apply_is_none(judge):
    samples, labels = torch.rand(4, 1, 8, 8), torch.zeros(4).long()
    assert judge.judge(samples, n_resamples=3).readability is None
    some = judge.judge(samples, labels, against_data=False, n_resamples=3)
    assert (some.swd, some.fd, some.kid) == (None, None, None)
    assert some.readability is not None
    blind = Judge.of(judge.reference).judge(samples, labels, n_resamples=3)
    assert (blind.fd, blind.readability) == (None, None)
    assert blind.swd is not None


def test_broken_samples_have_figures_of_nan(judge):
    found = judge.judge(torch.full((4, 1, 8, 8), torch.nan), torch.zeros(4).long())
    for name in ("swd", "fd", "kid", "readability"):
        assert math.isnan(getattr(found, name).value)
    assert found.w2 is None


def test_other_shapes_are_refused(judge):
    with pytest.raises(ValueError, match="cannot be held against these data"):
        judge.judge(torch.zeros(4, 3, 8, 8))
    with pytest.raises(ValueError, match="at least 2 samples"):
        judge.judge(torch.zeros(1, 1, 8, 8))
    assert not Judge.load("mnist").suits((3, 28, 28))
    assert Judge.load("celeba").judge(torch.zeros(2, 1, 8, 8)).swd is None


def test_intervals_are_as_wide_as_independent_samples_scatter():
    """Features of samples unlike the data; 60 sets of 64, against 500 fixed ones."""
    g = torch.Generator().manual_seed(0)
    data = torch.randn(500, 6, generator=g)
    sets = 0.6 + 1.3 * torch.randn(60, 64, 6, generator=g)
    frechet, kernel = FrechetReference.of(data), KernelReference.of(data)
    index = torch.arange(64)
    for values, found in (
        ([frechet.distance(s) for s in sets], [bootstrap(frechet.distance, s) for s in sets[:8]]),
        (
            [kernel.kernels(s).distance() for s in sets],
            [bootstrap(kernel.kernels(s).distance, index) for s in sets[:8]],
        ),
    ):
        widths = np.mean([e.half_width for e in found])
        assert widths == pytest.approx(1.96 * np.std(values), rel=0.35)
