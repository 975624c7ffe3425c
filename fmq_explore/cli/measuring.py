"""Commands that measure: a sweep, a frontier, and what a sweep says."""

__all__ = ["frontier", "sweep", "sweep_figures", "sweep_report"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..sweep.tasks import Task


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
    from ..sweep.options import names, numbers
    from ..sweep.tasks import plan

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
    _measure(tasks, out, journal, workers, scheduler)


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
    from ..sweep.frontier import plan_frontier
    from ..sweep.options import names

    tasks = plan_frontier(names(models), names(parts))
    _measure(tasks, out, journal, workers)


def sweep_figures(
    table: Annotated[
        Path | None, typer.Option(help="Table of a sweep [default: the one that ships]")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the figures")] = Path("docs/results"),
    samples: Annotated[bool, typer.Option(help="Run the models for sheets of samples")] = True,
) -> None:
    """Draw the figures of a sweep: quality, latents, true bits, samples."""
    from ..sweep.plots import draw_figures, draw_samples
    from ..sweep.table import load_table

    rows = load_table(table)
    for path in draw_figures(rows, out):
        typer.echo(path)
    for path in draw_samples(rows, out) if samples else ():
        typer.echo(path)


def sweep_report(
    table: Annotated[
        Path | None, typer.Option(help="Table of a sweep [default: the one that ships]")
    ] = None,
    out: Annotated[Path, typer.Option(help="File to write")] = Path("RESULTS.md"),
) -> None:
    """Write what a sweep says about the paper's claims, as Markdown."""
    from ..sweep.report import report
    from ..sweep.table import load_table

    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report(load_table(table)), encoding="utf-8")
    typer.echo(out)


def _measure(
    tasks: "tuple[Task, ...]",
    out: Path,
    journal: Path,
    workers: int | None,
    scheduler: str | None = None,
) -> None:
    """Measures rows into a table; what was finished before is not measured again."""
    from ..sweep.run import run

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
