"""The measuring stages by name, in the order in which they are gone through."""

__all__ = ["STAGES", "Stage"]

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .activations import activation_view
from .bounds import bound_view
from .latents import latent_view
from .quality import quality_view
from .sensitivity import sensitivity_view


@dataclass(frozen=True)
class Stage:
    """A stage that is gone through only while its panel is on show.

    Attributes:
        title: What the status bar says meanwhile.
        make: Makes the view of a request, with the workspace and the yardsticks; takes
            ``should_stop`` and ``progress``.
    """

    title: str
    make: Callable[..., Any]


STAGES = {
    "quality": Stage("measuring the samples", quality_view),
    "latents": Stage("inverting real images", latent_view),
    "sensitivity": Stage("quantizing one tensor at a time", sensitivity_view),
    "bounds": Stage("estimating bounds", bound_view),
    "activations": Stage("calibrating activations", activation_view),
}
