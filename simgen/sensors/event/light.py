"""Radiance to the level that a pixel of an event camera works on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.errors import SimgenError
from simgen.sensors.event.params import WHITE_DN, EventParams

Levels = NDArray[np.float32]
RED, GREEN, BLUE = 0.2126, 0.7152, 0.0722  # luminance of linear sRGB, ITU-R BT.709


def levels(params: EventParams, radiance: NDArray[np.floating], where: str = "") -> Levels:
    """Light (H, W) or (H, W, 3), linear, to luminance (H, W) of which 255 is white.

    Raises:
        SimgenError: When it is not such an image, or darker than black, or not finite.
    """
    image = np.asarray(radiance)
    flat_or_colour = image.ndim in (2, 3) and image.shape[2:] in ((), (3,))
    if not flat_or_colour or image.dtype.kind != "f" or not image.size:
        raise SimgenError(
            "radiance must be an image (H, W) or (H, W, 3) of floats",
            f"{image.dtype} {image.shape}",
            "give linear light before any encoding",
            where,
        )
    if image.dtype not in (np.float32, np.float64):
        image = image.astype(np.float64)
    scale = WHITE_DN * 2.0**params.exposure_ev
    flat = np.ascontiguousarray(image.reshape(image.shape[0] * image.shape[1], -1))
    dn = np.empty(len(flat), np.float32)
    bad = _to_levels(flat, scale, dn)
    if bad >= 0:
        y, x = divmod(bad, image.shape[1])
        raise SimgenError(
            "radiance must be finite and not negative",
            f"{flat[bad].tolist()} at pixel x={x}, y={y}",
            "check the renderer that gave it",
            where,
        )
    return dn.reshape(image.shape[:2])


def share_changed(params: EventParams, before: Levels, after: Levels, limit_ln: float) -> float:
    """Share of pixels whose response changes by more than `limit_ln` between two `levels`."""
    return _changed(before.ravel(), after.ravel(), params.knee_dn, limit_ln) / before.size


@compiled
def lin_log(dn: float, knee: float) -> float:
    """The photoreceptor's response: ln(dn), and a line through the origin below the knee."""
    if dn >= knee:
        return float(np.log(dn))
    return float(dn * np.log(knee) / knee)


@compiled
def _to_levels(light: NDArray[np.floating], scale: float, dn: Levels) -> int:
    """Fill `dn` (n,) from light (n, 1) or (n, 3); the first pixel that is not light, or -1."""
    for i in range(len(light)):
        good = True
        for c in range(light.shape[1]):
            good = good and 0 <= light[i, c] < np.inf
        if not good:
            return i
        value = 1.0 * light[i, 0]
        if light.shape[1] == 3:
            value = RED * value + GREEN * light[i, 1] + BLUE * light[i, 2]
        dn[i] = scale * value
    return -1


@compiled
def _changed(before: Levels, after: Levels, knee: float, limit_ln: float) -> int:
    count = 0
    for i in range(len(before)):
        if before[i] != after[i]:
            change = abs(lin_log(after[i], knee) - lin_log(before[i], knee))
            count += change > limit_ln
    return count
