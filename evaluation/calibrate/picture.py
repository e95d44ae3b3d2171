"""A picture of a calibration: where corners were seen, and how far off the fit is."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.camera import CameraFit

Picture = NDArray[np.uint8]
WIDTH_PX = 1200
HEAD_PX = 72
CELLS = 8, 6  # of the frame, shaded where no corner was seen
EMPTY, INK, CORNER, ERROR = (238, 222, 222), (40, 40, 40), (70, 110, 190), (190, 60, 40)  # RGB
ARROW_PX = 30.0  # drawn length of the 95th percentile
SUB = 4  # fractional bits of OpenCV's drawing coordinates


def residual_picture(fit: CameraFit) -> Picture:
    """Residual vectors over the frame, enlarged by a round factor that is written above, RGB.

    Cells of the frame without any corner are shaded: there the fit is an extrapolation.
    """
    width, height = fit.survey.size
    scale = WIDTH_PX / width
    tall = round(height * scale)
    canvas = np.full((tall + HEAD_PX, WIDTH_PX, 3), 255, np.uint8)
    corners = np.concatenate([s.corners_px for s in fit.survey.sightings])
    errors = fit.residuals_px.reshape(-1, 2)
    empty = _shade(canvas, corners, (width, height))
    reach = float(np.percentile(np.linalg.norm(errors, axis=1), 95)) * scale
    factor = _round_down(ARROW_PX / max(reach, 1e-12))
    start = (corners + 0.5) * scale + (0, HEAD_PX)
    end = start + errors * scale * factor
    for a, b in zip(start, end, strict=True):
        cv2.line(canvas, _fixed(a), _fixed(b), ERROR, 1, cv2.LINE_AA, SUB)
        cv2.circle(canvas, _fixed(a), 2 << SUB, CORNER, -1, cv2.LINE_AA, SUB)
    cv2.rectangle(canvas, (0, HEAD_PX), (WIDTH_PX - 1, tall + HEAD_PX - 1), INK, 1)
    seen = len(fit.survey.sightings)
    cells = CELLS[0] * CELLS[1]
    first = f"{fit.model}: {seen} photographs, {len(corners)} corners, rms {fit.rms_px:.3f} px"
    second = f"errors enlarged {factor:g} times; shaded: {empty} of {cells} cells without a corner"
    for n, line in enumerate((first, second)):
        place = (10, 28 + 28 * n)
        cv2.putText(canvas, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.7, INK, 1, cv2.LINE_AA)
    return canvas


def _shade(canvas: Picture, corners: NDArray[np.float64], size: tuple[int, int]) -> int:
    """Shade cells without a corner; how many there are."""
    edges = [np.linspace(-0.5, side - 0.5, n + 1) for side, n in zip(size, CELLS, strict=True)]
    counts, _, _ = np.histogram2d(corners[:, 0], corners[:, 1], bins=edges)
    tall = canvas.shape[0] - HEAD_PX
    x = np.linspace(0, WIDTH_PX, CELLS[0] + 1).astype(int)
    y = np.linspace(0, tall, CELLS[1] + 1).astype(int) + HEAD_PX
    for i, j in zip(*np.nonzero(counts == 0), strict=True):
        canvas[y[j] : y[j + 1], x[i] : x[i + 1]] = EMPTY
    return int((counts == 0).sum())


def _round_down(value: float) -> float:
    """The nearest of 1, 2, 5, 10, 20 ... below a value."""
    power = 10.0 ** np.floor(np.log10(value))
    return float(power * max(n for n in (1, 2, 5) if n * power <= value * (1 + 1e-9)))


def _fixed(point: NDArray[np.float64]) -> tuple[int, int]:
    x, y = np.round(point * (1 << SUB)).astype(int)
    return int(x), int(y)
