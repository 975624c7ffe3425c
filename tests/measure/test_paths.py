"""Divergence of paths: closed forms, a naive loop, and the coupling bound on W2."""

import pytest
import torch

from fmq_explore.measure import endpoint_distance, rms_divergence, w2_points


def walks(
    steps: int = 6, n: int = 20, shape: tuple[int, ...] = (2,), seed: int = 0
) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(steps + 1, n, *shape, generator=generator).cumsum(0)


@pytest.mark.parametrize("shape", [(2,), (1, 3, 3)])
def test_divergence_equals_a_loop(shape: tuple[int, ...]) -> None:
    a, b = walks(shape=shape), walks(shape=shape, seed=1)
    expected = [((a[k] - b[k]) ** 2).mean().sqrt().item() for k in range(len(a))]
    assert rms_divergence(a, b).tolist() == pytest.approx(expected, rel=1e-6)


def test_same_noise_starts_at_zero() -> None:
    a = walks()
    b = a.clone()
    b[1:] += 0.5
    assert rms_divergence(a, b).tolist() == pytest.approx([0] + [0.5] * 6)


def test_divergence_scales_and_ignores_shifts_of_both() -> None:
    a, b = walks(), walks(seed=1)
    torch.testing.assert_close(rms_divergence(3 * a, 3 * b), 3 * rms_divergence(a, b))
    torch.testing.assert_close(rms_divergence(a + 2, b + 2), rms_divergence(a, b))


def test_shared_noise_is_a_coupling() -> None:
    """W2 between the states never exceeds the RMS distance of the paired states."""
    a, b = walks(), walks(seed=1)
    rms_distance = rms_divergence(a, b) * 2**0.5
    ends = endpoint_distance(a[-1], b[-1])
    assert ends.square().mean().sqrt() == pytest.approx(rms_distance[-1].item(), rel=1e-6)
    for k in range(len(a)):
        assert w2_points(a[k], b[k]) <= rms_distance[k].item() + 1e-6


def test_endpoint_distance_of_images() -> None:
    a = torch.zeros(3, 1, 2, 2)
    offset = torch.tensor([0.0, 1.0, 2.0]).reshape(3, 1, 1, 1)
    assert endpoint_distance(a, a + offset).tolist() == [0, 2, 4]


def test_large_values_keep_their_precision() -> None:
    a = torch.zeros(2, 100, 2, dtype=torch.float16)
    assert rms_divergence(a, a + 300).tolist() == [300, 300]  # 300^2 is beyond float16


@pytest.mark.parametrize("measure", [rms_divergence, endpoint_distance])
def test_errors_are_sentences(measure) -> None:
    with pytest.raises(ValueError, match="same noise, steps and solver"):
        measure(walks(), walks(steps=5))
    with pytest.raises(ValueError, match="two equal shapes"):
        measure(torch.zeros(4), torch.zeros(4))
