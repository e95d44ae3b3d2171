"""Photon transfer: gain, read noise and full well of a camera from raw frames.

Temporal variance against mean, var = K (mu - black) + s_d^2 (EMVA 1288 release 4.0). The
difference of two frames of the same thing holds no fixed pattern, so flats need not be flat.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.errors import CaptureError

Array = NDArray[np.float64]
LINEAR_SHARE = 0.7  # EMVA 1288 fits up to 70 % of saturation
BINS = 48
LEAST_PIXELS = 200
ROUNDING = 1 / 12  # variance of rounding to whole numbers, DN^2


@dataclass(frozen=True, eq=False)
class TransferPoints:
    """Points of a photon-transfer curve, by growing mean.

    Attributes:
        mean_dn: (n,) mean.
        variance_dn: (n,) temporal variance.
        error_dn: (n,) standard error of the variance.
    """

    mean_dn: Array
    variance_dn: Array
    error_dn: Array


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error."""

    value: float
    error: float


@dataclass(frozen=True, eq=False)
class PhotonTransfer:
    """What photon transfer says of a camera.

    Attributes:
        gain_dn_e: K, DN an electron.
        read_noise_e: Noise at black, without rounding.
        full_well_e: Charge of the greatest mean; the full well if frames saturate, else less.
        saturates: Whether variance fell at high levels, so that the full well was reached.
        black_dn: Black level.
        points: The curve.
        fitted: (n,) which points the line was fitted to.
    """

    gain_dn_e: Estimate
    read_noise_e: Estimate
    full_well_e: Estimate
    saturates: bool
    black_dn: float
    points: TransferPoints
    fitted: NDArray[np.bool_]


def flat_points(pairs: Iterable[tuple[Array, Array]]) -> TransferPoints:
    """One point for each pair of frames (H, W) of one level, and each place of 2 x 2 pixels.

    The four places of a Bayer pattern have levels of their own.

    Raises:
        CaptureError: When the frames of a pair differ in shape.
    """
    found = []
    for one, two in pairs:
        if one.shape != two.shape or one.ndim != 2:
            raise CaptureError(
                "two frames of a level must be single-channel and of one size",
                f"{one.shape} and {two.shape}",
            )
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            a, b = one[y::2, x::2], two[y::2, x::2]
            variance = float((a - b).var(ddof=1)) / 2
            error = variance * math.sqrt(2 / max(a.size - 1, 1))
            found.append((float(a.mean() + b.mean()) / 2, variance, error))
    return _sorted(found)


def burst_points(frames: Array) -> TransferPoints:
    """Points from frames (L, H, W) of a scene at rest: pixels of like mean together.

    The scene must hold levels that spread far wider than the noise, or bins mix them.

    Raises:
        CaptureError: When there are fewer than two frames.
    """
    if frames.ndim != 3 or len(frames) < 2:
        raise CaptureError(
            "a burst must be two or more single-channel frames of one size",
            str(frames.shape),
        )
    mean, variance = frames.mean(axis=0).ravel(), frames.var(axis=0, ddof=1).ravel()
    order = np.argsort(mean, kind="stable")
    found = []
    for members in np.array_split(order, BINS):
        if len(members) < LEAST_PIXELS:
            continue
        level = float(variance[members].mean())
        error = level * math.sqrt(2 / (len(members) * (len(frames) - 1)))
        found.append((float(mean[members].mean()), level, error))
    return _sorted(found)


def photon_transfer(points: TransferPoints, black_dn: float) -> PhotonTransfer:
    """Fit the linear part of the curve.

    Args:
        points: The curve.
        black_dn: Black level: the mean of frames in the dark.

    Raises:
        CaptureError: When fewer than three points are left to fit, or variance does not grow.
    """
    mean, variance = points.mean_dn, points.variance_dn
    if len(mean) < 3:
        raise CaptureError(
            "photon transfer needs three or more levels", len(mean), "take frames at more levels"
        )
    peak = int(np.argmax(variance))
    saturates = bool((variance[peak:] < 0.5 * variance[peak]).any())
    end = mean[peak] if saturates else mean[-1]
    fitted = mean - black_dn <= LINEAR_SHARE * (end - black_dn) if saturates else mean <= end
    if int(fitted.sum()) < 3:
        raise CaptureError(
            "photon transfer needs three or more levels below saturation",
            int(fitted.sum()),
            "take frames at lower levels",
        )
    x, y = mean[fitted] - black_dn, variance[fitted]
    weight = 1 / np.maximum(points.error_dn[fitted], 1e-9) ** 2
    design = np.column_stack([x, np.ones_like(x)])
    inverse = np.linalg.inv(design.T @ (design * weight[:, None]))
    gain, dark = inverse @ (design.T @ (weight * y))
    # Errors from the spread about the line where it is larger than the points' own.
    spread = float((weight * (y - design @ [gain, dark]) ** 2).sum()) / max(len(x) - 2, 1)
    errors = np.sqrt(np.diag(inverse) * max(spread, 1.0))
    if gain <= 0:
        raise CaptureError(
            "variance must grow with the mean",
            f"a slope of {gain:.3g}",
            "give raw frames: processed ones are denoised and bent by a tone curve",
        )
    read_dn = math.sqrt(max(dark - ROUNDING, 0.0))
    read_error = errors[1] / max(2 * read_dn, 2 * math.sqrt(errors[1])) / gain
    full = (mean[-1] - black_dn) / gain
    return PhotonTransfer(
        Estimate(float(gain), float(errors[0])),
        Estimate(read_dn / float(gain), float(read_error)),
        Estimate(float(full), float(full * errors[0] / gain)),
        saturates,
        black_dn,
        points,
        fitted,
    )


def _sorted(found: Sequence[tuple[float, float, float]]) -> TransferPoints:
    columns = np.array(sorted(found), float).reshape(-1, 3).T
    return TransferPoints(columns[0], columns[1], columns[2])
