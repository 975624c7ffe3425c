"""The trained models that ship with the project, their cards and their reference statistics."""

__all__ = [
    "Card",
    "Statistics",
    "assets_folder",
    "available_models",
    "is_file_name",
    "load_model",
    "load_statistics",
    "save_model",
    "save_statistics",
]

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import prod
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from .assets import assets_folder, read_tensors
from .flow import VelocityNetwork, build_network
from .foreign import ENDINGS, open_file


@dataclass(frozen=True)
class Card:
    """What is known about a model: the JSON file beside its weights.

    Attributes:
        name: Name of the model.
        title: Name for people.
        data: The data set, a key of `data.DATASETS`.
        data_shape: Shape of one sample.
        data_range: Smallest and largest value of the data; images live in [-1, 1].
        n_classes: Number of classes, or None.
        class_names: One name per class.
        n_parameters: Number of weights.
        network: Configuration, for `flow.build_network`.
        recipe: How it was trained, the fields of `flow.Recipe`; its `stages` say from which step on
            the schedule aimed at how many steps, for a run that was made longer or shorter.
        seed: Seed of the training.
        seconds: Time of the training.
        figures: What was measured on its samples.
    """

    name: str
    title: str
    data: str
    data_shape: tuple[int, ...]
    data_range: tuple[float, float]
    n_classes: int | None
    class_names: tuple[str, ...]
    n_parameters: int
    network: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Returns the card as JSON text."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> "Card":
        """Reads a card.

        Raises:
            ValueError: If the file is not a card.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            known: dict[str, Any] = {f.name: content[f.name] for f in fields(cls)}
            for key in ("data_shape", "data_range", "class_names"):
                known[key] = tuple(known[key])
            return cls(**known)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a model card ({error}): train the model again"
            ) from error


@dataclass(frozen=True, eq=False)
class Statistics:
    """A fixed plane in which all versions of a model are drawn, and real data in it.

    Attributes:
        pca_mean: Origin of the plane, shape (d,); d is the size of a flattened sample.
        pca_components: Orthonormal axes, shape (2, d); the identity for points.
        data_points: Real data in the plane, shape (2000, 2).
        data_labels: Their classes, shape (2000,), or None.
    """

    pca_mean: Tensor
    pca_components: Tensor
    data_points: Tensor
    data_labels: Tensor | None

    def project(self, x: Tensor) -> Tensor:
        """Returns flattened states of shape (..., d) as points, shape (..., 2).

        Example:
            >>> plane = Statistics(torch.ones(2), torch.eye(2), torch.zeros(0, 2), None)
            >>> plane.project(torch.tensor([[3.0, 1.0]]))
            tensor([[2., 0.]])
        """
        return (x.float() - self.pca_mean) @ self.pca_components.T


def available_models() -> dict[str, Card]:
    """Returns the cards of the models that ship with the project, small data first.

    Example:
        >>> available_models()["mnist"].data_shape
        (1, 28, 28)
    """
    cards = [Card.read(path) for path in (assets_folder() / "models").glob("*.json")]
    cards.sort(key=lambda card: (prod(card.data_shape), card.n_parameters, card.name))
    return {card.name: card for card in cards}


def load_model(
    name_or_path: str | os.PathLike[str], options: Mapping[str, Any] | None = None
) -> VelocityNetwork:
    """Loads a model, fresh at every call, in eval mode, with its `card`.

    No code of a file is run. A file with its card beside it, a checkpoint of our own training, and
    a U-Net of torchcfm (with that package) become networks that sample; every other state dict
    becomes a `WeightsOnly`, which can be quantized and looked at.

    Args:
        name_or_path: A key of `available_models`, or a .safetensors, .pt, .pth or .ckpt file.
        options: For a U-Net of torchcfm, what its weights do not tell, such as
            `{"dim": (3, 32, 32), "num_heads": 4}`; by default the entry "torchcfm" of a JSON file
            of the same name beside it.

    Raises:
        ValueError: If there is no such model, or a file is not what it should be.

    Example:
        >>> load_model("moons").card.title
        'Moons'
    """
    path = _weights_path(name_or_path)
    card = _card_beside(path)
    if card is None:
        model = open_file(path, options)
        model.card = _card_of(model, path)
        return model
    model = build_network(card.network)
    weights = read_tensors(path)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(
            f"{path} does not fit the network on its card: keep the two files that were "
            "saved together"
        ) from error
    model.card = card
    return model.eval()


def is_file_name(name: str) -> bool:
    """Tells whether a model's name is the path of a file.

    Example:
        >>> is_file_name("mnist"), is_file_name("weights.pt"), is_file_name("runs/mnist")
        (False, True, True)
    """
    return Path(name).suffix.lower() in ENDINGS or Path(name).name != name


def _card_beside(path: Path) -> Card | None:
    """Reads the card beside a safetensors file; None where the JSON there is about other things."""
    beside = path.with_suffix(".json")
    if path.suffix.lower() != ".safetensors" or not beside.is_file() or not path.is_file():
        return None
    try:
        content = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = {}
    known = {f.name for f in fields(Card)}
    if isinstance(content, dict) and content and not known & content.keys():
        return None
    return Card.read(beside)


def _card_of(model: VelocityNetwork, path: Path) -> Card:
    """Makes a card for a model that came without one, with the file's name as its title."""
    n_classes = model.n_classes
    return Card(
        name=path.stem,
        title=path.name,
        data="",
        data_shape=tuple(model.data_shape),
        data_range=(-1.0, 1.0),
        n_classes=n_classes,
        class_names=tuple(str(i) for i in range(n_classes or 0)),
        n_parameters=model.n_parameters,
        network=model.config(),
    )


