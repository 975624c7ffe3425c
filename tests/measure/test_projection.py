"""The fixed plane: against scikit-learn's PCA, and by invariants."""

import pytest
import torch
from sklearn.decomposition import PCA

from fmq_explore.measure import fit_basis, project


def cloud(n: int = 60, shape: tuple[int, ...] = (1, 3, 3)) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, *shape, generator=generator).flatten(1)
    return (x * torch.arange(1, x.shape[1] + 1) + 5).reshape(n, *shape)


def test_basis_equals_scikit_learn_up_to_signs() -> None:
    x = cloud()
    ours, theirs = fit_basis(x), PCA(2).fit(x.flatten(1).numpy())
    found = (ours.components @ torch.as_tensor(theirs.components_).float().T).abs()
    torch.testing.assert_close(found, torch.eye(2), atol=1e-4, rtol=0)
    assert ours.explained.tolist() == pytest.approx(theirs.explained_variance_ratio_, rel=1e-4)


def test_axes_are_orthonormal_and_their_signs_fixed() -> None:
    x = cloud()
    axes = fit_basis(x, k=4).components
    torch.testing.assert_close(axes @ axes.T, torch.eye(4), atol=1e-5, rtol=0)
    assert all(axis[axis.abs().argmax()] > 0 for axis in axes)
    torch.testing.assert_close(fit_basis(x.flip(0), k=4).components, axes, atol=1e-4, rtol=0)


def test_a_path_is_projected_state_by_state() -> None:
    x = cloud()
    basis = fit_basis(x)
    path = torch.stack([x, 2 * x, x - 1])
    flat = project(path, basis.mean, basis.components, batch_ndim=2)
    assert flat.shape == (3, 60, 2)
    torch.testing.assert_close(flat[1], project(2 * x, basis.mean, basis.components))


def test_points_in_the_identity_basis_stay_where_they_are() -> None:
    points = cloud(shape=(2,))
    assert torch.equal(project(points, torch.zeros(2), torch.eye(2)), points)


def test_constant_data_have_a_basis_without_variance() -> None:
    assert fit_basis(torch.ones(5, 3)).explained.tolist() == [0, 0]


def test_errors_are_sentences() -> None:
    with pytest.raises(ValueError, match="at least 2 samples and k from 1 to 3"):
        fit_basis(torch.zeros(5, 3), k=4)
    with pytest.raises(ValueError, match="at least"):
        fit_basis(torch.zeros(1, 3), k=1)
    with pytest.raises(ValueError, match="basis that belongs to the model"):
        project(torch.zeros(5, 3), torch.zeros(2), torch.eye(2))
