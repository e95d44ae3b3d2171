"""A camera's lens from photographs of a chessboard, with the uncertainty of every parameter.

Source: Z. Zhang, "A flexible new technique for camera calibration", 2000, as OpenCV does it;
the covariance is that of its least squares at the solution.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.board import Survey
from simgen.errors import CaptureError, ConfigError
from simgen.sensors.camera.lens import LensParams

Array = NDArray[np.float64]
Model = Literal["brown_conrady", "kannala_brandt"]
LEAST_VIEWS = 5
REMEDY = "photograph the board in the corners of the frame too, or try another --lens"
PARAMETERS: dict[str, tuple[str, ...]] = {
    "brown_conrady": ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "p1", "p2", "k3"),
    "kannala_brandt": ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "k3", "k4"),
}


@dataclass(frozen=True, eq=False)
class CameraFit:
    """A calibrated camera.

    Attributes:
        model: The lens's model.
        survey: Where the boards were seen.
        names: Parameters of `LensParams`, in the order of the next two.
        values: (p,) estimates.
        covariance: (p, p), from corner errors that are independent and equally large.
        residuals_px: (views, corners, 2), seen minus fitted.
    """

    model: Model
    survey: Survey
    names: tuple[str, ...]
    values: Array
    covariance: Array
    residuals_px: Array

    @property
    def std(self) -> Array:
        """(p,) standard deviations."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def rms_px(self) -> float:
        """Root mean square distance of corners from where the fit has them."""
        return float(np.sqrt((self.residuals_px**2).sum(axis=2).mean()))

    @property
    def view_rms_px(self) -> dict[str, float]:
        """The same for each photograph."""
        each = np.sqrt((self.residuals_px**2).sum(axis=2).mean(axis=1))
        return {s.photo: float(v) for s, v in zip(self.survey.sightings, each, strict=True)}

    @property
    def params(self) -> dict[str, object]:
        """Values for `LensParams`."""
        width, height = self.survey.size
        found = dict(zip(self.names, self.values.tolist(), strict=True))
        return {"width": width, "height": height, "lens": self.model, **found}


def fit_camera(survey: Survey, model: Model = "brown_conrady") -> CameraFit:
    """Calibrate a camera.

    Raises:
        CaptureError: When too few photographs show the board, or they do not determine the
            lens.
    """
    _check_enough(survey)
    board = survey.board.corners_m
    seen = [each.corners_px for each in survey.sightings]
    try:
        k, d, turns, places = _SOLVERS[model](board, seen, survey.size)
    except cv2.error as error:
        raise _undetermined(str(getattr(error, "err", error))) from None
    names = PARAMETERS[model]
    d = d.ravel()[: len(names) - 4]
    residuals, inner, outer = [], [], []
    for corners, turn, place in zip(seen, turns, places, strict=True):
        pixels, of_camera, of_pose = _project(model, board, k, d, turn, place)
        residuals.append(corners - pixels)
        inner.append(of_camera)
        outer.append(of_pose)
    values = np.array([k[0, 0], k[1, 1], k[0, 2], k[1, 2], *d])
    found = np.array(residuals)
    covariance = _covariance(inner, outer, found)
    return CameraFit(model, survey, names, values, covariance, found)


def _brown(board: Array, seen: list[Array], size: tuple[int, int]) -> Any:
    points = [board.astype(np.float32)] * len(seen)
    pixels = [each.reshape(-1, 1, 2).astype(np.float32) for each in seen]
    return cv2.calibrateCamera(points, pixels, size, None, None)[1:]


def _fisheye(board: Array, seen: list[Array], size: tuple[int, int]) -> Any:
    points = [board.reshape(1, -1, 3).copy()] * len(seen)
    pixels = [each.reshape(1, -1, 2).copy() for each in seen]
    flags = 0
    for name in ("CALIB_RECOMPUTE_EXTRINSIC", "CALIB_FIX_SKEW"):
        flags |= getattr(cv2.fisheye, name, None) or getattr(cv2, name)  # OpenCV 4, 5
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-9)
    k, d = np.eye(3), np.zeros((4, 1))
    return cv2.fisheye.calibrate(points, pixels, size, k, d, flags=flags, criteria=stop)[1:]


_SOLVERS = {"brown_conrady": _brown, "kannala_brandt": _fisheye}


def _project(
    model: Model, board: Array, k: Array, d: Array, turn: Array, place: Array
) -> tuple[Any, Any, Any]:
    """Corners (n, 2), and their derivatives by camera (2n, p) and pose (2n, 6)."""
    points = board.reshape(-1, 1, 3).copy()
    if model == "brown_conrady":  # OpenCV's order: rotation, place, focal lengths, centre, d
        pixels, j = cv2.projectPoints(points, turn, place, k, d)
        return pixels.reshape(-1, 2), j[:, 6 : 10 + len(d)], j[:, :6]
    turn, place = np.reshape(turn, (1, 1, 3)), np.reshape(place, (1, 1, 3))
    pixels, j = cv2.fisheye.projectPoints(points, turn, place, k, d)
    return pixels.reshape(-1, 2), j[:, :8], j[:, 8:14]


def _covariance(inner: list[Array], outer: list[Array], residuals: Array) -> Array:
    """(p, p) of the camera's parameters: poses are eliminated view by view."""
    p = inner[0].shape[1]
    information = np.zeros((p, p))
    for a, b in zip(inner, outer, strict=True):
        explained = b @ np.linalg.lstsq(b, a, rcond=None)[0]
        information += a.T @ (a - explained)
    freedom = residuals.size - p - 6 * len(inner)
    # Scaled first: focal lengths are thousands of times the coefficients.
    scale = np.sqrt(np.diag(information))
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise _undetermined("a parameter that moves no corner")
    scaled = information / np.outer(scale, scale)
    if np.linalg.cond(scaled) > 1e14:
        raise _undetermined("parameters that cannot be told apart")
    inverse = np.linalg.inv(scaled) / np.outer(scale, scale)
    return np.asarray(inverse * ((residuals**2).sum() / freedom), dtype=np.float64)


def _check_enough(survey: Survey) -> None:
    total = len(survey.sightings) + len(survey.missed)
    if len(survey.sightings) < LEAST_VIEWS:
        names = ", ".join(survey.missed[:5]) + (", ..." if len(survey.missed) > 5 else "")
        seen = f"{len(survey.sightings)} of {total}" + (f", not in {names}" if names else "")
        raise CaptureError(
            f"the {survey.board.columns}x{survey.board.rows} board must be found in at least "
            f"{LEAST_VIEWS} photographs",
            seen,
            "count inner corners, not squares; show the whole board, sharp, with a white rim",
        )


def check_frame(fit: CameraFit) -> None:
    """Refuse a fit that leaves a pixel of the frame without a ray: nothing can be drawn from it.

    Raises:
        CaptureError: Saying where.
    """
    try:
        LensParams.model_validate(fit.params).glass()
    except ConfigError as error:
        raise CaptureError(
            "the fitted lens must have a ray for every pixel",
            str(error.value),
            REMEDY,
        ) from None


def _undetermined(why: str) -> CaptureError:
    return CaptureError(
        "the photographs must determine the lens",
        " ".join(why.split()),
        "tilt the board by 30 degrees or so, differently in each, and fill the frame",
    )
