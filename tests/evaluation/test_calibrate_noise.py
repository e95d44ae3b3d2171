"""Calibration of noise, on frames whose truth is known."""

import cv2
import numpy as np
import pytest
import typer
import yaml
from typer.testing import CliRunner

from evaluation.calibrate.noise import burst_points, flat_points, photon_transfer
from evaluation.calibrate.noise_report import fragment, photograph_settings, transfer_settings
from evaluation.calibrate.photographs import fit_curve, noise_curve, photograph_noise
from simgen.cli.calibrate_noise import register
from simgen.config import load_config
from simgen.config.check import model_check
from simgen.errors import CaptureError
from simgen.rng import Key
from simgen.sample import decode_rgb
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.raw import expose

TRUTH = CameraParams(
    width=160,
    height=120,
    cfa="RGGB",
    response=(0.5, 1.0, 0.7),
    bits=12,
    gain_dn_e=0.47,
    black_level_dn=256,
    white_e=8180,
    full_well_e=7800,
    read_noise_e=3.0,
    prnu=0.01,
    dsnu_e=1.0,
    vignetting=0.2,
)
BLACK = 256.0


def raws(light, count, key, params=TRUTH):
    chain = params.chain()
    state = chain.init(Key(1) / "device")
    shots = [expose(chain, light, state, key / k)[1] for k in range(count)]
    return np.stack([shot.values.astype(float) for shot in shots])


def flats(seed, params=TRUTH):
    levels = np.linspace(0, 1.6, 14)
    lights = [np.full((120, 160, 3), level, np.float32) for level in levels]
    return [tuple(raws(x, 2, Key(seed) / k, params)) for k, x in enumerate(lights)]


def ramp(top=1.3):
    x = np.linspace(0, 1, 160, dtype=np.float32)
    return np.repeat(np.tile(x * x * top, (120, 1))[..., None], 3, axis=2)


@pytest.mark.parametrize("seed", [0, 1])
def test_flats_give_back_gain_read_noise_and_full_well(seed):
    """Despite PRNU, DSNU and vignetting; the errors are those of the estimates."""
    found = photon_transfer(flat_points(flats(seed)), BLACK)
    assert found.gain_dn_e.value == pytest.approx(0.47, rel=0.02)
    assert abs(found.gain_dn_e.value - 0.47) < 4 * found.gain_dn_e.error
    assert found.read_noise_e.value == pytest.approx(3.0, abs=4 * found.read_noise_e.error)
    assert found.read_noise_e.error < 0.1
    assert found.saturates
    assert found.full_well_e.value == pytest.approx(7800, rel=0.02)


def test_a_burst_of_a_scene_gives_the_same():
    found = photon_transfer(burst_points(raws(ramp(), 16, Key(5))), BLACK)
    assert found.gain_dn_e.value == pytest.approx(0.47, rel=0.03)
    assert found.read_noise_e.value == pytest.approx(3.0, abs=0.25)
    assert found.full_well_e.value == pytest.approx(7800, rel=0.02)


def test_a_burst_that_does_not_saturate_says_so():
    found = photon_transfer(burst_points(raws(ramp(0.5), 16, Key(6))), BLACK)
    assert not found.saturates
    assert found.gain_dn_e.value == pytest.approx(0.47, rel=0.03)
    assert "full_well_e" not in transfer_settings(found)


def test_another_gain_is_told_apart():
    params = TRUTH.model_copy(update={"gain_dn_e": 0.3, "read_noise_e": 8.0})
    found = photon_transfer(flat_points(flats(2, params)), BLACK)
    assert found.gain_dn_e.value == pytest.approx(0.3, rel=0.02)
    assert found.read_noise_e.value == pytest.approx(8.0, rel=0.03)


def test_errors_are_standard_errors():
    """Over 12 calibrations, deviations in units of their errors scatter by about 1."""
    pulls = []
    for seed in range(12):
        found = photon_transfer(flat_points(flats(100 + seed)), BLACK)
        pulls.append((found.gain_dn_e.value - 0.47) / found.gain_dn_e.error)
    assert 0.4 < np.std(pulls) < 2
    assert abs(np.mean(pulls)) < 1.2


def still_life(seed):
    """Smooth shades with discs in front, as photographs of plain things are."""
    rng = np.random.default_rng(seed)
    light = cv2.resize(rng.random((3, 4, 3)).astype(np.float32), (480, 360)).clip(0.02, 0.95)
    for _ in range(40):
        at = tuple(int(v) for v in rng.integers(0, 480, 2))
        colour = tuple(float(v) for v in rng.random(3))
        cv2.circle(light, at, int(rng.integers(8, 40)), colour, -1)
    return cv2.GaussianBlur(light, (0, 0), 0.6)


def photographs(count=3, **settings):
    params = CameraParams(width=480, height=360, **settings)
    chain = params.chain()
    state = chain.init(Key(0))
    return [decode_rgb(chain.apply(still_life(k), state, Key(k))) for k in range(count)]


def noise_of(images):
    return photograph_noise([noise_curve(image) for image in images])


