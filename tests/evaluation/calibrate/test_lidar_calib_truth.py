"""Calibration of LiDARs: a noise model with known parameters comes back."""

import numpy as np
import pytest
import yaml
from synthetic_scans import scans

from evaluation.calibrate.lidar import calibrate_lidar
from evaluation.calibrate.lidar.compare import compare, typical
from evaluation.calibrate.lidar.gain import fit_gain, jumps_of
from evaluation.calibrate.lidar.law import fit_law, pairs_of
from evaluation.calibrate.lidar.repeats import grouped_median, match
from evaluation.calibrate.lidar.weak import fit_reach, insides_of, lost_share
from simgen.rng import Key
from simgen.sensors.lidar import LidarParams

NOISE = {
    "range_floor_m": 0.004, "range_snr_m": 0.12, "range_snr_power": 0.5, "range_step_m": 0.002,
    "near_m": 4.0, "energy_sigma": 0.03, "gain_steps": (4.0, 8.0), "gain_spreads": (0.3, 0.5),
}  # fmt: skip
TRUTH = LidarParams.model_validate({"noise": NOISE, "min_range_m": 0.5})
KEY = Key(0) / "truth"


@pytest.fixture(scope="module")
def taken():
    return scans(TRUTH, KEY)


@pytest.fixture(scope="module")
def found(taken):
    return calibrate_lidar(taken, Key(1), draws=20)


def within(value, draws, truth, slack=0.0):
    return abs(value - truth) <= 3 * np.std(draws, ddof=1) + slack


def test_range_noise_comes_back(found):
    law = found.law
    assert within(law.floor_m, law.draws[:, 0], 0.004, 1e-4)
    # readings are whole numbers, and half of them below 5 here: that bends the law a little
    assert within(law.power, law.draws[:, 2], 0.5, 0.03)
    assert within(law.near_m, law.draws[:, 3], 4.0, 0.5)
    assert law.draws[:, 3].std() < 1.0
    at = np.array([2.0, 5.0, 10.0]), np.array([2.0, 10.0, 80.0])
    ratio = 6e5 * at[1] / 100 / at[0] ** 2 * (1 - np.exp(-((at[0] / 4) ** 2)))
    truth = np.hypot(0.004, 0.12 * ratio**-0.5)
    assert law.sd_m(*at) == pytest.approx(truth, rel=0.05)
    assert law.step_m == 0.002
    assert not law.near_is_bound
    assert law.outliers < 0.03
    assert law.jitter_rad < 2e-4  # nothing jittered
    assert law.widening == pytest.approx(1, abs=0.02)


def test_jitter_of_the_azimuth_comes_back():
    shaky = scans(TRUTH, Key(11), turns=2, lean=0.3, jitter_deg=0.04)
    steady = scans(TRUTH, Key(11), turns=2, lean=0.3)
    told = fit_law(pairs_of(shaky), 6e5, Key(4), 0).jitter_rad
    assert np.degrees(told) == pytest.approx(0.04, rel=0.15)
    assert fit_law(pairs_of(steady), 6e5, Key(4), 0).jitter_rad < told / 5


def test_gain_and_readings_come_back(found):
    gain = found.gain
    assert gain is not None
    assert within(gain.up, gain.draws[:, 0], 4.0, 0.1)
    assert within(gain.down, gain.draws[:, 1], 8.0, 0.2)
    assert within(gain.up_spread, gain.draws[:, 2], 0.3, 0.03)
    assert within(found.response.sigma, found.response.draws, 0.03, 0.003)


def test_settings_are_a_lidar_section_that_says_what_is_unknown(found, tmp_path):
    path = tmp_path / "lidar.yaml"
    found.write(path, "a simulation")
    text = path.read_text()
    assert text.startswith("# Measured on 4 revolutions of a simulation:")
    assert "scale and power of the intensity need targets" in text
    section = yaml.safe_load(text)["lidar"]
    assert section["noise"]["range_floor_m"]["normal"]["low"] > 0
    drawn = LidarParams.model_validate(typical(found))
    assert drawn.noise.range_floor_m == pytest.approx(found.law.floor_m, rel=1e-3)


