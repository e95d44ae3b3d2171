"""What no camera can be is refused with one clear error."""

import json
import re

import pytest
from pydantic import ValidationError

from simgen.config import load_config
from simgen.config.check import model_check
from simgen.errors import ConfigError
from simgen.sensors.camera.isp import (
    BlackLevel,
    ColourMatrix,
    Demosaic,
    Denoise,
    Encode,
    ShadingCorrection,
    Sharpen,
    Tone,
    WhiteBalance,
)
from simgen.sensors.camera.optics import Bloom, Blur, LateralChromatic, LensDirt, Vignetting
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.sensor import (
    ColourFilter,
    DarkCurrent,
    Dsnu,
    Exposure,
    FullWell,
    LineNoise,
    Prnu,
    Quantise,
    ReadNoise,
    TukeyNoise,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Blur(-1), "a blur must be 0 or more pixels wide; got -1"),
        (lambda: Vignetting(1.5), "vignetting must take a share from 0 to 1; got 1.5"),
        (
            lambda: Vignetting(0, (-2, 0, 0)),
            (
                "vignetting must leave no less than no light; got a factor of -1 from"
                " pa = (-2, 0, 0); take k1, k2, k3 with a sum above -1"
            ),
        ),
        (
            lambda: Vignetting(0, corner_rad=2),
            "corners must be 0 to below pi/2 from the axis; got 2",
        ),
        (
            lambda: LateralChromatic((-1, 0, 0)),
            (
                "chromatic aberration must grow with the distance from the centre; got"
                " red = (-1, 0, 0); take v near 1 and c, b near 0"
            ),
        ),
        (
            lambda: Bloom(0.8, 8, 0.4),
            (
                "bloom and glare must be shares of the light, together at most 1; got bloom = 0.8,"
                " glare = 0.4"
            ),
        ),
        (lambda: Bloom(0.1, 0), "bloom must be wider than 0 pixels; got 0"),
        (lambda: LensDirt(2), "dirt must take a share of the light from 0 to 1; got 2"),
        (
            lambda: LensDirt(0, drops=-1),
            (
                "there must be no fewer than 0 spots and drops, of a radius above 0; got"
                " spots = 30, drops = -1, drop_radius = 0.05"
            ),
        ),
        (lambda: Exposure(0, -5), "white_e must be a number above 0; got -5"),
        (lambda: Exposure(0, NAN), "white_e must be a number above 0; got nan"),
        (lambda: Exposure(99, 1), "an exposure must be within 64 stops of 0; got 99"),
        (lambda: Exposure(0, 1, (1, 0, 1)), "each response must be a number above 0; got 0"),
        (
            lambda: Exposure(0, 1, (1, 1, 1), 0.7),
            "crosstalk must be a share from 0 to below 2/3, where colour is lost; got 0.7",
        ),
        (
            lambda: ColourFilter("RGBG"),
            "a colour filter array must be a Bayer pattern; got RGBG; did you mean 'RGGB'?",
        ),
        (lambda: Prnu(-0.1), "PRNU must be a number from 0; got -0.1"),
        (lambda: DarkCurrent(-1), "dark charge must be a number from 0; got -1"),
        (lambda: DarkCurrent(0, 2), "hot pixels must be a share from 0 to 1; got 2"),
        (lambda: FullWell(0), "full well must be a number above 0; got 0"),
        (
            lambda: FullWell(10, 0.5),
            "non-linearity must be a share from 0 to below 1/2; got 0.5",
        ),
        (lambda: Dsnu(NAN), "DSNU must be a number from 0; got nan"),
        (lambda: LineNoise(-1), "row_e must be a number from 0; got -1"),
        (lambda: LineNoise(0, 0, 0, -1), "column_pattern_e must be a number from 0; got -1"),
        (lambda: ReadNoise(-3), "read noise must be a number from 0; got -3"),
        (lambda: TukeyNoise(1, -0.6), "a Tukey lambda must lie between -0.45 and 2.0; got -0.6"),
        (lambda: Quantise(0, 8), "the converter's full scale must be a number above 0; got 0"),
        (lambda: Quantise(1, 17), "a converter must have 1 to 16 bits; got 17"),
        (
            lambda: Quantise(1, 8, 255),
            "the black level must lie from 0 to below full scale, 255; got 255",
        ),
        (lambda: BlackLevel(1), "the black level must lie from 0 to below full scale, 1; got 1"),
        (
            lambda: ShadingCorrection(Vignetting(0), 2),
            "shading correction must have a strength of 0 to 1; got 2",
        ),
        (
            lambda: WhiteBalance((-1, 1, 1)),
            "gains of white balance must be numbers from 0; got (-1, 1, 1)",
        ),
        (
            lambda: Demosaic("RGGB", "malver"),
            "a way of demosaicing must be known; got malver; did you mean 'malvar'?",
        ),
        (
            lambda: ColourMatrix(((NAN, 0, 0), (0, 1, 0), (0, 0, 1))),
            "a colour matrix must be of finite numbers; got ((nan, 0, 0), (0, 1, 0), (0, 0, 1))",
        ),
        (
            lambda: Tone(2),
            (
                "contrast must lie from 0 to 1, and saturation be 0 or more; got contrast = 2,"
                " saturation = 1.0"
            ),
        ),
        (
            lambda: Denoise(-1),
            "denoising must have widths from 0; got luma = -1, chroma_px = 0.0",
        ),
        (
            lambda: Sharpen(1, 0),
            "sharpening must have a gain from 0 and a width above 0; got amount = 1, sigma_px = 0",
        ),
        (lambda: Encode("jpg", 0), "JPEG quality must lie from 1 to 100; got 0"),
    ],
)
def test_an_effect_refuses(make, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        make()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"gain_dn_e": 1.0, "log_gain": 0.0},
            "one of `gain_dn_e` and `log_gain` must be left out; got both",
        ),
        (
            {"white_e": None},
            "one of `white_e`, `gain_dn_e` and `log_gain` must be given; got none",
        ),
        (
            {"bits": 8, "black_level_dn": 300.0},
            "the black level must lie from 0 to below full scale, 255; got 300.0",
        ),
        (
            {"bits": 8, "black_level_dn": 300.0, "gain_dn_e": 1.0},
            "the black level must lie from 0 to below full scale, 255; got 300.0",
        ),
        (
            {"vignetting": 0.0, "vignetting_pa": [-2.0, 0.0, 0.0]},
            (
                "vignetting must leave no less than no light; got a factor of -1 from"
                " pa = (-2.0, 0.0, 0.0); take k1, k2, k3 with a sum above -1"
            ),
        ),
    ],
)
def test_settings_that_contradict_each_other_are_refused_when_they_are_read(settings, message):
    with pytest.raises(ValidationError, match=re.escape(message)):
        CameraParams(**settings)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        load_config(
            "dice", [f"camera.{key}={json.dumps(value)}" for key, value in settings.items()]
        ).check({"camera": CameraParams})
    assert "every draw must satisfy the rules between parameters" in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("exposure_ev", -11.0), ("white_e", 0.0), ("full_well_e", 0.0), ("gain_dn_e", -1.0),
        ("black_level_dn", -1.0), ("prnu", -0.1), ("read_noise_e", -1.0), ("tukey_lambda", -0.5),
        ("nonlinearity", 0.5), ("hot_share", 1.1), ("bloom", -0.1), ("cfa", "XYZW"),
        ("jpeg_quality", 0), ("denoise_luma", -1.0), ("shading_correction", 1.5),
        ("log_gain", float("nan")), ("response", [0.0, 1.0, 1.0]), ("vignetting_corner_rad", 1.6),
        ("row_noise_e", float("inf")), ("white_balance", [1.0, -1.0, 1.0]),
    ],
)  # fmt: skip
def test_settings_refuse(key, value):
    with pytest.raises(ValidationError) as caught:
        CameraParams(**{key: value})
    assert len(caught.value.errors()) == 1
    assert caught.value.errors()[0]["loc"][0] == key


def test_a_distribution_that_leaves_the_bounds_is_refused_before_anything_is_drawn():
    with pytest.raises(ConfigError, match=r"every value of `camera.full_well_e` must be greater"):
        model_check(CameraParams, {"full_well_e": {"uniform": [-1, 5]}}, "camera")
