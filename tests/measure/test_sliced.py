"""Sliced W2 against POT, closed forms and invariants."""

import numpy as np
import ot
import pytest
import torch
from scipy.stats import special_ortho_group

from fmq_explore.measure import sliced_w2, w2_1d, w2_points
from fmq_explore.measure.sliced import project_on_lines, sliced_w2_of_projections


def points(n, d=5, seed=0, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, d, generator=g).double()


def directions(d, n_projections, seed):
    """The directions themselves: the projections of the unit vectors, shape (d, L)."""
    return project_on_lines(torch.eye(d), n_projections, seed).numpy()


@pytest.mark.parametrize(("n", "m"), [(1, 1), (60, 60), (40, 60), (7, 31), (64, 1)])
def test_it_equals_pot_on_the_same_directions(n, m):
    a, b = points(n), points(m, seed=1, scale=2.0) + 0.3
    expected = ot.sliced_wasserstein_distance(
        a.numpy(), b.numpy(), projections=directions(5, 50, seed=3)
    )
    assert sliced_w2(a, b, 50, seed=3) == pytest.approx(expected, rel=1e-9)


def test_directions_are_uniform_on_the_sphere():
    theta = directions(4, 20_000, seed=0)
    assert np.allclose(np.linalg.norm(theta, axis=0), 1)
    assert np.allclose(theta @ theta.T / 20_000, np.eye(4) / 4, atol=0.01)
    assert np.allclose(theta.mean(axis=1), 0, atol=0.02)


def test_closed_forms():
    a = points(300, d=6)
    assert sliced_w2(a, a) == 0
    shift = torch.tensor([3.0, 0, 0, 4, 0, 0]).double()
    # E |<theta, s>|^2 = |s|^2 / d
    assert sliced_w2(a[:20], a[:20] + shift, 10_000) == pytest.approx(5 / 6**0.5, rel=0.02)
    # a scaled Gaussian: every projection has W2 = |2 - 1| sigma
    big = points(5000, d=2)
    assert sliced_w2(big, 2 * big, 32) == pytest.approx(1, rel=0.03)


def test_in_one_dimension_it_is_w2():
    a, b = points(40, d=1), points(40, d=1, seed=1)
    assert sliced_w2(a, b, 3) == pytest.approx(w2_1d(a, b), rel=1e-9)


def test_it_is_a_metric_below_w2():
    a, b, c = (points(50, seed=s, scale=1 + s) for s in range(3))
    assert sliced_w2(a, b) == sliced_w2(b, a)
    assert sliced_w2(a, c) <= sliced_w2(a, b) + sliced_w2(b, c) + 1e-12
    assert sliced_w2(a, c) <= w2_points(a, c)


def test_a_rotation_changes_it_only_through_the_directions():
    rotation = torch.from_numpy(special_ortho_group.rvs(3, random_state=0))
    a, b = points(80, d=3), points(80, d=3, seed=1) * torch.tensor([1.0, 2, 3])
    rotated = sliced_w2(a @ rotation, b @ rotation, 2000)
    assert rotated == pytest.approx(sliced_w2(a, b, 2000), rel=0.04)


def test_repeating_every_sample_changes_nothing():
    a, b = points(20), points(20, seed=1)
    assert sliced_w2(a.repeat(3, 1), b) == pytest.approx(sliced_w2(a, b), rel=1e-9)


def test_images_are_taken_as_vectors_and_projections_can_be_kept():
    a = torch.rand(10, 1, 8, 8)
    b = torch.rand(12, 1, 8, 8)
    kept = project_on_lines(a, 16), project_on_lines(b, 16)
    assert sliced_w2_of_projections(*kept) == sliced_w2(a.flatten(1), b.flatten(1), 16)


def test_wrong_arguments_are_one_sentence():
    with pytest.raises(ValueError, match="the same coordinates"):
        sliced_w2(points(3, d=2), points(3, d=3))
    with pytest.raises(ValueError, match="1 values are NaN or infinite"):
        sliced_w2(points(3), torch.tensor([[0, 0, 0, 0, torch.nan]]))
    for empty in (points(0), torch.zeros(3)):
        with pytest.raises(ValueError, match="n >= 1"):
            sliced_w2(empty, empty)
    with pytest.raises(ValueError, match="at least 1 projection"):
        sliced_w2(points(3), points(3), 0)