def load_statistics(name_or_path: str | os.PathLike[str]) -> Statistics:
    """Loads the reference statistics of a model.

    Args:
        name_or_path: As for `load_model`.

    Raises:
        ValueError: If there are none, or the file is not what it should be.

    Example:
        >>> load_statistics("moons").data_points.shape
        torch.Size([2000, 2])
    """
    weights = _weights_path(name_or_path)
    path = weights.parent.parent / "stats" / weights.name
    tensors = read_tensors(path)
    try:
        mean, components, points = (
            tensors[key].float() for key in ("pca_mean", "pca_components", "data_points")
        )
    except KeyError as error:
        raise ValueError(f"{path} holds no {error}: it is not a statistics file") from error
    labels = tensors.get("data_labels")
    return Statistics(mean, components, points, None if labels is None else labels.long())


def save_model(model: VelocityNetwork, card: Card, folder: Path) -> Path:
    """Writes weights and card to `folder/models`; returns the path of the weights."""
    path = folder / "models" / f"{card.name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save({k: v.contiguous() for k, v in model.state_dict().items()}))
    path.with_suffix(".json").write_text(card.to_json(), encoding="utf-8")
    return path


def save_statistics(statistics: Statistics, name: str, folder: Path) -> Path:
    """Writes the statistics of a model to `folder/stats`, labels as bytes."""
    path = folder / "stats" / f"{name}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {key: v.contiguous() for key, v in vars(statistics).items() if v is not None}
    if "data_labels" in tensors:
        tensors["data_labels"] = tensors["data_labels"].to(torch.uint8)
    path.write_bytes(save(tensors))
    return path


def _weights_path(name_or_path: str | os.PathLike[str]) -> Path:
    """Returns the path of a model's weights, or the path as it was given."""
    if not isinstance(name_or_path, str) or is_file_name(name_or_path):
        return Path(name_or_path)
    path = assets_folder() / "models" / f"{name_or_path}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in (assets_folder() / "models").glob("*.json")))
        raise ValueError(
            f"no model {name_or_path!r}: use one of {known}, "
            f"or the path of a file that ends in {', '.join(ENDINGS)}"
        )
    return path
