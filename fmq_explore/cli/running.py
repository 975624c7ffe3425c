"""Commands that run a model: draw its samples, quantize it."""

__all__ = ["quantize", "sample"]

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer


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

    from ..flow import sample as draw
    from ..flow.sheets import save_sheet
    from ..zoo import load_model

    model = load_model(name)
    if label is None and model.n_classes is not None:
        labels = torch.arange(n) % model.n_classes  # in turns, ten to a row for ten classes
        columns = model.n_classes if n >= model.n_classes else None
    else:
        labels, columns = label, None
    flow = draw(model, n, steps, solver, seed, labels, guidance=guidance)
    save_sheet(flow.samples, out, columns)
    typer.echo(f"{out}: {n} samples, {flow.n_evaluations} evaluations of the network each")


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
    from ..allocation import allocate
    from ..quantize import quantize_model
    from ..zoo import load_model

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
        from ..rescue import get_rescue

        quantized = get_rescue(rescue).apply(quantized)
    out.parent.mkdir(parents=True, exist_ok=True)
    quantized.save(out)
    typer.echo(
        f"{out}: {quantized.n_bytes} bytes, {quantized.bits_per_weight:.2f} bits per weight, "
        f"W2 {quantized.w2:.3g}, relative error {quantized.relative_error:.2%}"
    )
