"""Mixed precision: bits for every tensor, so that the file fits a budget of bytes."""

__all__ = [
    "Allocation",
    "AllocationCurves",
    "allocate",
    "allocation_curves",
    "curves_of",
    "file_bytes",
    "minimise",
]

from .allocating import allocate, curves_of
from .curves import AllocationCurves, allocation_curves, file_bytes
from .knapsack import minimise
from .record import Allocation
