"""The few lines of Python that give the very result on screen."""

__all__ = ["code_for", "hardware_code"]

import json
from collections.abc import Callable
from dataclasses import asdict
from inspect import signature
from typing import Any

from ..quantize import SCHEMES
from .hardware_results import ChipChoice
from .request import UNCONDITIONAL, UPLOAD, Request
from .sampling import SampleSize


def code_for(request: Request, size: SampleSize | None, n_classes: int | None = None) -> str:
    """Writes a script that repeats a request with the public functions.

    Args:
        request: What is on screen.
        size: The number of samples and steps on screen, None for weights without a network.
        n_classes: The classes of the model, None without.

    Example:
        >>> print(code_for(Request(model="moons", bits=None), SampleSize(1000, 10)))
        import fmq_explore as fmq
        <BLANKLINE>
        model = fmq.load_model("moons")
        flow = fmq.sample(model, n=1000, steps=10, solver="midpoint", seed=0, record=True)
    """
    model = json.dumps(request.model.removeprefix(UPLOAD), ensure_ascii=False)
    lines = ["import fmq_explore as fmq", "", f"model = fmq.load_model({model})"]
    arguments = None if size is None else _arguments(request, size, n_classes)
    if arguments is not None:
        if any("torch." in argument for argument in arguments):
            lines[1:1] = ["import torch"]
        lines += _sample("flow", "model", arguments)
    if request.bits is not None:
        for name, scheme in (("", request.scheme), ("_2", request.second)):
            if scheme:
                lines += _quantize(f"qm{name}", scheme, request, arguments is not None)
                if request.rescue and not name and arguments is not None:
                    lines += _rescue(request)
                if arguments is not None:
                    lines += _sample(f"flow_q{name}", f"qm{name}.model", arguments)
        lines += ["", "print(qm.w2, qm.bits_per_weight, qm.n_bytes)"]
    return "\n".join(lines)


def hardware_code(request: Request, chips: ChipChoice, is_guided: bool = False) -> str:
    """Writes a script that assesses the network of a request on all chips.

    Args:
        request: The network, and how samples are drawn.
        chips: What is assumed about chips.
        is_guided: Whether the model has classes to be guided to.

    Example:
        >>> print(hardware_code(Request(model="moons", bits=None), ChipChoice()))
        import fmq_explore as fmq
        from fmq_explore.hardware import Plan, assess_all
        <BLANKLINE>
        model = fmq.load_model("moons")
        plan = Plan(solver="midpoint", steps=10)
        for found in assess_all(model, plan):
            print(found.device.title, found.verdict.label, found.latency.text, found.energy.text)
    """
    model = json.dumps(request.model.removeprefix(UPLOAD), ensure_ascii=False)
    lines = ["import fmq_explore as fmq", "from fmq_explore.hardware import Plan, assess_all", ""]
    lines += [f"model = fmq.load_model({model})"]
    if request.bits is not None:
        lines += [*_quantize("qm", request.scheme, request, True), ""]
    plan = {"solver": f'"{request.solver}"', "steps": str(request.steps)}
    if is_guided and request.guidance != 1.0 and request.label != UNCONDITIONAL:
        plan["guidance"] = f"{request.guidance:g}"
    for name, factor, own in _CHIP_ARGUMENTS:
        value = getattr(chips, own)
        if value != getattr(ChipChoice, own):
            plan[name] = f"{factor * value:g}" if factor == 1 else f"{factor} * {value}"
    return "\n".join(
        [
            *lines,
            f"plan = Plan({', '.join(f'{name}={value}' for name, value in plan.items())})",
            f"for found in assess_all({'model' if request.bits is None else 'qm'}, plan):",
            "    print(found.device.title, found.verdict.label, found.latency.text, "
            "found.energy.text)",
        ]
    )


_CHIP_ARGUMENTS = (
    ("activation_bits", 1, "activation_bits"),
    ("decode_cycles", 1, "decode_cycles"),
    ("runtime_bytes", 1024, "runtime_kib"),
)


def _arguments(request: Request, size: SampleSize, n_classes: int | None) -> list[str]:
    label = _label(request, n_classes, size.n)
    arguments = [f"n={size.n}", f"steps={size.steps}", f'solver="{request.solver}"']
    arguments += [f"seed={request.seed}"]
    arguments += [f"label={label}"] if label else []
    arguments += [f"guidance={request.guidance:g}"] if request.guidance != 1.0 else []
    return [*arguments, "record=True"]


def _quantize(variable: str, scheme: str, request: Request, can_sample: bool) -> list[str]:
    grain = f'granularity="{request.granularity}"'
    grain += f", group_size={request.group_size}" if request.granularity == "group" else ""
    storage = f'    keep={request.keep!r}, codebook_dtype="{request.codebook_dtype}",'
    bits, before = str(SCHEMES[scheme].nearest_bits(request.bits or 1)), []
    if request.budget:
        bits = f"{variable.replace('qm', 'shares')}.bits"
        before = [
            f"{bits.removesuffix('.bits')} = fmq.allocate(",
            f'    model, budget_bytes={request.budget}, scheme="{scheme}", {grain},',
            f'{storage} weights="{request.objective if can_sample else "error"}",',
            ")",
        ]
    return [
        "",
        *before,
        f"{variable} = fmq.quantize_model(",
        f'    model, scheme="{scheme}", bits={bits}, {grain},',
        storage,
        ")",
    ]


def _rescue(request: Request) -> list[str]:
    """Writes the calls that train a network as the explorer did."""
    from ..rescue import train_quantized, tune
    from .rescuing import RESCUES

    rescue = RESCUES[request.rescue]
    lines = ["qm = fmq.feed_back_errors(qm)"] if rescue.feeds_back else []
    if not rescue.code_learning_rate:
        return [*lines, f"qm = fmq.tune(qm, {_changed(tune, asdict(rescue.recipe))})"]
    recipe = asdict(rescue.recipe) | {"code_learning_rate": rescue.code_learning_rate}
    return [*lines, f"qm = fmq.train_quantized(qm, {_changed(train_quantized, recipe)})"]


def _changed(function: Callable[..., Any], recipe: dict[str, Any]) -> str:
    """Writes the steps, and what else differs from the defaults of a function."""
    known = signature(function).parameters
    return ", ".join(
        f"{name}={value!r}"
        for name, value in recipe.items()
        if name in known and (name == "steps" or known[name].default != value)
    )


def _sample(variable: str, network: str, arguments: list[str]) -> list[str]:
    return [f"{variable} = fmq.sample({network}, {', '.join(arguments)})"]


def _label(request: Request, n_classes: int | None, n: int) -> str | None:
    if not n_classes or request.label == UNCONDITIONAL:
        return None
    return f"torch.arange({n}) % {n_classes}" if request.label is None else str(request.label)
