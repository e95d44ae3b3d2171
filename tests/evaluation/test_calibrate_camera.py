"""Calibration of a camera: simulated boards whose truth is known, files, and what is refused."""

import json

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.stats import norm
from typer.testing import CliRunner

from evaluation.calibrate.board import Board, Sighting, Survey, find_corners, photographs, survey
from evaluation.calibrate.camera import check_frame, fit_camera
from evaluation.calibrate.fragment import camera_fragment, span, write_fragment
from evaluation.calibrate.picture import residual_picture
from simgen.cli import app
from simgen.config import load_config
from simgen.contracts.chessboard import Chessboard, placements
from simgen.contracts.chessboard import photographs as photograph
from simgen.errors import CaptureError, ConfigError, SimgenError
from simgen.generate import Source
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady, KannalaBrandt, LensParams
from simgen.sensors.camera.lens.base import border

SIZE = 640, 480
CHESS = Chessboard()
TRUTH = {
    "brown_conrady": (BrownConrady(480, 482, 322, 236, -0.28, 0.08, 0.001, -0.0008), 0.46, 0.3),
    "kannala_brandt": (KannalaBrandt(250, 251, 322, 236, 0.03, -0.01, 0.002, -5e-4), 0.33, 0.21),
}
each = pytest.mark.parametrize("model", TRUTH)


def simulated(model, seed, noise_px=0.1):
    """Exact corners with Gaussian noise, in place of photographs."""
    lens, away, margin = TRUTH[model]
    rng = np.random.default_rng(seed)
    sightings = []
    for n, place in enumerate(placements(*SIZE, away, margin)):
        exact, seen = Camera(lens, *SIZE, place.camera_motion(lens)).project(CHESS.corners_m, 0.0)
        assert seen.all()
        sightings.append(Sighting(f"{n}.png", exact + rng.normal(0, noise_px, exact.shape)))
    return Survey(Board(9, 6, CHESS.square_m), SIZE, tuple(sightings), ())


def truth_of(model):
    lens = TRUTH[model][0]
    return np.array([getattr(lens, name) for name in fit_camera(simulated(model, 0), model).names])


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Nine rendered photographs of a board, and one of nothing."""
    folder = tmp_path_factory.mktemp("photos")
    lens, away, margin = TRUTH["brown_conrady"]
    for n, grey in enumerate(photograph(CHESS, lens, SIZE, placements(*SIZE, away, margin))):
        Image.fromarray(grey).save(folder / f"board{n}.png")
    Image.fromarray(np.full((480, 640), 120, np.uint8)).save(folder / "wall.png")
    return folder


def run(*args):
    return CliRunner().invoke(app, [str(a) for a in args])


@each
def test_uncertainties_are_as_large_as_errors(model):
    """Squared errors in units of the stated deviation average 1; over 60 sets, within 0.25."""
    truth, scores = truth_of(model), []
    for seed in range(60):
        fit = fit_camera(simulated(model, seed), model)
        scores.append((fit.values - truth) / fit.std)
    mean = (np.array(scores) ** 2).mean(axis=0)
    assert (np.abs(mean - 1) < 0.6).all()
    assert abs(mean.mean() - 1) < 0.25


def test_uncertainties_are_opencvs():
    """calibrateCameraExtended works them out on its own; the whole covariance is ours alone."""
    seen = simulated("brown_conrady", 1)
    fit = fit_camera(seen)
    corners = [s.corners_px.astype(np.float32)[:, None].copy() for s in seen.sightings]
    board = [seen.board.corners_m.astype(np.float32)] * len(corners)
    found = cv2.calibrateCameraExtended(board, corners, SIZE, None, None)
    assert fit.rms_px == pytest.approx(found[0], rel=1e-4)
    np.testing.assert_allclose(fit.std, np.ravel(found[5])[:9], rtol=2e-3)


@each
def test_rms_is_the_noise(model):
    """sqrt(2) sigma, less what the parameters take up."""
    fit = fit_camera(simulated(model, 3), model)
    left = 1 - (len(fit.names) + 6 * 9) / (2 * 9 * 54)
    assert fit.rms_px == pytest.approx(0.1 * np.sqrt(2 * left), rel=0.06)
    assert len(fit.view_rms_px) == 9


@each
def test_fragment_draws_with_the_fits_covariance(model, tmp_path):
    """2000 draws, none of which folds; a cut at c deviations leaves a known share of variance."""
    fit = fit_camera(simulated(model, 4), model)
    write_fragment(fit, tmp_path / "cam.yaml")
    text = (tmp_path / "cam.yaml").read_text()
    assert text.startswith("# Calibrated from 9 photographs of a 9x6 board: rms 0.1")
    assert yaml.safe_load(text) == camera_fragment(fit)
    (tmp_path / "mine.yaml").write_text("extends: [dice, cam.yaml]\ncount: 3\n")
    recipe = load_config(tmp_path / "mine.yaml")
    Source(recipe)
    draws = [recipe.space().draw(Key(n)).values["camera"] for n in range(2000)]
    table = np.array([[d[name] for name in fit.names] for d in draws])
    scaled = (table - fit.values) / fit.std
    cut = span(fit)
    left = 1 - 2 * cut * norm.pdf(cut) / (norm.cdf(cut) - norm.cdf(-cut))
    wanted = fit.covariance / np.outer(fit.std, fit.std) * left
    assert np.abs(scaled.mean(axis=0)).max() < 0.08
    np.testing.assert_allclose(np.cov(scaled.T), wanted, atol=0.1)

    def shift(values):
        """Of the frame's border, pixels, against the fit."""
        made = dict(zip(fit.names, values, strict=True))
        lens = LensParams(width=640, height=480, lens=model, **made).glass()
        rays, _ = LensParams(**fit.params).glass().unproject(border(*SIZE))
        return np.abs(lens.project(rays)[0] - border(*SIZE)).max()

    drawn = np.median([shift(row) for row in table])
    # Negative control: parameters drawn each for itself bend the border more than that.
    rng = np.random.default_rng(0)
    apart = fit.values + np.sqrt(left) * fit.std * rng.standard_normal((200, len(fit.std)))
    alone = []
    for row in apart:
        try:
            alone.append(shift(row))
        except ConfigError:  # the border has no ray at all
            alone.append(np.inf)
    assert np.median(alone) > 2 * drawn


