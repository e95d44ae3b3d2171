"""Published bands, and scans held against them."""

import numpy as np
import pytest

from evaluation.clouds.bands import FIGURES, check, known, load_bands
from simgen.errors import CaptureError, ConfigError
from simgen.rng import Key


def written(tmp_path, figures, rings=16):
    path = tmp_path / "bands.yaml"
    path.write_text(f"title: a test\nrings: {rings}\nscans: 3\nfigures:\n{figures}")
    return str(path)


def test_kittis_bands_are_those_of_the_nine_scans():
    bands = load_bands("kitti")
    assert (bands.rings, bands.scans) == (64, 9)
    assert set(bands.figures) == set(FIGURES)
    points, rate = bands.figures["points"], bands.figures["return_rate"]
    assert (points.low, points.high) == (115384, 126891)
    # points over 133,333 shots, to the digits that are stated
    assert rate.low == pytest.approx(points.low / 133_333, abs=5e-5)
    assert rate.high == pytest.approx(points.high / 133_333, abs=5e-5)
    assert str(bands.figures["range_max_m"]) == "at most 80"
    assert str(bands.figures["range_min_m"]) == "at least 1.3"


def test_every_figure_is_that_of_the_scan(rooms, tmp_path):
    scans = rooms(1, 3, columns=96, zeros=0.1)
    names = "".join(f"  {name}: {{low: -1}}\n" for name in FIGURES)
    found = {c.name: c for c in check(scans, load_bands(written(tmp_path, names)), key=Key(0))}
    ranges = [scan.range_m[np.isfinite(scan.range_m)] for scan in scans]
    bright = [scan.intensity[np.isfinite(scan.range_m)] for scan in scans]
    expected = {
        "points": np.mean([len(each) for each in ranges]),
        "return_rate": np.mean([len(each) / (16 * 96) for each in ranges]),
        "range_min_m": np.mean([each.min() for each in ranges]),
        "range_median_m": np.mean([np.median(each) for each in ranges]),
        "range_max_m": np.mean([each.max() for each in ranges]),
        "zero_intensity": np.mean([np.mean(each == 0) for each in bright]),
        "mean_intensity": np.mean([each.mean() for each in bright]),
    }
    for name, value in expected.items():
        assert found[name].mean.value == pytest.approx(value)
        assert found[name].mean.low <= value <= found[name].mean.high
        assert found[name].passes
        assert found[name].inside == 1


def test_a_figure_outside_is_a_miss(rooms, tmp_path):
    scans = rooms(1, 10, columns=96, dropout=0.05)
    path = written(tmp_path, "  return_rate: {low: 0.949, high: 0.951}\n  points: {high: 10}\n")
    rate, points = check(scans, load_bands(path), key=Key(0))
    assert 0 < rate.inside < 1
    assert not points.passes
    assert points.inside == 0


@pytest.mark.parametrize(
    ("figures", "text"),
    [
        ("  points: {}\n", "a band must have an end"),
        ("  points: {low: 2, high: 1}\n", "`low <= high` must hold; got 2.0 and 1.0"),
        ("  pionts: {low: 2}\n", "a known figure; got pionts; did you mean 'points'"),
        ("  points: {low: x}\n", "points.low: bands: Input should be a valid number"),
        ("  points: [\n", "bands must be YAML"),
    ],
)
def test_bands_that_mean_nothing_are_refused(figures, text, tmp_path):
    with pytest.raises(ConfigError, match=text):
        load_bands(written(tmp_path, figures))


def test_other_sensors_and_unknown_names_are_refused(rooms):
    assert known() == ("kitti",)
    with pytest.raises(ConfigError, match="got kiti; did you mean 'kitti'"):
        load_bands("kiti")
    with pytest.raises(CaptureError, match="a sensor of 64 rings; got 16; generate with"):
        check(rooms(1, 1, columns=96), load_bands("kitti"), key=Key(0))
