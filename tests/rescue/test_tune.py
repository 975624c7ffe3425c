"""Tuning: codes stay, levels and kept tensors learn the reference's velocity."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import fmq_explore as fmq
from fmq_explore.flow import Cancelled
from fmq_explore.quantize import SCHEMES, prepare
from fmq_explore.quantize.model import from_fit
from fmq_explore.quantize.retrained import adopt, retrained
from fmq_explore.rescue import Student, Targets, Tuner, TuneRecipe, tune
from fmq_explore.rescue.student import LEVELS


class Linear(nn.Module):
    """v(x, t) = W x: tuning it is a least-squares problem."""

    data_shape = (4,)

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.weight = nn.Parameter(torch.randn(4, 4, generator=generator))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return x @ self.weight.T


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return fmq.load_model("moons")


@pytest.fixture(scope="module")
def coarse(model) -> fmq.QuantizedModel:
    return fmq.quantize_model(model, "optimal", bits=2, codebook_dtype="float16")


@pytest.fixture(scope="module")
def tuned(coarse) -> fmq.QuantizedModel:
    return tune(coarse, steps=150, seed=1)


def test_tuning_comes_close_to_least_squares() -> None:
    """With v = W x each row's levels solve a linear least-squares problem in closed form."""
    model = Linear()
    qm = fmq.quantize_model(model, "uniform", bits=1, granularity="channel")
    found = tune(qm, steps=600, learning_rate=0.05, seed=0)
    batch = Targets(model, seed=0).batch(8192)
    for row in range(4):
        codes = qm.tensors["weight"].codes[row].long()
        design = batch.x @ nn.functional.one_hot(codes, 2).float()
        wanted = batch.velocity[:, row : row + 1]
        levels = torch.linalg.lstsq(design, wanted).solution[:, 0]
        assert torch.allclose(found.tensors["weight"].codebook[row], levels, atol=0.05)


def test_the_velocity_comes_closer_and_no_byte_is_added(model, coarse, tuned) -> None:
    batch = Targets(model, seed=99).batch(1024)
    with torch.no_grad():
        before, after = (
            float((qm.model(batch.x, batch.t, batch.label) - batch.velocity).square().mean())
            for qm in (coarse, tuned)
        )
    assert after < 0.5 * before
    # codes and codebooks take what they took; W2 may be one figure more for a tensor
    sizes = [{n: q.n_bytes for n, q in qm.tensors.items()} for qm in (coarse, tuned)]
    assert sizes[0] == sizes[1]
    assert 0 <= tuned.n_bytes - coarse.n_bytes <= 4 * len(coarse.tensors) + 8


def test_cells_stay_and_levels_are_stored_in_order(coarse, tuned) -> None:
    for name, q in tuned.tensors.items():
        before = coarse.tensors[name]
        assert bool((q.codebook.diff(dim=1) >= 0).all())
        assert not torch.equal(q.codebook, before.codebook)
        for row in range(len(before.codes)):  # weights that shared a level share one now
            for code in range(4):
                assert len(q.codes[row][before.codes[row] == code].unique()) <= 1


def test_levels_that_cross_are_sorted_and_their_codes_renamed(model, coarse) -> None:
    student = Student(coarse, model)
    name = next(iter(coarse.tensors))
    with torch.no_grad():
        student.stored[name].copy_(student.stored[name].flip(1))
    found = student.quantized().tensors[name]
    before = coarse.tensors[name]
    assert torch.equal(found.codebook, before.codebook)
    assert torch.equal(found.codes, 3 - before.codes)
    assert found.mse > before.mse
    assert torch.equal(found.dequantize(), student.weights()[name].detach())


def test_errors_are_measured_anew(model, tuned) -> None:
    for name, q in tuned.tensors.items():
        error = model.get_parameter(name).detach().double() - q.dequantize().double()
        assert q.mse == pytest.approx(float(error.square().mean()), rel=1e-9)
        rows = model.get_parameter(name).detach().double(), q.dequantize().double()
        best = (rows[0].sort(dim=1).values - rows[1].sort(dim=1).values).square().mean()
        assert q.w2**2 == pytest.approx(float(best), rel=1e-9)
        assert q.w2**2 <= q.mse * (1 + 1e-9)
    assert tuned.w2 > 0


