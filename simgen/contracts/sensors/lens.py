"""Lenses against OpenCV, against each other, and through rendered chessboards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.contracts.chessboard import Chessboard, photographs, placements
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.camera.lens import BrownConrady, DoubleSphere, Eucm, KannalaBrandt, Lens, Ucm

Array = NDArray[np.float64]
SIZE = 640, 480
CENTRE = 322.0, 236.0
EXACT_PX = 1e-6
# Corners of a noiseless picture are found to about 0.02 px; over nine views the lens is then
# known to a few tenths of a pixel at the corners of the frame and some 0.1 % in focal length.
RENDERED_PX, FOCAL_PX = 0.6, 1.0
OPENCV = "OpenCV, Camera Calibration and 3D Reconstruction"
FISHEYE = "Kannala and Brandt 2006, as OpenCV's fisheye module has it"
UNIFIED = "Usenko, Demmel and Cremers, The Double Sphere Camera Model, 2018"

PINHOLE = BrownConrady(480, 482, *CENTRE)
BROWN = (-0.28, 0.08, 0.001, -0.0008)
RATIONAL = (-0.1, 0.02, 0.001, -0.0008, 0.003, 0.1, 0.02, 0.01)
PRISM = (0.004, -0.002, -0.003, 0.001)
BROWNS = {
    5: BrownConrady(480, 482, *CENTRE, *BROWN),
    8: BrownConrady(480, 482, *CENTRE, *RATIONAL),
    12: BrownConrady(480, 482, *CENTRE, *(RATIONAL + PRISM)),
    14: BrownConrady(480, 482, *CENTRE, *(RATIONAL + PRISM), tau_x=0.03, tau_y=-0.02),
}
EQUIDISTANT = KannalaBrandt(250, 251, *CENTRE)
WIDE = KannalaBrandt(250, 251, *CENTRE, 0.03, -0.01, 0.002, -0.0005)
UCM = Ucm(250, 251, *CENTRE, 0.55)


def rows(key: Key) -> Iterator[Row]:
    """Every lens, its inverse, and what a calibration makes of its pictures."""
    points = _points(key / "lens")
    yield from _against_opencv(points)
    yield from _behind()
    yield from _identities(points)
    yield from _inverses()
    yield from _rendered()


def _points(key: Key) -> Array:
    """Points (n, 3) up to 60 degrees off the axis, 0.3 to 30 m away."""
    rng = key.generator()
    angle, about = rng.uniform(0, np.pi / 3, 5000), rng.uniform(0, 2 * np.pi, 5000)
    away = rng.uniform(0.3, 30, 5000)
    across = np.sin(angle) * away
    return np.column_stack([across * np.cos(about), across * np.sin(about), np.cos(angle) * away])


def _gap(pixels: Array, expected: Any) -> float:
    """Largest distance, where both are seen."""
    return float(np.nanmax(np.abs(pixels - expected)))


def _against_opencv(points: Array) -> Iterator[Row]:
    still, k = np.zeros(3), np.array(PINHOLE.facts()["K"])
    for n, lens in BROWNS.items():
        d = np.array(lens.facts()["distortion"])
        expected = cv2.projectPoints(points[:, None], still, still, k, d)[0][:, 0]
        yield Row(
            f"lens: Brown-Conrady, {n} coefficients",
            "cv2.projectPoints",
            *(0.0, _gap(lens.project(points)[0], expected), EXACT_PX, "px"),
            _gap(PINHOLE.project(points)[0], expected),
            OPENCV,
        )
    facts = WIDE.facts()
    k, d = np.array(facts["K"]), np.array(facts["distortion"])
    expected = cv2.fisheye.projectPoints(points[:, None], still, still, k, d)[0][:, 0]
    yield Row(
        "lens: Kannala-Brandt",
        "cv2.fisheye.projectPoints",
        *(0.0, _gap(WIDE.project(points)[0], expected), EXACT_PX, "px"),
        _gap(EQUIDISTANT.project(points)[0], expected),
        FISHEYE,
    )


def _behind() -> Iterator[Row]:
    """OpenCV sees nothing behind the image plane; the polynomial is worked out here."""
    th = np.deg2rad(110.0)
    point = np.array([[np.sin(th), 0.0, np.cos(th)]])
    form = th + 0.03 * th**3 - 0.01 * th**5 + 0.002 * th**7 - 0.0005 * th**9
    yield Row(
        "lens: Kannala-Brandt, 110 degrees off the axis",
        "cx + fx (th + k1 th^3 + k2 th^5 + k3 th^7 + k4 th^9)",
        float(CENTRE[0] + 250 * form),
        float(WIDE.project(point)[0][0, 0]),
        *(EXACT_PX, "px"),
        float(EQUIDISTANT.project(point)[0][0, 0]),
        FISHEYE,
    )


def _identities(points: Array) -> Iterator[Row]:
    expected, _ = UCM.project(points)
    pinhole = _gap(Ucm(250, 251, *CENTRE).project(points)[0], expected)
    xi = UCM.alpha / (1 - UCM.alpha)
    unit = points / np.linalg.norm(points, axis=1)[:, None]
    focal = np.array([250, 251]) / (1 - UCM.alpha)
    mei = unit[:, :2] / (unit[:, 2:] + xi) * focal + CENTRE
    same: dict[str, tuple[str, Array]] = {
        "lens: unified model": ("Mei's sphere, moved by xi = alpha / (1 - alpha)", mei),
        "lens: enhanced unified model": (
            "beta = 1 is the unified model",
            Eucm(250, 251, *CENTRE, UCM.alpha, 1.0).project(points)[0],
        ),
        "lens: double sphere": (
            "xi = 0 is the unified model",
            DoubleSphere(250, 251, *CENTRE, 0.0, UCM.alpha).project(points)[0],
        ),
    }
    for name, (form, pixels) in same.items():
        yield Row(name, form, 0.0, _gap(pixels, expected), EXACT_PX, "px", pinhole, UNIFIED)


def _inverses() -> Iterator[Row]:
    """Every tenth pixel there and back; without the effect, by the plain lens's rays."""
    x, y = np.meshgrid(np.arange(-0.5, SIZE[0], 10), np.arange(-0.5, SIZE[1], 10))
    pixels = np.column_stack([x.ravel(), y.ravel()])
    straight = Ucm(250, 251, *CENTRE)
    lenses: dict[str, tuple[Lens, Lens]] = {
        f"Brown-Conrady, {n} coefficients": (lens, PINHOLE) for n, lens in BROWNS.items()
    }
    lenses["Kannala-Brandt"] = WIDE, EQUIDISTANT
    lenses["unified model"] = UCM, straight
    lenses["enhanced unified model"] = Eucm(250, 251, *CENTRE, 0.58, 1.1), straight
    lenses["double sphere"] = DoubleSphere(250, 251, *CENTRE, -0.2, 0.55), straight
    for name, (lens, plain) in lenses.items():
        yield Row(
            f"lens: {name}, inverse",
            "project(unproject(pixel)) = pixel",
            *(0.0, _gap(lens.project(lens.unproject(pixels)[0])[0], pixels), EXACT_PX, "px"),
            _gap(lens.project(plain.unproject(pixels)[0])[0], pixels),
        )


