"""Bad input to a LiDAR: clear errors where users meet them, or honest empty clouds."""

import numpy as np
import pytest
from pydantic import ValidationError

from simgen.assets import primitives
from simgen.clouds import Why
from simgen.config import config_from_plain
from simgen.contracts.lidar_bench import Bench, fan, matt, plate
from simgen.errors import ConfigError, SimgenError
from simgen.generate import Source
from simgen.rng import Key
from simgen.sensors.lidar import LidarParams
from simgen.spec import Body, Motion

BASE = {
    "scene": {"family": "tabletop", "objects": []},
    "render": {"name": "raycast"},
    "camera": {"width": 16, "height": 12},
}
SCANNER = fan(np.linspace(-0.5, 0.5, 20), [-0.1, 0.1])


def sample(**settings):
    return Source(config_from_plain({**BASE, "lidar": settings}))(0)


def test_an_unknown_sensor():
    with pytest.raises(ConfigError, match=r"a pattern must be one.*vlp61; did you mean 'vlp16'\?"):
        sample(pattern="vlp61")


def test_a_pattern_file_with_nan(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("# rate_hz = 10\ntime_s,azimuth_deg,elevation_deg,ring\n0,nan,0,0\n")
    with pytest.raises(ConfigError, match=r"mine.csv:3: azimuth_deg: .* finite numbers; got nan"):
        sample(pattern=str(path))


def test_a_dead_ring_that_is_not_there():
    with pytest.raises(ConfigError, match=r"lidar.device.dead: .* from 0 to 15; got 16"):
        sample(device={"dead": [16]})


def test_a_phase_before_the_clock():
    with pytest.raises(ConfigError, match=r"lidar.phase: .*let frames.start_s be 0.050000 or more"):
        sample(phase=0.5)


CASES = [
    ({"weather": {"visibility_m": 0}}, r"`visibility_m` must be above 0.*got 0; leave it out"),
    ({"min_range_m": 5, "cutoff_m": 5}, r"`min_range_m < cutoff_m` must hold; got 5.0 and 5.0"),
    ({"optics": {"overlap_m": (2, 1)}}, r"`overlap_m` must rise from 0 or more; got 2.0 and 1.0"),
    ({"optics": {"divergence_mrad": (-1, 1)}}, r"`divergence_mrad` must be from 0 to 200"),
    ({"noise": {"gain_steps": (1.0, 4.0)}}, r"`gain_steps` must be factors above 1"),
    ({"max_range_m": float("nan")}, r"finite number"),
    ({"noise": {"threshold_snr": 0}}, r"greater than 0"),
    ({"returns": "second"}, r"'first', 'strongest', 'last', 'dual' or 'all'"),
]


@pytest.mark.parametrize(("settings", "text"), CASES)
def test_impossible_settings(settings, text):
    with pytest.raises(ValidationError, match=text):
        LidarParams.model_validate(settings)


def test_impossible_settings_are_refused_before_anything_is_drawn():
    with pytest.raises(ConfigError, match=r"lidar.weather.visibility_m` must be greater than 0"):
        Source(config_from_plain({**BASE, "lidar": {"weather": {"visibility_m": 0}}}))
    with pytest.raises(ConfigError, match=r"lidar.*retruns.*did you mean 'returns'\?"):
        Source(config_from_plain({**BASE, "lidar": {"retruns": "dual"}}))


INSIDE = Body("shell", primitives.sphere(0.2, 8), (matt(),), Motion.rest((0, 0, 0)))


@pytest.mark.parametrize(
    ("bodies", "why"),
    [
        ((), Why.NO_SURFACE),
        ((plate("back", (-5, 0, 0)),), Why.NO_SURFACE),
        ((INSIDE,), Why.OUT_OF_RANGE),
    ],
    ids=["empty", "behind", "inside a body"],
)
def test_scenes_without_echoes_are_empty_clouds(bodies, why):
    settings = {"twins": ("static", "deskewed"), "min_range_m": 0.5}
    found = Bench(bodies, SCANNER, settings).lidar(Key(0)).record((0.0, 0.1), Key(0))
    for name in ("lidar", "lidar_static", "lidar_deskewed", "lidar_boxes"):
        assert len(found[name]) == 0
    assert len(found["lidar_missing"]) == 40
    assert (found["lidar_missing"]["why"] == why).all()
    assert (np.isinf(found["lidar_missing"]["true_range_m"]) == (why == Why.NO_SURFACE)).all()


def test_a_device_whose_lasers_are_all_broken():
    settings = {"device": {"dead": (0, 1)}, "noise": {"false_alarm_hz": 1e6}}
    settings |= {"straying": {"bloom": 1.0}, "weather": {"rain_mm_h": 100.0}}
    found = Bench((plate("wall", (5, 0, 0)),), SCANNER, settings).sweep(Key(0))
    assert len(found["lidar"]) == 0
    assert (found["lidar_missing"]["why"] == Why.DEAD).all()


def test_more_bodies_than_labels_can_tell():
    speck = primitives.box((1, 1, 1))
    one = Body("speck", speck, (matt(),) * 6, Motion.rest((5, 0, 0)), "speck")
    with pytest.raises(SimgenError, match=r"must have fewer than 65535 bodies; got 65535; leave"):
        Bench((one,) * 65_535, SCANNER).lidar(Key(0))