def test_the_network_is_what_the_codes_say(tuned, tmp_path) -> None:
    for name, q in tuned.tensors.items():
        assert torch.equal(tuned.model.get_parameter(name).detach(), q.dequantize())
    tuned.save(tmp_path / "tuned.safetensors")
    assert (tmp_path / "tuned.safetensors").stat().st_size == tuned.n_bytes
    loaded = fmq.load_quantized(tmp_path / "tuned.safetensors")
    for (name, a), b in zip(
        tuned.model.state_dict().items(), loaded.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name


def test_the_original_is_left_alone(model, coarse) -> None:
    state = {n: t.clone() for n, t in coarse.model.state_dict().items()}
    tune(coarse, steps=2)
    assert all(torch.equal(t, coarse.model.state_dict()[n]) for n, t in state.items())


def test_same_arguments_same_weights(coarse) -> None:
    first, second, other = (tune(coarse, steps=5, seed=seed) for seed in (3, 3, 4))
    name = next(iter(coarse.tensors))
    assert torch.equal(first.tensors[name].codebook, second.tensors[name].codebook)
    assert not torch.equal(first.tensors[name].codebook, other.tensors[name].codebook)


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_every_scheme_can_be_tuned(model, scheme) -> None:
    bits = SCHEMES[scheme].nearest_bits(3)
    qm = fmq.quantize_model(model, scheme, bits=bits)
    found = tune(qm, steps=3)
    trainable = SCHEMES[scheme].storage in LEVELS
    for name, q in found.tensors.items():
        assert torch.equal(q.codebook, qm.tensors[name].codebook) is not trainable
        rule = SCHEMES[scheme]
        levels = torch.from_numpy(rule.levels(q.parameters, q.bits))
        assert torch.equal(levels, q.codebook)
    changed = [n for n in qm.raw if not torch.equal(qm.raw[n], found.raw[n])]
    assert changed, "kept tensors learn too"


@pytest.mark.parametrize("scheme", [n for n, s in SCHEMES.items() if s.storage in LEVELS])
def test_levels_with_gradients_are_the_schemes_levels(model, scheme) -> None:
    qm = fmq.quantize_model(model, scheme, bits=SCHEMES[scheme].nearest_bits(3))
    student = Student(qm, model)
    for name, q in qm.tensors.items():
        assert torch.allclose(student.levels(name).detach(), q.codebook, rtol=1e-6, atol=1e-9)
        assert torch.allclose(student.weights()[name].detach(), q.dequantize(), rtol=1e-6)


def test_a_tuned_network_is_a_fit_like_any_other(model, coarse, tuned) -> None:
    fit = prepare(model).fit("optimal", 2, "float16")
    assert from_fit(fit, model).n_bytes == coarse.n_bytes
    adopted = adopt(fit, tuned)
    assert adopted.n_bytes == tuned.n_bytes
    assert adopted.w2 == pytest.approx(tuned.w2, rel=1e-9)
    assert adopted.relative_error == pytest.approx(tuned.relative_error, rel=1e-9)
    network = fmq.load_model("moons")
    adopted.write_into(network)
    for name, tensor in tuned.model.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name]), name
    for name, q in tuned.tensors.items():
        assert np.array_equal(adopted.levels(name), q.codebook.numpy())
        assert adopted.row_w2(name) == pytest.approx(q.row_w2.numpy())
        assert adopted.counts(name).sum() == q.codes.numel()
        borders = adopted.borders(name)
        assert borders.shape == (len(q.codebook), 3)
    lines = {line.name: line for line in tuned.report()}
    assert all(line.w2 == pytest.approx(lines[line.name].w2) for line in adopted.report())


