"""The command line: train, sample, quantize, measure and export without writing code."""

__all__ = ["app", "main"]

from pathlib import Path
from typing import Annotated

import typer

from .exporting import export
from .measuring import frontier, sweep, sweep_figures, sweep_report
from .running import quantize, sample
from .training import collect_reference, train, train_reader

app = typer.Typer(
    help="See what quantization does to a flow-matching model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _options() -> None:
    """See what quantization does to a flow-matching model."""


for command in (
    train,
    sample,
    quantize,
    export,
    sweep,
    frontier,
    train_reader,
    collect_reference,
    sweep_figures,
    sweep_report,
):
    app.command()(command)


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
    from ..foreign import check_path
    from ..ui.voila_config import serve

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
