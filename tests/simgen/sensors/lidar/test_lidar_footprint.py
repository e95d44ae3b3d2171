"""The footprint: energy, width and edges, against closed forms and a slow twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen import geometry
from simgen.clouds import Cause
from simgen.contracts.lidar_bench import Bench, ahead, fan, matt, plate
from simgen.rays import Hits, Rays
from simgen.rng import Key
from simgen.sensors.lidar.footprint import STEP_M, edges, slant_m, spots, sub_rays
from simgen.sensors.lidar.params import Optics
from simgen.sensors.lidar.pulses import Pulses

angle = st.floats(-1.4, 1.4)


@pytest.mark.parametrize("count", [7, 64, 1024])
def test_spots_have_the_beams_moments_and_energy(count):
    """Second moment 1/2 to rounding; energy 1 - exp(-2 r^2) within r to a spot or two."""
    places = spots(count)
    square = (places**2).sum(axis=1)
    assert square.mean() == pytest.approx(0.5, abs=1e-12)
    assert np.abs(places.mean(axis=0)).max() < 0.6 / np.sqrt(count)
    spread = places.T @ places / count
    np.testing.assert_allclose(spread, np.eye(2) / 4, atol=2 / count)
    if count > 7:
        for radius in (0.3, 0.6, 1.0, 1.5):
            within = (square < radius**2).mean()
            assert within == pytest.approx(1 - np.exp(-2 * radius**2), abs=0.02)
    assert spots(1).tolist() == [[0, 0]]


@settings(max_examples=20)
@given(azimuth=angle, elevation=angle, range_m=st.floats(0.1, 200), exit_m=st.floats(0, 0.03))
def test_the_beam_is_as_wide_as_it_should_be_at_every_range(azimuth, elevation, range_m, exit_m):
    """w^2 = w0^2 + (beta R / 2)^2, across and up apart, with and without a waist."""
    optics = Optics(divergence_mrad=(3.0, 1.5), exit_m=exit_m, subrays=1024)
    level = np.cos(elevation)
    ahead_of = np.array([[level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)]])
    across = np.array([-np.sin(azimuth), np.cos(azimuth), 0])
    up = np.cross(ahead_of[0], across)
    origin = np.array([[1.0, -2.0, 3.0]])
    rays = sub_rays(Rays(origin, ahead_of, np.array([0.7])), np.array([[0.0, 0, 1]]), optics)
    assert rays.times_s.tolist() == [0.7]
    np.testing.assert_allclose(np.linalg.norm(rays.directions, axis=1), 1, atol=1e-12)
    offset = rays.origins_m - origin
    way = (range_m - offset @ ahead_of[0]) / (rays.directions @ ahead_of[0])
    spot = offset + way[:, None] * rays.directions
    for axis, beta in ((across, 3e-3), (up, 1.5e-3)):
        radius = np.hypot(exit_m / 2, beta * range_m / 2)
        assert 2 * (spot @ axis).std() == pytest.approx(radius, rel=5e-3)


@pytest.mark.parametrize("up", [(0, 0, 1), (0, 0, -1)])
def test_a_beam_along_the_upward_axis_has_a_footprint(up):
    rays = Rays(np.zeros((1, 3)), np.array([(0.0, 0, 1)]), np.zeros(1))
    optics = Optics(divergence_mrad=(2.0, 2.0), subrays=256)
    found = sub_rays(rays, np.array([up], float), optics).directions
    assert np.isfinite(found).all()
    assert 2 * found[:, 0].std() == pytest.approx(1e-3, rel=0.01)
    assert 2 * found[:, 1].std() == pytest.approx(1e-3, rel=0.01)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1), tilt=st.floats(0, 1.3), range_m=st.floats(1, 100),
    exit_m=st.floats(0, 0.02),
)  # fmt: skip
def test_the_slant_is_the_spread_of_the_rays_ranges(seed, tilt, range_m, exit_m):
    rng = np.random.default_rng(seed)
    optics = Optics(divergence_mrad=(1.0, 1.0), exit_m=exit_m, subrays=4096)
    axis, up = geometry.unit(rng.standard_normal((2, 3)))
    side = geometry.unit(np.cross(axis, rng.standard_normal(3)))
    normal = -np.cos(tilt) * axis + np.sin(tilt) * side
    beam = Rays(np.zeros((1, 3)), axis[None], np.zeros(1))
    rays = sub_rays(beam, up[None], optics)
    offset = (range_m * axis - rays.origins_m) @ normal
    expected = (offset / (rays.directions @ normal)).std()
    found = slant_m(beam, up[None], np.array([range_m]), normal[None], optics)
    assert found[0] == pytest.approx(expected, rel=0.02, abs=1e-5)


def test_no_hit_has_no_slant():
    beam = Rays(np.zeros((1, 3)), np.array([(1.0, 0, 0)]), np.zeros(1))
    args = np.array([(0.0, 0, 1)]), np.array([np.inf]), np.zeros((1, 3)), Optics()
    assert slant_m(beam, *args).tolist() == [0.0]


def neighbours_apart(pulses, rays, hits, normal):
    """Pulses next to one on another surface, pair by pair."""
    place = {(r, c): i for i, (r, c) in enumerate(zip(pulses.ring, pulses.column, strict=True))}
    found = np.zeros(len(pulses), bool)
    reach = np.where(np.isinf(hits.distance_m), 0, hits.distance_m)  # of holes nothing is asked
    points = rays.origins_m + reach[:, None] * rays.directions
    for (ring, column), i in place.items():
        for other in ((ring + 1, column), (ring, column + 1)):
            if (j := place.get(other)) is None:
                continue
            gone = np.isinf(hits.distance_m[[i, j]])
            apart = gone[0] != gone[1]
            if not gone.any():
                step = points[j] - points[i]
                apart = min(abs(step @ normal[i]), abs(step @ normal[j])) > STEP_M
            found[[i, j]] |= apart
    return found


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), rough=st.floats(0.001, 0.1))
def test_edges_are_those_of_the_twin(seed, rough):
    """Range images with holes, of which some pulses were never fired, in any order."""
    rng = np.random.default_rng(seed)
    whole = fan(np.linspace(-0.3, 0.3, 9), np.linspace(-0.2, 0.2, 6)).pulses
    rows = rng.permutation(54)[:45]
    pulses = Pulses(
        *(getattr(whole, name)[rows] for name in ("time_s", "azimuth_rad", "elevation_rad")),
        np.zeros((1, 3)),
        whole.ring[rows],
        whole.column[rows],
    )
    ways, n = pulses.directions, 45
    flat = np.where(rng.random(n) < 0.3, rng.uniform(3, 6, n), 5.0) + rng.normal(0, rough, n)
    distance = np.where(rng.random(n) < 0.2, np.inf, flat / ways[:, 0])
    normal = geometry.unit(np.array([-1.0, 0, 0]) + rng.normal(0, 0.1, (n, 3)))
    rays = Rays(np.zeros((1, 3)), ways, np.zeros(1))
    none = np.zeros(n, np.int32)
    hits = Hits(none, distance, none, np.zeros((n, 2), np.float32))
    found = edges(pulses, rays, hits, normal, (6, 9))
    assert found.tolist() == neighbours_apart(pulses, rays, hits, normal).tolist()


def test_only_edges_are_taken_apart_and_see_both_sides():
    """A plate before a wall: at its border echoes of both, elsewhere as with one ray."""
    bodies = (plate("wall", (40, 0, 0)), plate("edge", (20, 50, 0)))
    scanner = fan(np.linspace(-0.02, 0.02, 41))
    beam = {"divergence_mrad": (3.0, 3.0), "subrays": 64}
    both = Bench(bodies, scanner, {"returns": "all", "optics": beam}).points(Key(0))
    plain = Bench(bodies, scanner, {"returns": "all"}).points(Key(0))
    assert len(plain) == 41
    twice = np.unique(both["column"][both["echoes"] == 2])
    # The border lies at 0; half of the pulses on either side of it are apart, and see both.
    assert twice.tolist() == [19, 20] or twice.tolist() == [20, 21]
    once = both[both["echoes"] == 1]
    assert np.isin(once["column"], plain["column"]).all()
    same = plain[np.isin(plain["column"], once["column"])]
    np.testing.assert_allclose(once["snr"], same["snr"], rtol=1e-2)
    assert (both["cause"] == Cause.SURFACE).all()


def test_a_wire_between_the_beams_is_seen_by_footprints_alone():
    wire = plate("wire", (20, 0.02, 0), (0.01, 10), matt())
    beam = {"divergence_mrad": (3.0, 3.0), "subrays": 256}
    seen = {
        mode: len(Bench((wire,), ahead(), {"optics": {**beam, "footprint": mode}}).points(Key(0)))
        for mode in ("edges", "all")
    }
    assert seen == {"edges": 0, "all": 1}