def test_what_is_fitted_repeats_like_what_it_was_fitted_on(taken, found):
    again = scans(LidarParams.model_validate(typical(found)), Key(7))
    rows = {row.name: row for row in compare(match(taken), match(again), Key(2), 60)}
    wide = rows["noise, mm"].high - rows["noise, mm"].low
    assert abs(rows["noise, mm"].simulated - rows["noise, mm"].real) < wide
    assert rows["return rate"].inside


def test_noise_that_is_off_misses(taken):
    """Negative control: a sensor with twice the noise, and one that loses nothing."""
    louder = TRUTH.noise.model_copy(update={"range_floor_m": 0.008})
    steady = TRUTH.noise.model_copy(update={"gain_steps": None})
    loud = scans(TRUTH.model_copy(update={"noise": louder}), Key(8))
    calm = scans(TRUTH.model_copy(update={"noise": steady}), Key(8))
    first = {row.name: row for row in compare(match(taken), match(loud), Key(2), 60)}
    second = {row.name: row for row in compare(match(taken), match(calm), Key(2), 60)}
    assert not first["noise, mm"].inside
    assert first["noise, mm"].simulated > 1.3 * first["noise, mm"].real
    assert not second["flicker"].inside
    assert fit_gain(jumps_of(calm), Key(3), 2) is None
    law = fit_law(pairs_of(loud), 6e5, Key(4), 0)
    assert law.floor_m == pytest.approx(0.008, rel=0.05)


def test_a_short_sight_comes_back_and_a_long_one_is_a_limit():
    short = TRUTH.model_copy(update={"max_range_m": 12.0})
    law = fit_law(pairs_of(scans(TRUTH, KEY, turns=2)), 6e5, Key(4), 0)
    near, far = scans(short, Key(5)), scans(TRUTH, Key(5))
    told = fit_reach(insides_of(near), law.near_m, 0.03, 0.1, 6.0, Key(6), 10)
    assert not told.limit
    assert told.max_range_m == pytest.approx(12.0, rel=0.08)
    unknown = fit_reach(insides_of(far), law.near_m, 0.03, 0.1, 6.0, Key(6), 2)
    assert unknown.limit
    assert unknown.max_range_m < 100


def test_the_share_that_is_lost_is_that_of_the_receiver():
    rng = np.random.default_rng(0)
    x, sigma, threshold = 1.3, 0.1, 6.0
    seen = threshold * x * (1 + sigma * rng.standard_normal(200_000))
    lost = np.mean(seen + rng.standard_normal(200_000) < threshold)
    assert lost_share(np.array([x]), sigma, threshold)[0] == pytest.approx(lost, abs=0.003)


def test_the_median_of_rounded_values_is_that_of_the_whole():
    rng = np.random.default_rng(0)
    d = np.abs(rng.normal(0, 0.007, 100_000))
    step = 0.004
    rounded = np.abs(step * np.rint(rng.normal(0, 0.007, 100_000) / step))
    assert grouped_median(rounded, step) == pytest.approx(np.median(d), rel=0.07)
    assert abs(np.median(rounded) - np.median(d)) > 1e-4  # the plain median moves in steps
    assert np.isnan(grouped_median(np.empty(0), step))
    assert grouped_median(np.array([1.0, 2.0, 4.0]), 0) == 2


def test_more_flicker_near_the_limit_tells_the_limit(taken):
    gate = scans(TRUTH.model_copy(update={"min_range_m": 3.0}), Key(9))
    assert calibrate_lidar(gate, Key(1), draws=2).settings()["lidar"]["min_range_m"] == (
        pytest.approx(3.0, abs=0.005)
    )
    assert "min_range_m" not in calibrate_lidar(taken, Key(1), draws=2).settings()["lidar"]
