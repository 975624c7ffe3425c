"""The latent stage: the noise that each network finds behind the same real images."""

__all__ = ["latent_view"]

from collections.abc import Callable

from torch import Tensor

from ..flow import invert
from ..measure.latents import latent_basis, latent_statistics
from ..measure.projection import Basis, project
from .measures_results import LatentSet, LatentView, Missing
from .request import Request
from .workspace import Workspace
from .yardsticks import N_LATENTS, Yardsticks

ShouldStop = Callable[[], bool]
Progress = Callable[[float], None]


def latent_view(
    request: Request,
    workspace: Workspace,
    yardsticks: Yardsticks,
    should_stop: ShouldStop | None = None,
    progress: Progress | None = None,
) -> LatentView | Missing:
    """Inverts 64 real test images with the reference and the quantized networks.

    The axes are fitted once, on what the reference finds for 64 *other* images: along axes fitted
    on the very same images, the variance would be too large by construction.

    Args:
        request: What is on screen; its solver and steps are those of the inversion.
        workspace: Where the models are, and the reference's latents are kept.
        yardsticks: Where the real images are.
        should_stop: Asked between solver steps.
        progress: Told the finished fraction.

    Returns:
        The view; or why there is none, where no real test data ship for the model's data set.

    Raises:
        fmq_explore.flow.Cancelled: ``should_stop`` said so.
    """
    card = workspace.cards[request.model]
    real = yardsticks.judge(card.data).reference
    if real is None or real.images.shape[1:] != card.data_shape:
        sentence = f"No real test images ship for {card.title}: there is nothing to invert."
        return Missing("latents", sentence)
    schemes = request.shown
    n_runs = 2 + len(schemes)

    def share(i: int) -> Progress:
        return lambda done: progress((i + done) / n_runs) if progress else None

    axes = _reference(request, workspace, yardsticks, True, should_stop, share(0))
    basis = latent_basis(axes)
    reference = _reference(request, workspace, yardsticks, False, should_stop, share(1))
    found = []
    for i, scheme in enumerate(schemes):
        network = workspace.scratch(request.model)
        workspace.fit(request, scheme).write_into(network)
        images = _images(request, workspace, yardsticks, False)
        latents = _invert(network, request, *images, should_stop, share(2 + i))
        found.append(_describe(scheme, latents, basis, reference))
    plain = _describe("", reference, basis, None)
    return LatentView(
        reference=plain,
        primary=found[0] if found else plain,
        compare=found[1] if len(found) > 1 else None,
        n=len(reference),
    )


def _images(
    request: Request, workspace: Workspace, yardsticks: Yardsticks, for_axes: bool
) -> tuple[Tensor, Tensor | None]:
    """Returns the images that are inverted, or those that fix the axes, with their classes."""
    card = workspace.cards[request.model]
    real = yardsticks.judge(card.data).reference
    assert real is not None
    part = slice(N_LATENTS, 2 * N_LATENTS) if for_axes else slice(0, N_LATENTS)
    labels = real.labels if card.n_classes else None
    return real.images[part], None if labels is None else labels[part]


def _reference(
    request: Request,
    workspace: Workspace,
    yardsticks: Yardsticks,
    for_axes: bool,
    should_stop: ShouldStop | None,
    progress: Progress,
) -> Tensor:
    """Returns the reference's latents, from memory where they are known."""
    key = (request.model, "latents", request.solver, request.steps, for_axes)
    known = workspace.views.get(key)
    if known is None:
        images = _images(request, workspace, yardsticks, for_axes)
        network = workspace.model(request.model)
        known = _invert(network, request, *images, should_stop, progress)
        workspace.views.put(key, known, n_bytes=known.nbytes)
    return known


def _invert(
    network: Callable[..., Tensor],
    request: Request,
    images: Tensor,
    labels: Tensor | None,
    should_stop: ShouldStop | None,
    progress: Progress,
) -> Tensor:
    return invert(
        network,
        images,
        steps=request.steps,
        solver=request.solver,
        label=labels,
        should_stop=should_stop,
        progress=lambda done, steps: progress(done / steps),
    ).samples


def _describe(scheme: str, latents: Tensor, basis: Basis, reference: Tensor | None) -> LatentSet:
    """Measures latents along the fixed axes, counted from 0, where the noise has its mean."""
    found = latent_statistics(latents, basis, reference)
    plane = project(latents.flatten(1), basis.mean * 0, basis.components[:2])
    return LatentSet(
        scheme=scheme,
        points=plane.numpy(),
        variance=found.variance.numpy(),
        total_variance=found.total_variance,
        normality=found.normality,
        drift=found.drift,
    )
