"""A whole network, quantized: it runs, reports, and goes to disk and back."""

__all__ = ["QuantizedModel", "load_quantized", "quantize_model"]

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from os import PathLike
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from .container import Entry, file_size, tensor_bytes, write
from .file import FIGURES, decode, file_entries, file_metadata, read
from .fit import Fit
from .prepared import prepare
from .report import TensorReport, kept_report, quantized_report, relative_error
from .tensor import QuantizedTensor

# Where networks of this project are built from their configuration. Named, not imported: this
# package knows no network, and only a file that holds one leads here.
_BUILDER = ("fmq_explore.flow", "build_network")


@dataclass(frozen=True, eq=False)
class QuantizedModel:
    """A quantized network. Made by `quantize_model` and `load_quantized`.

    Attributes:
        model: The network with quantized weights, ready to run.
        scheme: Name of the scheme.
        codebook_dtype: How codebooks are stored.
        granularity: `"tensor"`, `"channel"`, `"group"` or `"shared"`.
        group_size: Weights in a group, or None.
        tensors: The quantized tensors by name.
        raw: Parameters kept or left as they are, and buffers, by name.
        left: Names of tensors with fewer weights than levels.
        tied: Names that share a tensor with another name, and that name.
        description: The network's class and configuration.
        reference: The full-precision network it was made from; None when read from a file.
    """

    model: nn.Module
    scheme: str
    codebook_dtype: str
    granularity: str
    group_size: int | None
    tensors: Mapping[str, QuantizedTensor]
    raw: Mapping[str, Tensor]
    left: tuple[str, ...]
    tied: Mapping[str, str]
    description: Mapping[str, object]
    reference: nn.Module | None = field(default=None, repr=False)

    @property
    def bits(self) -> dict[str, int]:
        """Bits of every quantized tensor, by name."""
        return {name: q.bits for name, q in self.tensors.items()}

    def report(self) -> list[TensorReport]:
        """Returns one line for every parameter, kept ones included, in the model's order."""
        return [self._report(name) for name, _ in self.model.named_parameters()]

    def _report(self, name: str) -> TensorReport:
        if name in self.tensors:
            q = self.tensors[name]
            shape = tuple(q.shape)
            return quantized_report(name, shape, q.bits, q.mse, q.norm_squared, q.n_bytes, q.w2)
        tensor = self.raw[name]
        reason = "small" if name in self.left else "keep"
        return kept_report(name, tuple(tensor.shape), tensor.dtype.itemsize, reason)

    @cached_property
    def _sse(self) -> float:
        return sum(q.mse * q.codes.numel() for q in self.tensors.values())

    @property
    def w2(self) -> float:
        """W2 of the quantized tensors together, every row counted by its length."""
        names = [*self.tensors, *self.left]
        n = sum(self.model.get_parameter(name).numel() for name in names)
        total = sum(q.w2**2 * q.codes.numel() for q in self.tensors.values())
        return math.sqrt(total / max(n, 1))

    @property
    def relative_error(self) -> float:
        """RMS error of the quantized tensors over the RMS of their weights."""
        left = sum(float(self.raw[name].double().square().sum()) for name in self.left)
        norm_squared = left + sum(q.norm_squared for q in self.tensors.values())
        return relative_error(self._sse, norm_squared)

    @cached_property
    def n_bytes(self) -> int:
        """Size in bytes of the file that `save` writes."""
        return file_size(self._entries(), self._metadata())

    @property
    def bits_per_weight(self) -> float:
        """Bits in the file for each weight of the network, kept ones and header included."""
        n_weights = sum(p.numel() for p in self.model.parameters())
        return 8 * self.n_bytes / max(n_weights, 1)

    @cached_property
    def _n_figures(self) -> int:
        return 2 if all(q.w2_squared is None for q in self.tensors.values()) else 3

    def _figures(self, q: QuantizedTensor) -> list[float]:
        return [math.sqrt(q.mse), math.sqrt(q.norm_squared), q.w2][: self._n_figures]

    def _entries(self) -> list[Entry]:
        sizes = {name: q.n_bytes for name, q in self.tensors.items()}
        raw = {n: (tuple(t.shape), t.dtype) for n, t in self.raw.items()}
        return file_entries(sizes, raw, self._n_figures)

    def _metadata(self) -> dict[str, str]:
        quantized = {n: (q.bits, tuple(q.shape), q.dtype) for n, q in self.tensors.items()}
        return file_metadata(
            self.scheme,
            self.codebook_dtype,
            self.granularity,
            self.group_size,
            quantized,
            self.left,
            [name for name, tensor in self.raw.items() if tensor.dtype == torch.uint8],
            self.tied,
            self.description,
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Writes a safetensors file of `n_bytes` bytes: packed codes, codebooks, kept tensors."""
        data = {name: q.to_bytes() for name, q in self.tensors.items()}
        data |= {name: tensor_bytes(tensor) for name, tensor in self.raw.items()}
        figures = [self._figures(q) for _, q in sorted(self.tensors.items())]
        data[FIGURES] = np.array(figures, dtype=np.float32).tobytes()
        write(path, self._entries(), data, self._metadata())


def quantize_model(
    model: nn.Module,
    scheme: str = "optimal",
    bits: int | Mapping[str, int] = 3,
    granularity: str = "channel",
    group_size: int | None = None,
    keep: str | Iterable[str] = ("bias", "norm"),
    codebook_dtype: str = "float32",
) -> QuantizedModel:
    """Quantizes the weights of a network; the network itself is not changed.

    Args:
        model: The network.
        scheme: A name in `SCHEMES`.
        bits: Bits in a code, 1 to 8, for all tensors or by name; names may be patterns.
        granularity: Weights that share a codebook: `"tensor"`, `"channel"`, `"group"`, or
            `"shared"`: a codebook for each tensor and a scale for each channel.
        group_size: Consecutive weights of a channel in a group, for `"group"`.
        keep: Tensors left in full precision: tags (`"bias"`, `"norm"`, `"first"`, `"last"`,
            `"time"`), names, or patterns.
        codebook_dtype: `"float32"` or `"float16"`, how codebooks are stored.

    Raises:
        ValueError: An argument is out of range, or a tensor to be quantized is empty or not finite.

    Example:
        >>> net = nn.Sequential(nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64))
        >>> qm = quantize_model(net, bits={"0.weight": 2, "2.weight": 4})
        >>> [(line.name, line.bits) for line in qm.report() if not line.kept]
        [('0.weight', 2), ('2.weight', 4)]
    """
    fit = prepare(model, granularity, group_size, keep).fit(scheme, bits, codebook_dtype)
    return from_fit(fit, model)


def from_fit(fit: Fit, model: nn.Module) -> QuantizedModel:
    """Returns the quantized network that a fit describes.

    Args:
        fit: Codebooks and codes.
        model: The network that they were made from; it is not changed.
    """
    quantized = copy.deepcopy(model)
    fit.write_into(quantized)
    prepared = fit.prepared
    left = tuple(name for name in prepared.names if fit.fits[name].left)
    originals = model.state_dict()
    return QuantizedModel(
        model=quantized,
        scheme=fit.scheme.name,
        codebook_dtype=fit.codebook_dtype,
        granularity=prepared.granularity,
        group_size=prepared.group_size,
        tensors={name: fit.tensor(name) for name in prepared.names if name not in left},
        raw=dict(prepared.raw) | {n: originals[n].detach().cpu().clone() for n in left},
        left=left,
        tied=prepared.tied,
        description=prepared.description,
        reference=model,
    )


def load_quantized(
    path: str | PathLike[str], model: nn.Module | Callable[[], nn.Module] | None = None
) -> QuantizedModel:
    """Reads what `QuantizedModel.save` wrote. No code of the file is run.

    Args:
        path: The file.
        model: A network of the same architecture, which is copied, or a function that returns one.
            Networks of this project are rebuilt from the file and need none.

    Raises:
        ValueError: The file is not of this format, or the network does not fit it.
    """
    try:
        text, stored = read(path)
        tensors, raw = decode(text, stored)
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ValueError(
            f"{path} is no readable quantized network ({error}); write one with QuantizedModel.save"
        ) from error
    network = _network(text, model, path)
    state = {name: q.dequantize() for name, q in tensors.items()} | raw
    state |= {name: state[other] for name, other in text["tied"].items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ValueError(
            f"the network does not fit {path}; give `model` one of the architecture that was saved "
            f"({text['class']})"
        ) from error
    return QuantizedModel(
        model=network,
        scheme=text["scheme"],
        codebook_dtype=text["codebook_dtype"],
        granularity=text["granularity"],
        group_size=text["group_size"],
        tensors=tensors,
        raw=raw,
        left=tuple(text["left"]),
        tied=text["tied"],
        description={key: text[key] for key in ("class", "config") if key in text},
    )


def _network(
    text: Mapping[str, Any], model: nn.Module | Callable[[], nn.Module] | None, path: object
) -> nn.Module:
    """Returns a network to load the weights into."""
    if isinstance(model, nn.Module):
        return copy.deepcopy(model)
    if model is not None:
        return model()
    if "config" not in text:
        raise ValueError(
            f"{path} does not say how to build its network {text['class']}; pass one as `model`"
        )
    module, function = _BUILDER
    return getattr(import_module(module), function)(text["config"]).eval()
