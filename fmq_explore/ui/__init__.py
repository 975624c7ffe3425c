"""The interface: the only place that knows widgets and plots."""

__all__ = ["explorer", "hardware"]

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .app import explorer
    from .hardware_app import hardware

__getattr__ = lazy_names(__name__, {"explorer": "app", "hardware": "hardware_app"})
