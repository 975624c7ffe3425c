"""The interface: the only place that knows widgets and plots."""

__all__ = ["explorer"]

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from .app import explorer

__getattr__ = lazy_names(__name__, {"explorer": "app"})
