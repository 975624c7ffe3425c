"""What the file of a network holds: codes, codebooks, kept tensors, and the words beside them."""

__all__ = ["Footprint", "footprint"]

from dataclasses import dataclass

from torch import nn

from ..quantize import SCHEMES, Fit, QuantizedModel
from ..quantize.packing import packed_size

FULL_BITS = 32


@dataclass(frozen=True)
class Footprint:
    """The bytes of a file, and the form of the weights in it.

    Attributes:
        storage: What a row of weights keeps beside its codes, see `fmq_explore.quantize.Scheme`;
            `"float"` for a network that is not quantized.
        granularity: Which weights share it.
        bits: The widths of the codes, ascending, each once.
        n_weights: Parameters of the network.
        n_bytes: Size of the file in bytes.
        codes: Bytes of packed codes.
        codebooks: Bytes of codebooks or scales.
        kept: Bytes of the parameters in full precision.
        quantized: The names of the tensors that are codes in the file.
    """

    storage: str
    granularity: str
    bits: tuple[int, ...]
    n_weights: int
    n_bytes: int
    codes: int
    codebooks: int
    kept: int
    quantized: frozenset[str]

    @property
    def rest(self) -> int:
        """Bytes of everything else: names, shapes, figures, buffers."""
        return self.n_bytes - self.codes - self.codebooks - self.kept

    @property
    def bits_per_weight(self) -> float:
        """Bits in the file for each parameter of the network."""
        return 8 * self.n_bytes / max(self.n_weights, 1)


def footprint(network: Fit | QuantizedModel | nn.Module) -> Footprint:
    """Takes a network's bytes apart. The parts add up to the size of the file.

    Args:
        network: A quantized network, or one in full precision, whose parameters count as they are.

    Raises:
        ValueError: It is neither.

    Example:
        >>> from fmq_explore import quantize_model
        >>> weights = footprint(quantize_model(nn.Linear(64, 64), "symmetric", bits=4))
        >>> weights.codes, weights.codebooks, weights.kept
        (2048, 256, 256)
    """
    if isinstance(network, nn.Module):
        return _whole(network)
    if not isinstance(network, Fit | QuantizedModel):
        raise ValueError(
            f"a {type(network).__name__} has no file; give a network, a QuantizedModel or a Fit"
        )
    lines = network.report()
    coded = [line for line in lines if not line.kept]
    scheme = SCHEMES[network.scheme] if isinstance(network, QuantizedModel) else network.scheme
    codes = [packed_size(line.n_weights, line.bits, scheme.radix) for line in coded]
    granularity = network.granularity if isinstance(network, QuantizedModel) else ""
    return Footprint(
        storage=scheme.storage,
        granularity=granularity or network.prepared.granularity,  # type: ignore[union-attr]
        bits=tuple(sorted({line.bits for line in coded})),
        n_weights=sum(line.n_weights for line in lines),
        n_bytes=network.n_bytes,
        codes=sum(codes),
        codebooks=sum(line.n_bytes for line in coded) - sum(codes),
        kept=sum(line.n_bytes for line in lines if line.kept),
        quantized=frozenset(line.name for line in coded),
    )


def _whole(network: nn.Module) -> Footprint:
    parameters = list(network.parameters())
    kept = sum(p.numel() * p.element_size() for p in parameters)
    n_weights = sum(p.numel() for p in parameters)
    return Footprint("float", "", (FULL_BITS,), n_weights, kept, 0, 0, kept, frozenset())
