"""Keeps the failure of one stage from the others."""

__all__ = ["guard"]

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..flow import Cancelled
from .results import Failure
from .sentences import sentence


@contextmanager
def guard(stage: str, emit: Callable[[Any], None]) -> Iterator[None]:
    """Turns an error of a stage into one sentence; the other stages go on."""
    try:
        yield
    except Cancelled:
        pass
    except ValueError as error:
        emit(Failure(stage, sentence(str(error))))
    except Exception as error:
        emit(Failure(stage, f"The {stage} stage failed: {sentence(str(error) or repr(error))}"))
