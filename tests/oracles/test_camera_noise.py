"""The sensor against scipy, closed forms, and the reference analyser of EMVA 1288."""

import math

import numpy as np
import pytest
from scipy import stats

from simgen.contracts.sensors.noise import frames_dn
from simgen.rng import Key
from simgen.sensors.camera.sensor import (
    ColourFilter,
    DarkCurrent,
    Dsnu,
    Exposure,
    FullWell,
    LineNoise,
    Prnu,
    Quantise,
    SensorParams,
    ShotNoise,
    TukeyNoise,
    tukey_std,
)
from simgen.sensors.camera.sensor.colour_filter import PATTERNS
from simgen.sensors.camera.sensor.shot_noise import _poisson, _tables
from simgen.sensors.camera.sensor.tukey_noise import _add_quantiles, _table
from simgen.sensors.effect import Chain, Domain

KEY = Key(17)
MOSAIC = Domain.MOSAIC_ELECTRONS


def through(effect, signal, key=KEY):
    return effect.apply(signal, effect.init(key / "device"), key)


def mosaic(value, shape=(256, 256)):
    return np.full(shape, value, np.float32)


def test_emva1288_recovers_the_sensor(tmp_path, monkeypatch):
    """Gain, dark noise, PRNU and DSNU as the standard's reference implementation finds them."""
    process = {
        name: pytest.importorskip(f"emva1288.process.{name}")
        for name in ("loader", "data", "results")
    }
    # The analyser was written for NumPy 1, which had this name for a conversion.
    monkeypatch.setattr(np, "asfarray", lambda x: np.asarray(x, float), raising=False)
    truth = SensorParams(
        cfa="RGGB",
        white_e=8000,
        gain_dn_e=0.4,
        bits=12,
        black_level_dn=100,
        read_noise_e=6,
        prnu=0.01,
        dsnu_e=5,
        full_well_e=9000,
    )

    def analyse(params):
        """White is 10,000 photons: quantum efficiency 0.8 folded into 8000 electrons."""

        def shots(light, count, name):
            stack = frames_dn(params, light, count, KEY, (128, 160))
            names = []
            for k, frame in enumerate(stack):
                names.append(f"{name}-{k}.npy")
                np.save(tmp_path / names[-1], np.rint(frame).astype(np.int64))
            return names

        levels = np.linspace(0.02, 1.5, 40)
        temporal = {0.0: shots(0.0, 2, "dark")}
        temporal |= {10000.0 * x: shots(x, 2, f"t{x}") for x in levels}
        spatial = {0.0: shots(0.0, 24, "sd"), 5000.0: shots(0.5, 24, "sb")}
        images = {"temporal": {1e6: temporal}, "spatial": {1e6: spatial}}
        data = process["loader"].LoadImageData(images, str(tmp_path), fload=np.load).data
        return process["results"].Results1288(process["data"].Data1288(data).data)

    found = analyse(truth)
    gain, efficiency, prnu, dsnu = found.K, found.QE, found.PRNU1288, found.DSNU1288
    assert gain == pytest.approx(0.4, rel=0.02)
    assert efficiency == pytest.approx(80, rel=0.02)  # per cent
    # Dark noise holds what rounding left out of the signal: see EMVA 1288, equation for sigma_d.
    assert found.sigma_d == pytest.approx(6, rel=0.03)
    assert prnu == pytest.approx(1.0, rel=0.05)  # per cent
    assert dsnu == pytest.approx(5, rel=0.05)
    assert found.u_e_sat == pytest.approx(9000, rel=0.08)  # the last level before variance falls
    plain = analyse(truth.model_copy(update={"prnu": 0.0, "dsnu_e": 0.0}))  # negative control
    assert plain.PRNU1288 < 0.2
    assert plain.DSNU1288 < 0.5


