"""The sampling stage: reference and quantized networks run from the same noise."""

__all__ = [
    "N_IMAGES",
    "N_POINTS",
    "SampleSize",
    "class_labels",
    "fidelity",
    "full_size",
    "is_cached",
    "preview_size",
    "reference_flow",
    "samples_view",
    "watched_view",
]

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..flow import Cancelled, Flow, VelocityNetwork, sample
from ..measure.fidelity import psnr, ssim
from ..measure.paths import rms_divergence
from ..zoo import Card
from .request import RESCUED, UNCONDITIONAL, Request
from .results import SampleSet, SamplesView
from .workspace import Workspace

N_IMAGES = 64
N_POINTS, N_PREVIEW_POINTS = 1000, 200
N_PREVIEW_STEPS, N_WATCHED_STEPS = 3, 6
# A network with more weights than this, or of a kind that is slow, is run on few images, in small
# batches
LARGE_NETWORK, N_LARGE_IMAGES, LARGE_BATCH = 4_000_000, 16, 4
SLOW_ARCHITECTURES = ("torchcfm_unet",)  # it works on all pixels, ours on patches of 2 x 2

ShouldStop = Callable[[], bool]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class SampleSize:
    """How many samples, in how many steps, and whether that is only a preview."""

    n: int
    steps: int
    preview: bool = False


def full_size(request: Request, workspace: Workspace) -> SampleSize:
    """Returns the size of the full picture: 64 images (16 of a slow network), or 1,000 points."""
    if not _has_images(request, workspace):
        return SampleSize(N_POINTS, request.steps)
    slow = _is_slow(workspace.cards[request.model])
    return SampleSize(N_LARGE_IMAGES if slow else N_IMAGES, request.steps)


def preview_size(request: Request, workspace: Workspace) -> SampleSize:
    """Returns the size of the first preview: few samples of the same noise, in few steps."""
    images = full_size(request, workspace).n // 4
    n = images if _has_images(request, workspace) else N_PREVIEW_POINTS
    return SampleSize(n, min(request.steps, N_PREVIEW_STEPS), preview=True)


