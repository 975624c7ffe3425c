"""What there is to choose from, as plain text: gathered once the library is loaded."""

__all__ = ["Catalog", "ModelEntry", "frontier_rows", "load_catalog", "sweep_rows"]

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class ModelEntry:
    """A model to choose: title, names of its classes, a note (if any), and whether it runs."""

    title: str
    class_names: tuple[str, ...]
    note: str = ""
    can_sample: bool = True


@dataclass(frozen=True)
class Catalog:
    """Models, schemes and solvers by name, with their titles; schemes of a family in a row."""

    models: dict[str, ModelEntry]
    schemes: dict[str, str]
    solvers: dict[str, str]

    def plus(self, name: str, entry: ModelEntry) -> "Catalog":
        """Returns the catalog with one more model at its end, or with that model renewed."""
        others = {key: value for key, value in self.models.items() if key != name}
        return replace(self, models=others | {name: entry})


def load_catalog() -> Catalog:
    """Reads the catalog from the library; this loads torch."""
    from ..flow import SOLVERS
    from ..quantize import FAMILIES, SCHEMES
    from ..zoo import available_models

    return Catalog(
        models={
            name: ModelEntry(card.title, tuple(card.class_names or ()))
            for name, card in available_models().items()
        },
        schemes={
            name: scheme.title
            for family in FAMILIES
            for name, scheme in SCHEMES.items()
            if scheme.family == family
        },
        solvers={name: solver.title for name, solver in SOLVERS.items()},
    )


def sweep_rows() -> Sequence[Mapping[str, Any]]:
    """Reads the rows of the sweep that ships with the project; none where it does not."""
    from ..assets import assets_folder
    from ..sweep import load_table

    shipped = assets_folder() / "sweep.csv"
    return load_table(shipped).rows if shipped.is_file() else ()


def frontier_rows() -> Sequence[Mapping[str, Any]]:
    """Reads the rows of the frontier that ships with the project; none where it does not."""
    from ..sweep import load_frontier

    return load_frontier().rows
