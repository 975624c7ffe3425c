"""Training the readers, and collecting the real test data that figures are held against."""

__all__ = ["RECIPES", "ReaderRecipe", "build_reference", "recipe_for", "train_reader"]

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

import torch
from torch import Generator, Tensor, nn

from .data import Dataset
from .measure.reader import Reader, ReaderCard
from .measure.reference import N_FEATURES, N_IMAGES, Reference


@dataclass(frozen=True)
class ReaderRecipe:
    """How a reader is trained.

    Attributes:
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Highest rate of SGD with Nesterov momentum 0.9, on a one-cycle schedule.
        weight_decay: Its weight decay.
        label_smoothing: Share of the target that is spread over all classes.
        shift: Images move by up to so many pixels each way, their borders mirrored.
        flip: Whether half of the images are mirrored.
        balanced: Whether all classes are drawn equally often, however many images they have.
        bfloat16: Whether the convolutions are trained in bfloat16: twice as quick where the
            processor has it.
        seed: Seed of everything that is drawn.
        widths: Channels of the convolutions, see `measure.Reader`.
        halve_before: Where the image is halved, see `measure.Reader`.
        note: For the card: what a user of the figures should know.
    """

    epochs: int = 8
    batch_size: int = 128
    learning_rate: float = 0.1
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    shift: int = 2
    flip: bool = False
    balanced: bool = False
    bfloat16: bool = False
    seed: int = 0
    widths: tuple[int, ...] = (16, 32, 64, 64, 64)
    halve_before: tuple[int, ...] = (1, 2)
    note: str = ""


COLOUR = ReaderRecipe(widths=(32, 64, 96, 96, 64), flip=True, shift=3, bfloat16=True)
GREY = ReaderRecipe(epochs=2, label_smoothing=0.05)
RECIPES: dict[str, ReaderRecipe] = {
    "digits": replace(GREY, epochs=60, batch_size=64, shift=1, halve_before=(2,)),
    "mnist": replace(GREY, bfloat16=True),
    "fashion": replace(GREY, epochs=4, flip=True, shift=1, bfloat16=True),
    "cifar10": replace(COLOUR, epochs=6, learning_rate=0.2),
    "emoji": replace(
        COLOUR,
        epochs=24,
        balanced=True,
        note="Nine unbalanced categories, drawn equally often in training. The test is every "
        "tenth emoji of the list, whose neighbours (skin tones, genders) were trained on, so it "
        "flatters the reader; and categories are broad, so read class_accuracy too.",
    ),
}
"""How the readers that ship were trained."""


