"""Minibatch optimal transport against scipy's assignment."""

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from fmq_explore.flow import COUPLINGS, couple_by_transport


def batches(n: int, shape: tuple[int, ...], seed: int = 0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, *shape, generator=g), torch.randn(n, *shape, generator=g) + 1


@pytest.mark.parametrize("shape", [(2,), (1, 4, 4)])
@pytest.mark.parametrize("n", [1, 2, 33, 64])
def test_it_is_the_cheapest_permutation(n, shape):
    x0, x1 = batches(n, shape)
    coupled = couple_by_transport(x0, x1)
    cost = torch.cdist(x1.flatten(1), x0.flatten(1)).square().double().numpy()
    rows, columns = linear_sum_assignment(cost)
    assert (coupled - x1).square().sum().item() == pytest.approx(
        cost[rows, columns].sum(), rel=1e-5
    )
    found = torch.cdist(coupled.flatten(1), x0.flatten(1)).argmin(dim=1)
    assert sorted(found.tolist()) == list(range(n))


def test_it_never_costs_more_than_independence():
    for seed in range(5):
        x0, x1 = batches(32, (2,), seed)
        assert (couple_by_transport(x0, x1) - x1).square().sum() <= (x0 - x1).square().sum()


def test_equal_points_are_still_permuted():
    x0 = torch.tensor([[1.0], [1.0], [2.0]])
    assert couple_by_transport(x0, torch.zeros(3, 1)).flatten().sort().values.tolist() == [1, 1, 2]


def test_independent_leaves_the_noise_alone():
    x0, x1 = batches(8, (2,))
    assert COUPLINGS["independent"](x0, x1) is x0
