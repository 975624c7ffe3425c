"""Training: it learns, it is repeatable, and a break leaves no trace."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from fmq_explore.flow import MLP, Recipe, Trainer, sample

RECIPE = Recipe(steps=300, batch_size=128, warm_up=20, ema_decay=0.98, time_sampler="uniform")


def data(n: int = 2000):
    """Two tight classes at (2, 0) and (-2, 0)."""
    g = torch.Generator().manual_seed(0)
    labels = torch.randint(2, (n,), generator=g)
    x = 0.1 * torch.randn(n, 2, generator=g)
    x[:, 0] += 2 - 4 * labels
    return x, labels


def trainer(**changes):
    torch.manual_seed(0)
    return Trainer(MLP((2,), 2, width=32, depth=2), *data(), replace(RECIPE, **changes))


def test_training_lowers_the_loss_and_learns_the_classes():
    run = trainer()
    run.run()
    assert len(run.losses) == 3
    assert run.losses[-1] < 0.6 * run.losses[0]
    labels = torch.arange(100) % 2
    samples = sample(run.average, n=100, label=labels).samples
    assert ((samples[:, 0] > 0) == (labels == 0)).float().mean() > 0.95
    assert samples[:, 0].abs().mean().item() == pytest.approx(2, abs=0.3)


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    whole = trainer(steps=30)
    whole.run()

    def stop(run):
        if run.step == 17:
            run.save_checkpoint(tmp_path / "checkpoint.pt")
            raise KeyboardInterrupt

    broken = trainer(steps=30)
    with pytest.raises(KeyboardInterrupt):
        broken.run(stop)
    resumed = trainer(steps=30)
    resumed.resume(tmp_path / "checkpoint.pt")
    assert resumed.step == 17
    resumed.run()
    for a, b in zip(whole.average.parameters(), resumed.average.parameters(), strict=True):
        assert torch.equal(a, b)
    assert resumed.loss == whole.loss


def test_a_run_that_is_made_longer_says_so(tmp_path):
    short = trainer(steps=10)
    short.run()
    short.save_checkpoint(tmp_path / "checkpoint.pt")
    longer = trainer(steps=15)
    longer.resume(tmp_path / "checkpoint.pt")
    longer.run()
    assert longer.step == 15
    assert longer.stages == [[0, 10], [10, 15]]


def test_the_seed_decides():
    runs = [trainer(steps=5, seed=seed) for seed in (0, 0, 1)]
    for run in runs:
        run.run()
    assert runs[0].loss == runs[1].loss != runs[2].loss


def test_transport_coupling_lowers_the_loss():
    losses = []
    for coupling in ("independent", "ot"):
        run = trainer(steps=100, coupling=coupling)
        run.run()
        losses.append(run.losses[-1])
    assert losses[1] < 0.7 * losses[0]


def test_labels_are_dropped_at_the_rate_of_the_recipe():
    run = trainer(batch_size=20_000, label_dropout=0.25)
    label = run._draw()[3]
    assert (label == 2).float().mean().item() == pytest.approx(0.25, abs=0.02)


def test_a_foreign_checkpoint_is_refused(tmp_path):
    trainer().save_checkpoint(tmp_path / "a.pt")
    other = Trainer(MLP((2,), None, width=8), data()[0], None, RECIPE)
    with pytest.raises(ValueError, match="of another network: train with --no-resume"):
        other.resume(tmp_path / "a.pt")


def test_the_rate_warms_up_and_falls_to_zero():
    recipe = Recipe(steps=1000, warm_up=100, learning_rate=1.0)
    rates = [recipe.rate_at(step) for step in range(1001)]
    assert rates[:100] == pytest.approx([(i + 1) / 100 for i in range(100)])
    assert all(a >= b for a, b in pairwise(rates[100:]))
    assert rates[-1] == pytest.approx(0)
    assert rates[550] == pytest.approx(0.5)
    assert math.isclose(max(rates), 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps is 0: it must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0: it must be at least 1"),
        ({"coupling": "best"}, "unknown coupling 'best': choose one of independent, ot"),
        ({"time_sampler": "late"}, "unknown time_sampler 'late': choose one of uniform"),
    ],
)
def test_a_bad_recipe_is_one_sentence(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)