def recipe_for(dataset: Dataset) -> ReaderRecipe:
    """Returns the recipe of a data set, or one that suits images like its own."""
    if dataset.name in RECIPES:
        return RECIPES[dataset.name]
    epochs = max(2, min(40, -(-120_000 // len(dataset.x))))
    return replace(COLOUR if dataset.shape[0] == 3 else GREY, epochs=epochs, bfloat16=False)


def train_reader(
    dataset: Dataset,
    test: Dataset | None = None,
    recipe: ReaderRecipe | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Reader:
    """Trains a reader on real images.

    Args:
        dataset: Images with labels.
        test: Test images for the card; by default there are no figures on it.
        recipe: How to train; by default that of the data set.
        progress: Called as `progress(done_steps, steps)` after every step.

    Returns:
        The reader in eval mode, with its card.

    Raises:
        ValueError: If the data have no labels.
    """
    if dataset.labels is None or dataset.n_classes is None:
        raise ValueError(f"{dataset.name} has no labels: a reader needs them")
    recipe = recipe or recipe_for(dataset)
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        reader = Reader(dataset.shape, dataset.class_names, recipe.widths, recipe.halve_before)
        _fit(reader, dataset.x, dataset.labels, recipe, progress)
    reader.eval().requires_grad_(False)
    reader.card = _card(reader, dataset, test, recipe, time.perf_counter() - started)
    return reader


def _fit(
    reader: Reader,
    x: Tensor,
    labels: Tensor,
    recipe: ReaderRecipe,
    progress: Callable[[int, int], object] | None,
) -> None:
    g = Generator().manual_seed(recipe.seed)
    batches = _batches(labels, recipe, g)
    optimiser = torch.optim.SGD(
        reader.parameters(),
        lr=recipe.learning_rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=len(batches), cycle_momentum=False
    )
    reader.train()
    for step, index in enumerate(batches):
        images = _augmented(x[index], recipe, g)
        with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
            logits = reader(images)
        loss = nn.functional.cross_entropy(
            logits.float(), labels[index], label_smoothing=recipe.label_smoothing
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, len(batches))


def _batches(labels: Tensor, recipe: ReaderRecipe, g: Generator) -> list[Tensor]:
    """Draws the images of every step; a batch of one image cannot be normalised."""
    n = len(labels)
    if recipe.balanced:
        weights = 1 / labels.bincount().clamp_min(1)[labels].double()
        drawn = [torch.multinomial(weights, n, True, generator=g) for _ in range(recipe.epochs)]
    else:
        drawn = [torch.randperm(n, generator=g) for _ in range(recipe.epochs)]
    return [b for epoch in drawn for b in epoch.split(recipe.batch_size) if len(b) > 1]


def _augmented(x: Tensor, recipe: ReaderRecipe, g: Generator) -> Tensor:
    """Moves, and perhaps mirrors, every image on its own."""
    n, _, height, width = x.shape
    if recipe.flip:
        mirrored = torch.rand(n, generator=g) < 0.5
        x = torch.where(mirrored[:, None, None, None], x.flip(3), x)
    if recipe.shift:
        s = recipe.shift
        padded = nn.functional.pad(x, (s, s, s, s), mode="reflect")
        dy, dx = torch.randint(2 * s + 1, (2, n, 1), generator=g)
        rows, columns = dy + torch.arange(height), dx + torch.arange(width)
        sample = torch.arange(n)[:, None, None]
        x = padded[sample, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return x


def _card(
    reader: Reader, dataset: Dataset, test: Dataset | None, recipe: ReaderRecipe, seconds: float
) -> ReaderCard:
    known = asdict(recipe)
    note, seed = known.pop("note"), known.pop("seed")
    known = {key: value for key, value in known.items() if key not in reader.network}
    card = ReaderCard(
        name=dataset.name,
        data_shape=dataset.shape,
        class_names=dataset.class_names,
        network=reader.network,
        n_parameters=sum(p.numel() for p in reader.parameters()),
        recipe=known,
        seed=seed,
        seconds=round(seconds),
        note=note,
    )
    if test is None or test.labels is None:
        return card
    right = (reader.read(test.x)[1] == test.labels).double()
    own = [right[test.labels == i] for i in range(len(reader.class_names))]
    return replace(
        card,
        accuracy=round(float(right.mean()), 4),
        n_test=len(right),
        class_accuracy=tuple(round(float(r.mean()), 3) for r in own),
    )


def build_reference(test: Dataset, reader: Reader | None = None, seed: int = 0) -> Reference:
    """Collects the real test data that generated samples are held against.

    Args:
        test: Test data: images or points.
        reader: Makes the features of images; None for none.
        seed: Seed of the choice, in which the classes keep their proportions.

    Returns:
        Up to 512 images with their labels and the features of up to 2,000, the former among them;
        or up to 2,000 points.
    """
    chosen = _spread(test.labels, len(test.x), Generator().manual_seed(seed))[:N_FEATURES]
    x = test.x[chosen]
    labels = None if test.labels is None else test.labels[chosen]
    features = None if reader is None or x.ndim != 4 else reader.read(x)[0]
    kept = N_IMAGES if x.ndim == 4 else N_FEATURES
    return Reference(x[:kept], None if labels is None else labels[:kept], features)


def _spread(labels: Tensor | None, n: int, g: Generator) -> Tensor:
    """Orders data at random, but so that any first part has the classes in their proportions."""
    order = torch.randperm(n, generator=g)
    if labels is None:
        return order
    place = torch.empty(n, dtype=torch.float64)
    for label in labels.unique():
        own = order[labels[order] == label]
        offset = torch.rand((), generator=g)
        place[own] = (torch.arange(len(own)) + offset).double() / len(own)
    return place.argsort()
