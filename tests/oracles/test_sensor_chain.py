"""Each effect of the camera against its closed form, and with a negative control.

Every criterion is a function that is asserted with the effect on, and refuted with it off.
"""

import dataclasses
import re

import cv2
import numpy as np
import pytest
from scipy import stats

from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sample import decode_rgb
from simgen.sensors.camera.isp import Encode, Sharpen, Tone, WhiteBalance
from simgen.sensors.camera.optics import Blur, Vignetting
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.sensor import Exposure, Quantise, ReadNoise, ShotNoise
from simgen.sensors.effect import Chain

KEY = Key(7)


def flat(value, shape=(256, 256)):
    return np.full((*shape, 3), value, np.float32)


def through(effect, signal, key=KEY):
    return effect.apply(signal, effect.init(key / "device"), key)


def test_exposure_doubles_with_every_stop():
    light = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    base = through(Exposure(0, 8000), light)
    np.testing.assert_allclose(base, 8000 * light, rtol=1e-6)
    for ev in (-3, -0.5, 1, 2.5):
        np.testing.assert_allclose(through(Exposure(ev, 8000), light), base * 2**ev, rtol=1e-6)
    assert not np.allclose(through(Exposure(1, 8000), light), base)  # negative control


@pytest.mark.parametrize("mean", [0.5, 20.0, 99.0, 101.0, 5000.0])
def test_shot_noise_has_the_variance_of_its_mean(mean):
    """196,608 samples: mean within 4 standard errors, variance within 4 %."""
    charge = flat(mean)

    def is_shot_noise(noisy):
        n = noisy.size
        return (
            abs(noisy.mean(dtype=np.float64) - mean) < 4 * np.sqrt(mean / n)
            and abs(noisy.var(dtype=np.float64) / mean - 1) < 0.04
        )

    noisy = through(ShotNoise(), charge)
    assert is_shot_noise(noisy)
    assert not is_shot_noise(charge)  # negative control
    assert not is_shot_noise(charge + 2 * (noisy - charge))
    if mean < 100:  # exactly Poisson: whole numbers that follow the law
        assert np.array_equal(noisy, np.rint(noisy))
        counts = np.bincount(noisy.astype(int).ravel())
        law = stats.poisson.pmf(np.arange(len(counts)), mean) * noisy.size
        keep = law > 20
        square = ((counts[keep] - law[keep]) ** 2 / law[keep]).sum()
        assert stats.chi2.sf(square, keep.sum() - 1) > 1e-3


def test_shot_noise_is_independent_between_pixels_channels_and_frames():
    first = through(ShotNoise(), flat(500)) - 500
    second = through(ShotNoise(), flat(500), KEY / 1) - 500
    for a, b in (
        (first[:, 1:], first[:, :-1]),
        (first[1:], first[:-1]),
        (first[..., 0], first[..., 1]),
        (first, second),
    ):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.012
    assert np.corrcoef(first.ravel(), first.ravel())[0, 1] == pytest.approx(1)


def test_shot_noise_of_a_picture_with_dark_and_bright_parts():
    charge = flat(0.0)
    charge[:, 128:] = 1000
    noisy = through(ShotNoise(), charge)
    assert (noisy[:, :128] == 0).all()
    assert noisy[:, 128:].std() == pytest.approx(np.sqrt(1000), rel=0.02)
    assert (charge[:, 128:] == 1000).all()  # the input is left alone


def test_read_noise_has_its_width_at_every_level():
    for level in (0.0, 3000.0):
        noise = through(ReadNoise(5.0), flat(level)).astype(np.float64) - level
        assert noise.std() == pytest.approx(5, rel=0.01)
        assert abs(noise.mean()) < 4 * 5 / np.sqrt(noise.size)
        assert stats.kstest(noise.ravel()[:5000] / 5, "norm").pvalue > 1e-3
    assert through(ReadNoise(0.0), flat(10)).std() == 0  # negative control


@pytest.mark.parametrize("bits", [6, 8, 12, 16])
def test_quantisation_steps(bits):
    """2^bits levels, error uniform within half a step: variance 1/12 step^2."""
    charge = np.random.default_rng(1).uniform(0, 1000, (256, 256, 3)).astype(np.float32)
    numbers = through(Quantise(1000, bits), charge).astype(np.float64)
    step = 1 / (2**bits - 1)
    np.testing.assert_allclose(numbers / step, np.rint(numbers / step), atol=1e-2)
    error = numbers - charge / 1000.0
    assert np.abs(error).max() <= step * 0.51
    if bits <= 12:  # single precision carries 24 bits
        assert error.var() == pytest.approx(step**2 / 12, rel=0.03)
    ends = through(Quantise(1000, bits), np.float32([[[-50, 0, 1000], [1001, 1e6, 500]]]))
    assert ends.ravel()[:5].tolist() == [0, 0, 1, 1, 1]


