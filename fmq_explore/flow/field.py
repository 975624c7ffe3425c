"""The velocity of a model once its label and guidance are settled."""

__all__ = ["Field", "Label", "check_label"]

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Label = int | Sequence[int] | Tensor | None


class Field:
    """The velocity x, t -> v(x, t) that a solver sees; counts how often the network is called.

    Args:
        model: Velocity v(x, t) or v(x, t, label).
        label: Classes, shape (n,), or None.
        guidance: Scale g of v_none + g (v_label - v_none) (arXiv 2207.12598).

    Raises:
        ValueError: If guidance is asked of a model that knows no class "none".
    """

    def __init__(self, model: Callable[..., Tensor], label: Tensor | None, guidance: float) -> None:
        self.model, self.label, self.guidance = model, label, guidance
        self.n_evaluations = 0
        self.both: Tensor | None = None  # the labels, then as many times "no class"
        if label is not None and guidance != 1.0:
            none = getattr(model, "n_classes", None)
            if none is None:
                raise ValueError(
                    f"guidance {guidance} needs a model with n_classes: use guidance 1.0"
                )
            self.both = torch.cat((label, torch.full_like(label, none)))

    def __call__(self, x: Tensor, t: float) -> Tensor:
        time = torch.tensor(t, dtype=x.dtype, device=x.device)
        self.n_evaluations += 1 if self.both is None else 2
        if self.both is not None:
            with_label, without = self.model(torch.cat((x, x)), time, self.both).chunk(2)
            return torch.lerp(without, with_label, self.guidance)
        return self.model(x, time) if self.label is None else self.model(x, time, self.label)


def check_label(model: Any, label: Label, n: int) -> Tensor | None:
    """Returns the labels as a tensor of shape (n,), or None.

    Raises:
        ValueError: If there are too few or too many, or one is out of the range of the model.

    Example:
        >>> check_label(None, 2, n=3)
        tensor([2, 2, 2])
    """
    if label is None:
        return None
    labels = torch.as_tensor(label).reshape(-1)
    if labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"label {label} is of {labels.dtype}: use whole numbers")
    if len(labels) not in (1, n):
        raise ValueError(f"{len(labels)} labels for {n} samples: give one label, or one per sample")
    n_classes = getattr(model, "n_classes", labels.max().item() + 1)
    if n_classes is None:
        raise ValueError(f"label {label} for a model without classes: leave the label out")
    wrong = labels[(labels < 0) | (labels >= n_classes)]
    if len(wrong):
        raise ValueError(
            f"label {wrong[0].item()} is out of range: use 0 to {n_classes - 1}, "
            "or None for no class"
        )
    return labels.long().expand(n)
