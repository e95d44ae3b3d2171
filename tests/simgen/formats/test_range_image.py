"""Range images, held against Pillow, NumPy and the beams of the toy."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from simgen.clouds import Why
from simgen.dataset.toy_clouds import COLUMNS, RINGS
from simgen.errors import ConfigError, StoreError
from simgen.formats.range_image import (
    FORMAT,
    NO_REASON,
    RangeImageFormat,
    _medians,
    arrange,
    decode,
)
from simgen.formats.sweeps import sweeps


@pytest.fixture(scope="module")
def exported(clouds, tmp_path_factory):
    out = tmp_path_factory.mktemp("range") / "out"
    FORMAT.write(clouds, out)
    return out, [sweep for record in clouds for sweep in sweeps(record)]


def test_pillow_reads_range_intensity_and_instance(exported):
    out, found = exported
    for sweep in found:
        first = sweep.points[sweep.points["echo"] == 0]
        row, column = RINGS - 1 - first["ring"], first["column"]
        for name, unit, field in (
            ("range", 0.004, "range_m"),
            ("intensity", 1, "intensity"),
            ("instance", 1, "instance"),
        ):
            image = np.array(Image.open(out / "clouds" / f"{sweep.key}.{name}.png")).astype(float)
            assert image.shape == (RINGS, COLUMNS)
            assert np.abs(image[row, column] * unit - first[field]).max() <= unit / 2 + 1e-6
            image[row, column] = 0
            assert not image.any()  # nothing where nothing came back


def test_numpy_reads_every_pulse(exported):
    out, found = exported
    for sweep in found:
        with np.load(out / "clouds" / f"{sweep.key}.npz") as images:
            assert images["range_m"].shape == (2, RINGS, COLUMNS)
            returned = images["index"][0] >= 0
            assert returned.sum() + len(sweep.missing) == RINGS * COLUMNS
            assert (images["why"][returned] == NO_REASON).all()
            assert (images["why"][~returned] == Why.NO_SURFACE).all()
            assert images["index"].max() == len(sweep.points) - 1


def test_beams_are_those_of_the_toy(exported):
    out, found = exported
    beams = json.loads((out / "clouds" / f"{found[0].key}.beams.json").read_text())
    elevation = np.deg2rad(-20 + 24 * np.arange(RINGS) / (RINGS - 1))
    azimuth = np.pi - 2 * np.pi * (np.arange(COLUMNS) + 0.5) / COLUMNS
    assert np.allclose(beams["ring_elevation_rad"], elevation, atol=1e-6)
    turned = np.angle(np.exp(1j * (np.array(beams["column_azimuth_rad"]) - azimuth)))
    assert np.abs(turned).max() < 1e-6


def test_ranges_and_beams_give_the_points_back(exported):
    """What the pictures and beams alone tell: x, y, z to half a step and the toy's exactness."""
    out, (sweep, *_) = exported
    beams = json.loads((out / "clouds" / f"{sweep.key}.beams.json").read_text())
    image = np.array(Image.open(out / "clouds" / f"{sweep.key}.range.png"))[::-1] * 0.004
    first = sweep.points[sweep.points["echo"] == 0]
    elevation = np.array(beams["ring_elevation_rad"])[first["ring"]]
    azimuth = np.array(beams["column_azimuth_rad"])[first["column"]]
    r = image[first["ring"], first["column"]]
    x, y = (r * np.cos(elevation) * f(azimuth) for f in (np.cos, np.sin))
    for name, found in zip("xyz", (x, y, r * np.sin(elevation)), strict=True):
        assert np.abs(found - first[name]).max() < 0.0021


def test_the_median_of_angles_does_not_break_at_the_turn(clouds):
    """A column straight behind has azimuths on both sides of pi."""
    row = np.array([[np.pi - 0.01, -np.pi + 0.01, -np.pi + 0.02], [np.nan] * 3], np.float32)
    middle, none = _medians(row)
    assert middle == pytest.approx(-np.pi + 0.01, abs=1e-6)
    assert none is None


def test_what_does_not_fit_is_refused(clouds, tmp_path):
    with pytest.raises(StoreError, match=r"at most 6\.5535 m in steps of 0\.0001 m; got .*; give"):
        RangeImageFormat(range_step_m=0.0001).write(clouds, tmp_path / "out")
    with pytest.raises(ConfigError, match="`range_step_m` must be above 0; got 0"):
        RangeImageFormat(range_step_m=0)
    assert list(tmp_path.iterdir()) == []


def test_two_points_in_one_place_are_refused(exported):
    _, (sweep, *_) = exported
    twice = dataclasses.replace(sweep, points=np.repeat(sweep.points, 2))
    with pytest.raises(StoreError, match=r"must be alone in its ring, column and echo; got \d+ p"):
        arrange(twice, (2, RINGS, COLUMNS))


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_damaged_file_is_one_clear_error(cut, exported):
    out, (sweep, *_) = exported
    data = (out / "clouds" / f"{sweep.key}.npz").read_bytes()
    with pytest.raises(StoreError, match=r"f\.npz: a range image must be an \.npz of simgen's"):
        decode(data[:cut], "f.npz")
