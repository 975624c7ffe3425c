"""The command `fmq-explore export`: a model as a file for elsewhere, and the size it has."""

__all__ = ["export"]

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from torch import nn

    from ..quantize import QuantizedModel

FULL_PRECISION = "none"
BITS = 3  # or what the scheme has nearest to it
CHOICES = ("scheme", "bits", "granularity", "group_size", "codebook_dtype")


def export(
    name: Annotated[
        str,
        typer.Argument(help="Model that ships with the project, or a file; quantized ones, too"),
    ],
    output: Annotated[Path, typer.Option(help="File to write")],
    format: Annotated[
        str | None, typer.Option(help="safetensors, c or onnx [default: by the output's ending]")
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="uniform, optimal, ...; none for full precision [default: optimal]"),
    ] = None,
    bits: Annotated[int | None, typer.Option(help="Bits of a code, 1 to 8 [default: 3]")] = None,
    granularity: Annotated[
        str | None, typer.Option(help="tensor, channel, group or shared [default: channel]")
    ] = None,
    group_size: Annotated[int | None, typer.Option(help="Weights of a group")] = None,
    codebook_dtype: Annotated[
        str | None, typer.Option(help="float32 or float16, for codebooks [default: float32]")
    ] = None,
) -> None:
    """Export a model, or a quantized file, as packed safetensors, a C header, or ONNX."""
    from ..hardware.export import export_model

    given = (scheme, bits, granularity, group_size, codebook_dtype)
    choices = {key: value for key, value in zip(CHOICES, given, strict=True) if value is not None}
    typer.echo(export_model(_opened(name, choices), output, format))


def _opened(name: str, choices: dict[str, str | int]) -> "nn.Module | QuantizedModel":
    """Opens a model and quantizes it as asked, or takes the quantized network that a file holds."""
    from ..quantize import load_quantized, quantize_model
    from ..quantize.file import is_quantized
    from ..quantize.scheme import get_scheme
    from ..zoo import load_model

    if is_quantized(name):
        if choices:
            asked = ", ".join(f"--{key.replace('_', '-')}" for key in choices)
            raise ValueError(
                f"{name} is quantized already: leave out {asked}, or give the model it was made of"
            )
        return load_quantized(name)
    model = load_model(name)
    if choices.get("scheme") != FULL_PRECISION:
        rule = get_scheme(str(choices.get("scheme", "optimal")))
        choices.setdefault("bits", rule.nearest_bits(BITS))
        return quantize_model(model, **choices)  # type: ignore[arg-type]
    if len(choices) > 1:
        raise ValueError(
            f"scheme {FULL_PRECISION!r} is full precision, which has no "
            f"{' or '.join(key for key in choices if key != 'scheme')}: leave the option out"
        )
    return model
