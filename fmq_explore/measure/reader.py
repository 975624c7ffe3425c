"""Readers: small classifiers that say what an image shows, and what it is made of."""

__all__ = ["Reader", "ReaderCard", "available_readers", "load_reader", "readability"]

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from ..assets import assets_folder, read_tensors

BATCH = 256
"""Images that are read at once; more would take memory, not less time."""


@dataclass(frozen=True)
class ReaderCard:
    """What is known about a reader: the JSON file beside its weights.

    Attributes:
        name: Name of the data set it reads, and its own.
        data_shape: Shape of one image, `(c, h, w)`.
        class_names: One name per class.
        network: Settings of the network, for `Reader`.
        n_parameters: Number of weights.
        accuracy: Share of right readings of all test images.
        n_test: Number of test images.
        class_accuracy: The same for every class.
        recipe: How it was trained.
        seed: Seed of the training.
        seconds: Time of the training.
        note: What a user of its figures should know.
    """

    name: str
    data_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    network: dict[str, Any] = field(default_factory=dict)
    n_parameters: int = 0
    accuracy: float = float("nan")
    n_test: int = 0
    class_accuracy: tuple[float, ...] = ()
    recipe: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    note: str = ""

    def to_json(self) -> str:
        """Returns the card as JSON text."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> "ReaderCard":
        """Reads a card.

        Raises:
            ValueError: If the file is not the card of a reader.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            known: dict[str, Any] = {f.name: content[f.name] for f in fields(cls)}
            for key in ("data_shape", "class_names", "class_accuracy"):
                known[key] = tuple(known[key])
            return cls(**known)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not the card of a reader ({error}): train the reader again"
            ) from error


class Reader(nn.Module):
    """A convolutional classifier with 64 features: the means of its last channels.

    Values outside [-1, 1] are clipped first, as a screen would show them.

    Args:
        data_shape: Shape of one image, `(c, h, w)`, at least 8x8.
        class_names: One name per class.
        widths: Channels of the 3x3 convolutions, each followed by batch norm and ReLU; the last
            number is that of the features.
        halve_before: Positions of the convolutions in front of which the image is halved.

    Attributes:
        class_names: One name per class.
        card: What is known about it, or None.

    Example:
        >>> reader = Reader((1, 28, 28), "0123456789").eval()
        >>> x = torch.zeros(2, 1, 28, 28)
        >>> reader.features(x).shape, reader(x).shape
        (torch.Size([2, 64]), torch.Size([2, 10]))
    """

    def __init__(
        self,
        data_shape: Sequence[int],
        class_names: Sequence[str],
        widths: Sequence[int] = (32, 64, 96, 96, 64),
        halve_before: Sequence[int] = (1, 2),
    ) -> None:
        super().__init__()
        if len(data_shape) != 3 or min(data_shape[1:]) < 8 or len(class_names) < 2:
            raise ValueError(
                f"a reader got images of shape {tuple(data_shape)} and {len(class_names)} classes, "
                "but needs (c, h, w) of at least 8 x 8 pixels and at least 2 classes"
            )
        self.data_shape, self.class_names = tuple(data_shape), tuple(class_names)
        self.network = {"widths": list(widths), "halve_before": list(halve_before)}
        self.card: ReaderCard | None = None
        layers: list[nn.Module] = []
        for i, (before, after) in enumerate(zip((data_shape[0], *widths), widths, strict=False)):
            layers += [nn.MaxPool2d(2)] if i in halve_before else []
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False)]
            layers += [nn.BatchNorm2d(after), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.head = nn.Linear(widths[-1], len(class_names))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, x: Tensor) -> Tensor:
        """Returns what the last linear layer sees of images (n, c, h, w): shape (n, 64), >= 0."""
        x = x.clamp(-1, 1).contiguous(memory_format=torch.channels_last)
        return self.trunk(x).mean(dim=(2, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Returns the logits of images (n, c, h, w), shape (n, n_classes)."""
        return self.head(self.features(x))

    @torch.no_grad()
    def read(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Reads any number of images in batches, without gradients.

        Args:
            images: Shape (n, c, h, w).

        Returns:
            Features, shape (n, 64), and the classes that are read, shape (n,).

        Raises:
            ValueError: If the images have another shape than those it was trained on.
        """
        if tuple(images.shape[1:]) != self.data_shape or not len(images):
            raise ValueError(
                f"images of shape {tuple(images.shape)} do not suit this reader: "
                f"use (n, {', '.join(map(str, self.data_shape))}) with n >= 1"
            )
        features = torch.cat([self.features(x.float()) for x in images.split(BATCH)])
        return features, self.head(features).argmax(dim=1)

    def save(self, card: ReaderCard, folder: Path) -> Path:
        """Writes weights in half precision and the card to `folder/readers`; returns the path."""
        path = folder / "readers" / f"{card.name}.safetensors"
        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {
            k: v.half() if v.is_floating_point() else v for k, v in self.state_dict().items()
        }
        path.write_bytes(save({key: value.contiguous() for key, value in tensors.items()}))
        path.with_suffix(".json").write_text(card.to_json(), encoding="utf-8")
        return path


def available_readers() -> dict[str, ReaderCard]:
    """Returns the cards of the readers that ship with the project, by name of the data set.

    Example:
        >>> available_readers()["mnist"].accuracy > 0.98
        True
    """
    paths = sorted((assets_folder() / "readers").glob("*.json"))
    return {path.stem: ReaderCard.read(path) for path in paths}


def load_reader(name: str, folder: Path | None = None) -> Reader:
    """Loads a reader, fresh at every call, in eval mode, with its `card`.

    Args:
        name: A key of `available_readers`.
        folder: A folder with a subfolder `readers`, instead of the assets.

    Raises:
        ValueError: If there is no such reader, or its files are not what they should be.

    Example:
        >>> load_reader("digits").class_names[7]
        '7'
    """
    readers = (folder or assets_folder()) / "readers"
    path = readers / f"{name}.safetensors"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in readers.glob("*.safetensors"))) or "none"
        raise ValueError(
            f"no reader {name!r}: there is {known}; fmq-explore train-reader makes one"
        )
    card = ReaderCard.read(path.with_suffix(".json"))
    weights = {k: v.float() if v.is_floating_point() else v for k, v in read_tensors(path).items()}
    try:
        reader = Reader(card.data_shape, card.class_names, **card.network)
        reader.load_state_dict(weights)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"{path} does not fit the network on its card: keep the two files that were "
            "saved together"
        ) from error
    reader.card = card
    return reader.eval().requires_grad_(False)


def readability(reader: Reader, samples: Tensor, labels: Tensor) -> Tensor:
    """Tells which class-conditional samples are read as the class that was asked for.

    The mean is the share of readable samples. It says nothing about variety: a model that draws one
    perfect image of each class scores 1. Its ceiling is the reader's own share of right readings of
    real images (`reader.card.accuracy`), though samples may be easier to read than real data.

    Args:
        reader: A classifier trained on the real data.
        samples: Generated images, shape (n, c, h, w), in [-1, 1].
        labels: The classes they were asked to show, shape (n,).

    Returns:
        Whether each sample is read as asked, shape (n,), bool.

    Raises:
        ValueError: If the shapes do not fit the reader or each other.

    Example:
        >>> reader = Reader((1, 8, 8), "ab").eval()
        >>> readability(reader, torch.zeros(3, 1, 8, 8), torch.tensor([0, 0, 1])).shape
        torch.Size([3])
    """
    if labels.shape != samples.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}, but one is needed for each of the "
            f"{len(samples)} samples"
        )
    return reader.read(samples)[1] == labels