def test_command_writes_what_generate_takes(photos, tmp_path):
    out = tmp_path / "deep" / "cam.yaml"
    done = run("calibrate", "camera", photos, "--board", "9x6", "--square-m", 0.03, "--out", out,
               "--json")  # fmt: skip
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert facts["photographs"] == 9
    assert facts["without a board"] == ["wall.png"]
    assert "warning: no board in wall.png" in done.stderr
    assert facts["rms_px"] < 0.1
    lens = TRUTH["brown_conrady"][0]
    for name, found in facts["parameters"].items():
        assert abs(found["value"] - getattr(lens, name)) < 8 * found["std"], name
    assert facts["parameters"]["fx_px"]["value"] == pytest.approx(480, rel=0.01)
    with Image.open(facts["picture"]) as picture:
        assert picture.size == (1200, 972)
    (tmp_path / "mine.yaml").write_text("extends: [dice, deep/cam.yaml]\n")
    made = run(
        "generate", tmp_path / "mine.yaml", "--out", tmp_path / "data", "--count", 1, "--json"
    )
    assert made.exit_code == 0, made.output


def test_command_prints_parameters_with_deviations(photos, tmp_path):
    done = run("calibrate", "camera", photos, "--board", "9x6", "--lens", "kannala_brandt",
               "--out", tmp_path / "cam.yaml")  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "lens: kannala_brandt" in done.stdout
    assert "worst photograph: board" in done.stdout
    for word in ("standard deviation", "fx_px", "k4"):
        assert word in done.stderr


def test_picture_shades_what_was_not_seen():
    fit = fit_camera(simulated("brown_conrady", 5))
    half = Survey(fit.survey.board, (1280, 480), fit.survey.sightings, ())
    narrow = residual_picture(fit)
    assert narrow.shape == (972, 1200, 3)
    wide = residual_picture(type(fit)(fit.model, half, fit.names, fit.values, fit.covariance,
                                      fit.residuals_px))  # fmt: skip
    shade = (238, 222, 222)
    share = [(p == shade).all(axis=2).mean() for p in (narrow, wide)]
    assert share[0] < 0.2
    assert 0.4 < share[1] < 0.7


def test_corners_of_large_photographs_are_found_at_their_own_size(photos):
    grey = np.array(Image.open(photos / "board0.png"))
    corners = find_corners(grey, Board(9, 6))
    large = find_corners(cv2.resize(grey, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC),
                         Board(9, 6))  # fmt: skip
    np.testing.assert_allclose((large + 0.5) / 4 - 0.5, corners, atol=0.08)