@pytest.mark.parametrize("shape", [-0.3, -0.1, 0.0, 0.14, 0.5])
def test_tukey_noise_follows_scipys_law(shape):
    noise = through(TukeyNoise(2.0, shape, domain=MOSAIC), mosaic(100)).astype(float) - 100
    law = stats.tukeylambda(shape, scale=2.0)
    assert stats.kstest(noise.ravel()[:20000], law.cdf).pvalue > 1e-3
    assert noise.std() == pytest.approx(2 * tukey_std(shape), rel=0.02)
    assert tukey_std(shape) == pytest.approx(float(stats.tukeylambda(shape).std()), rel=1e-6)
    other = stats.tukeylambda(shape + 0.3, scale=2.0)
    assert stats.kstest(noise.ravel()[:20000], other.cdf).pvalue < 1e-6  # negative control


def test_tukey_tables_equal_the_quantile_function():
    words = np.linspace(0, 2**32 - 1, 50001).astype(np.uint32)
    u = (words + 0.5) / 2**32
    for shape in (-0.24, 0.0, 0.2):
        found = _add_quantiles(np.zeros(len(u), np.float32), words, _table(shape), shape, 1.0)
        exact = stats.tukeylambda.ppf(u, shape)
        np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pixel_keeps_its_own_colour(pattern):
    light = np.random.default_rng(0).random((6, 7, 3)).astype(np.float32)
    out = through(ColourFilter(pattern), light)
    for y in range(6):
        for x in range(7):
            letter = pattern[2 * (y % 2) + x % 2]
            assert out[y, x] == light[y, x, "RGB".index(letter)]


def test_exposure_with_response_and_crosstalk():
    light = np.random.default_rng(0).random((5, 4, 3)).astype(np.float32)
    c, response = 0.2, np.array([0.5, 1.0, 0.7])
    out = through(Exposure(1.0, 1000, tuple(response), c), light)
    matrix = np.array([[1 - c, c / 2, c / 2], [c / 2, 1 - c, c / 2], [c / 2, c / 2, 1 - c]])
    np.testing.assert_allclose(out, 2000 * response * (light @ matrix.T), rtol=1e-5)
    white = through(Exposure(0, 1000, (1, 1, 1), c), np.ones((1, 1, 3), np.float32))
    np.testing.assert_allclose(white, 1000, rtol=1e-6)


def test_patterns_are_fixed_per_device_and_new_for_another():
    for effect in (
        Prnu(0.02, domain=MOSAIC),
        Dsnu(3, domain=MOSAIC),
        DarkCurrent(1, 0.05, 100, domain=MOSAIC),
        LineNoise(0, 0, 2, 2, domain=MOSAIC),
    ):
        state = effect.init(KEY)
        first, second = (effect.apply(mosaic(500), state, Key(1) / k) for k in (0, 1))
        assert np.array_equal(first, second)
        assert not np.array_equal(first, effect.apply(mosaic(500), effect.init(Key(2)), KEY))
        assert first.std() > 0


def test_a_devices_pattern_grows_with_its_setting_and_stays_itself():
    weak, strong = (Prnu(s, domain=MOSAIC) for s in (0.01, 0.02))
    state = weak.init(KEY)
    a, b = (e.apply(mosaic(1000), state, KEY).astype(float) - 1000 for e in (weak, strong))
    np.testing.assert_allclose(b, 2 * a, atol=1e-3)


def test_line_noise_moves_whole_lines():
    out = through(LineNoise(2.0, 0.0, domain=MOSAIC), mosaic(0, (512, 32)))
    assert np.ptp(out, axis=1).max() == 0
    assert out[:, 0].std() == pytest.approx(2, rel=0.13)
    out = through(LineNoise(0.0, 3.0, domain=MOSAIC), mosaic(0, (32, 512)))
    assert np.ptp(out, axis=0).max() == 0
    assert out[0].std() == pytest.approx(3, rel=0.13)
    colours = through(LineNoise(1.0, 1.0), np.zeros((8, 9, 3), np.float32))
    assert np.ptp(colours, axis=2).max() == 0


