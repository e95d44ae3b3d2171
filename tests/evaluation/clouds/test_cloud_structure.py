"""Runs, edges and roughness of range images, against slow twins and closed forms."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.clouds import structure
from evaluation.clouds.measures import measure
from evaluation.clouds.scan import Scan
from evaluation.clouds.units import SECTORS
from simgen.errors import CaptureError
from simgen.rng import Key


def scan_of(ranges, azimuth=None, fired=None):
    ranges = np.asarray(ranges, float)
    rings, columns = ranges.shape
    if azimuth is None:
        azimuth = np.broadcast_to(np.radians(0.2) * np.arange(columns), ranges.shape)
    return Scan(
        "twin", "twin", ranges, np.where(np.isfinite(ranges), 0.5, np.nan), np.array(azimuth),
        np.radians(np.arange(rings, dtype=float)),
        np.ones(ranges.shape, bool) if fired is None else fired,
    )  # fmt: skip


def jump(a, b):
    return abs(a - b) > 0.3 + 0.03 * min(a, b)


def slow_runs(scan):
    """The same, pulse by pulse."""
    found = []
    for ring in range(scan.rings):
        row, linked = scan.range_m[ring], scan.joined[ring]
        column = 0
        while column < len(row):
            if not (scan.fired[ring, column] and np.isnan(row[column])):
                column += 1
                continue
            stop = column
            while stop + 1 < len(row) and linked[stop] and np.isnan(row[stop + 1]):
                stop += 1
            left = row[column - 1] if column and linked[column - 1] else np.nan
            right = row[stop + 1] if stop + 1 < len(row) and linked[stop] else np.nan
            closed = bool(np.isfinite(left) and np.isfinite(right))
            found.append((ring, column, stop - column + 1, closed, closed and jump(left, right)))
            column = stop + 1
    return found


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.booleans())
def test_runs_are_those_of_the_slow_twin(seed, share, gaps):
    rng = np.random.default_rng(seed)
    ranges = np.where(rng.random((3, 40)) < share, np.nan, rng.choice([2.0, 2.2, 5.0], (3, 40)))
    azimuth = np.broadcast_to(np.radians(0.2) * np.arange(40), ranges.shape).copy()
    fired = np.ones(ranges.shape, bool)
    if gaps:
        azimuth[:, 17:] += 1.0
        fired[1, 30:] = False
        ranges[1, 30:] = np.nan
    scan = scan_of(ranges, azimuth, fired)
    got = structure.runs(scan)
    rows = zip(got.ring, got.start, got.length, got.closed, got.edge, strict=True)
    assert [tuple(map(int, row)) for row in rows] == [tuple(map(int, r)) for r in slow_runs(scan)]
    both, edges = structure.pairs(scan)
    slow = sum(
        jump(ranges[r, c], ranges[r, c + 1])
        for r in range(3) for c in range(39)
        if np.isfinite(ranges[r, c] + ranges[r, c + 1]) and scan.joined[r, c]
    )  # fmt: skip
    assert edges.sum() == slow
    assert not (edges & ~both).any()


@pytest.mark.parametrize("noise_m", [0.004, 0.02])
def test_the_residuals_mean_square_is_the_variance_of_the_range(room_scan, noise_m):
    """Chi-square with three degrees of freedom: mean s^2, variance 2/3 s^4."""
    scan = room_scan(Key(3) / "a", columns=2400, noise_m=noise_m, dropout=0.05)
    found, _, _ = structure.residuals(scan)
    mean = np.mean(found**2)
    reach = 4 * noise_m**2 * np.sqrt(2 / 3 / len(found))
    assert abs(mean - noise_m**2) < reach


def test_smooth_walls_have_no_roughness(room_scan):
    """Negative control: without noise the windows of every wall and floor are straight."""
    scan = room_scan(Key(3) / "a", columns=1800, noise_m=0.0, dropout=0.0)
    found, _, _ = structure.residuals(scan)
    assert np.quantile(found, 0.95) < 2e-4


def test_planted_drop_outs_are_sorted_by_where_they_are():
    ranges = np.full((2, 64), 4.0)
    ranges[:, 40:] = 8.0  # one edge a ring
    ranges[0, 10] = ranges[1, 20:22] = np.nan  # inside a surface
    ranges[0, 39] = np.nan  # at the edge
    ranges[1, 50:] = np.nan  # 14 columns of 0.2 degrees: neither isolated nor a large hole
    counts = {
        name: (each.part.sum(), each.whole.sum())
        for name, each in measure([scan_of(ranges)]).shares.items()
    }
    assert counts["return rate"] == (128 - 18, 128)
    assert counts["isolated drop-outs"] == (4, 18)
    assert counts["large holes"] == (0, 18)
    assert counts["drop-out inside surfaces"] == (3, 3 + 110)
    assert counts["drop-out at edges"] == (1, 2)
    assert counts["edges"][0] == 1
    ranges[1, 45:] = np.nan
    holes = measure([scan_of(ranges)]).shares["large holes"]
    assert (holes.part.sum(), holes.whole.sum()) == (19, 23)


def test_counts_of_rings_and_units_add_up(rooms):
    scans = rooms(1, 2, scans=2, columns=96)
    found = measure(scans)
    for name, rings in found.rings.items():
        assert rings.part.sum() == found.shares[name].part.sum()
        assert rings.whole.sum() == found.shares[name].whole.sum()
    assert len(found.units) == 4 * SECTORS
    assert found.units.scenes == 2
    assert len(found.values["range"].values) == found.shares["return rate"].part.sum()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"range_m": np.full((16, 480), -1.0)}, "a range must be positive, or absent; got -1.0"),
        ({"intensity": np.full((16, 480), np.nan)}, "a pulse, a range and an intensity"),
        ({"elevation_rad": -np.arange(16.0)}, "rings must rise in elevation"),
        ({"azimuth_rad": np.full((16, 480), np.nan)}, "every pulse must have an azimuth"),
        ({"fired": np.ones((16, 479), bool)}, "must have one shape"),
    ],
)
def test_what_is_no_scan_is_refused(room_scan, change, text):
    with pytest.raises(CaptureError, match=text):
        dataclasses.replace(room_scan(Key(1) / "a", dropout=0.0), **change)
