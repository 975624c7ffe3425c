"""Which noise goes with which data in a batch: independently, or by minibatch optimal transport."""

__all__ = ["COUPLINGS", "Coupling", "couple_by_transport"]

from collections.abc import Callable

import torch
from torch import Tensor

Coupling = Callable[[Tensor, Tensor], Tensor]


def keep_independent(x0: Tensor, x1: Tensor) -> Tensor:
    """Returns the noise as it was drawn, independent of the data."""
    return x0


def couple_by_transport(x0: Tensor, x1: Tensor) -> Tensor:
    """Permutes the noise so that the sum of ||x0 - x1||^2 over the batch is least.

    The straight paths of a batch then cross less, which makes the learned flow straighter
    (arXiv 2302.00482). Equal batches of equal mass: the optimal plan is a permutation.

    Args:
        x0: Noise, shape (n, ...).
        x1: Data, shape (n, ...).

    Returns:
        The noise in the order of its data, shape (n, ...).

    Example:
        >>> couple_by_transport(torch.tensor([[1.0], [5.0]]), torch.tensor([[4.0], [0.0]]))
        tensor([[5.],
                [1.]])
    """
    import ot

    cost = torch.cdist(x1.flatten(1).double(), x0.flatten(1).double()).square()
    plan = ot.emd([], [], cost.cpu().numpy())
    return x0[torch.as_tensor(plan).argmax(dim=1).to(x0.device)]


COUPLINGS: dict[str, Coupling] = {"independent": keep_independent, "ot": couple_by_transport}