def _rendered() -> Iterator[Row]:
    """Boards are rendered and calibrated by OpenCV; without the effect, through a nominal lens."""
    nominal = BrownConrady(500, 500, 319.5, 239.5)
    cases: dict[str, tuple[Lens, Lens, tuple[float, float], Callable[..., Lens]]] = {
        "Brown-Conrady": (BROWNS[5], nominal, (0.46, 0.3), _calibrated_brown),
        "Kannala-Brandt": (
            WIDE,
            KannalaBrandt(300, 300, 319.5, 239.5),
            (0.33, 0.2),
            _calibrated_fisheye,
        ),
    }
    for name, (lens, plain, where, calibrated) in cases.items():
        found, without = (calibrated(each, *where) for each in (lens, plain))
        edge = _rim()
        rays, _ = lens.unproject(edge)
        yield Row(
            f"lens: {name}, rendered boards",
            "OpenCV's calibration: gap to the lens's pixels, 5 % inside the frame",
            *(0.0, _gap(found.project(rays)[0], edge), RENDERED_PX, "px"),
            _gap(without.project(rays)[0], edge),
            "Zhang 2000",
        )
        yield Row(
            f"lens: {name}, focal length of rendered boards",
            "OpenCV's calibration",
            *(_focal(lens), _focal(found), FOCAL_PX, "px"),
            _focal(without),
            "Zhang 2000",
        )


def _rim() -> Array:
    """Points around the frame, 5 % inside it."""
    x, y = (np.linspace(0.05 * side, 0.95 * side, 9) for side in SIZE)
    sides = [np.column_stack([x, np.full(9, edge)]) for edge in (y[0], y[-1])]
    sides += [np.column_stack([np.full(9, edge), y]) for edge in (x[0], x[-1])]
    return np.concatenate(sides)


def _focal(lens: Any) -> float:
    return float(lens.fx_px)


def _corners(lens: Lens, distance_m: float, margin: float) -> tuple[Array, list[Any]]:
    """Corners of the board (n, 3), and where OpenCV finds them in each picture, (n, 1, 2)."""
    board = Chessboard()
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 50, 1e-4)
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    seen = []
    for grey in photographs(board, lens, SIZE, placements(*SIZE, distance_m, margin)):
        shape = board.columns, board.rows
        found, corners = cv2.findChessboardCorners(grey, shape, flags=flags)
        if found:
            start = corners.reshape(-1, 1, 2).astype(np.float32)
            seen.append(cv2.cornerSubPix(grey, start, (4, 4), (-1, -1), stop))
    return board.corners_m, seen


def _calibrated_brown(lens: Lens, distance_m: float, margin: float) -> Lens:
    corners, seen = _corners(lens, distance_m, margin)
    board = [corners.astype(np.float32)] * len(seen)
    fixed = cv2.CALIB_FIX_K3  # as in the lens; k3 is not told from k2 by these boards
    _, k, d, _, _ = cv2.calibrateCamera(board, seen, SIZE, None, None, flags=fixed)
    return BrownConrady(k[0, 0], k[1, 1], k[0, 2], k[1, 2], *d.ravel()[:5].tolist())


def _calibrated_fisheye(lens: Lens, distance_m: float, margin: float) -> Lens:
    corners, seen = _corners(lens, distance_m, margin)
    board = [corners.reshape(1, -1, 3).copy()] * len(seen)
    pixels = [each.reshape(1, -1, 2).astype(np.float64) for each in seen]
    flags = 0
    for name in ("CALIB_RECOMPUTE_EXTRINSIC", "CALIB_FIX_SKEW"):
        flags |= getattr(cv2.fisheye, name, None) or getattr(cv2, name)  # OpenCV 4, 5
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 100, 1e-9)
    start = np.eye(3), np.zeros((4, 1))
    found = cv2.fisheye.calibrate(board, pixels, SIZE, *start, flags=flags, criteria=stop)
    k, d = found[1:3]
    return KannalaBrandt(k[0, 0], k[1, 1], k[0, 2], k[1, 2], *d.ravel().tolist())
