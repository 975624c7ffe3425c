"""What an allocation found: bits by tensor, true bytes, error, and what equal bits would give."""

__all__ = ["Allocation"]

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Allocation:
    """Bits for every tensor of a network. Made by `allocate` and `AllocationCurves`.

    Attributes:
        bits: Bits in a code by tensor, for `quantize_model(..., bits=...)`.
        n_bytes: Size of the file, header included: `QuantizedModel.n_bytes` with these bits.
        error: The objective, see `allocate`: the relative error of the weights, or an estimate of
            that of the samples.
        budget_bytes: The most bytes that the file was allowed to have.
        bound: What no allocation within the budget can fall below, by Lagrangian duality.
        equal_bits: The best equal bits whose file is within the budget; None where none is.
        equal_error: Their error, None without.
        equal_n_bytes: Size of their file, None without.
    """

    bits: Mapping[str, int]
    n_bytes: int
    error: float
    budget_bytes: int
    bound: float
    equal_bits: int | None
    equal_error: float | None
    equal_n_bytes: int | None

    @property
    def gain(self) -> float | None:
        """Error of the best equal bits over that of this allocation, 1 or more; None without."""
        if self.equal_error is None:
            return None
        return self.equal_error / self.error if self.error > 0.0 else 1.0

    @property
    def lowest(self) -> int:
        """The fewest bits of a tensor."""
        return min(self.bits.values())

    @property
    def highest(self) -> int:
        """The most bits of a tensor."""
        return max(self.bits.values())

    def __str__(self) -> str:
        """Returns bytes, bits and error in a line."""
        line = (
            f"{self.n_bytes:,} of {self.budget_bytes:,} bytes, "
            f"{self.lowest} to {self.highest} bits, error {self.error:.2%}"
        )
        if self.equal_error is None:
            return f"{line}; equal bits do not fit"
        return f"{line}; {self.equal_bits} bits for all: {self.equal_error:.2%}"
