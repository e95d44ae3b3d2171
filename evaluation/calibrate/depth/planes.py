"""Noise about planes: windows of depth images in which one plane fits.

On a plane 1/Z is linear in the pixel's coordinates, exactly, so a plane is a linear fit of
1/Z; what is left over is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.depth.images import DepthImage
from simgen.errors import CaptureError

Array = NDArray[np.float64]
VALID = 0.95  # least share of a window with depth
TRIM = 4.0  # robust standard deviations beyond which a pixel is left out of the fit
CURVED = 0.7  # a quadric that leaves less than this share of the noise means: no plane
ROUNDS = 3
FEWEST = 20  # windows


@dataclass(frozen=True, eq=False)
class Windows:
    """Noise in planar windows; arrays have one row for each.

    Attributes:
        image: (n,) index of the image.
        depth_m: (n,) at the window's middle.
        incidence_rad: (n,) angle between ray and normal.
        noise_m: (n,) standard deviation of depth about the plane.
        alike: (n,) correlation of neighbours along the row.
    """

    image: NDArray[np.intp]
    depth_m: Array
    incidence_rad: Array
    noise_m: Array
    alike: Array

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Windows:
        """The windows at `rows`."""
        return Windows(
            self.image[rows],
            self.depth_m[rows],
            self.incidence_rad[rows],
            self.noise_m[rows],
            self.alike[rows],
        )


def planar_windows(
    images: Sequence[DepthImage],
    focal_px: float,
    centre_px: tuple[float, float],
    side_px: int = 20,
) -> Windows:
    """Measure every planar window of `side_px` squared.

    Args:
        images: Captures; where they are labelled, a window must lie in one label.
        focal_px: Focal length of the frame.
        centre_px: Its principal point.
        side_px: Side of a window.

    Raises:
        CaptureError: When fewer than `FEWEST` windows are planar.
    """
    parts = [
        _windows(index, image, focal_px, centre_px, side_px) for index, image in enumerate(images)
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    if len(columns[0]) < FEWEST:
        raise CaptureError(
            f"at least {FEWEST} windows of {side_px} x {side_px} pixels must show a plane",
            len(columns[0]),
            "capture walls and tables, or choose smaller windows",
        )
    return Windows(columns[0].astype(np.intp), *columns[1:])


def _windows(
    index: int,
    image: DepthImage,
    focal_px: float,
    centre_px: tuple[float, float],
    side: int,
) -> tuple[Array, ...]:
    depth = _cut(image.depth_m, side)
    keep = (depth > 0).mean(axis=1) >= VALID
    if image.label is not None:
        label = _cut(image.label.astype(np.float64), side)
        first = label.max(axis=1)
        keep &= (first > 0) & ((label == first[:, None]) | (depth == 0)).all(axis=1)
    height, width = (n // side * side for n in image.depth_m.shape)
    y, x = np.mgrid[:height, :width].astype(np.float64)
    x, y = (
        _cut(v, side)[keep] for v in ((x - centre_px[0]) / focal_px, (y - centre_px[1]) / focal_px)
    )
    depth = depth[keep]
    if not len(depth):
        return tuple(np.zeros(0) for _ in range(5))
    w = np.divide(1, depth, out=np.zeros_like(depth), where=depth > 0)
    mid = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    u, v = (x - mid[0]) * focal_px / side, (y - mid[1]) * focal_px / side
    plane = np.stack([np.ones_like(u), u, v], axis=-1)
    weight, fit = _fit(plane, w, depth > 0)
    left = np.where(weight, depth - 1 / np.einsum("nkp,np->nk", plane, fit), 0)
    noise = np.sqrt(np.square(left).sum(axis=1) / np.maximum(weight.sum(axis=1) - 3, 1))
    quadric = np.concatenate([plane, np.stack([u * u, u * v, v * v], axis=-1)], axis=-1)
    bent = _solve(quadric, w, weight)
    rest = np.where(weight, depth - 1 / np.einsum("nkp,np->nk", quadric, bent), 0)
    curved = np.sqrt(np.square(rest).sum(axis=1) / np.maximum(weight.sum(axis=1) - 6, 1))
    flat = (curved >= CURVED * noise) & (noise > 0) & (fit[:, 0] > 0)
    # In pixels of the whole frame: 1/Z = a x + b y + c, and the normal is (a, b, c).
    a, b = fit[:, 1] * focal_px / side, fit[:, 2] * focal_px / side
    mx, my = mid[0][:, 0], mid[1][:, 0]
    c = fit[:, 0] - a * mx - b * my
    cosine = fit[:, 0] / np.sqrt((a * a + b * b + c * c) * (mx * mx + my * my + 1))
    incidence = np.arccos(np.clip(cosine, 0, 1))
    square = left.reshape(-1, side, side)
    both = weight.reshape(-1, side, side)
    pair = both[:, :, 1:] & both[:, :, :-1]
    product = np.where(pair, square[:, :, 1:] * square[:, :, :-1], 0).sum(axis=(1, 2))
    alike = product / np.maximum(pair.sum(axis=(1, 2)) * noise**2, 1e-30)
    found = (np.full(len(depth), float(index)), 1 / fit[:, 0], incidence, noise, alike)
    return tuple(column[flat] for column in found)


def _cut(image: Array, side: int) -> Array:
    """(n, side^2) windows of an image, row by row."""
    rows, columns = image.shape[0] // side, image.shape[1] // side
    blocks = image[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return blocks.swapaxes(1, 2).reshape(rows * columns, side * side)


def _fit(basis: Array, w: Array, valid: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Array]:
    """Which pixels (n, k) a robust plane keeps, and its coefficients (n, 3)."""
    weight = valid
    for _ in range(ROUNDS):
        fit = _solve(basis, w, weight)
        left = np.abs(w - np.einsum("nkp,np->nk", basis, fit))
        spread = 1.4826 * np.nanmedian(np.where(weight, left, np.nan), axis=1)
        # A window in whole steps may have a median of nothing; keep all of it then.
        limit = np.where(spread > 0, TRIM * spread, np.inf)
        weight = valid & (left <= limit[:, None])
    return weight, _solve(basis, w, weight)


def _solve(basis: Array, w: Array, weight: NDArray[np.bool_]) -> Array:
    """Least squares, (n, p), of w (n, k) on a basis (n, k, p) where `weight` (n, k)."""
    chosen = basis * weight[..., None]
    normal = np.einsum("nkp,nkq->npq", chosen, basis)
    normal += 1e-9 * np.eye(basis.shape[-1]) * weight.sum(axis=1)[:, None, None]
    right = np.einsum("nkp,nk->np", chosen, w)
    solved: Array = np.linalg.solve(normal, right[..., None])[..., 0]
    return solved
