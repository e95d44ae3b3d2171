"""Presets of event cameras and inertial units: their settings fit, and every figure is sourced."""

from importlib import resources

import pytest
import yaml

from simgen.sensors.event import EventParams
from simgen.sensors.imu import ImuParams

MODELS = {"events": EventParams, "imu": ImuParams}


def load(name):
    folder = resources.files("simgen") / "sensors" / "presets"
    return yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("name", "section"), [("v2e_default", "events"), ("davis346", "events"), ("mpu6000", "imu")]
)
def test_a_preset_fits_its_model_and_says_where_each_figure_is_from(name, section):
    preset = load(name)
    assert set(preset) - {"camera"} == {"name", "title", "source", section}
    assert preset["name"] == name
    MODELS[section].model_validate(preset[section])
    assert list(preset["source"]) == list(preset[section])


def test_the_default_pixel_is_that_of_v2e():
    assert EventParams.model_validate(load("v2e_default")["events"]) == EventParams()
