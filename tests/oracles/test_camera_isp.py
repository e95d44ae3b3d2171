"""The processor against colour-demosaicing, closed forms and itself undone."""

import cv2
import numpy as np
import pytest

from simgen.rng import Key
from simgen.sample import decode_rgb
from simgen.sensors.camera.isp import (
    BlackLevel,
    ColourMatrix,
    Demosaic,
    Denoise,
    ShadingCorrection,
    WhiteBalance,
)
from simgen.sensors.camera.optics import Vignetting
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.sensor import ColourFilter, ShotNoise
from simgen.sensors.camera.sensor.colour_filter import PATTERNS
from simgen.sensors.effect import Chain

KEY = Key(23)


def through(effect, signal, key=KEY):
    return effect.apply(signal, effect.init(key / "device"), key)


def photograph(height=96, width=120, seed=0):
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((8, 10, 3)).astype(np.float32), (width, height))
    fine = cv2.resize(rng.random((height // 2, width // 2, 3)).astype(np.float32), (width, height))
    return (0.1 + 0.6 * coarse + 0.2 * fine).astype(np.float32)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", ["bilinear", "malvar"])
def test_demosaicing_is_that_of_the_reference_library(pattern, method):
    library = pytest.importorskip("colour_demosaicing")
    reference = {
        "bilinear": library.demosaicing_CFA_Bayer_bilinear,
        "malvar": library.demosaicing_CFA_Bayer_Malvar2004,
    }
    seen = through(ColourFilter(pattern), photograph())
    expected = np.clip(reference[method](seen.astype(float), pattern), 0, 1)
    found = through(Demosaic(pattern, method), seen)
    inner = np.s_[3:-3, 3:-3]  # the library mirrors borders in another way
    np.testing.assert_allclose(found[inner], expected[inner], atol=2e-6)
    other = through(Demosaic(pattern, "bilinear" if method == "malvar" else "malvar"), seen)
    assert np.abs(other - expected)[inner].max() > 0.01  # negative control


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("method", ["bilinear", "malvar"])
@pytest.mark.parametrize("shape", [(8, 8), (9, 11), (17, 10)])
def test_constant_colours_are_exact_up_to_the_borders(pattern, method, shape):
    flat = np.full((*shape, 3), (0.2, 0.9, 0.5), np.float32)
    out = through(Demosaic(pattern, method), through(ColourFilter(pattern), flat))
    np.testing.assert_allclose(out, flat, atol=1e-6)


def test_demosaicing_keeps_what_was_measured():
    light = photograph()
    seen = through(ColourFilter("GRBG"), light)
    out = through(Demosaic("GRBG"), seen)
    assert np.array_equal(through(ColourFilter("GRBG"), out), seen)


def test_malvar_beats_bilinear_on_a_photograph():
    """Detail is mostly in luminance, as in real pictures: channels share it."""
    light = photograph() * 0.3 + photograph(seed=1)[..., 1:2] * 0.6
    seen = through(ColourFilter("RGGB"), light)
    errors = {
        m: float(((through(Demosaic("RGGB", m), seen) - light) ** 2).mean())
        for m in ("bilinear", "malvar")
    }
    assert errors["malvar"] < errors["bilinear"]


def test_black_level_and_its_clip():
    out = through(BlackLevel(0.25), np.float32([[[0.25, 0.1, 1.0], [0.625, 0.25, 0.5]]]))
    np.testing.assert_allclose(out, [[[0, 0, 1], [0.5, 0, 1 / 3]]], atol=1e-6)


def test_shading_correction_undoes_the_lens():
    lens = Vignetting(0.5, (-0.1, 0, 0), 0.4)
    flat = np.full((31, 41, 3), 0.4, np.float32)
    dim = through(lens, flat)
    np.testing.assert_allclose(through(ShadingCorrection(lens), dim), flat, rtol=1e-5)
    half = through(ShadingCorrection(lens, 0.5), dim)
    np.testing.assert_allclose(half[..., 0], np.sqrt(lens.map(31, 41)) * 0.4, rtol=1e-4)
    assert dim[0, 0, 0] < 0.2  # negative control


def test_white_balance_of_a_mosaic_equals_that_of_its_channels():
    light = photograph()
    gains = (1.4, 1.0, 0.9)
    first = through(WhiteBalance(gains, "BGGR"), through(ColourFilter("BGGR"), light))
    second = through(ColourFilter("BGGR"), through(WhiteBalance(gains), light))
    assert np.array_equal(first, second)


def test_colour_matrix_is_a_matrix():
    rows = ((1.2, -0.1, -0.1), (-0.2, 1.4, -0.2), (0.0, -0.3, 1.3))
    light = photograph() * 0.5 + 0.2
    expected = np.clip(light @ np.array(rows).T, 0, 1)
    np.testing.assert_allclose(through(ColourMatrix(rows), light), expected, atol=1e-6)


def noisy_grey(sigma, seed=0, shape=(128, 160)):
    noise = np.random.default_rng(seed).normal(0, sigma, (*shape, 3))
    return np.clip(np.rint(120 + noise), 0, 255).astype(np.uint8)


def test_denoising_lowers_noise_and_keeps_edges():
    image = noisy_grey(6)
    image[:, 80:] = np.minimum(image[:, 80:].astype(int) + 100, 255)
    out = through(Denoise(20, 3), image).astype(float)
    assert out[:, :70].std() < 0.5 * image[:, :70].std()
    luma = out.mean(axis=2)
    step = luma[:, 81].mean() - luma[:, 78].mean()
    assert step == pytest.approx(100, abs=4)
    assert np.array_equal(through(Denoise(), image), image)  # negative control


def test_chroma_denoising_leaves_grey_detail_alone():
    grey = np.repeat(noisy_grey(20)[..., :1], 3, axis=2)
    out = through(Denoise(0, 4), grey).astype(int)
    assert np.abs(out - grey).max() <= 1


def grey_world(**settings):
    params = CameraParams(
        width=64,
        height=48,
        format="png",
        read_noise_e=0,
        bits=14,
        black_level_dn=800,
        vignetting=0.3,
        shading_correction=1.0,
        **settings,
    )
    quiet = tuple(e for e in params.chain().effects if not isinstance(e, ShotNoise))
    light = np.full((48, 64, 3), 0.4, np.float32)
    return decode_rgb(through(Chain(quiet), light)).astype(int)


@pytest.mark.parametrize("cfa", ["none", *PATTERNS])
def test_grey_stays_grey_from_light_to_file(cfa):
    rgb = grey_world(cfa=cfa, response=(0.45, 1.0, 0.65), crosstalk=0.25)
    assert np.ptp(rgb, axis=2).max() <= 1
    assert np.ptp(rgb) <= 2  # shading too
    tinted = grey_world(cfa=cfa, white_balance=(1.2, 1.0, 0.9))
    assert np.ptp(tinted, axis=2).max() > 10  # negative control


def test_a_mosaic_camera_shows_nearly_what_a_full_one_shows():
    light = photograph(48, 64)
    images = []
    for cfa in ("none", "RGGB"):
        params = CameraParams(width=64, height=48, cfa=cfa, white_e=1e6, bits=16, format="png")
        images.append(decode_rgb(through(params.chain(), light)).astype(float))
    error = ((images[0] - images[1]) ** 2).mean()
    assert 10 * np.log10(255**2 / error) > 28
