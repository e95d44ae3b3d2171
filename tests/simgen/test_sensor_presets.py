"""Presets of real cameras: loaded, cited, extended by configs, and drawn."""

import math

import numpy as np
import pytest

from simgen.config import load_config
from simgen.config.check import model_check
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.raw import expose
from simgen.sensors.presets import load, names
from simgen.space import Space

ELD = ("a7s2", "d850", "eos5d4", "eos700d", "eos70d")


def test_the_cameras_that_ship():
    assert {"imx477", "imx219", "imx174", "gopro_hero3plus", "iphone4", *ELD} <= set(names())


@pytest.mark.parametrize("name", names("camera"))
def test_every_preset_fits_a_camera_and_cites_its_figures(name):
    preset = load(name)
    model_check(CameraParams, preset.settings, "camera")
    assert preset.title
    ours = {"bits", "cfa"}  # said by title or by the line of another setting
    assert set(preset.settings) - ours - {"white_e"} <= set(preset.source)
    assert all(len(line) > 20 for line in preset.source.values())


def draw(name, *seeds):
    space = Space.parse({"camera": load(name).settings})
    frame = {"width": 64, "height": 48, "format": "png"}
    return [
        CameraParams.model_validate({**space.draw(Key(seed)).values["camera"], **frame})
        for seed in seeds
    ]


@pytest.mark.parametrize("name", names("camera"))
def test_every_preset_takes_a_picture(name):
    light = np.full((48, 64, 3), 0.3, np.float32)
    for seed, params in enumerate(draw(name, 0, 1, 2)):
        chain = params.chain()
        data, raw = expose(chain, light, chain.init(Key(1)), Key(seed))
        assert data[:4] == b"\x89PNG"
        assert raw.values.min() < raw.values.max()


@pytest.mark.parametrize("name", ELD)
def test_noise_follows_the_gain_of_the_published_line(name):
    """Over 400 draws, a line through ln(sigma) against ln(K) has the published slope."""
    law = load(name).settings["log_read_noise"]
    drawn = draw(name, *range(400))
    gain = np.array([p.log_gain for p in drawn])
    read = np.array([p.log_read_noise for p in drawn])
    slope, bias = np.polyfit(gain, read, 1)
    spread = law["offset"]["normal"]["std"]
    assert slope == pytest.approx(law["scale"], abs=4 * spread / gain.std() / 20)
    assert (read - slope * gain - bias).std() == pytest.approx(spread, rel=0.15)
    assert np.ptp(gain) > 3.5


def test_imx477_agrees_with_its_two_sources():
    camera = load("imx477").settings
    assert camera["gain_dn_e"] == pytest.approx(2.767**2 / 16, rel=0.025)
    assert camera["full_well_e"] * camera["gain_dn_e"] + camera["black_level_dn"] == pytest.approx(
        4095, abs=10
    )
    assert camera["readout_s"] == pytest.approx(24000 / 840e6 * 3040, rel=1e-3)
    assert load("imx219").settings["readout_s"] == pytest.approx(3448 / 182.4e6 * 2464, rel=1e-3)
    assert load("imx219").settings["gain_dn_e"] == pytest.approx(3.67**2 / 64, rel=1e-3)


def test_brooks_noise_is_what_the_paper_draws():
    """Variance of read and shot noise, in units of white, from the settings alone."""
    drawn = draw("brooks2019", *range(300))
    room = 16383 - 512
    shot = np.array([1 / p.sensor()[0].white_e for p in drawn])
    read = np.array([(math.exp(p.log_read_noise) / room) ** 2 for p in drawn])
    assert 1e-4 <= shot.min() < 2e-4
    assert 0.008 < shot.max() <= 0.0121
    residual = np.log(read) - 2.18 * np.log(shot) - 1.20
    assert residual.mean() == pytest.approx(0, abs=0.06)
    assert residual.std() == pytest.approx(0.26, rel=0.12)
    assert {p.response[1] for p in drawn} == {1.0}


def test_a_config_extends_a_sensor(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: [dice, 'sensor:imx477']\ncamera:\n  read_noise_e: 2.5\n")
    config = load_config(str(path), [])
    assert config.camera["gain_dn_e"] == 0.47
    assert config.camera["white_e"] is None
    assert config.camera["read_noise_e"] == 2.5  # the file lies on top
    assert config.camera["width"] == 640  # from dice
    params = CameraParams.model_validate(config.space().draw(Key(0)).values["camera"])
    assert params.cfa == "RGGB"
    assert math.isclose(params.converter().full_scale_e, (4095 - 256.3) / 0.47)


def test_an_unknown_sensor_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: [dice, 'sensor:imx447']\n")
    with pytest.raises(
        ConfigError,
        match=r"mine.yaml:1: extends: a sensor must be one that `simgen sensors list` shows; got"
        r" imx447; did you mean 'imx477'\?$",
    ):
        load_config(str(path), [])
    with pytest.raises(ConfigError, match=r"^a sensor must be a preset; got nikon; known: a7s2"):
        load("nikon")
