"""Beam patterns against real revolutions of a VLP-16 and a VLP-32C in a still room."""

import os
from pathlib import Path

import numpy as np
import pytest

from simgen.sensors.lidar.table import scanner

REAL = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real")) / "lidar"
pytestmark = pytest.mark.skipif(
    not REAL.is_dir(), reason="no real scans: set SIMGEN_REAL to the real captures"
)


@pytest.mark.parametrize(("name", "file"), [("vlp16", "vlp16"), ("vlp32c", "vlp32")])
def test_the_tables_are_those_of_the_recordings(name, file):
    lasers, real = scanner(name).lasers, np.load(REAL / f"{file}.npz")
    np.testing.assert_allclose(np.degrees(lasers.elevation_rad), real["elevation_deg"], atol=1e-5)
    offsets = real["azimuth_offset_deg"]
    np.testing.assert_allclose(np.degrees(lasers.azimuth_rad), offsets, atol=1e-5)


def test_a_real_vlp16_fires_in_our_cycle():
    """Its head, told to turn ten times a second, advances 3600 degrees/s times the cycle."""
    real, cycle = np.load(REAL / "vlp16.npz"), float(scanner("vlp16").cycle_s)
    for k in range(int(real["scans"])):
        turned = np.unwrap(np.radians(real[f"azimuth_deg_{k}"].astype(float)))
        step = np.polyfit(np.arange(len(turned)), turned, 1)[0]
        assert step / (2 * np.pi * cycle) == pytest.approx(10, abs=0.02)


def test_real_walls_are_straight_with_our_azimuths():
    """Neighbouring rings of a VLP-32C look to opposite sides; with the offsets turned about,
    or left out, the same wall is found in other places.
    """
    real, lidar = np.load(REAL / "vlp32.npz"), scanner("vlp32c")
    assert roughness(real, lidar, 1) < 0.6 * roughness(real, lidar, 0)
    assert roughness(real, lidar, 1) < 0.6 * roughness(real, lidar, -1)


def roughness(real, lidar, sign):
    """Median difference of the range, m, between rings 1/3 degree apart at the same azimuth."""
    grid, found = np.radians(np.arange(0, 360, 0.2)), []
    order = np.argsort(lidar.lasers.elevation_rad)[8:26]
    for k in range(int(real["scans"])):
        clockwise, ranges = np.radians(real[f"azimuth_deg_{k}"]), real[f"range_m_{k}"]
        profiles = []
        for laser in order:
            seen = ranges[:, laser] > 0
            azimuth = (clockwise[seen] - sign * lidar.lasers.azimuth_rad[laser]) % (2 * np.pi)
            profiles.append(np.interp(grid, azimuth, ranges[seen, laser], period=2 * np.pi))
        found.append(np.abs(np.diff(profiles, axis=0)))
    return np.median(found)
