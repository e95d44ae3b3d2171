"""Impossible radars are refused with the rule, the value and the remedy; odd scenes are not."""

import numpy as np
import pytest
from pydantic import ValidationError

from simgen.assets import primitives
from simgen.config import config_from_plain
from simgen.contracts.radar_scenes import body, measure, params, sphere, world
from simgen.errors import ConfigError
from simgen.generate import Source
from simgen.rng import Key
from simgen.sensors.radar import RadarParams
from simgen.spec import Waves

BASE = {
    "scene": {"family": "tabletop", "objects": []},
    "render": {"name": "raycast"},
    "camera": {"width": 32, "height": 24},
}

CASES = [
    ({"waveform": {"bandwidth_hz": 0}}, r"greater than 0"),
    ({"waveform": {"bandwidth_hz": 50e9}}, r"`bandwidth_hz` must be half of `carrier_hz` or less"),
    (
        {"waveform": {"max_range_m": 200}},
        r"told apart up to c sample_hz / \(2 slope\) = 127.9 m; got `max_range_m` 200 m: take more",
    ),
    (
        {"waveform": {"max_speed_m_s": 30}},
        r"wavelength / \(4 repeat_s\) = 16.22 m/s; got `max_speed_m_s` 30 m/s: shorten `repeat_s`",
    ),
    (
        {"waveform": {"samples": 1024}},
        r"`samples / sample_hz <= repeat_s` must hold.*got 0.0001024 s and 6e-05 s",
    ),
    ({"rate_hz": 500}, r"`chirps \* repeat_s <= 1 / rate_hz` must hold.*got 0.00768 s and 0.002 s"),
    ({"detector": {"train_range": 0, "train_doppler": 0}}, r"without training cells there is no"),
    ({"detector": {"train_doppler": 30}}, r"`train_doppler` 30 with `guard` 3 takes 183 bins; got"),
    ({"detector": {"guard": 1}}, r"greater than or equal to 3"),
    ({"detector": {"false_alarm": 0}}, r"greater than 0"),
    ({"fan": {"field_rad": (4.0, 0.5)}}, r"`field_rad` must be above 0 and at most pi"),
    ({"fan": {"field_rad": (0.0, 0.5)}}, r"`field_rad` must be above 0 and at most pi"),
    ({"fan": {"bounces": 2}}, r"Input should be 0 or 1"),
    ({"waveform": {"carrier_hz": float("nan")}}, r"finite number"),
    ({"maps": ["range"]}, r"Input should be 'cube', 'range_doppler' or 'range_azimuth'"),
]


@pytest.mark.parametrize(("settings", "message"), CASES)
def test_impossible_settings_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        RadarParams.model_validate(settings)


def test_an_unknown_key_is_refused_with_what_was_meant():
    config = config_from_plain({**BASE, "radar": {"waveform": {"chirp": 64}}})
    with pytest.raises(ConfigError, match=r"radar.waveform.*chirp.*did you mean 'chirps'\?"):
        Source(config)


def test_a_draw_outside_the_rules_is_refused():
    config = config_from_plain({**BASE, "radar": {"rate_hz": {"uniform": [10, 400]}}})
    with pytest.raises(ConfigError, match=r"radar.*chirps \* repeat_s|every draw must satisfy"):
        Source(config)


@pytest.mark.parametrize(
    "thing",
    [
        sphere((-5, 0, 0)),  # behind
        sphere((5000, 0, 0)),  # beyond all samples
        sphere((0.0, 0, 0), 2.0),  # round the sensor
        sphere((20, 0, 0), 1e-4),  # smaller than a wavelength
        body(primitives.slab((500, 500), 0.1), (0, 0, 0)),  # through the sensor
        body(primitives.box((1, 1, 1)), (9, 0, 0), Waves(0.0, 0.0, 0.0, 0.0)),  # answers nothing
    ],
    ids=["behind", "far", "round", "tiny", "through", "black"],
)
def test_odd_places_give_finite_detections(thing):
    found = measure(params(fan={"bounces": 1}), world(thing), Key(0))
    for name in ("range_m", "azimuth_rad", "doppler_m_s", "snr_db", "rcs_dbsm"):
        assert np.isfinite(found[name]).all()
    real = found[found["cause"] < 3]
    assert np.isfinite(real["true_range_m"]).all()