def samples_view(
    request: Request,
    workspace: Workspace,
    size: SampleSize,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> SamplesView:
    """Runs the reference, the scheme and the second scheme from the same noise, and compares them.

    Args:
        request: What to sample.
        workspace: Where the models are, and where finished paths are kept.
        size: How many samples in how many steps.
        should_stop: Asked between solver steps.
        progress: Told the fraction done of all runs.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    names = _runs(request)
    flows = [
        _flow(request, workspace, scheme, size, should_stop, _share(progress, i, len(names)))
        for i, scheme in enumerate(names)
    ]
    reference = flows[0]
    # A preview is too coarse for figures: a number on screen is one of the full picture
    quantized = [
        SampleSet(
            scheme,
            _path(flow),
            {} if size.preview else fidelity(_path(reference)[-1], _path(flow)[-1]),
        )
        for scheme, flow in zip(names[1:], flows[1:], strict=True)
    ]
    full = workspace.paths.get(_key(request, "", full_size(request, workspace)))
    return SamplesView(
        times=reference.times.numpy(),
        reference=SampleSet("", _path(reference)),
        primary=quantized[0],
        compare=quantized[1] if len(quantized) > 1 else None,
        preview=size.preview,
        shown_reference=SampleSet("", _path(full or reference)),
        n_full=full_size(request, workspace).n,
    )


def watched_view(
    request: Request,
    workspace: Workspace,
    write_into: Callable[[nn.Module], None],
    should_stop: ShouldStop | None = None,
) -> SamplesView:
    """Runs a network in the middle of its rescue, on few samples, beside what it is held against.

    Args:
        request: What is being rescued.
        workspace: Where the models are, and where finished paths are kept.
        write_into: Copies the weights of this moment into a network.
        should_stop: Asked between solver steps.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    size = replace(preview_size(request, workspace), steps=min(request.steps, N_WATCHED_STEPS))
    plain = replace(request, rescue="")
    reference = _flow(plain, workspace, "", size, should_stop, None)
    second = _flow(plain, workspace, request.second, size, should_stop, None)
    network = workspace.scratch(request.model)
    write_into(network)
    now = _run(plain, workspace, network, size, should_stop, None)
    full = workspace.paths.get(_key(plain, "", full_size(plain, workspace)))
    return SamplesView(
        times=reference.times.numpy(),
        reference=SampleSet("", _path(reference)),
        primary=SampleSet(request.primary, _path(now)),
        compare=SampleSet(request.second, _path(second)),
        preview=True,
        shown_reference=SampleSet("", _path(full or reference)),
        n_full=full_size(request, workspace).n,
    )


def reference_flow(
    request: Request,
    workspace: Workspace,
    size: SampleSize,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> Flow:
    """Runs the full-precision network, or returns its run from the cache."""
    return _flow(request, workspace, "", size, should_stop, progress)


def is_cached(request: Request, workspace: Workspace, size: SampleSize) -> bool:
    """Tells whether every run of the request is in the cache."""
    return all(_key(request, name, size) in workspace.paths for name in _runs(request))


def fidelity(reference: Tensor, samples: Tensor) -> dict[str, float]:
    """Returns mean figures of generated samples against the reference's from the same noise.

    Images: PSNR in dB and SSIM, clipped to [-1, 1], data range 2. Points: RMS gap in a
    coordinate.
    """
    if reference.ndim == 4:
        return {
            "PSNR": float(psnr(reference, samples).mean()),
            "SSIM": float(ssim(reference, samples).mean()),
        }
    return {"RMS gap": float(rms_divergence(reference[None], samples[None])[0])}


def class_labels(request: Request, n_classes: int | None, n: int) -> Tensor | None:
    """Returns the class of each sample: the one asked for, every class in turn, or none."""
    if not n_classes or request.label == UNCONDITIONAL:
        return None
    if request.label is None:
        return torch.arange(n) % n_classes
    return torch.full((n,), request.label)


def _flow(
    request: Request,
    workspace: Workspace,
    scheme: str,
    size: SampleSize,
    should_stop: ShouldStop | None,
    progress: Progress | None,
) -> Flow:
    """Returns a run from the cache, or makes it; an empty scheme is the reference."""
    key = _key(request, scheme, size)
    flow = workspace.paths.get(key)
    if flow is not None:
        return flow
    network = workspace.model(request.model)
    if scheme:
        network = workspace.scratch(request.model)
        workspace.fit(request, scheme).write_into(network)
    flow = _run(request, workspace, network, size, should_stop, progress)
    workspace.paths.put(key, flow, n_bytes=_path(flow).nbytes)
    return flow


def _run(
    request: Request,
    workspace: Workspace,
    network: Any,
    size: SampleSize,
    should_stop: ShouldStop | None,
    progress: Progress | None,
) -> Flow:
    return sample(
        _interruptible(network, workspace.cards[request.model], should_stop),
        n=size.n,
        steps=size.steps,
        solver=request.solver,
        seed=request.seed,
        label=class_labels(request, getattr(network, "n_classes", None), size.n),
        guidance=request.guidance,
        record=True,
        should_stop=should_stop,
        progress=progress and (lambda done, steps: progress(done / steps)),
    )


class _Batches:
    """A large network run in small batches, with the question in between whether to go on."""

    def __init__(self, network: VelocityNetwork, should_stop: ShouldStop) -> None:
        self.data_shape, self.n_classes = network.data_shape, network.n_classes
        self._network, self._should_stop = network, should_stop

    def __call__(self, x: Tensor, t: Tensor, label: Tensor | None = None) -> Tensor:
        parts = []
        for i in range(0, len(x), LARGE_BATCH):
            if self._should_stop():
                raise Cancelled("cancelled within a step")
            batch = slice(i, i + LARGE_BATCH)
            parts.append(self._network(x[batch], t, None if label is None else label[batch]))
        return torch.cat(parts)


def _is_slow(card: Card) -> bool:
    kind = card.network.get("architecture")
    return card.n_parameters > LARGE_NETWORK or kind in SLOW_ARCHITECTURES


def _interruptible(network: Any, card: Card, should_stop: ShouldStop | None) -> Any:
    """Returns the network, or one that answers soon although a step takes it many seconds.

    It runs in the same batches whether it can be stopped or not: its samples are the same ones.
    """
    if not _is_slow(card):
        return network
    return _Batches(network, should_stop or (lambda: False))


def _runs(request: Request) -> tuple[str, ...]:
    """Names the networks to run: the reference (empty), the scheme, and the second scheme."""
    return ("", *request.shown) if request.shown else ("", "")


def _key(request: Request, scheme: str, size: SampleSize) -> tuple:
    """Names a run by all that decides it, and nothing else."""
    run = (request.model, request.solver, request.seed, request.label, request.guidance)
    if not scheme:
        return (*run, size.n, size.steps)
    group_size = request.group_size if request.granularity == "group" else None
    rule = (request.granularity, group_size, request.keep, request.codebook_dtype)
    name = (scheme, request.rescue, request.scheme) if scheme == RESCUED else scheme
    return (*run, size.n, size.steps, name, *request.widths, *rule)


def _share(progress: Progress | None, i: int, n: int) -> Progress | None:
    return progress and (lambda fraction: progress((i + fraction) / n))


def _path(flow: Flow) -> Tensor:
    if flow.path is None:
        raise RuntimeError("The run has no recorded path.")
    return flow.path


def _has_images(request: Request, workspace: Workspace) -> bool:
    return len(workspace.model(request.model).data_shape) == 3  # type: ignore[arg-type]