def photon_transfer(shot=True, read=4.0, full=6000.0):
    """Slope and intercept of variance against mean, of DN (full scale 1)."""
    steps = [Exposure(0.5, full)]
    steps += [ShotNoise()] if shot else []
    steps += [ReadNoise(read), Quantise(full, 14)]
    chain = Chain(tuple(steps))
    points = []
    for n, light in enumerate(np.linspace(0.02, 0.55, 10)):
        numbers = through(chain, flat(light), KEY / n).astype(np.float64)
        points.append((numbers.mean(), numbers.var()))
    return np.polyfit(*np.transpose(points), 1)


def test_photon_transfer_of_the_chain():
    """EMVA 1288: the slope of variance against mean is the gain, 1 / full scale."""
    slope, intercept = photon_transfer()
    assert slope == pytest.approx(1 / 6000, rel=0.02)
    assert intercept == pytest.approx((4 / 6000) ** 2, abs=(12 / 6000) ** 2)
    assert abs(photon_transfer(shot=False)[0] * 6000) < 0.02  # negative control
    assert photon_transfer(full=3000.0)[0] == pytest.approx(1 / 3000, rel=0.02)


def test_vignetting_ratio():
    out = through(Vignetting(0.4), flat(1.0, (61, 81)))[..., 0]
    assert out[30, 40] == 1
    corners = out[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners, 0.6, rtol=1e-6)
    # Half way to the right edge: r^2 = (w/4)^2 / (w^2/4 + h^2/4)
    assert out[30, 60] == pytest.approx(1 - 0.4 * 20**2 / (40**2 + 30**2), rel=1e-6)
    assert (through(Vignetting(0.0), flat(1.0)) == 1).all()  # negative control


def spread(profile):
    """Standard deviation in pixels of the derivative of an edge."""
    weight = np.diff(profile.astype(np.float64))
    at = np.arange(len(weight)) + 0.5
    middle = (weight * at).sum() / weight.sum()
    return np.sqrt((weight * (at - middle) ** 2).sum() / weight.sum())


@pytest.mark.parametrize("sigma", [0.6, 1.5, 3.0])
def test_blur_keeps_energy_and_spreads_an_edge_by_sigma(sigma):
    """Edge spread within 3 % (discrete kernels are cut off); total energy to 1e-5."""
    point = flat(0.0, (65, 65))
    point[32, 32] = (100, 50, 10)
    out = through(Blur(sigma), point)
    np.testing.assert_allclose(out.sum(axis=(0, 1)), (100, 50, 10), rtol=1e-5)
    np.testing.assert_allclose(out, out[::-1, ::-1], atol=1e-6)
    edge = flat(0.0, (9, 80))
    edge[:, 40:] = 1
    assert spread(through(Blur(sigma), edge)[4, :, 0]) == pytest.approx(sigma, rel=0.03)
    assert spread(through(Blur(0.0), edge)[4, :, 0]) < 0.01  # negative control
    np.testing.assert_allclose(through(Blur(sigma), flat(0.3)), 0.3, rtol=1e-5)


def srgb(linear):
    """IEC 61966-2-1, written out."""
    return linear * 12.92 if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def test_plain_tone_is_srgb():
    """Within one of 255 levels; the steep toe is read from a table of 4096."""
    values = np.linspace(0, 1, 300, dtype=np.float32)
    out = through(Tone(), np.repeat(values[None, :, None], 3, axis=2))[0, :, 0]
    expected = np.array([255 * srgb(float(v)) for v in values])
    assert np.abs(out - expected).max() <= 1.0
    assert np.abs(out - 255 * values).max() > 30  # negative control: it is not the identity
    assert out[0] == 0
    assert out[-1] == 255
    assert (np.diff(out.astype(int)) >= 0).all()


def test_contrast_is_the_stated_blend():
    values = np.linspace(0, 1, 200, dtype=np.float32)
    strip = np.repeat(values[None, :, None], 3, axis=2)
    plain = np.array([srgb(float(v)) for v in values])
    for contrast in (0.5, 1.0):
        expected = 255 * ((1 - contrast) * plain + contrast * (3 * plain**2 - 2 * plain**3))
        out = through(Tone(contrast), strip)[0, :, 0]
        assert np.abs(out - expected).max() <= 1.2
    assert not np.array_equal(through(Tone(1.0), strip), through(Tone(), strip))


def test_saturation_keeps_grey_and_luminance():
    grey = flat(0.3)
    assert len(np.unique(through(Tone(0, 2.0), grey))) == 1
    colour = np.float32([[[0.4, 0.2, 0.1]]])
    none = through(Tone(0, 0.0), colour).ravel()
    assert len(set(none.tolist())) == 1
    assert none[0] == pytest.approx(255 * srgb(0.2126 * 0.4 + 0.7152 * 0.2 + 0.0722 * 0.1), abs=1)
    more = through(Tone(0, 1.5), colour).ravel().astype(int)
    less = through(Tone(0, 1.0), colour).ravel().astype(int)
    assert more[0] - more[2] > less[0] - less[2]


