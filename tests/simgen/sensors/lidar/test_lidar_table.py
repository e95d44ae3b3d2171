"""Shipped tables, users' CSV files, and the presets of LiDARs."""

from dataclasses import fields
from importlib import resources

import numpy as np
import pytest

from simgen.config import load_config
from simgen.config.check import model_check
from simgen.sensors.lidar.listed import Listed
from simgen.sensors.lidar.params import LidarParams
from simgen.sensors.lidar.pulses import Pulses
from simgen.sensors.lidar.table import names, scanner
from simgen.sensors.presets import load
from simgen.sensors.presets import names as presets

TABLES = resources.files("simgen") / "sensors" / "lidar" / "tables"
SIZES = {
    # Lasers, columns at 10 Hz, lowest and highest elevation.
    "avia": (6, 4000, -38.7, 38.7),
    "hdl32e": (32, 2171, -30.67, 10.67),
    "hdl64e": (64, 2084, -24.5551, 1.9601),
    "hdl64e_s3": (64, 1737, -24.5551, 1.9601),
    "mid40": (1, 10_000, -19.2, 19.2),
    "mid70": (1, 10_000, -35.2, 35.2),
    "os0_128": (128, 1024, -46.26, 45.75),
    "os0_64": (64, 1024, -45.46, 45.85),
    "os1_128": (128, 1024, -21.82, 20.95),
    "os1_64": (64, 1024, -16.611, 16.611),
    "os2_128": (128, 1024, -11.09, 10.76),
    "os2_64": (64, 1024, -10.92, 10.76),
    "pandar64": (64, 1800, -24.883393, 14.837607),
    "vlp16": (16, 1809, -15, 15),
    "vlp32c": (32, 1809, -25, 15),
    "vls128": (128, 1877, -25, 15),
    "xt32": (32, 2000, -16, 15),
}


def test_the_patterns_that_ship():
    assert names() == tuple(sorted(SIZES))
    assert set(presets("lidar")) == set(SIZES)


@pytest.mark.parametrize("name", names())
def test_a_shipped_table_cites_and_fits(name):
    text = (TABLES / f"{name}.csv").read_text(encoding="utf-8")
    comments = " ".join(line for line in text.splitlines() if line.startswith("#"))
    assert any(word in comments for word in ("anual", "SDK", "HELIOS", "driver"))
    rings, columns, low, high = SIZES[name]
    lidar, prisms = scanner(name), rings in (1, 6)
    assert (lidar.rings, lidar.columns, lidar.period_s) == (rings, columns, 0.1)
    for number in (0, 1, 7):
        pulses = lidar.sweep(number)
        place = pulses.ring.astype(int) * columns + pulses.column
        assert len(np.unique(place)) == len(pulses)
        assert pulses.column.max() < columns
        elevation = np.degrees(pulses.elevation_rad)
        if prisms:
            assert low < elevation.min() < low + 2
            assert high - 2 < elevation.max() < high
        else:
            assert elevation.min() == pytest.approx(low)
            assert elevation.max() == pytest.approx(high)
        types = [getattr(pulses, f.name).dtype.str for f in fields(pulses)]
        assert types == ["<f8", "<f8", "<f8", "<f8", "<u2", "<i4"]


@pytest.mark.parametrize("columns", [512, 1024, 2048])
def test_an_ouster_has_its_columns(columns):
    lidar = scanner("os2_64", columns=columns)
    assert lidar.columns == columns
    assert len(lidar.sweep(0)) == 64 * columns
    assert scanner("os2_64", 20, 512).period_s == 0.05


def test_a_velodyne_runs_at_other_rates():
    assert scanner("vlp16", 20).columns == 905
    assert scanner("vlp16", 5).columns == 3617
    assert scanner("vlp16", 12.5).period_s == 0.08


def test_makers_points_a_sweep():
    """KITTI's HDL-64E: about 133,333 shots; nuScenes' HDL-32E at 20 Hz: 1085 or 1086 columns."""
    assert len(scanner("hdl64e").sweep(0)) == pytest.approx(133_333, abs=64)
    assert scanner("hdl32e", 20).columns == 1086


def test_a_users_table_of_lasers(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "\ufeff# Two lasers, a line for readers\n#cycle_us=100\n# rate_hz = 100\n"
        "# turning = counter-clockwise\n# start_deg = 0\n\n"
        "elevation_deg, azimuth_offset_deg, fire_us, left_mm\n1, 0, 0, 5\n -2.5, 3, 40.5, -5\n"
    )
    pulses = scanner(str(path)).sweep(0)
    assert len(pulses) == 200
    np.testing.assert_allclose(pulses.time_s[:4], [0, 40.5e-6, 100e-6, 140.5e-6])
    np.testing.assert_allclose(
        np.degrees(pulses.azimuth_rad[:4]), [0, 3 + 360 * 0.00405, 3.6, 6.6 + 360 * 0.00405]
    )
    assert pulses.ring[:2].tolist() == [1, 0]
    np.testing.assert_allclose(pulses.origin_m[0], [0, 0.005, 0], atol=1e-15)
    assert scanner(str(path), 50).columns == 200


