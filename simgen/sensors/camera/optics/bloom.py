"""Bloom and veiling glare: light that the glass scatters, before the sensor saturates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.effect import Domain, PerFrame

Image = NDArray[np.float32]
TAIL = (1.0, 3.0, 9.0)  # widths of the tail's Gaussians, in units of the narrowest
WEIGHTS = (9 / 13, 3 / 13, 1 / 13)  # as 1 / width: together about r^-3, as flare spreads measure
CELLS = 2.0  # least standard deviation on the coarse grid that a Gaussian is drawn on, in cells


@dataclass(frozen=True)
class Bloom(PerFrame):
    """A point-spread function of unit sum: core, wide tail, and an even veil.

    PSF = (1 - bloom - glare) delta + bloom sum_k w_k G(sigma 3^k) + glare / (H W). The
    Gaussians are drawn on grids that are coarser by powers of two and read back linearly,
    each narrowed by what the grid itself widens: the glow of a point is that of the middle of
    its cell, which is at most a quarter of a standard deviation away.

    What lies outside the frame is taken for a mirror image of what lies inside: a flat field
    stays flat, and the total stays the same right up to the borders.

    Attributes:
        bloom: Share of the light in the tail, 0 to 1.
        sigma_px: Standard deviation of the tail's narrowest Gaussian.
        glare: Share of the light that is spread evenly over the frame (ISO 9358's veil).
    """

    bloom: float
    sigma_px: float = 8.0
    glare: float = 0.0
    takes = Domain.RADIANCE
    gives = Domain.RADIANCE

    def __post_init__(self) -> None:
        if not (self.bloom >= 0 and self.glare >= 0 and self.bloom + self.glare <= 1):
            raise ConfigError(
                "bloom and glare must be shares of the light, together at most 1",
                f"bloom = {self.bloom}, glare = {self.glare}",
            )
        if not self.sigma_px > 0:
            raise ConfigError("bloom must be wider than 0 pixels", self.sigma_px)

    def apply(self, signal: Image, state: None, key: Key) -> Image:
        """Radiance (H, W, 3) with scattered light."""
        del state, key
        if self.bloom == 0 and self.glare == 0:
            return signal
        out: Image = signal * np.float32(1 - self.bloom - self.glare)
        if self.glare > 0:
            out += np.asarray(cv2.mean(signal)[:3], np.float32) * np.float32(self.glare)
        if self.bloom > 0:
            widths = tuple(width * self.sigma_px for width in TAIL)
            cv2.scaleAdd(wide_gaussians(signal, widths, WEIGHTS), self.bloom, out, out)
        return out


def wide_gaussians(
    signal: Image, sigmas_px: tuple[float, ...], weights: tuple[float, ...] = (1.0,)
) -> Image:
    """A weighted sum of Gaussians of a signal (H, W, C), mirrored at the borders.

    Args:
        signal: What to blur.
        sigmas_px: Standard deviations, narrowest first.
        weights: Of the Gaussians.
    """
    height, width = signal.shape[:2]
    most = 2 ** int(math.log2(max(min(height, width) // 2, 1)))
    steps = [min(2 ** int(math.log2(max(sigma / CELLS, 1.0))), most) for sigma in sigmas_px]
    whole = steps[-1]
    rows, columns = -(-height // whole) * whole, -(-width // whole) * whole
    coarse = np.asarray(
        cv2.copyMakeBorder(
            signal, 0, rows - height, 0, columns - width, borderType=cv2.BORDER_REFLECT
        ),
        np.float32,
    )
    grid = (columns // steps[0], rows // steps[0])
    total = np.zeros((grid[1], grid[0], *signal.shape[2:]), np.float32)
    for sigma, weight, step in zip(sigmas_px, weights, steps, strict=True):
        coarse = _resized(coarse, (columns // step, rows // step), cv2.INTER_AREA)
        # Means over cells widen by (s^2 - 1) / 12, reading back linearly by (s^2 - 1) / 6.
        blurred = _blur(coarse, math.sqrt(sigma**2 - (step * step - 1) / 4) / step)
        total += np.float32(weight) * _resized(blurred, grid, cv2.INTER_LINEAR)
    return _resized(total, (columns, rows), cv2.INTER_LINEAR)[:height, :width]


def _resized(signal: Image, size: tuple[int, int], how: int) -> Image:
    if signal.shape[1::-1] == size:
        return signal
    return np.asarray(cv2.resize(signal, size, interpolation=how), np.float32)


def _blur(signal: Image, sigma: float) -> Image:
    size = 2 * math.ceil(4 * sigma) + 1
    kernel = cv2.getGaussianKernel(size, sigma, cv2.CV_32F)
    done = cv2.sepFilter2D(signal, -1, kernel, kernel, borderType=cv2.BORDER_REFLECT)
    return np.asarray(done, np.float32)
