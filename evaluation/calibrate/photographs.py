"""Noise of ordinary photographs: level against brightness, from one image at a time.

Where a photograph is flat, the Laplacian of Immerkaer ("Fast noise variance estimation",
CVIU 64, 1996) sees noise alone. Its level, brought back to linear light through the sRGB
curve, is fitted by var = mu / white_e + (read_e / white_e)^2.

A level whose noise does not exceed that of rounding to 8 bits says nothing and is left out;
a photograph that JPEG or a denoiser has wiped clean is left out whole.

Limits. The tone curve is taken for plain sRGB and white balance for gains of 1. Denoising and
JPEG remove noise, and demosaicing spreads it over neighbours, where the Laplacian does not
look: `white_e` comes out too large and read noise too small. Texture that no flat patch
escapes does the opposite. What is fitted is the noise of the file, not of the sensor: for that,
take raw frames (`noise.py`).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from simgen.colour import srgb_to_linear
from simgen.errors import CaptureError

Array = NDArray[np.float64]
Picture = NDArray[np.uint8]
PATCH = 16
FLATTEST = 0.2  # share of the patches of a level that counts as flat
LEVELS = 12
LEAST_PATCHES = 8
LEAST_SHARE = 0.1  # of the photographs
RANGE = (12, 243)  # levels of 255 away from both ends, where clipping hides noise
ROUNDING = 1 / 12  # variance of rounding, display levels
MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
MASK_NORM = 6.0  # root of the sum of squares


@dataclass(frozen=True, eq=False)
class NoiseCurve:
    """Noise of one photograph against brightness.

    Attributes:
        level: (n,) brightness in linear light, 0 to 1; only where there is noise.
        sigma: (n,) standard deviation in linear light.
        patches: (n,) patches that say so.
    """

    level: Array
    sigma: Array
    patches: NDArray[np.int64]


@dataclass(frozen=True)
class PhotographNoise:
    """The fit of one photograph.

    Attributes:
        white_e: Electrons at display white that would give this noise; infinite for none.
        read_noise_e: Read noise in the same electrons.
        sigma_255: Median noise in display levels.
    """

    white_e: float
    read_noise_e: float
    sigma_255: float


def noise_curve(image: Picture) -> NoiseCurve:
    """Noise of the green channel of a photograph (H, W, 3).

    Raises:
        CaptureError: When it is too small to hold flat patches.
    """
    height, width = (side // PATCH * PATCH for side in image.shape[:2])
    if min(height, width) < 4 * PATCH:
        raise CaptureError(f"a photograph must be {4 * PATCH} px or larger", str(image.shape))
    green = np.ascontiguousarray(image[:height, :width, 1]).astype(np.float32)
    # Slopes of the smoothed picture choose flat patches: noise has little part in them.
    smooth = cv2.GaussianBlur(green, (0, 0), 2.0)
    slope = cv2.Sobel(smooth, cv2.CV_32F, 1, 0) ** 2 + cv2.Sobel(smooth, cv2.CV_32F, 0, 1) ** 2
    detail = np.abs(cv2.filter2D(green, cv2.CV_32F, MASK)) / MASK_NORM
    texture, level = _patches(slope).mean(axis=1), _patches(green).mean(axis=1)
    # The mean of |N(0, 1)| is sqrt(2 / pi).
    sigma = math.sqrt(math.pi / 2) * _patches(detail).mean(axis=1)
    found = []
    edges = np.linspace(*RANGE, LEVELS + 1)
    for low, high in itertools.pairwise(edges):
        members = np.flatnonzero((level >= low) & (level < high))
        count = int(len(members) * FLATTEST)
        if count < LEAST_PATCHES:
            continue
        flat = members[np.argsort(texture[members], kind="stable")[:count]]
        variance = float(np.median(sigma[flat])) ** 2 - ROUNDING
        if variance > 0:
            found.append((float(level[flat].mean()), math.sqrt(variance), count))
    columns = np.array(found, float).reshape(-1, 3).T
    display = columns[0] / 255
    step = 1e-4
    bend = (srgb_to_linear(display + step) - srgb_to_linear(display - step)) / (2 * step)
    return NoiseCurve(srgb_to_linear(display), columns[1] / 255 * bend, columns[2].astype(np.int64))


def fit_curve(curve: NoiseCurve) -> PhotographNoise | None:
    """The fit of a curve; None where fewer than three levels were flat."""
    if len(curve.level) < 3:
        return None
    variance = curve.sigma**2
    weight = np.sqrt(curve.patches) / np.maximum(variance, 1e-9)
    design = np.column_stack([curve.level, np.ones_like(curve.level)])
    (shot, read), _ = nnls(design * weight[:, None], variance * weight)
    white = 1 / shot if shot > 0 else math.inf
    display = np.median(curve.sigma / _slope(curve.level))
    read_e = math.sqrt(read) * white if shot > 0 else math.inf
    return PhotographNoise(white, read_e, float(display) * 255)


def photograph_noise(curves: Sequence[NoiseCurve]) -> tuple[PhotographNoise, ...]:
    """The fits of all photographs that show noise on flat patches of three levels.

    Raises:
        CaptureError: When fewer than `LEAST_SHARE` of them do: those few would mislead.
    """
    fits = [fit_curve(curve) for curve in curves]
    found = tuple(fit for fit in fits if fit is not None and math.isfinite(fit.white_e))
    if len(found) < LEAST_SHARE * max(len(curves), 1):
        raise CaptureError(
            "a tenth of the photographs must show more noise than rounding on flat patches of three"
            " levels",
            f"{len(found)} of {len(curves)} that do",
            "noise was removed, or nothing is flat: give less processed photographs, or raw frames",
        )
    return found


def _slope(level: Array) -> Array:
    """Slope of linear light against display value, at linear light."""
    grid = np.linspace(0, 1, 4097)
    linear = srgb_to_linear(grid)
    return np.interp(level, linear, np.gradient(linear, grid))


def _patches(image: NDArray[np.floating]) -> Array:
    """Pixels of each patch, (n, PATCH * PATCH)."""
    height, width = image.shape
    tiles = image.reshape(height // PATCH, PATCH, width // PATCH, PATCH).swapaxes(1, 2)
    return tiles.reshape(-1, PATCH * PATCH).astype(np.float64)
