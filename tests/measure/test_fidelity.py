"""PSNR and SSIM against torchmetrics' classes, closed forms and a naive loop."""

import math

import pytest
import torch
from torch import Tensor
from torchmetrics.image import PeakSignalNoiseRatio, StructuralSimilarityIndexMeasure

from fmq_explore.measure import psnr, ssim, ssim_window


def pictures(n: int = 4, channels: int = 1, side: int = 28, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Makes smooth images, some beyond the range, and noisy copies."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, channels, 5, 5, generator=generator)
    images = torch.nn.functional.interpolate(coarse, side, mode="bilinear")
    return images, images + 0.3 * torch.randn(images.shape, generator=generator)


def naive_ssim(x: Tensor, y: Tensor, window: int, sigma: float) -> float:
    """Computes SSIM of one (h, w) pair in [0, 1], pixel by pixel, with mirrored borders."""
    half = window // 2
    axis = torch.arange(-half, half + 1).double()
    weights = torch.exp(-(axis[:, None] ** 2 + axis[None, :] ** 2) / (2 * sigma**2))
    weights = weights / weights.sum()
    pad = torch.nn.ReflectionPad2d(half)
    big_x, big_y = pad(x[None].double())[0], pad(y[None].double())[0]
    values = []
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            p, q = big_x[i : i + window, j : j + window], big_y[i : i + window, j : j + window]
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * (p - mp) ** 2).sum(), (weights * (q - mq) ** 2).sum()
            cov = (weights * (p - mp) * (q - mq)).sum()
            luminance = (2 * mp * mq + 1e-4) / (mp**2 + mq**2 + 1e-4)
            values.append(luminance * (2 * cov + 9e-4) / (vp + vq + 9e-4))
    return torch.stack(values).mean().item()


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_equals_the_class_on_clipped_images(channels: int) -> None:
    reference, images = pictures(channels=channels)
    metric = PeakSignalNoiseRatio(data_range=(-1.0, 1.0), reduction="none", dim=(1, 2, 3))
    torch.testing.assert_close(psnr(reference, images), metric(images, reference))


def test_psnr_closed_forms() -> None:
    zero = torch.zeros(3, 1, 8, 8)
    offset = torch.tensor([1.0, 0.2, 0.02]).reshape(3, 1, 1, 1)
    expected = torch.tensor([20 * math.log10(2 / e) for e in (1.0, 0.2, 0.02)])
    torch.testing.assert_close(psnr(zero, zero + offset), expected)
    torch.testing.assert_close(psnr(zero, zero + offset / 2, data_range=1.0), expected)


def test_what_a_screen_cannot_show_does_not_count() -> None:
    white = torch.ones(1, 1, 8, 8)
    assert psnr(white, white + 5).item() == math.inf
    assert ssim(white, white + 5).item() == 1


def test_identical_images() -> None:
    reference, _ = pictures()
    assert (psnr(reference, reference) == math.inf).all()
    assert (ssim(reference, reference) == 1).all()


def test_a_broken_image_spoils_only_itself() -> None:
    reference, images = pictures()
    images[1, 0, 3, 3] = math.nan
    for measure in (psnr, ssim):
        assert measure(reference, images).isnan().tolist() == [False, True, False, False]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [8, 28])
def test_ssim_equals_the_class_on_images_from_zero_to_one(channels: int, side: int) -> None:
    reference, images = pictures(channels=channels, side=side)
    _, sigma = ssim_window(side, side)
    metric = StructuralSimilarityIndexMeasure(sigma=sigma, data_range=1.0, reduction="none")
    expected = metric((images.clamp(-1, 1) + 1) / 2, (reference.clamp(-1, 1) + 1) / 2)
    torch.testing.assert_close(ssim(reference, images), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("side", [3, 8, 11, 12, 16])
def test_ssim_equals_the_definition(side: int) -> None:
    reference, images = pictures(n=2, side=side)
    unit = [(x.clamp(-1, 1) + 1) / 2 for x in (reference, images)]
    expected = [
        naive_ssim(x[0], y[0], *ssim_window(side, side)) for x, y in zip(*unit, strict=True)
    ]
    assert ssim(reference, images).tolist() == pytest.approx(expected, abs=1e-5)


def test_one_image_is_one_figure() -> None:
    reference, images = pictures(n=1)
    assert ssim(reference, images).shape == psnr(reference, images).shape == (1,)


def test_ssim_does_not_mind_the_scale() -> None:
    reference, images = pictures()
    reference, images = reference.clamp(-1, 1), images.clamp(-1, 1)
    half = ssim(reference / 2, images / 2, data_range=1.0)
    torch.testing.assert_close(half, ssim(reference, images), atol=1e-5, rtol=0)


def test_window_is_odd_fits_and_grows() -> None:
    windows = [ssim_window(side, 40)[0] for side in range(3, 40)]
    assert all(
        w % 2 == 1 and 3 <= w <= min(11, s) for w, s in zip(windows, range(3, 40), strict=True)
    )
    assert windows == sorted(windows)
    assert windows[-1] == 11


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_float_types(dtype: torch.dtype) -> None:
    reference, images = (x.to(dtype) for x in pictures())
    wide = torch.promote_types(dtype, torch.float32)
    for measure in (psnr, ssim):
        found = measure(reference, images)
        assert found.dtype == wide
        torch.testing.assert_close(found, measure(reference.to(wide), images.to(wide)))


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_errors_are_sentences(measure) -> None:
    image = torch.zeros(2, 1, 8, 8)
    with pytest.raises(ValueError, match="two equal shapes"):
        measure(image, image[:1])
    with pytest.raises(ValueError, match="for points use endpoint_distance"):
        measure(torch.zeros(5, 2), torch.zeros(5, 2))
    with pytest.raises(ValueError, match="data_range is 0"):
        measure(image, image, data_range=0)
    with pytest.raises(ValueError, match="at least 3 x 3: use psnr"):
        ssim(image[..., :2], image[..., :2])