def test_codes_that_are_not_monotone_have_a_smaller_w2(model, coarse, tmp_path) -> None:
    """Swapping two codes keeps every row's histogram of levels, so W2, but raises the error."""
    name = next(iter(coarse.tensors))
    q = coarse.tensors[name]
    codes = q.codes.clone()
    row = codes[0]
    low, high = int((row == row.min()).nonzero()[0]), int((row == row.max()).nonzero()[0])
    row[low], row[high] = row[high].clone(), row[low].clone()
    found = retrained(coarse, model, {}, {}, {name: codes})
    swapped = found.tensors[name]
    assert swapped.w2 == pytest.approx(q.w2, rel=1e-9)
    assert swapped.mse > q.mse
    found.save(tmp_path / "swapped.safetensors")
    assert (tmp_path / "swapped.safetensors").stat().st_size == found.n_bytes
    loaded = fmq.load_quantized(tmp_path / "swapped.safetensors").tensors[name]
    assert (loaded.w2, loaded.mse) == pytest.approx((swapped.w2, swapped.mse), rel=1e-6)
    adopted = adopt(prepare(model).fit("optimal", 2, "float16"), found)
    assert adopted.n_bytes == found.n_bytes
    assert adopted.tensor_w2(name) == pytest.approx(swapped.w2, rel=1e-9)


def test_progress_and_cancellation(coarse) -> None:
    told: list[float] = []
    tune(coarse, steps=4, progress=told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]
    with pytest.raises(Cancelled, match="after 2 of 9 steps"):
        tune(coarse, steps=9, progress=told.append, should_stop=lambda: len(told) >= 6)


def test_a_snapshot_can_be_taken_after_every_step(model, coarse) -> None:
    network = fmq.load_model("moons")
    seen = []

    def look(tuner: Tuner) -> None:
        tuner.student.write_into(network)
        seen.append(network.state_dict()["last.weight"].clone())

    tune(coarse, steps=3, after_step=look)
    assert len(seen) == 3
    assert not torch.equal(seen[0], seen[2])


def test_bad_arguments_get_a_sentence(coarse, model, tmp_path) -> None:
    for name, value in {"steps": 0, "batch_size": -1, "learning_rate": -1.0}.items():
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            tune(coarse, **{name: value})
    coarse.save(tmp_path / "a.safetensors")
    loaded = fmq.load_quantized(tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="give it as `reference`"):
        tune(loaded, steps=1)
    assert set(tune(loaded, model, steps=1).tensors) == set(coarse.tensors)
    with pytest.raises(ValueError, match="give the network that was quantized"):
        tune(coarse, Linear(), steps=1)


def test_a_loss_that_explodes_is_told(coarse) -> None:
    with pytest.raises(ValueError, match="smaller learning rate"):
        tune(coarse, steps=30, kept_learning_rate=1e30)


def test_the_schedule_warms_up_and_ends_near_zero() -> None:
    recipe = TuneRecipe(steps=100, warm_up=10)
    shares = [recipe.share_at(step) for step in range(100)]
    assert shares[0] == pytest.approx(0.1, abs=1e-3)
    assert max(shares) > 0.95
    assert shares[-1] < 1e-3


def test_states_are_those_of_the_flow_and_noise_is_not_that_of_samples() -> None:
    """Each velocity is that of the reference there; times fall evenly, and no state comes twice."""
    model = fmq.load_model("moons")
    batch = Targets(model, n=64, steps=5, seed=0).batch(384)
    with torch.no_grad():
        assert torch.equal(model(batch.x, batch.t, batch.label), batch.velocity)
    assert len(batch.x.unique(dim=0)) == 384
    assert int((batch.t == 0).sum()) == 64
    assert torch.equal((batch.t[batch.t > 0] * 5).long().bincount(), torch.full((5,), 64))
    starts = batch.x[batch.t == 0]
    drawn = fmq.sample(model, n=512, steps=1, seed=0, record=True).path[0]
    assert not (starts[:, None] == drawn[None]).all(dim=2).any()


def test_drawing_goes_on_where_it_was_cancelled(model) -> None:
    whole, broken = Targets(model, n=8, steps=2), Targets(model, n=8, steps=2)
    with pytest.raises(Cancelled):
        broken.batch(24, should_stop=iter([False, True]).__next__)
    first, second = whole.batch(24), broken.batch(24)
    assert torch.equal(first.x, second.x)
    assert not torch.equal(first.x, whole.batch(24).x)
