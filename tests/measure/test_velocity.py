"""The error of a velocity: closed forms on linear fields, guidance, cancellation."""

import pytest
import torch

from fmq_explore import load_model, sample
from fmq_explore.flow import Cancelled
from fmq_explore.measure import velocities, velocity_error


def test_a_field_scaled_by_a_factor_is_wrong_by_that_share() -> None:
    path, times = torch.randn(5, 20, 3), torch.linspace(0, 0.8, 5)
    u = velocities(lambda x, t: x, path, times)
    v = velocities(lambda x, t: 1.25 * x, path, times)
    assert torch.equal(u, path)
    assert velocity_error(u, v) == pytest.approx(0.25)
    assert velocity_error(u, u) == 0.0


def test_euler_steps_follow_the_velocities() -> None:
    model = load_model("moons")
    flow = sample(model, n=10, steps=4, solver="euler", record=True)
    assert flow.path is not None
    v = velocities(model, flow.path[:-1], flow.times[:-1])
    torch.testing.assert_close(flow.path[:-1] + v / 4, flow.path[1:])


def test_guidance_extrapolates_as_sampling_does() -> None:
    model = load_model("digits")
    path, times = torch.randn(1, 3, *model.data_shape), torch.tensor([0.3])
    none, label, guided = (
        velocities(model, path, times, *options) for options in ((None,), (7,), (7, 2.0))
    )
    torch.testing.assert_close(guided, 2 * label - none, rtol=1e-3, atol=1e-4)


def test_it_stops_between_two_times() -> None:
    answers = iter([False, True])
    with pytest.raises(Cancelled, match="after 1 of 3"):
        velocities(
            lambda x, t: x,
            torch.ones(3, 1, 1),
            torch.zeros(3),
            should_stop=lambda: next(answers),
        )


@pytest.mark.parametrize(
    ("u", "v", "message"),
    [
        (torch.zeros(2, 1), torch.ones(2, 1), "trained network"),
        (torch.full((2, 1), torch.inf), torch.ones(2, 1), "finite"),
        (torch.ones(2, 1), torch.ones(3, 1), "same states"),
    ],
)
def test_what_has_no_relative_error_is_told(u, v, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        velocity_error(u, v)
