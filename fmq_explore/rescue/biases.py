"""The cheapest rescue: biases take up the mean error of their layer."""

__all__ = ["correct_biases"]

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..quantize import QuantizedModel
from ..quantize.retrained import retrained
from .targets import Targets, call
from .tuner import find_reference

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def correct_biases(
    qm: QuantizedModel,
    reference: nn.Module | None = None,
    n: int = 256,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> QuantizedModel:
    """Shifts every bias by its layer's mean error along the reference's paths (arXiv 1906.04721).

    Layer by layer, in the order in which they run and each seeing its corrected predecessors, the
    bias of channel c becomes b_c + E[y_c] - E[y^q_c]; then the mean of every layer's output is that
    of the reference. One forward pass, nothing is trained, no byte is added.

    Args:
        qm: The quantized network; it is not changed.
        reference: The full-precision network; by default the one that was quantized.
        n: States at which the means are taken.
        seed: Of the paths and the states.
        should_stop: Asked between solver steps of the paths.

    Raises:
        ValueError: There is no reference.

    Example:
        >>> import fmq_explore as fmq
        >>> model = fmq.load_model("moons")
        >>> qm = fmq.quantize_model(model, "optimal", bits=2)
        >>> correct_biases(qm).n_bytes == qm.n_bytes
        True
    """
    found = find_reference(qm, reference)
    batch = Targets(found, seed=seed).batch(n, should_stop)
    means = _means(found, lambda: call(found, batch.x, batch.t, batch.label))
    network = qm.model
    changed = _corrections(qm, means, lambda: call(network, batch.x, batch.t, batch.label))
    raw = {name: qm.raw[name] + shift for name, shift in changed.items()}
    return retrained(qm, found, {}, raw)


def _means(network: nn.Module, run: Callable[[], Tensor]) -> dict[str, Tensor]:
    """Returns the mean output of every layer's channels during a run."""
    means: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, _: object, output: Tensor) -> None:
            means.setdefault(name, _channel_mean(module, output))

        return hook

    _run_with(network, note, run)
    return means


def _corrections(
    qm: QuantizedModel, means: dict[str, Tensor], run: Callable[[], Tensor]
) -> dict[str, Tensor]:
    """Returns the shift of every kept bias; within the run each layer's shift counts at once."""
    shifts: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., Tensor | None]:
        def hook(module: nn.Module, _: object, output: Tensor) -> Tensor | None:
            bias = f"{name}.bias"
            if bias not in qm.raw or name not in means:
                return None
            shift = shifts.setdefault(bias, means[name] - _channel_mean(module, output))
            tail = () if isinstance(module, nn.Linear) else (1,) * (output.ndim - 2)
            return output + shift.reshape(-1, *tail)

        return hook

    _run_with(qm.model, note, run)
    return shifts


def _run_with(
    network: nn.Module, note: Callable[[str], Callable[..., object]], run: Callable[[], Tensor]
) -> None:
    layers = [(name, m) for name, m in network.named_modules() if isinstance(m, LAYERS)]
    handles = [module.register_forward_hook(note(name)) for name, module in layers]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()


def _channel_mean(module: nn.Module, output: Tensor) -> Tensor:
    if isinstance(module, nn.Linear):
        return output.flatten(0, -2).mean(dim=0)
    return output.transpose(0, 1).flatten(1).mean(dim=1)