def write_list(path, pulses: Pulses, rate, ring=True):
    lines = [f"# rate_hz = {rate}", "time_s,azimuth_deg,elevation_deg" + ",ring" * ring]
    for values in zip(
        pulses.time_s, pulses.azimuth_rad, pulses.elevation_rad, pulses.ring, strict=True
    ):
        angles = [repr(float(np.degrees(a))) for a in values[1:3]]
        cells = [repr(float(values[0])), *angles, *[str(values[3])] * ring]
        lines.append(",".join(cells))
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("ring", [True, False])
def test_a_list_of_pulses_comes_back(tmp_path, ring):
    path, pulses = tmp_path / "list.csv", scanner("xt32", 20).sweep(0)
    write_list(path, pulses, 20, ring)
    lidar = scanner(str(path))
    again = lidar.sweep(3)
    assert isinstance(lidar, Listed)
    np.testing.assert_allclose(again.time_s, pulses.time_s, atol=0)
    np.testing.assert_allclose(again.directions, pulses.directions, atol=1e-12)
    if ring:
        assert (lidar.rings, lidar.columns) == (32, 1000)
        assert (again.ring == pulses.ring).all()
        assert (again.column == pulses.column).all()
    else:
        assert (lidar.rings, lidar.columns) == (1, 32_000)
        assert (again.column == np.arange(32_000)).all()
    assert scanner(str(path), 20).period_s == lidar.period_s == 0.05


def test_users_prisms(tmp_path):
    path = tmp_path / "prisms.csv"
    path.write_text(
        "# pulses_hz = 1000\n# rate_hz = 10\n# lasers_deg = -1, 1\n"
        "wedge_deg,index,turn_hz,phase_deg\n5,1.5,50,90\n"
    )
    lidar = scanner(str(path))
    pulses = lidar.sweep(0)
    assert (lidar.rings, len(pulses)) == (2, 100)
    assert pulses.elevation_rad[0] > 0.02  # phase 90 degrees: towards z, more than the fan
    assert scanner(str(path), 7).sweep(0).time_s[-1] < 1 / 7


def test_a_file_that_changed_is_read_again(tmp_path):
    path = tmp_path / "mine.csv"
    head = "# cycle_us = 100\n# rate_hz = 10\nelevation_deg,azimuth_offset_deg,fire_us\n"
    path.write_text(head + "1,0,0\n")
    assert scanner(str(path)).rings == 1
    assert scanner(str(path)) is scanner(str(path))
    path.write_text(head + "1,0,0\n2,0,1\n")
    assert scanner(str(path)).rings == 2


def flat(settings, before=""):
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}"


@pytest.mark.parametrize("name", presets("lidar"))
def test_a_preset_fits_its_model_and_cites_every_figure(name):
    preset = load(name)
    assert preset.kind == "lidar"
    model_check(LidarParams, preset.settings, "lidar")
    params = LidarParams.model_validate(preset.settings)
    assert params.pattern == name
    assert scanner(params.pattern, params.rate_hz, params.columns).period_s == 0.1
    assert list(preset.source) == list(flat(preset.settings))
    assert all(len(line) >= 20 for line in preset.source.values())
    assert params.min_range_m < params.max_range_m <= params.cutoff_m


def test_the_first_os1_keeps_its_sheets_law():
    """1.5, 3 and 10 cm at ratios of 250, 100 and 12, within a tenth."""
    noise = LidarParams.model_validate(load("os1_64").settings).noise
    for ratio, sheet in ((250, 0.015), (100, 0.03), (12, 0.1)):
        law = noise.range_snr_m * ratio**-noise.range_snr_power
        assert np.hypot(noise.range_floor_m, law) == pytest.approx(sheet, rel=0.12)


def test_a_config_extends_a_lidar(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("extends: [dice, 'sensor:os1_128']\nlidar: {columns: 512}\n")
    config = load_config(str(path), [])
    assert config.lidar["max_range_m"] == 45.0
    params = LidarParams.model_validate(config.lidar)
    assert scanner(params.pattern, params.rate_hz, params.columns).columns == 512


def test_presets_state_the_same_figures_so_that_one_laid_on_another_leaves_nothing_of_it():
    """A street that brings its own LiDAR may be given another."""
    first, *others = (set(flat(load(name).settings)) for name in presets("lidar"))
    assert all(other == first for other in others)
