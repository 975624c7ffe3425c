"""Bounds: linear fields, of which constants and solutions are known, and small real networks."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from fmq_explore import load_model
from fmq_explore.flow import MLP, Cancelled, UNet, noise, sample
from fmq_explore.measure import bounds
from fmq_explore.measure.jacobian import field_constants, weight_constant
from fmq_explore.quantize import quantize_model


class Affine(nn.Module):
    """The field v(x, t) = (1 + t) A x + b, in double precision."""

    def __init__(self, A: Tensor, b: Tensor) -> None:
        super().__init__()
        self.A, self.b = nn.Parameter(A.double()), nn.Parameter(b.double())
        self.data_shape = (len(b),)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return (1 + t) * x @ self.A.T + self.b


def matrices(d: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(d, d, generator=generator).double(), torch.randn(d, generator=generator)


def pair(d: int, seed: int, size: float = 0.1) -> tuple[Affine, Affine]:
    """Makes a field and a slightly different one."""
    (A, b), (dA, db) = matrices(d, seed), matrices(d, seed + 100)
    return Affine(A, b), Affine(A + size * dA, b + size * db)


def start(n: int, d: int) -> Tensor:
    return noise((d,), n).double()


def upper(A: Tensor) -> float:
    return torch.linalg.eigvalsh((A + A.T) / 2)[-1].item()


def norm(A: Tensor) -> float:
    return torch.linalg.matrix_norm(A, 2).item()


@pytest.mark.parametrize("d", [1, 2, 5, 8])
def test_constants_of_linear_fields_are_exact(d: int) -> None:
    model, other = pair(d, d)
    A, h = model.A.detach(), 1 / 5
    found = bounds(model, other, steps=5, noise=start(6, d))
    for k in range(5):
        J = (1 + k * h) * A
        assert found.lipschitz_over_t[k].item() == pytest.approx(norm(J), rel=1e-6)
        assert found.log_norm_over_t[k].item() == pytest.approx(upper(J), rel=1e-6)
        assert found.growth_over_t[k].item() == pytest.approx(norm(torch.eye(d) + h * J), rel=1e-6)
    assert found.lipschitz_x == pytest.approx((2 - h) * norm(A), rel=1e-6)


@pytest.mark.parametrize("seed", range(10))
def test_the_measured_gap_stays_below_every_bound_that_holds_for_euler(seed: int) -> None:
    found = bounds(*pair(4, seed), steps=6, noise=start(20, 4))
    chain = (found.gap_over_t, found.bound_discrete_over_t, found.bound_field_over_t)
    chain = (*chain, found.bound_weights_over_t)
    for lower, higher in pairwise(chain):
        assert (lower <= higher * (1 + 1e-9)).all()
    assert (found.bound_log_norm_over_t <= found.bound_field_over_t * (1 + 1e-9)).all()
    assert 0 < found.gap < found.bound_discrete


def test_the_gap_is_that_of_the_euler_paths() -> None:
    model, other = pair(3, 1)
    x0 = start(9, 3)
    found = bounds(model, other, steps=7, noise=x0)
    paths = [sample(m, steps=7, solver="euler", noise=x0, record=True).path for m in (model, other)]
    expected = (paths[0] - paths[1]).square().sum(-1).mean(1).sqrt()
    torch.testing.assert_close(found.gap_over_t, expected.detach())


def test_errors_in_line_with_the_growth_reach_the_discrete_bound() -> None:
    """v = a x and v_q = a x - c in one dimension: nothing cancels, the gap is the bound."""
    a, c = 1.5, 0.2
    one = torch.ones(1, 1)
    model = Affine(a * one, torch.zeros(1))
    found = bounds(model, Affine(a * one, torch.tensor([-c])), steps=8, noise=start(4, 1))
    torch.testing.assert_close(found.gap_over_t, found.bound_discrete_over_t)
    expected = [0.0]
    for k in range(8):
        expected.append((1 + a * (1 + k / 8) / 8) * expected[-1] + c / 8)
    assert found.bound_discrete_over_t.tolist() == pytest.approx(expected, rel=1e-6)


class Frozen(Affine):
    """The field v(x, t) = A x + b."""

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return x @ self.A.T + self.b


def test_closed_forms_of_a_constant_field_error() -> None:
    """||e|| = c at all times: c (e^{L t} - 1) / L, with mu for L in the one-sided form."""
    A = torch.diag(torch.tensor([-2.0, 0.5]))
    offset = torch.tensor([0.3, -0.4])
    model, other = Frozen(A, torch.zeros(2)), Frozen(A, offset)
    found = bounds(model, other, steps=10, noise=start(5, 2))
    t = found.times
    torch.testing.assert_close(found.bound_field_over_t, 0.5 * (2 * t).expm1() / 2)
    torch.testing.assert_close(found.bound_log_norm_over_t, 0.5 * (0.5 * t).expm1() / 0.5)
    assert found.weight_error == pytest.approx(0.5)
    assert found.lipschitz_theta == pytest.approx(1.0)  # dv/db = I
    torch.testing.assert_close(found.bound_weights_over_t, found.bound_field_over_t)


def test_bounds_on_exact_flows_hold_without_a_term_for_steps() -> None:
    """x' = A x and y' = A y + b part by (e^{A t} - 1) A^{-1} b, whatever the solver."""
    for seed in range(5):
        A, b = matrices(4, seed)
        found = bounds(Frozen(A, 0 * b), Frozen(A, b), steps=5, noise=start(3, 4))
        exact = torch.stack(
            [
                (
                    (torch.linalg.matrix_exp(A * t) - torch.eye(4))
                    @ torch.linalg.solve(A, b.double())
                )
                for t in found.times
            ]
        ).norm(dim=1)
        assert (exact <= found.bound_log_norm_over_t + 1e-9).all()
        assert (exact <= found.bound_field_over_t + 1e-9).all()


def test_a_contraction_has_a_negative_log_norm_and_forgets_errors() -> None:
    """Euler paths lie a little above the bound on exact flows, but never above the discrete one."""
    model, other = (Frozen(-3 * torch.eye(2), b) for b in (torch.zeros(2), torch.ones(2)))
    found = bounds(model, other, steps=20, noise=start(4, 2))
    assert found.log_norm == pytest.approx(-3)
    assert found.bound_log_norm == pytest.approx(2**0.5 * (1 - math.exp(-3)) / 3)
    assert found.bound_log_norm < found.gap <= found.bound_discrete * (1 + 1e-9)
    assert found.bound_discrete < 0.1 * found.bound_field


def test_a_model_against_itself_has_no_gap_and_no_bound() -> None:
    model, _ = pair(3, 0)
    found = bounds(model, model, steps=3, noise=start(4, 3))
    assert found.gap == found.bound_discrete == found.bound_weights == found.weight_error == 0


def test_a_vacuous_bound_is_a_number() -> None:
    A = 800 * torch.eye(2)
    found = bounds(Frozen(A, torch.zeros(2)), Frozen(A, torch.ones(2)), noise=start(4, 2))
    assert found.bound_weights > 1e300
    assert found.gap <= found.bound_discrete * (1 + 1e-9) < 1e20


def test_weight_constant_of_a_linear_layer_is_the_norm_of_its_inputs() -> None:
    layer = nn.Linear(6, 4, bias=False, dtype=torch.float64)
    x = start(30, 6)
    expected = torch.linalg.matrix_norm(x, 2).item() / math.sqrt(30)
    found = [weight_constant(layer, ["weight"], (x,), iterations=i) for i in (0, 1, 3, 100)]
    assert found == sorted(found)
    assert found[-1] == pytest.approx(expected, rel=1e-6)


def test_weight_constant_of_a_network_equals_that_of_its_whole_jacobian() -> None:
    """Near t = 1 the velocity of a trained network bends strongly with its weights."""
    model = load_model("moons")
    names = [name for name, _ in model.named_parameters() if name.endswith("weight")]
    weights = {name: model.get_parameter(name).detach() for name in names}
    x, t = noise((2,), 4), torch.tensor(0.95)
    J = torch.func.jacrev(lambda w: torch.func.functional_call(model, w, (x, t)))(weights)
    flat = torch.cat([j.reshape(8, -1) for j in J.values()], dim=1).detach().double()
    expected = torch.linalg.matrix_norm(flat, 2).item() / 2  # over the root of four points
    found = weight_constant(model, names, (x, t), iterations=100)
    assert found == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("iterations", [2, 4, 8])
def test_few_iterations_estimate_from_below(iterations: int) -> None:
    A, _ = matrices(40, 0)
    A = A / 6
    found = field_constants(lambda x: x @ A.T, start(3, 40), 0.1, iterations)
    more = field_constants(lambda x: x @ A.T, start(3, 40), 0.1, 2 * iterations)
    truth = (norm(A), upper(A), norm(torch.eye(40) + 0.1 * A))
    for name, value in zip(("lipschitz", "log_norm", "growth"), truth, strict=True):
        less, closer = getattr(found, name), getattr(more, name)
        assert (less <= closer + 1e-9).all()
        assert (closer <= value + 1e-9).all()


def test_a_rotation_neither_lengthens_nor_shortens() -> None:
    """J = -J^T: the Krylov space closes after two directions, and the third is a fresh one."""
    J = torch.tensor([[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]]).double()
    found = field_constants(lambda x: x @ J.T, start(4, 3), 0.1)
    assert found.lipschitz.tolist() == pytest.approx([2] * 4)
    assert found.log_norm.tolist() == pytest.approx([0] * 4, abs=1e-9)


def test_constants_of_a_network_equal_those_of_its_whole_jacobian() -> None:
    torch.manual_seed(0)
    net = MLP((3,), width=16)
    nn.init.normal_(net.last.weight)
    x = noise((3,), 5)
    found = field_constants(lambda z: net(z, 0.3), x, 0.1, iterations=3)
    J = torch.stack([torch.func.jacrev(lambda z: net(z[None], 0.3)[0])(z) for z in x]).detach()
    sym = torch.linalg.eigvalsh((J + J.mT) / 2)[:, -1]
    torch.testing.assert_close(
        found.lipschitz.float(), torch.linalg.matrix_norm(J, 2), rtol=1e-3, atol=0
    )
    torch.testing.assert_close(found.log_norm.float(), sym, rtol=1e-3, atol=1e-3)


def unet() -> UNet:
    torch.manual_seed(0)
    model = UNet((1, 8, 8), n_classes=3, channels=8, patch=1, embedding=16)
    for w in (model.last.weight, model.attention.out.weight):
        nn.init.normal_(w, std=0.1)
    return model.eval()


def test_a_quantized_network_with_labels() -> None:
    model = unet()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    told = []
    qm = quantize_model(model, "uniform", 4)
    found = bounds(model, qm, n=6, steps=3, label=[0, 1, 2, 0, 1, 2], progress=told.append)
    chain = [found.gap, found.bound_discrete, found.bound_field, found.bound_weights]
    assert chain == sorted(chain)
    assert 0 < found.bound_log_norm <= found.bound_field
    assert found.lipschitz_theta > found.lipschitz_theta_seen > 0
    square = sum(q.mse * q.codes.numel() for q in qm.tensors.values())
    assert found.weight_error == pytest.approx(math.sqrt(square), rel=1e-4)
    assert told == pytest.approx([1 / 3, 2 / 3, 1])
    again = bounds(model, qm.model, n=6, steps=3, label=[0, 1, 2, 0, 1, 2])
    assert torch.equal(found.bound_field_over_t, again.bound_field_over_t)
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


def test_cancelling_between_steps() -> None:
    told: list[float] = []
    with pytest.raises(Cancelled, match="after 2 of 10 steps"):
        bounds(
            *pair(2, 0), should_stop=lambda: len(told) == 2, progress=told.append, noise=start(2, 2)
        )


def test_errors_are_sentences() -> None:
    model, other = pair(2, 0)
    with pytest.raises(ValueError, match="needs a network and its quantized version"):
        bounds(model, lambda x, t: x)
    with pytest.raises(ValueError, match="quantize this very model"):
        bounds(model, pair(3, 0)[0])
    with pytest.raises(ValueError, match="steps is 0: use a whole number"):
        bounds(model, other, steps=0)
    with pytest.raises(ValueError, match="label 1 for a model without classes"):
        bounds(MLP(width=8), MLP(width=8), label=1)
    broken = Affine(torch.full((2, 2), math.nan), torch.zeros(2))
    with pytest.raises(ValueError, match="not finite: check the weights"):
        bounds(broken, other, noise=start(2, 2))
    with pytest.raises(ValueError, match="not finite: check the weights of both"):
        bounds(model, broken, noise=start(2, 2))
    with pytest.raises(ValueError, match="has no data_shape: give noise"):
        bounds(nn.Linear(2, 2), nn.Linear(2, 2))
    with pytest.raises(ValueError, match="cannot be differentiated"):
        field_constants(torch.zeros_like, torch.zeros(1, 2), 0.1)
