"""Presets of radars fit, cite every figure, and have the resolutions of their data sheets."""

import pytest

from simgen.config import load_config
from simgen.config.check import model_check
from simgen.sensors.presets import load, names
from simgen.sensors.radar import RadarParams

FOUND = names("radar")


def paths(settings, before=""):
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from paths(value, f"{before}{name}.")
        else:
            yield before + name


def test_the_radars_that_ship():
    assert set(FOUND) == {"ars408_far", "ars408_near", "awr1642"}


@pytest.mark.parametrize("name", FOUND)
def test_a_preset_fits_and_says_where_each_figure_is_from(name):
    preset = load(name)
    model_check(RadarParams, preset.settings, "radar")
    assert list(preset.source) == list(paths(preset.settings))
    assert all(len(line) > 12 for line in preset.source.values())


@pytest.mark.parametrize(
    ("name", "range_m", "speed_km_h", "reach_m"),
    [("ars408_far", 1.79, 0.37, 250), ("ars408_near", 0.39, 0.43, 70)],
)
def test_resolutions_are_those_of_the_data_sheet(name, range_m, speed_km_h, reach_m):
    facts = RadarParams.model_validate(load(name).settings).facts()
    assert facts["range_resolution_m"] == pytest.approx(range_m, rel=0.005)
    assert facts["speed_resolution_m_s"] * 3.6 == pytest.approx(speed_km_h, rel=0.005)
    assert facts["unambiguous_range_m"] > reach_m


def test_a_config_extends_a_radar(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: [dice, 'sensor:awr1642']\nradar:\n  antenna: {channels: 4}\n")
    config = load_config(str(path), [])
    params = RadarParams.model_validate(config.radar)
    assert params.antenna.channels == 4
    assert params.waveform.range_end_m == pytest.approx(12.1, abs=0.1)