def test_row_noise_is_new_in_every_frame():
    effect = LineNoise(2.0, domain=MOSAIC)
    a, b = (effect.apply(mosaic(0, (2000, 1)), Key(0), Key(1) / k).ravel() for k in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


def test_full_well_and_bend():
    charge = np.float32([[0, 100, 5000, 10000, 20000]])
    out = through(FullWell(10000, 0.1, domain=MOSAIC), charge)
    np.testing.assert_allclose(out, [[0, 99.9, 4750, 9000, 9000]], rtol=1e-5)
    assert through(FullWell(None, domain=MOSAIC), charge) is charge


def test_hot_pixels_are_exponential():
    out = through(DarkCurrent(0, 0.2, 50, domain=MOSAIC), mosaic(0)).ravel()
    hot = out[out > 0]
    assert len(hot) == pytest.approx(0.2 * out.size, rel=0.05)
    assert stats.kstest(hot, stats.expon(scale=50).cdf).pvalue > 1e-3


def test_converter_with_black_level():
    charge = np.float32([[0, 1000, 2000, 1e6, -1e6]])
    out = through(Quantise(4000, 10, 23, domain=MOSAIC), charge)
    assert np.rint(out * 1023).astype(int).tolist() == [[23, 273, 523, 1023, 0]]


def test_settings_in_logarithms_equal_plain_ones():
    gain, row, read = 0.8, 3.0, 5.0
    logs = SensorParams(
        cfa="RGGB",
        white_e=None,
        bits=14,
        log_gain=math.log(gain),
        log_row_noise=math.log(row * gain),
        log_read_noise=math.log(read * gain),
    )
    plain = SensorParams(
        cfa="RGGB", white_e=None, bits=14, gain_dn_e=gain, row_noise_e=row, read_noise_e=read
    )
    light = np.full((32, 32, 3), 0.4, np.float32)
    a, b = (through(Chain(p.sensor()), light) for p in (logs, plain))
    np.testing.assert_allclose(a, b, atol=2 / 16383)
    deviation = SensorParams(tukey_lambda=0.1, read_noise_e=4, cfa="RGGB")
    noise = frames_dn(deviation.model_copy(update={"black_level_dn": 100.0}), 0.0, 1, KEY)
    per_e = (4095 - 100) / 8000
    assert noise.std() / per_e == pytest.approx(4, rel=0.03)


def test_white_fills_the_converter_when_it_is_left_out():
    params = SensorParams(cfa="RGGB", white_e=None, gain_dn_e=0.5, bits=12, black_level_dn=95)
    assert params.converter().full_scale_e == pytest.approx(8000)
    exposure = params.sensor()[0]
    assert exposure.white_e == pytest.approx(8000)


@pytest.mark.parametrize("mean", [0.003, 0.7, 3.0, 7.45, 33.3, 99.9])
def test_few_electrons_follow_scipys_poisson(mean):
    """Chi-square over 262,144 pixels; a mean that is 3 % off (0.05 at least) is told apart."""
    noisy = through(ShotNoise(domain=MOSAIC), mosaic(mean, (512, 512)))
    counts = np.bincount(noisy.ravel().astype(int), minlength=300)[:300]

    def p_value(of):
        law = stats.poisson.pmf(np.arange(300), of) * counts.sum()
        keep = law > 10
        square = ((counts[keep] - law[keep]) ** 2 / law[keep]).sum()
        return stats.chi2.sf(square, max(keep.sum() - 1, 1))

    assert p_value(float(np.float32(mean))) > 1e-4
    assert p_value(mean + max(0.05, 0.03 * mean)) < 1e-6  # negative control


def test_poisson_tables_are_scipys():
    tables, guide = _tables()
    counts = np.arange(tables.shape[1])
    for mean in (0, 1, 17, 99):
        np.testing.assert_allclose(tables[mean], stats.poisson.cdf(counts, mean), atol=1e-13)
        for cell in (0, 3, 128, 255):
            begin = guide[mean, cell]
            assert begin == 0 or tables[mean, begin - 1] <= cell / guide.shape[1]
    top = 1 - 2**-53
    assert _poisson(50.5, 0.0, 0.0, tables, guide) == 0
    assert 100 < _poisson(50.5, top, top, tables, guide) < 180
    assert _poisson(0.0, top, top, tables, guide) == 0
