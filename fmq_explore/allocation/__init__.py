"""Mixed precision: bits for every tensor, so that the file fits a budget of bytes."""

__all__ = ["Allocation", "AllocationCurves", "allocate", "allocation_curves", "minimise"]

from .allocating import allocate
from .curves import AllocationCurves, allocation_curves
from .knapsack import minimise
from .record import Allocation
