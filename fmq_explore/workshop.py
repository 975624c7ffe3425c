"""Training a model for the zoo: from data through checkpoints and sample sheets to its card."""

__all__ = ["fit_statistics", "load_with_test", "measure_samples", "train_model"]

from collections.abc import Callable
from dataclasses import asdict
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .data import Dataset, load
from .flow import Recipe, Trainer, VelocityNetwork, build_network, sample
from .flow.recipes import preset_for
from .flow.sheets import save_sheet
from .measure.reader import Reader, available_readers, load_reader, readability
from .readers import train_reader
from .zoo import Card, Statistics, load_model, save_model, save_statistics


def train_model(
    dataset: Dataset,
    recipe: Recipe | None = None,
    out: Path = Path("runs"),
    runs: Path = Path("runs"),
    resume: bool = True,
    test: Dataset | None = None,
    sheet_every: int = 1000,
    progress: Callable[[Trainer], None] | None = None,
) -> VelocityNetwork:
    """Trains a model and writes weights, card and statistics, in the layout of the assets.

    Args:
        dataset: What to train on.
        recipe: How to train; by default the preset of the data set.
        out: Folder that gets `models/NAME.safetensors`, its card and `stats/NAME.safetensors`.
        runs: Folder whose subfolder NAME gets the checkpoint and the sample sheets.
        resume: Whether to go on from a checkpoint that is there.
        test: Held-out data for the figures on the card; by default the training data.
        sheet_every: Steps between two sample sheets, and between two checkpoints.
        progress: Called with the trainer after every step.

    Returns:
        The model as `load_model` gives it.
    """
    preset = preset_for(dataset.name, dataset.shape)
    recipe = recipe or preset.recipe
    torch.manual_seed(recipe.seed)
    settings = {"data_shape": dataset.shape, "n_classes": dataset.n_classes}
    network = build_network(preset.network | settings)
    trainer = Trainer(network, dataset.x, dataset.labels, recipe)
    folder = runs / dataset.name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    if resume and checkpoint.exists():
        trainer.resume(checkpoint)

    def after_step(trainer: Trainer) -> None:
        if trainer.step % sheet_every == 0 or trainer.step == recipe.steps:
            trainer.save_checkpoint(checkpoint)
            save_sheet(*_sheet_samples(trainer.average, folder / f"step-{trainer.step:06d}.png"))
        if progress is not None:
            progress(trainer)

    trainer.run(after_step)
    card = _card(trainer, dataset, test or dataset)
    path = save_model(trainer.average, card, out)
    statistics = fit_statistics(trainer.average, dataset.x, dataset.labels)
    save_statistics(statistics, dataset.name, out)
    return load_model(path)


def _sheet_samples(model: VelocityNetwork, path: Path) -> tuple[Tensor, Path]:
    """Draws ten samples of each of ten classes, or many points."""
    n = 100 if len(model.data_shape) == 3 else 8000
    label = None if model.n_classes is None else torch.arange(n) % model.n_classes
    return sample(model, n, label=label).samples, path


def _card(trainer: Trainer, dataset: Dataset, test: Dataset) -> Card:
    model, tail = trainer.average, trainer.losses[-10:]
    figures = {"loss": float(np.mean(tail or [trainer.loss]))}
    figures |= measure_samples(model, dataset, test)
    return Card(
        name=dataset.name,
        title=dataset.title,
        data=dataset.name,
        data_shape=dataset.shape,
        data_range=dataset.data_range,
        n_classes=dataset.n_classes,
        class_names=dataset.class_names,
        n_parameters=model.n_parameters,
        network=model.config(),
        recipe=asdict(trainer.recipe) | {"stages": trainer.stages},
        seed=trainer.recipe.seed,
        seconds=round(trainer.seconds),
        figures={key: round(value, 5) for key, value in figures.items()},
    )


def fit_statistics(
    model: VelocityNetwork, x: Tensor, labels: Tensor | None, n: int = 1024, seed: int = 0
) -> Statistics:
    """Fits the plane on samples of the model itself, and projects real data on it.

    Args:
        model: The full-precision model.
        x: Real data, shape (n_data, ...).
        labels: Their classes, or None.
        n: Samples to draw for the basis; classes take turns.
        seed: Seed of the samples and of the choice of data.
    """
    d = prod(model.data_shape)
    mean, components = torch.zeros(d), torch.eye(d)
    if d > 2:
        turns = None if model.n_classes is None else torch.arange(n) % model.n_classes
        drawn = sample(model, n, seed=seed, label=turns).samples.flatten(1).double()
        mean = drawn.mean(dim=0)
        axes = torch.linalg.svd(drawn - mean, full_matrices=False).Vh[:2]
        peak = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True))
        mean, components = mean.float(), (axes * peak.sign()).float()  # the sign is arbitrary
    g = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(x), generator=g)[:2000]
    plane = Statistics(mean, components, torch.empty(0, 2), None)
    points = plane.project(x[chosen].flatten(1))
    return Statistics(mean, components, points, None if labels is None else labels[chosen])


def measure_samples(
    model: VelocityNetwork, train: Dataset, test: Dataset, n: int = 500
) -> dict[str, float]:
    """Measures n samples of 10 midpoint steps, for the card.

    Points: W2 to as many real points, beside that of two real sets. Images with classes: the
    share that the reader of the data set (the one that ships, or else a new one) reads as asked,
    beside its share of right readings of real test images.
    """
    label = None if model.n_classes is None else torch.arange(n) % model.n_classes
    samples = sample(model, n, seed=1, label=label).samples
    if samples.ndim == 2:
        one, two = test.x[:n], test.x[n : 2 * n]
        return {"w2_to_data": _w2(samples, one), "w2_data_to_data": _w2(two, one)}
    if label is None or train.labels is None or test.labels is None:
        return {}
    reader = _reader(train)
    asked, right = readability(reader, samples, label), readability(reader, test.x, test.labels)
    return {
        "readability": float(asked.float().mean()),
        "readability_of_data": float(right.float().mean()),
    }


def _w2(a: Tensor, b: Tensor) -> float:
    """Returns the 2-Wasserstein distance of two sets of points of equal size."""
    import ot

    cost = torch.cdist(a.double(), b.double()).square().numpy()
    return float(np.sqrt(ot.emd2([], [], cost)))


def _reader(train: Dataset) -> Reader:
    """Takes the reader that ships for these data, or trains one."""
    card = available_readers().get(train.name)
    if card and (card.data_shape, card.class_names) == (train.shape, train.class_names):
        return load_reader(train.name)
    return train_reader(train)


def load_with_test(
    name: str, root: Path | None, size: int | None = None
) -> tuple[Dataset, Dataset]:
    """Loads the training and the test part of a data set, see `data.load`."""
    return load(name, root, size=size), load(name, root, split="test", size=size)
