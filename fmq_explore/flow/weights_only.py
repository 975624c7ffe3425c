"""Weights without a network: what is known of a file that says nothing about its architecture."""

__all__ = ["WeightsOnly"]

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from .network import VelocityNetwork

MAX_DEPTH = 64
RUNNING = ("running_mean", "running_var", "num_batches_tracked")


class WeightsNode(nn.Module):
    """One level of the dotted names."""


class NormWeightsNode(WeightsNode):
    """A level that holds nothing but vectors: scale and shift of a normalisation."""


class WeightsOnly(VelocityNetwork):
    """Named tensors that can be quantized and looked at, but not run.

    Floating-point tensors become parameters under their own dotted names. Whole numbers, empty
    tensors and the running figures of batch norms become buffers, which nobody quantizes. A level
    that holds vectors only counts as a normalisation, so that `keep=("norm",)` finds it.

    Args:
        tensors: The tensors by name; without any, the first `load_state_dict` brings them.
        data_shape: Always empty: no sample has a known shape.
        reason: Why the weights cannot be run, and what to do, as half a sentence.

    Raises:
        ValueError: If a name cannot be the name of a tensor.

    Example:
        >>> import torch
        >>> weights = WeightsOnly({"block.conv.weight": torch.ones(2, 3), "step": torch.tensor(7)})
        >>> [name for name, _ in weights.named_parameters()], list(weights.state_dict())
        (['block.conv.weight'], ['step', 'block.conv.weight'])
    """

    data_shape: tuple[int, ...]

    def __init__(
        self,
        tensors: Mapping[str, Tensor] | None = None,
        data_shape: tuple[int, ...] = (),
        reason: str = "since nothing is known of the network that they belong to",
    ) -> None:
        super().__init__()
        if data_shape:
            raise ValueError(f"data_shape is {data_shape}: weights alone have none, leave it out")
        self.data_shape, self.n_classes, self.reason = (), None, reason
        self._take(tensors or {})

    def _take(self, tensors: Mapping[str, Tensor]) -> None:
        """Builds the levels and hangs the tensors into them; shared tensors stay shared."""
        levels: dict[str, nn.Module] = {"": self}
        vectors = _levels_of_vectors(tensors)
        shared: dict[int, nn.Parameter] = {}
        for name, tensor in tensors.items():
            path, _, leaf = name.rpartition(".")
            level = _level(path, levels, vectors, name)
            # Past register_parameter: a tensor may be called like a method of a module, "type" say
            if _is_weight(leaf, tensor):
                known = shared.setdefault(id(tensor), nn.Parameter(tensor, requires_grad=False))
                level._parameters[leaf] = known
            else:
                level._buffers[leaf] = tensor

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Copies tensors in, as any module does; a module that is still empty takes all of them."""
        if not any(True for _ in self.state_dict()):
            self._take(state_dict)
        return super().load_state_dict(state_dict, strict, assign)

    def get_parameter(self, target: str) -> nn.Parameter:
        """Returns a parameter by its dotted name, whatever it is called."""
        return dict(self.named_parameters(remove_duplicate=False))[target]

    def forward(self, x: Tensor, t: Tensor | float, label: Tensor | int | None = None) -> Tensor:
        """Raises ValueError: there is nothing to run."""
        title = getattr(self.card, "title", "this model")
        raise ValueError(f"weights only: {title} cannot be sampled, {self.reason}")

    def config(self) -> dict[str, Any]:
        """Returns what `build_network` needs; the names come with the tensors."""
        return {"architecture": "weights_only", "data_shape": []}


def _is_weight(leaf: str, tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.numel() > 0 and leaf not in RUNNING


def _levels_of_vectors(tensors: Mapping[str, Tensor]) -> set[str]:
    """Finds the levels with a vector that is no bias, and with nothing but vectors."""
    vectors: set[str] = set()
    others: set[str] = set()
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        if tensor.ndim > 1:
            others.add(path)
        elif tensor.ndim == 1 and tensor.is_floating_point() and not leaf.endswith("bias"):
            vectors.add(path)
    return vectors - others


def _level(path: str, levels: dict[str, nn.Module], vectors: set[str], name: str) -> nn.Module:
    """Returns the module for all but the last part of a name, made when first met."""
    parts = path.split(".") if path else []
    if "" in name.split(".") or len(parts) > MAX_DEPTH:
        raise ValueError(
            f"{name[:60]!r} cannot be the name of a tensor: use up to {MAX_DEPTH} parts with a "
            "point between them"
        )
    for i in range(len(parts)):
        here = ".".join(parts[: i + 1])
        if here not in levels:
            node = NormWeightsNode() if here in vectors else WeightsNode()
            levels[".".join(parts[:i])]._modules[parts[i]] = node
            levels[here] = node
    return levels[path]
