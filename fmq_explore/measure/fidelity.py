"""Fidelity of generated images to the full-precision model's images from the same noise."""

__all__ = ["psnr", "ssim", "ssim_window"]

import torch
from torch import Tensor


def psnr(reference: Tensor, images: Tensor, data_range: float = 2.0) -> Tensor:
    r"""Computes the peak signal-to-noise ratio of every image.

    .. math:: \text{PSNR} = 10 \log_{10} \frac{R^2}{\text{MSE}}

    with the data range :math:`R` and the mean squared error over the pixels and channels of one
    image. Both sides are clipped to :math:`[-R/2, R/2]` first, as a screen would show them.

    An image equal to its reference gives `inf`: no noise at all. A mean over images is then `inf`
    too, so summarise with the median. An image with a NaN gives NaN.

    Args:
        reference: Images of the full-precision model, shape (n, c, h, w), in [-1, 1].
        images: Images from the same noise, the same shape.
        data_range: The distance between black and white; 2 for images in [-1, 1].

    Returns:
        The ratios in decibels, shape (n,), float32 or the wider type of the images.

    Raises:
        ValueError: If the shapes differ or are not (n, c, h, w), or the data range is not positive.

    Example:
        >>> white = torch.ones(1, 1, 8, 8)
        >>> psnr(white, white - 0.2)
        tensor([20.])
    """
    reference, images = _clipped(reference, images, data_range)
    from torchmetrics.functional.image import peak_signal_noise_ratio

    return peak_signal_noise_ratio(
        images, reference, data_range=data_range, reduction="none", dim=(1, 2, 3)
    )


def ssim(reference: Tensor, images: Tensor, data_range: float = 2.0) -> Tensor:
    r"""Computes the structural similarity of every image.

    The classical index with a Gaussian window of 11 pixels (sigma 1.5) and the constants
    :math:`(0.01 R)^2` and :math:`(0.03 R)^2`, averaged over pixels and channels; borders are
    mirrored. Its luminance term presumes intensities counted from black, so images are clipped to
    :math:`[-R/2, R/2]` and shifted to :math:`[0, R]`: the same figure as for images in [0, 1] with
    a data range of 1. Images smaller than 11 pixels get a smaller window, see `ssim_window`.

    Equal images give exactly 1; an image with a NaN gives NaN.

    Reference:
        Wang, Bovik, Sheikh and Simoncelli, Image quality assessment: from error visibility to
        structural similarity, IEEE Transactions on Image Processing 13(4), 2004

    Args:
        reference: Images of the full-precision model, shape (n, c, h, w), in [-1, 1].
        images: Images from the same noise, the same shape.
        data_range: The distance between black and white; 2 for images in [-1, 1].

    Returns:
        The similarities, shape (n,), at most 1.

    Raises:
        ValueError: If the shapes differ or are not (n, c, h, w), an image is smaller than 3 pixels,
            or the data range is not positive.

    Example:
        >>> ramp = torch.linspace(-1, 1, 64).reshape(1, 1, 8, 8)
        >>> ssim(ramp, ramp)
        tensor([1.])
    """
    reference, images = _clipped(reference, images, data_range)
    _, sigma = ssim_window(*reference.shape[-2:])
    black = data_range / 2
    from torchmetrics.functional.image import structural_similarity_index_measure

    # Not given an axis to keep, torchmetrics returns a scalar for a single image
    similarity = structural_similarity_index_measure(
        images + black, reference + black, sigma=sigma, data_range=data_range, reduction="none"
    )
    assert isinstance(similarity, Tensor)
    return similarity.reshape(len(images))


def ssim_window(height: int, width: int) -> tuple[int, float]:
    """Chooses the Gaussian window for images of a size: the largest odd one that fits, up to 11.

    The width of the Gaussian keeps its classical proportion to the window, 1.5 : 11. A window wider
    than an 8x8 digit would see mostly mirror images of it. Figures from different windows are not
    comparable: 8x8 digits with 8x8 digits only.

    Args:
        height: Pixels from top to bottom.
        width: Pixels from left to right.

    Returns:
        The side of the window in pixels, and the standard deviation of its Gaussian in pixels.

    Raises:
        ValueError: If a side is below 3 pixels.

    Example:
        >>> ssim_window(28, 28)
        (11, 1.5)
        >>> ssim_window(8, 8)[0]
        7
    """
    side = min(height, width)
    if side < 3:
        raise ValueError(
            f"ssim got images of {height} x {width} pixels, but needs at least 3 x 3: use psnr."
        )
    window = min(11, side - 1 + side % 2)
    return window, 1.5 * window / 11


def _clipped(reference: Tensor, images: Tensor, data_range: float) -> tuple[Tensor, Tensor]:
    """Checks two batches of images and clips them to the data range, in float32 at least."""
    if reference.shape != images.shape or reference.ndim != 4 or not reference.numel():
        raise ValueError(
            f"fidelity got shapes {tuple(reference.shape)} and {tuple(images.shape)}, but needs "
            "two equal shapes (n, c, h, w): for points use endpoint_distance."
        )
    if not data_range > 0:
        raise ValueError(f"data_range is {data_range}, but must be > 0; it is 2 for [-1, 1].")
    dtype = torch.promote_types(torch.promote_types(reference.dtype, images.dtype), torch.float32)
    limit = data_range / 2
    return (
        reference.detach().to(dtype).clamp(-limit, limit),
        images.detach().to(dtype).clamp(-limit, limit),
    )
