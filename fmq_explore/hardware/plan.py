"""How a network is to be run on a chip, and what is assumed about it."""

__all__ = ["Plan", "state_copies"]

from dataclasses import dataclass
from math import isfinite

from ..flow import SOLVERS

STATE_COPIES = {"euler": 1, "midpoint": 1, "heun": 2, "rk4": 2, "dopri5": 7}
"""States that a solver holds in float32 while the network runs, beside the network's own input.

All hold x. Heun and Runge-Kutta 4 also hold the slopes summed so far; an adaptive Dormand-Prince
step holds x, five of its slopes and the new state at its last evaluation.
"""


@dataclass(frozen=True)
class Plan:
    """How samples are drawn, and what nobody publishes and therefore has to be assumed.

    Attributes:
        solver: A key of `fmq_explore.flow.SOLVERS`.
        steps: Steps of the solver.
        guidance: Scale of the guidance; anything but 1 runs every sample with and without a class.
        activation_bits: Width of activations: 8, or 32 for float32.
        runtime_bytes: Flash for program and kernels. Assumed.
        working_bytes: Memory for stack and the kernels' own scratch. Assumed.
        decode_cycles: Cycles to decompress one weight. Assumed: no measurement was found.

    Raises:
        ValueError: A value is out of range.

    Example:
        >>> Plan(solver="heun", steps=5, guidance=2.0).n_evaluations
        20
    """

    solver: str = "midpoint"
    steps: int = 10
    guidance: float = 1.0
    activation_bits: int = 8
    runtime_bytes: int = 64 * 1024
    working_bytes: int = 16 * 1024
    decode_cycles: float = 5.0

    def __post_init__(self) -> None:
        """Checks every value at the boundary."""
        if self.solver not in SOLVERS:
            raise ValueError(f"solver is {self.solver!r}; choose one of {', '.join(SOLVERS)}")
        if isinstance(self.steps, bool) or not isinstance(self.steps, int) or self.steps < 1:
            raise ValueError(f"steps is {self.steps!r}; use a whole number of at least 1")
        if self.activation_bits not in (8, 32):
            raise ValueError(
                f"activation_bits is {self.activation_bits!r}; choose 8, or 32 for float32"
            )
        for name in ("runtime_bytes", "working_bytes", "decode_cycles"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0):
                raise ValueError(f"{name} is {value!r}; use a number of at least 0")

    @property
    def batch(self) -> int:
        """Samples that the network is given at once: guidance needs two for one."""
        return 1 if self.guidance == 1.0 else 2

    @property
    def n_calls(self) -> int | None:
        """Calls of the network for one sample; None where the solver chooses its steps."""
        stages = SOLVERS[self.solver].stages
        return None if stages is None else stages * self.steps

    @property
    def n_evaluations(self) -> int | None:
        """Evaluations of the network for one sample, guided ones twice."""
        return None if self.n_calls is None else self.n_calls * self.batch


def state_copies(solver: str) -> int:
    """Returns how many states a solver holds while the network runs.

    Example:
        >>> state_copies("heun") - state_copies("midpoint")
        1
    """
    return STATE_COPIES[solver]
