"""Random fields over a frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.rng import Key

Image = NDArray[np.float32]


def field(key: Key, shape: tuple[int, int], correlation_px: float) -> Image:
    """Standard normal numbers (H, W) that are alike over about `correlation_px`.

    White noise under a Gaussian of that standard deviation, scaled back to variance 1; the
    frame is cut from a larger one, so that its border is like its middle.
    """
    pad = int(np.ceil(3 * correlation_px))
    height, width = shape
    rng = key.generator()
    white: Image = rng.standard_normal((height + 2 * pad, width + 2 * pad), dtype=np.float32)
    if not pad:
        return white
    size = 2 * pad + 1
    kernel = cv2.getGaussianKernel(size, correlation_px, cv2.CV_32F)
    gain = np.float32(1 / np.sum(np.square(kernel)))  # both directions: the root, squared
    blurred = np.asarray(cv2.sepFilter2D(white, cv2.CV_32F, kernel, kernel), np.float32)
    return np.ascontiguousarray(blurred[pad : pad + height, pad : pad + width] * gain)


def device_pattern(knots: NDArray[np.float64], shape: tuple[int, int]) -> Image:
    """A smooth field (H, W) through numbers at knots (a, b) spread over the frame."""
    height, width = shape
    smooth = cv2.resize(knots.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(smooth, np.float32)
