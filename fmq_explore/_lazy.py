"""Names of a package that are loaded when they are first used, so that importing it stays quick."""

__all__ = ["lazy_names"]

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Returns a module-level ``__getattr__`` (PEP 562) for a package.

    Args:
        package: The package's ``__name__``.
        homes: The submodule in which each public name lives. A name that is its own home is the
            submodule itself.
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(f".{homes[name]}", package)
        if name == homes[name]:
            return module
        value = getattr(module, name)
        setattr(sys.modules[package], name, value)
        return value

    return load