@pytest.mark.parametrize(("white", "read"), [(1500.0, 12.0), (8000.0, 3.0), (25000.0, 3.0)])
def test_photographs_that_nothing_processed_give_back_white(white, read):
    found = noise_of(photographs(white_e=white, read_noise_e=read, format="png"))
    assert np.median([fit.white_e for fit in found]) == pytest.approx(white, rel=0.12)
    if read > 5:
        assert np.median([fit.read_noise_e for fit in found]) == pytest.approx(read, rel=0.35)


def test_processing_hides_noise_as_the_limits_say():
    """JPEG, denoising and demosaicing raise white; sharpening lowers it."""

    def white(**settings):
        found = noise_of(photographs(white_e=2000.0, read_noise_e=3.0, **settings))
        return np.median([fit.white_e for fit in found])

    plain = white(format="png")
    assert white(jpeg_quality=92) > 3 * plain
    assert white(format="png", denoise_luma=4) > 2 * plain
    assert white(format="png", cfa="RGGB") > 3 * plain
    assert white(format="png", sharpen=0.6) < 0.6 * plain


def test_photographs_without_noise_are_refused():
    with pytest.raises(
        CaptureError,
        match=r"^a tenth of the photographs must show more noise than rounding on flat patches of"
        r" three levels; got 0 of 3 that do; noise was removed",
    ):
        noise_of(photographs(white_e=1e7, read_noise_e=0, jpeg_quality=80))


def test_a_curve_of_one_level_has_no_fit():
    grey = np.full((128, 128, 3), 120, np.uint8)
    noisy = (grey + np.random.default_rng(0).normal(0, 5, grey.shape)).astype(np.uint8)
    assert fit_curve(noise_curve(noisy)) is None


def test_what_is_written_fits_a_camera():
    transfer = transfer_settings(photon_transfer(flat_points(flats(0)), BLACK))
    photos = photograph_settings(noise_of(photographs(format="png")))
    for settings in (transfer, photos):
        data = yaml.safe_load(fragment(settings, "A comment."))
        model_check(CameraParams, data["camera"], "camera")
    assert transfer["gain_dn_e"]["normal"]["low"] < 0.47 < transfer["gain_dn_e"]["normal"]["high"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: burst_points(np.zeros((1, 8, 8))),
            r"^a burst must be two or more single-channel frames of one size; got \(1, 8, 8\)$",
        ),
        (
            lambda: flat_points([(np.zeros((8, 8)), np.zeros((8, 9)))]),
            r"^two frames of a level must be single-channel and of one size; got \(8, 8\) and",
        ),
        (
            lambda: photon_transfer(flat_points(flats(0)[:0]), 0.0),
            r"^photon transfer needs three or more levels; got 0; take frames at more levels$",
        ),
        (
            lambda: photon_transfer(
                burst_points(
                    np.random.default_rng(0).normal(
                        ramp()[..., 0] * 100, 2 - 0.3 * ramp()[..., 0], (8, 120, 160)
                    )
                ),
                0.0,
            ),
            r"^variance must grow with the mean; got a slope of -",
        ),
        (
            lambda: noise_curve(np.zeros((20, 20, 3), np.uint8)),
            r"^a photograph must be 64 px or larger; got \(20, 20, 3\)$",
        ),
    ],
)
def test_bad_frames_are_refused(make, message):
    with pytest.raises(CaptureError, match=message):
        make()


@pytest.fixture
def command():
    group = typer.Typer()
    group.callback()(lambda: None)
    register(group)

    def run(*arguments):
        return CliRunner().invoke(group, ["noise", *map(str, arguments)])

    return run


def test_the_command_on_flats(command, tmp_path):
    folder = tmp_path / "flats"
    folder.mkdir()
    for level, pair in enumerate(flats(3)):
        for k, frame in enumerate(pair):
            cv2.imwrite(str(folder / f"{level:02d}_{k}.png"), frame.astype(np.uint16))
    out = tmp_path / "noise.yaml"
    done = command(folder, "--from", "flats", "--black", BLACK, "--out", out, "--json")
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(done.stdout)["gain_dn_e"] == pytest.approx(0.47, rel=0.02)
    settings = yaml.safe_load(out.read_text())["camera"]
    model_check(CameraParams, settings, "camera")
    assert cv2.imread(str(out.with_suffix(".png"))) is not None
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: [dice, noise.yaml]\n")
    load_config(str(mine), []).check({"camera": CameraParams})
    error = command(folder, "--from", "flats", "--out", out).exception
    assert str(error).startswith("the black level must be given; got none; say --black")


def test_the_command_on_photographs(command, tmp_path):
    for k, image in enumerate(photographs(2, format="png")):
        cv2.imwrite(str(tmp_path / f"{k}.png"), image[..., ::-1])
    out = tmp_path / "out" / "noise.yaml"
    done = command(tmp_path, "--out", out)
    assert done.exit_code == 0, done.output
    assert "white_e (median): " in done.stdout
    assert out.read_text().startswith("# Noise of 2 of 2 photographs")
    assert out.with_suffix(".png").is_file()


def test_the_command_says_what_is_missing(command, tmp_path):
    out = tmp_path / "noise.yaml"
    error = command(tmp_path, "--out", out).exception
    assert str(error) == f"{tmp_path}: a folder must hold frames; got none; give another folder"
    error = command(tmp_path, "--from", "video", "--out", out).exception
    assert str(error) == "--from must be photographs, flats or burst; got video"
