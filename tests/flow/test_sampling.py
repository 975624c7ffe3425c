"""Sampling: noise, labels, guidance, recording, cancelling, and what is said of mistakes."""

import pytest
import torch

from fmq_explore.flow import MLP, Cancelled, UNet, invert, noise, sample


class Labelled(torch.nn.Module):
    """Moves every sample by its class; class 3 stands for none and moves by -1."""

    data_shape = (2,)
    n_classes = 3

    def __init__(self):
        super().__init__()
        self.batches = []

    def forward(self, x, t, label=None):
        self.batches.append(len(x))
        if label is None:
            label = torch.full((len(x),), 3)
        return torch.tensor([0.0, 1.0, 2.0, -1.0])[label][:, None].expand_as(x).to(x)


def moved(**options):
    flow = sample(Labelled(), n=4, steps=2, record=True, **options)
    return (flow.samples - flow.path[0])[:, 0].round(decimals=4).tolist()


def test_a_sample_of_noise_does_not_depend_on_how_many_are_drawn():
    for shape in [(2,), (1, 28, 28), (3,)]:
        many = noise(shape, 64, seed=5)
        for n in (1, 7, 16):
            assert torch.equal(noise(shape, n, seed=5), many[:n])


def test_noise_is_standard_normal_and_seeded():
    x = noise((50,), 1000, seed=1)
    assert x.dtype == torch.float32
    assert x.mean().abs() < 0.02
    assert (x.std() - 1).abs() < 0.02
    assert not torch.equal(x, noise((50,), 1000, seed=2))


def test_the_same_arguments_give_the_same_bits():
    torch.manual_seed(0)
    model = UNet((1, 8, 8), n_classes=4, channels=8, patch=1, embedding=16)
    torch.nn.init.normal_(model.last.weight)
    draws = [sample(model, n=5, steps=3, label=2, guidance=2.0, seed=3).samples for _ in range(2)]
    assert torch.equal(*draws)


def test_a_recorded_path_runs_from_the_noise_to_the_samples():
    torch.manual_seed(0)
    model = MLP(width=16)
    torch.nn.init.normal_(model.last.weight)
    flow = sample(model, n=6, steps=4, seed=2, record=True)
    assert flow.path.shape == (5, 6, 2)
    assert torch.equal(flow.path[0], noise((2,), 6, seed=2))
    assert torch.equal(flow.path[-1], flow.samples)
    assert flow.times.tolist() == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    unrecorded = sample(model, n=6, steps=4, seed=2)
    assert unrecorded.path is None
    assert torch.equal(unrecorded.samples, flow.samples)


def test_results_can_be_used_in_training():
    model = MLP(width=8)
    flow = sample(model, n=3, steps=2, record=True)
    for states in (flow.samples, flow.path[1], sample(model, n=3, steps=2).samples):
        model(states, 0.5).sum().backward()  # autograd refuses tensors of inference mode
        states.clamp_(-1, 1)


def test_labels_reach_their_samples():
    assert moved() == [-1, -1, -1, -1]
    assert moved(label=2) == [2, 2, 2, 2]
    assert moved(label=[0, 1, 2, 0]) == [0, 1, 2, 0]
    assert moved(label=torch.tensor([2, 2, 1, 0])) == [2, 2, 1, 0]


def test_guidance_extrapolates_from_no_class_to_the_class():
    assert moved(label=[0, 1, 2, 0], guidance=2.0) == [1, 3, 5, 1]
    assert moved(label=[0, 1, 2, 0], guidance=0.0) == [-1, -1, -1, -1]
    assert moved(guidance=3.0) == [-1, -1, -1, -1]


def test_guidance_takes_one_doubled_batch_and_none_costs_nothing():
    model = Labelled()
    plain = sample(model, n=4, steps=2, label=1, guidance=1.0)
    assert model.batches == [4] * 4
    assert plain.n_evaluations == 4
    model = Labelled()
    guided = sample(model, n=4, steps=2, label=1, guidance=1.5)
    assert model.batches == [8] * 4
    assert guided.n_evaluations == 8


def test_cancelling_between_steps():
    calls, done = [], []

    def model(x, t):
        calls.append(float(t))
        return x

    with pytest.raises(Cancelled, match="after 3 of 10 steps"):
        sample(
            model,
            n=2,
            shape=(2,),
            solver="euler",
            should_stop=lambda: len(done) == 3,
            progress=lambda i, n: done.append((i, n)),
        )
    assert len(calls) == 3
    assert done == [(1, 10), (2, 10), (3, 10)]


def test_progress_is_told_of_every_step():
    seen = []
    invert(lambda x, t: x, torch.zeros(1, 2), steps=4, progress=lambda i, n: seen.append((i, n)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_any_callable_is_a_model():
    class Odd:
        def __call__(self, x, t):
            return torch.ones_like(x)

    for model in (Odd(), lambda x, t: torch.ones_like(x), torch.add):
        flow = sample(model, n=2, shape=(3, 4, 4), steps=2)
        assert flow.samples.shape == (2, 3, 4, 4)


def test_an_inversion_comes_home_and_records():
    model = Labelled()
    data = torch.randn(5, 2, generator=torch.Generator().manual_seed(0))
    back = invert(model, data, steps=3, label=1, record=True)
    assert torch.equal(back.path[0], data)
    assert torch.allclose(back.samples, data - 1)
    assert torch.allclose(sample(model, noise=back.samples, label=1).samples, data, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps is 0: use a whole number of at least 1"),
        ({"steps": 2.5}, "steps is 2.5: use a whole number"),
        ({"n": 0}, "n is 0: ask for at least 1 sample"),
        ({"seed": -1}, "seed is -1: use a whole number of at least 0"),
        ({"solver": "leapfrog"}, "unknown solver 'leapfrog': choose one of euler, midpoint"),
        ({"label": 3}, "label 3 is out of range: use 0 to 2"),
        ({"label": [0, -1, 1, 2]}, "label -1 is out of range"),
        ({"label": 1.5}, "use whole numbers"),
        ({"noise": torch.zeros(4, 3)}, r"shape \(4, 3\) do not suit the model: use \(n, 2\)"),
        ({"label": [0, 1]}, "2 labels for 4 samples: give one label, or one per sample"),
        ({"noise": torch.zeros(4, 2, dtype=torch.int64)}, "convert them to float32"),
    ],
)
def test_a_mistake_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        sample(Labelled(), **({"n": 4} | options))


def test_what_a_model_cannot_do_is_said():
    with pytest.raises(ValueError, match=r"a dict is not a velocity v\(x, t\): give a module"):
        sample({}, n=2, shape=(2,))
    with pytest.raises(ValueError, match="has no data_shape: give the shape of one sample"):
        sample(lambda x, t: x)
    with pytest.raises(ValueError, match="without classes: leave the label out"):
        sample(MLP(), label=1)
    with pytest.raises(ValueError, match=r"use guidance 1\.0"):
        sample(lambda x, t, label: x, n=2, shape=(2,), label=0, guidance=2.0)
