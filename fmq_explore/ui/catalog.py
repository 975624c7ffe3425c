"""What there is to choose from, as plain text: gathered once the library is loaded."""

__all__ = ["Catalog", "ModelEntry", "load_catalog"]

from dataclasses import dataclass


@dataclass(frozen=True)
class ModelEntry:
    """A model to choose: its title, and the names of its classes (empty without classes)."""

    title: str
    class_names: tuple[str, ...]


@dataclass(frozen=True)
class Catalog:
    """Models, schemes and solvers by name, with their titles."""

    models: dict[str, ModelEntry]
    schemes: dict[str, str]
    solvers: dict[str, str]


def load_catalog() -> Catalog:
    """Reads the catalog from the library; this loads torch."""
    from ..flow import SOLVERS
    from ..quantize import SCHEMES
    from ..zoo import available_models

    return Catalog(
        models={
            name: ModelEntry(card.title, tuple(card.class_names or ()))
            for name, card in available_models().items()
        },
        schemes={name: scheme.title for name, scheme in SCHEMES.items()},
        solvers={name: solver.title for name, solver in SOLVERS.items()},
    )
