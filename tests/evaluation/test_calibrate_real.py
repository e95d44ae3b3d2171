"""Calibration of real cameras, against OpenCV, a bundle adjustment of our own, and a render."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.sparse import lil_matrix
from scipy.spatial.transform import Rotation

from evaluation.calibrate.board import Board, Sighting, Survey, find_corners, survey
from evaluation.calibrate.camera import check_frame, fit_camera
from simgen.contracts.chessboard import Chessboard, placements
from simgen.contracts.chessboard import photographs as photograph
from simgen.errors import CaptureError
from simgen.sensors.camera.lens import BrownConrady, KannalaBrandt, LensParams
from simgen.sensors.camera.lens.base import border

REAL = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real")) / "camera"
SETS = {
    "left": ("opencv_stereo/left*.jpg", "9x6", 13),
    "right": ("opencv_stereo/right*.jpg", "9x6", 13),
    "gopro": ("gopro_wide/GOPR*.jpg", "8x6", 35),
}
FITS = [("left", "brown_conrady"), ("right", "brown_conrady"), ("gopro", "kannala_brandt"),
        ("gopro", "brown_conrady")]  # fmt: skip
MODELS = {"brown_conrady": BrownConrady, "kannala_brandt": KannalaBrandt}
HALF_WINDOW = 6  # px: the least distance of two corners is 19 px in the first two sets
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="no photographs of boards: set SIMGEN_REAL to the real captures"
)


def paths_of(name):
    pattern, board, count = SETS[name]
    return sorted(REAL.glob(pattern)), Board.parse(board), count


@pytest.fixture(scope="module", params=FITS, ids="-".join)
def calibrated(request):
    name, model = request.param
    paths, board, count = paths_of(name)
    seen = survey(paths, board)
    assert len(seen.sightings) == count
    return name, fit_camera(seen, model)


def test_focal_length_and_rms_are_opencvs(calibrated):
    """OpenCV by itself, from the files on: 1 % of the focal length, 10 % of the rms."""
    name, fit = calibrated
    paths, board, _ = paths_of(name)
    half = HALF_WINDOW if name != "gopro" else 3  # its farthest boards are 10 px a square
    seen = []
    for path in paths:
        grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        found, corners = cv2.findChessboardCorners(grey, (board.columns, board.rows))
        if found:
            stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 30, 1e-3)
            start = corners.reshape(-1, 1, 2).astype(np.float32)
            seen.append(cv2.cornerSubPix(grey, start, (half, half), (-1, -1), stop))
    grid = np.zeros((board.columns * board.rows, 3), np.float32)
    grid[:, :2] = np.mgrid[: board.columns, : board.rows].T.reshape(-1, 2)
    size = grey.shape[::-1]
    if fit.model == "brown_conrady":
        rms, k, _, _, _ = cv2.calibrateCamera([grid] * len(seen), seen, size, None, None)
    else:
        points = [grid[None].astype(np.float64)] * len(seen)
        pixels = [each.reshape(1, -1, 2).astype(np.float64) for each in seen]
        flag = getattr(cv2.fisheye, "CALIB_RECOMPUTE_EXTRINSIC", None)
        flag = flag or cv2.CALIB_RECOMPUTE_EXTRINSIC
        start = np.eye(3), np.zeros((4, 1))
        rms, k, *_ = cv2.fisheye.calibrate(points, pixels, size, *start, flags=flag)
    assert fit.values[0] == pytest.approx(k[0, 0], rel=0.01)
    assert fit.values[1] == pytest.approx(k[1, 1], rel=0.01)
    assert fit.rms_px == pytest.approx(rms, rel=0.1)


def test_our_lens_fits_the_photographs_as_well(calibrated):
    """A bundle adjustment through simgen's own projection, from a plain start, by SciPy."""
    _, fit = calibrated
    p, views, board = len(fit.names), len(fit.survey.sightings), fit.survey.board.corners_m
    seen = np.array([s.corners_px for s in fit.survey.sightings])
    width, height = fit.survey.size
    plain = np.array([0.8 * width, 0.8 * width, (width - 1) / 2, (height - 1) / 2])
    k = np.array([[plain[0], 0, plain[2]], [0, plain[1], plain[3]], [0, 0, 1]])
    poses = [np.ravel(cv2.solvePnP(board, corners, k, None)[1:3]) for corners in seen]

    def errors(x):
        pose = x[p:].reshape(views, 6)
        turn = Rotation.from_rotvec(pose[:, :3]).as_matrix()
        points = np.einsum("vij,kj->vki", turn, board) + pose[:, None, 3:]
        pixels, _ = MODELS[fit.model](*x[:p]).project(points.reshape(-1, 3))
        return np.nan_to_num(pixels.reshape(seen.shape) - seen, nan=100.0).ravel()

    touched = lil_matrix((seen.size, p + 6 * views), dtype=int)
    touched[:, :p] = 1
    each = seen[0].size
    for view in range(views):
        touched[view * each : (view + 1) * each, p + 6 * view : p + 6 * view + 6] = 1
    found = least_squares(
        errors,
        np.concatenate([plain, np.zeros(p - 4), *poses]),
        x_scale=np.concatenate([[100.0] * 4, [0.1] * (p - 4), [0.1, 0.1, 0.1, 1, 1, 1] * views]),
        jac_sparsity=touched,
        max_nfev=60,
    )
    rms = np.sqrt((found.fun**2).sum() / (views * len(board)))
    assert rms == pytest.approx(fit.rms_px, rel=0.02)
    np.testing.assert_allclose(found.x[:2], fit.values[:2], rtol=0.003)


RENDERED = {"left": (0.52, 0.32), "right": (0.52, 0.32), "gopro": (0.48, 0.24)}


def test_board_rendered_with_the_result_calibrates_to_the_same(calibrated):
    """Focal length to 0.5 %, and a pixel of the frame 8 % inside its border to 1 px."""
    name, fit = calibrated
    if (name, fit.model) == ("gopro", "brown_conrady"):
        # Its polynomial turns back before the corners, where no board was seen.
        with pytest.raises(CaptureError, match=r"^the fitted lens must have a ray for every"):
            check_frame(fit)
        return
    lens, chess, size = LensParams(**fit.params).glass(), Chessboard(), fit.survey.size
    board = Board(chess.columns, chess.rows, chess.square_m)
    shots = photograph(chess, lens, size, placements(*size, *RENDERED[name]), samples=4)
    found = [find_corners(grey, board) for grey in shots]
    sightings = [Sighting(str(n), c) for n, c in enumerate(found) if c is not None]
    assert len(sightings) >= 8
    again = fit_camera(Survey(board, size, tuple(sightings), ()), fit.model)
    np.testing.assert_allclose(again.values[:2], fit.values[:2], rtol=0.005)
    assert again.rms_px < 0.06
    middle = np.array(size) / 2
    inside = (border(*size) - middle) * 0.84 + middle
    rays, _ = lens.unproject(inside)
    once_more, seen = MODELS[fit.model](*again.values).project(rays)
    assert seen.all()
    assert np.abs(once_more - inside).max() < 1.0
    # Negative control: a pinhole of the same focal length is many pixels off.
    pinhole = BrownConrady(*fit.values[:4]).project(rays)[0]
    assert np.nanmax(np.abs(pinhole - inside)) > 10
