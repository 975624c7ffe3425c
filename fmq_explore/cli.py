"""The command line: train, sample, quantize and export without writing code."""

__all__ = ["app", "main"]

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .export_cli import export

if TYPE_CHECKING:
    from .flow import Recipe, Trainer

app = typer.Typer(
    help="See what quantization does to a flow-matching model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _options() -> None:
    """See what quantization does to a flow-matching model."""


@app.command()
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

    from .flow.recipes import preset_for
    from .workshop import load_with_test, train_model

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


@app.command()
def sample(
    name: Annotated[str, typer.Argument(help="Model that ships with the project, or a file")],
    out: Annotated[Path, typer.Option(help="PNG file to write")],
    n: Annotated[int, typer.Option(help="Number of samples")] = 64,
    steps: Annotated[int, typer.Option(help="Steps of the solver")] = 10,
    solver: Annotated[str, typer.Option(help="euler, midpoint, heun, rk4 or dopri5")] = "midpoint",
    seed: Annotated[int, typer.Option(help="Seed of the noise")] = 0,
    label: Annotated[int | None, typer.Option(help="Class of all samples [default: all]")] = None,
    guidance: Annotated[float, typer.Option(help="Scale of the guidance; 1 is none")] = 1.0,
) -> None:
    """Draw samples of a model as one picture."""
    import torch

    from .flow import sample as draw
    from .flow.sheets import save_sheet
    from .zoo import load_model

    model = load_model(name)
    if label is None and model.n_classes is not None:
        labels = torch.arange(n) % model.n_classes  # in turns, ten to a row for ten classes
        columns = model.n_classes if n >= model.n_classes else None
    else:
        labels, columns = label, None
    flow = draw(model, n, steps, solver, seed, labels, guidance=guidance)
    save_sheet(flow.samples, out, columns)
    typer.echo(f"{out}: {n} samples, {flow.n_evaluations} evaluations of the network each")


@app.command()
def quantize(
    name: Annotated[str, typer.Argument(help="Model that ships with the project, or a file")],
    out: Annotated[Path, typer.Option(help="File to write")],
    scheme: Annotated[str, typer.Option(help="uniform, equal_mass, optimal, ...")] = "optimal",
    bits: Annotated[int, typer.Option(help="Bits of a code, 1 to 8")] = 3,
    granularity: Annotated[str, typer.Option(help="tensor, channel, group or shared")] = "channel",
    group_size: Annotated[int | None, typer.Option(help="Weights of a group")] = None,
    budget: Annotated[
        int | None, typer.Option(help="Bytes of the file, shared out instead of equal bits")
    ] = None,
    objective: Annotated[
        str, typer.Option(help="What a budget makes least the error of: sensitivity or error")
    ] = "sensitivity",
    rescue: Annotated[
        str, typer.Option(help="Train it for a minute: training, codes or levels")
    ] = "",
) -> None:
    """Quantize a model and write it, packed, as safetensors."""
    from .allocation import allocate
    from .quantize import quantize_model
    from .zoo import load_model

    model = load_model(name)
    width: int | Mapping[str, int] = bits
    if budget is not None:
        shared = allocate(model, budget, scheme, granularity, group_size, weights=objective)
        typer.echo(shared)
        width = shared.bits
    quantized = quantize_model(
        model, scheme=scheme, bits=width, granularity=granularity, group_size=group_size
    )
    if rescue:
        from .rescue import get_rescue

        quantized = get_rescue(rescue).apply(quantized)
    out.parent.mkdir(parents=True, exist_ok=True)
    quantized.save(out)
    typer.echo(
        f"{out}: {quantized.n_bytes} bytes, {quantized.bits_per_weight:.2f} bits per weight, "
        f"W2 {quantized.w2:.3g}, relative error {quantized.relative_error:.2%}"
    )


app.command()(export)


@app.command()
def sweep(
    models: Annotated[
        str | None, typer.Option(help="Names or paths, by commas [default: all of images]")
    ] = None,
    schemes: Annotated[str | None, typer.Option(help="Schemes, by commas [default: all]")] = None,
    bits: Annotated[str, typer.Option(help="Bits of a code: 2-8, or 2,3,4")] = "2-8",
    granularities: Annotated[str, typer.Option(help="tensor, channel, group")] = "channel,tensor",
    group_size: Annotated[int, typer.Option(help="Weights of a group")] = 64,
    seeds: Annotated[str, typer.Option(help="Seeds of the noise: 0-2, or 0,1,2")] = "0-2",
    n: Annotated[int, typer.Option(help="Samples of a row")] = 128,
    steps: Annotated[int, typer.Option(help="Steps of the solver")] = 6,
    solver: Annotated[str, typer.Option(help="euler, midpoint, heun, rk4 or dopri5")] = "midpoint",
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet")] = Path(
        "runs/sweep.csv"
    ),
    journal: Annotated[Path, typer.Option(help="Finished rows, kept between runs")] = Path(
        "runs/sweep.jsonl"
    ),
    workers: Annotated[int | None, typer.Option(help="Processes [default: one a core]")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler")] = None,
) -> None:
    """Measure scheme x bits x granularity x model x seed into one table; run again to go on."""
    from .sweep.options import names, numbers
    from .sweep.run import run
    from .sweep.tasks import plan

    tasks = plan(
        names(models),
        names(schemes),
        numbers(bits, "bits"),
        names(granularities) or (),
        numbers(seeds, "seeds"),
        group_size=group_size,
        n=n,
        steps=steps,
        solver=solver,
    )
    try:
        table = run(tasks, journal, out, workers, scheduler, progress=True)
    except KeyboardInterrupt:
        typer.echo(
            f"stopped; finished rows are in {journal}: run the same again to go on", err=True
        )
        raise SystemExit(130) from None
    typer.echo(f"{out}: {len(table)} of {len(tasks)} rows")
    if len(table) < len(tasks):
        raise SystemExit(1)


@app.command()
def frontier(
    models: Annotated[
        str | None, typer.Option(help="Names, by commas [default: all of images]")
    ] = None,
    parts: Annotated[
        str | None, typer.Option(help="mixed, equal, rescued, by commas [default: all]")
    ] = None,
    out: Annotated[Path, typer.Option(help="Table to write: .csv or .parquet")] = Path(
        "runs/frontier.csv"
    ),
    journal: Annotated[Path, typer.Option(help="Finished rows, kept between runs")] = Path(
        "runs/frontier.jsonl"
    ),
    workers: Annotated[int | None, typer.Option(help="Processes [default: one a core]")] = None,
) -> None:
    """Measure what a frontier adds to the sweep: budgets, shared codebooks, rescued networks."""
    from .sweep.frontier import plan_frontier
    from .sweep.options import names
    from .sweep.run import run

    tasks = plan_frontier(names(models), names(parts))
    try:
        table = run(tasks, journal, out, workers, progress=True)
    except KeyboardInterrupt:
        typer.echo(
            f"stopped; finished rows are in {journal}: run the same again to go on", err=True
        )
        raise SystemExit(130) from None
    typer.echo(f"{out}: {len(table)} of {len(tasks)} rows")
    if len(table) < len(tasks):
        raise SystemExit(1)


@app.command()
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

    from . import readers
    from .workshop import load_with_test

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


@app.command()
def collect_reference(
    name: Annotated[str, typer.Argument(help="Data set, or a name for a folder of images")],
    data: Annotated[
        Path | None, typer.Option(help="Folder of the data files or images [env FMQ_DATA]")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Side of the images of a folder")] = None,
    out: Annotated[Path, typer.Option(help="Folder of readers/ and reference/")] = Path("runs"),
) -> None:
    """Collect the real test data, and their features, that samples are held against."""
    from .measure.reader import load_reader
    from .readers import build_reference
    from .workshop import load_with_test

    _, test = load_with_test(name, data, size)
    images, own = test.x.ndim == 4, (out / "readers" / f"{name}.safetensors").is_file()
    reader = load_reader(name, out if own else None) if images else None
    reference = build_reference(test, reader)
    path = reference.save(name, out)
    typer.echo(f"{path}: {len(reference.images)} real {'images' if images else 'points'}")


@app.command(name="sweep-figures")
def sweep_figures(
    table: Annotated[
        Path | None, typer.Option(help="Table of a sweep [default: the one that ships]")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the figures")] = Path("docs/results"),
    samples: Annotated[bool, typer.Option(help="Run the models for sheets of samples")] = True,
) -> None:
    """Draw the figures of a sweep: quality, latents, true bits, samples."""
    from .sweep.plots import draw_figures, draw_samples
    from .sweep.table import load_table

    rows = load_table(table)
    for path in draw_figures(rows, out):
        typer.echo(path)
    for path in draw_samples(rows, out) if samples else ():
        typer.echo(path)


@app.command(name="sweep-report")
def sweep_report(
    table: Annotated[
        Path | None, typer.Option(help="Table of a sweep [default: the one that ships]")
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write")] = Path("RESULTS.md"),
) -> None:
    """Write what a sweep says about the paper's claims, as Markdown."""
    from .sweep.report import report
    from .sweep.table import load_table

    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report(load_table(table)), encoding="utf-8")
    typer.echo(out)


@app.command(name="app")
def explore(
    port: Annotated[int, typer.Option(help="Port on this machine")] = 8866,
    browser: Annotated[bool, typer.Option(help="Open a browser window")] = True,
    model: Annotated[
        Path | None, typer.Option(help="A file of weights to begin with: .safetensors, .pt, .pth")
    ] = None,
    page: Annotated[str, typer.Option(help="explorer, or hardware: what chips make of it")] = (
        "explorer"
    ),
) -> None:
    """Start the explorer, or the hardware app, in the browser."""
    from .foreign import check_path
    from .ui.voila_config import serve

    if model is not None:
        check_path(model.expanduser())  # said here, and not in a browser
    serve(port, browser, model, page)


def main() -> None:
    """Runs the command line; a mistake of the caller is one sentence, not a traceback."""
    try:
        app()
    except (ValueError, OSError) as error:
        typer.echo(f"fmq-explore: {error}", err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
