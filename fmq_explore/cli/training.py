"""Commands that train: models, and the readers that measure them."""

__all__ = ["collect_reference", "train", "train_reader"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..flow import Recipe, Trainer


def train(
    name: Annotated[str, typer.Argument(help="Data set, or a name for a folder of images")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data files or images [env FMQ_DATA]")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps")] = None,
    batch: Annotated[int | None, typer.Option(help="Samples per step")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images of a folder")] = None,
    coupling: Annotated[str | None, typer.Option(help="Noise to data: independent or ot")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads, 0 for torch's choice")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the weights, card and statistics")] = Path(
        "runs"
    ),
    runs: Annotated[Path, typer.Option(help="Folder of the checkpoints and sheets")] = Path("runs"),
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint")] = True,
    sheet_every: Annotated[int, typer.Option(help="Steps between sample sheets")] = 1000,
) -> None:
    """Train a model, with checkpoints, sample sheets, a card, and statistics."""
    from dataclasses import replace

    import torch
    from tqdm import tqdm

    from ..flow.recipes import preset_for
    from ..workshop import load_with_test, train_model

    if threads > 0:
        torch.set_num_threads(threads)
    dataset, test = load_with_test(name, data, size)
    asked: dict[str, Any] = {"steps": steps, "batch_size": batch, "coupling": coupling}
    changes = {key: value for key, value in asked.items() if value is not None}
    recipe: Recipe = replace(preset_for(name, dataset.shape).recipe, seed=seed, **changes)
    with tqdm(total=recipe.steps, desc=f"train {name}", unit="step") as bar:

        def progress(trainer: "Trainer") -> None:
            bar.update(trainer.step - bar.n)
            if trainer.step % 20 == 0:
                bar.set_postfix(loss=f"{trainer.loss:.4f}", refresh=False)

        model = train_model(dataset, recipe, out, runs, resume, test, sheet_every, progress)
    figures = ", ".join(f"{key} {value:g}" for key, value in model.card.figures.items())
    typer.echo(f"{out / 'models' / name}.safetensors: {model.n_parameters} weights; {figures}")


def train_reader(
    name: Annotated[str, typer.Argument(help="Data set with classes, or a name for a folder")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data files or images [env FMQ_DATA]")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images of a folder")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the data")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn")] = 0,
    threads: Annotated[int, typer.Option(help="CPU threads, 0 for torch's choice")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of readers/ and reference/")] = Path("runs"),
) -> None:
    """Train a reader: the classifier whose features and readings quality is measured with."""
    from dataclasses import replace

    import torch
    from tqdm import tqdm

    from .. import readers
    from ..workshop import load_with_test

    if threads > 0:
        torch.set_num_threads(threads)
    dataset, test = load_with_test(name, data, size)
    recipe = replace(readers.recipe_for(dataset), seed=seed)
    recipe = recipe if epochs is None else replace(recipe, epochs=epochs)
    with tqdm(desc=f"train-reader {name}", unit="step") as bar:

        def progress(done: int, steps: int) -> None:
            bar.total = steps
            bar.update(done - bar.n)

        reader = readers.train_reader(dataset, test, recipe, progress)
    assert reader.card is not None
    path = reader.save(reader.card, out)
    reference = readers.build_reference(test, reader).save(name, out)
    typer.echo(
        f"{path}: reads {reader.card.accuracy:.1%} of the test right; {reference}: real data"
    )


def collect_reference(
    name: Annotated[str, typer.Argument(help="Data set, or a name for a folder of images")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data files or images [env FMQ_DATA]")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images of a folder")] = None,
    out: Annotated[Path, typer.Option(help="Folder of readers/ and reference/")] = Path("runs"),
) -> None:
    """Collect the real test data, and their features, that samples are held against."""
    from ..measure.reader import load_reader
    from ..readers import build_reference
    from ..workshop import load_with_test

    _, test = load_with_test(name, data, size)
    images, own = test.x.ndim == 4, (out / "readers" / f"{name}.safetensors").is_file()
    reader = load_reader(name, out if own else None) if images else None
    reference = build_reference(test, reader)
    path = reference.save(name, out)
    typer.echo(f"{path}: {len(reference.images)} real {'images' if images else 'points'}")