def test_grey_stays_grey_under_unit_white_balance():
    """The whole chain without noise: three equal channels in, three equal channels out."""

    def is_grey(gains):
        params = CameraParams(
            read_noise_e=0,
            blur_px=1,
            vignetting=0.3,
            contrast=0.4,
            format="png",
            white_balance=gains,
        )
        quiet = tuple(e for e in params.chain().effects if not isinstance(e, ShotNoise))
        rgb = decode_rgb(through(Chain(quiet), flat(0.4, (48, 64)))).astype(int)
        return np.ptp(rgb, axis=2).max() == 0

    assert is_grey((1, 1, 1))
    assert not is_grey((1.1, 1, 0.9))  # negative control


def test_white_balance_gains():
    out = through(WhiteBalance((2.0, 1.0, 0.5)), np.float32([[[0.2, 0.2, 0.2], [0.8, 0.8, 0.8]]]))
    np.testing.assert_allclose(out, [[[0.4, 0.2, 0.1], [1.0, 0.8, 0.4]]], rtol=1e-6)


def test_sharpening_overshoots_at_an_edge_and_leaves_plains():
    edge = np.full((20, 40, 3), 80, np.uint8)
    edge[:, 20:] = 160
    sharp = through(Sharpen(0.8), edge).astype(int)
    assert sharp.max() > 165
    assert sharp.min() < 75
    assert (sharp[:, :10] == 80).all()
    assert np.array_equal(through(Sharpen(0.0), edge), edge)  # negative control


def photograph(seed=0):
    """Smooth colour with detail, as pictures have."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(rng.random((8, 8, 3)).astype(np.float32), (96, 72))
    fine = cv2.resize(rng.random((36, 48, 3)).astype(np.float32), (96, 72))
    return np.rint(255 * (0.8 * coarse + 0.2 * fine)).astype(np.uint8)


def test_quality_of_jpeg_is_monotone():
    image = photograph()
    psnr, size = [], []
    for quality in (10, 30, 50, 70, 90, 98):
        data = through(Encode("jpg", quality), image)
        error = decode_rgb(data).astype(float) - image
        psnr.append(10 * np.log10(255**2 / (error**2).mean()))
        size.append(len(data))
    assert (np.diff(psnr) > 0).all()
    assert (np.diff(size) > 0).all()
    assert psnr[-1] > 35
    assert data[:2] == b"\xff\xd8"


def test_png_loses_nothing_and_keeps_the_order_of_channels():
    image = photograph()
    data = through(Encode("png"), image)
    assert data[:4] == b"\x89PNG"
    assert np.array_equal(decode_rgb(data), image)
    assert not np.array_equal(decode_rgb(through(Encode("jpg", 92), image)), image)
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 255
    assert decode_rgb(through(Encode("jpg", 95), red))[8, 8].tolist()[0] > 240


def test_camera_makes_the_same_file_for_the_same_key():
    chain = CameraParams(width=96, height=72).chain()
    light = photograph().astype(np.float32) / 255
    first = through(chain, light)
    assert through(chain, light) == first
    assert through(chain, light, KEY / "other") != first


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        (
            (Quantise(1, 8), ShotNoise()),
            "ShotNoise takes electrons; got DN from Quantise; change the order of the chain",
        ),
        (
            (Exposure(0, 1), Blur(1)),
            "Blur takes radiance; got electrons from Exposure; change the order of the chain",
        ),
        (
            (Tone(), Encode(), Sharpen(1)),
            "Sharpen takes encoded; got file from Encode; change the order of the chain",
        ),
        ((), "a chain must have an effect; got none"),
    ],
)
def test_wrong_order_is_refused(effects, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        Chain(effects)


def test_chain_equals_its_effects_by_hand():
    chain = Chain((Exposure(1, 100), ShotNoise(), ReadNoise(2)))
    signal = flat(0.5, (16, 16))
    noisy = ShotNoise().apply(
        Exposure(1, 100).apply(signal, None, KEY), None, KEY / 1 / "ShotNoise"
    )
    by_hand = ReadNoise(2).apply(noisy, None, KEY / 2 / "ReadNoise")
    assert np.array_equal(through(chain, signal), by_hand)
    assert (chain.takes, chain.gives) == (Exposure.takes, ReadNoise(2).gives)
    nested = Chain((Chain((Exposure(1, 100),)), ShotNoise()))
    assert np.isfinite(through(nested, signal)).all()


def test_effects_are_frozen_data():
    blur = Blur(1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        blur.sigma_px = 2.0