def refused(call):
    with pytest.raises(SimgenError) as caught:
        call()
    return str(caught.value)


def test_boards_that_are_not_boards_are_refused():
    assert refused(lambda: Board.parse("9 by 6")) == (
        "a board is written COLUMNSxROWS; got 9 by 6; such as 9x6, counting inner corners"
    )
    assert refused(lambda: Board.parse("9x2")) == (
        "a board must have 3 or more inner corners each way; got 9x2; "
        "count the corners where four squares meet"
    )
    assert refused(lambda: Board(9, 6, 0.0)) == (
        "a board's square must have a size above 0; got 0.0; give it in metres"
    )


def test_photographs_that_are_none_are_refused(tmp_path, photos):
    assert refused(lambda: photographs([tmp_path / "no.jpg"])) == (
        f"a photograph must exist; got {tmp_path / 'no.jpg'}; check the path"
    )
    assert refused(lambda: photographs([tmp_path])).startswith(
        f"there must be photographs; got {tmp_path}; give files, or a folder with .bmp, "
    )
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    assert refused(lambda: survey([broken], Board(9, 6))) == (
        f"{tmp_path}: a photograph must be a picture that OpenCV reads; got broken.jpg; "
        "remove it, or convert it to JPEG or PNG"
    )
    Image.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "small.png")
    pair = [photos / "board0.png", tmp_path / "small.png"]
    assert refused(lambda: survey(pair, Board(9, 6))) == (
        f"{tmp_path / 'small.png'}: all photographs must have one size; got 64x48 after 640x480; "
        "calibrate each camera and each of its resolutions on its own"
    )


def test_too_few_boards_are_refused(photos, tmp_path):
    wrong = run("calibrate", "camera", photos, "--board", "7x7", "--out", tmp_path / "cam.yaml")
    assert str(wrong.exception) == (
        "the 7x7 board must be found in at least 5 photographs; got 0 of 10, not in board0.png, "
        "board1.png, board2.png, board3.png, board4.png, ...; "
        "count inner corners, not squares; show the whole board, sharp, with a white rim"
    )
    assert wrong.exception.exit_code == 4
    four = [photos / f"board{n}.png" for n in range(4)]
    got = refused(lambda: fit_camera(survey([*four, photos / "wall.png"], Board(9, 6))))
    assert "in at least 5 photographs; got 4 of 5, not in wall.png;" in got
    assert not (tmp_path / "cam.yaml").exists()


def test_views_that_determine_nothing_are_refused():
    """Five times the same view, face on: focal length and distance are one number."""
    seen = simulated("brown_conrady", 0).sightings[0]
    same = Survey(Board(9, 6), SIZE, (seen,) * 5, ())
    x, y = np.meshgrid(np.arange(9) * 40.0 + 160, np.arange(6) * 40.0 + 140)
    flat = Sighting("flat.png", np.column_stack([x.ravel(), y.ravel()]))
    facing = Survey(Board(9, 6), SIZE, (flat,) * 5, ())
    fit = fit_camera(same)
    assert fit.std[0] > 1  # known badly, and said so
    with pytest.raises(CaptureError, match=r"^the photographs must determine the lens; got"):
        fit_camera(facing)


def test_fit_that_leaves_the_frame_without_rays_is_refused():
    fit = fit_camera(simulated("brown_conrady", 6))
    bent = fit.values.copy()
    bent[4:] = (-0.9, 0, 0, 0, 0)
    worse = type(fit)(fit.model, fit.survey, fit.names, bent, fit.covariance, fit.residuals_px)
    message = refused(lambda: check_frame(worse))
    assert message.startswith(
        "the fitted lens must have a ray for every pixel; got none at (-0.5, -0.5) with "
        "BrownConrady("
    )
    assert message.endswith(
        "photograph the board in the corners of the frame too, or try another --lens"
    )
    assert refused(lambda: camera_fragment(worse)) == message


def test_unknown_lens_is_refused(photos, tmp_path):
    wrong = run("calibrate", "camera", photos, "--board", "9x6", "--lens", "kannala",
                "--out", tmp_path / "c.yaml")  # fmt: skip
    assert str(wrong.exception) == (
        "--lens must be a model that can be fitted; got kannala; did you mean 'kannala_brandt'?"
    )
