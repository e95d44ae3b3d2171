"""Rays from many places at many times: against the ray kernel and a slow twin."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scene_kit import body, clutter, moving, random_quaternion, scene
from scipy.spatial.transform import Rotation, Slerp

from simgen import geometry
from simgen.assets import primitives
from simgen.casting import poses_at
from simgen.rays import Rays
from simgen.spec import Motion
from simgen.survey import Survey
from simgen.world import World


def strewn(rng, still=True, flying=True):
    """Bodies of all kinds of mesh, at rest and in flight."""
    bodies = clutter(rng, 8)
    ways = [moving(rng, rng.uniform(-1, 0, 3), rng.uniform(0, 1, 3)) for _ in bodies]
    fliers = [
        dataclasses.replace(b, name=f"{b.name} in flight", motion=way)
        for b, way in zip(bodies, ways, strict=True)
    ]
    return [*(bodies if still else []), *(fliers if flying else [])]


def rays_from_about(rng, n, times=None, shared=False):
    origins = geometry.unit(rng.standard_normal((1 if shared else n, 3))) * rng.uniform(2, 6)
    aims = geometry.unit(rng.uniform(-0.6, 0.6, (n, 3)) - origins)
    return Rays(origins, aims, np.zeros(1) if times is None else times)


def twin(spec, origin, direction, time_s):
    """Nearest body, distance, unit normal towards the ray, and part: triangle by triangle."""
    best = (-1, np.inf, np.zeros(3), 0)
    for index, b in enumerate(spec.bodies):
        position, turn = b.motion.pose(time_s)
        corners = (b.asset.vertices_m @ turn.T + position)[b.asset.faces]
        for face, (p, q, r) in enumerate(corners):
            table = np.column_stack([q - p, r - p, -direction])
            if abs(np.linalg.det(table)) < 1e-14:
                continue
            u, v, s = np.linalg.solve(table, origin - p)
            if min(u, v, 1 - u - v) >= 0 and 0 < s < best[1]:
                normal = geometry.unit(np.cross(q - p, r - p))
                side = -np.sign(normal @ direction)
                best = index, s, side * normal, b.asset.part[face]
    return best


def test_against_a_twin_triangle_by_triangle():
    rng = np.random.default_rng(4)
    shapes = [primitives.box((0.5, 0.7, 0.3)), primitives.sphere(0.3, 6)]
    bodies = [body("still", shapes[1], (0.2, 0, 0), random_quaternion(rng))]
    bodies += [
        body(f"flier {k}", s, motion=moving(rng, (-0.6, 0, 0), (0.6, 0.3, 0)))
        for k, s in enumerate(shapes)
    ]
    spec, n = scene(*bodies), 60
    rays = rays_from_about(rng, n, rng.uniform(-0.1, 1.1, n))
    survey = Survey(World(spec))
    hits = survey.cast(rays)
    normal, part = survey.facing(rays, hits)
    seen = 0
    for i in range(n):
        expected = twin(spec, rays.origins_m[i], rays.directions[i], rays.times_s[i])
        assert hits.body[i] == expected[0]
        assert hits.distance_m[i] == pytest.approx(expected[1], abs=5e-6)
        np.testing.assert_allclose(normal[i], expected[2], atol=1e-6)
        assert part[i] == expected[3]
        seen += expected[0] >= 0
    assert 10 < seen < 60


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    kinds=st.sampled_from([(True, True), (True, False), (False, True)]),
    shared=st.booleans(),
    timed=st.booleans(),
)
def test_it_sees_what_the_kernel_sees(seed, kinds, shared, timed):
    rng = np.random.default_rng(seed)
    world = World(scene(*strewn(rng, *kinds)))
    survey, n = Survey(world), 300
    rays = rays_from_about(rng, n, rng.uniform(-0.2, 1.2, n) if timed else None, shared)
    ours, theirs = survey.cast(rays), world.cast(rays)
    same = ours.body == theirs.body
    assert same.mean() > 0.99  # of all but rays that touch an edge
    seen = same & (theirs.body >= 0)
    assert seen.sum() > 30
    apart = np.abs(ours.distance_m[seen] - theirs.distance_m[seen])
    assert np.quantile(apart, 0.99) < 5e-6
    one = seen & (ours.face == theirs.face)
    assert one.sum() > 0.98 * seen.sum()
    rows = np.flatnonzero(one)
    normal, part = survey.facing(rays, ours)
    surface = world.surface(rays, theirs)
    there = np.searchsorted(surface.ray, rows)
    np.testing.assert_allclose(normal[rows], surface.normal[there], atol=2e-6)
    assert (part[rows] == surface.part[there]).all()
    assert not normal[ours.body < 0].any()
    assert (np.einsum("ij,ij->i", normal, rays.directions) <= 0).all()


def test_what_was_asked_before_changes_nothing():
    """Spheres of moving bodies are kept: later, earlier and longer spans must not suffer."""
    rng = np.random.default_rng(7)
    spec, n = scene(*strewn(rng)), 200
    used = Survey(World(spec))
    for low, high in ((0.0, 0.1), (0.5, 0.6), (0.0, 0.1), (0.52, 0.58), (0.0, 1.0), (0.9, 0.9)):
        rays = rays_from_about(rng, n, np.sort(rng.uniform(low, high, n)))
        told, fresh = used.cast(rays), Survey(World(spec)).cast(rays)
        for field in ("body", "distance_m", "face", "barycentric"):
            assert np.array_equal(getattr(told, field), getattr(fresh, field))


@pytest.mark.parametrize("bodies", [(), strewn(np.random.default_rng(1))])
def test_no_rays_and_no_bodies(bodies):
    survey = Survey(World(scene(*bodies)))
    for rays in (
        Rays(np.zeros((1, 3)), np.zeros((0, 3)), np.zeros(0)),
        Rays(np.full((1, 3), 50.0), geometry.unit([(1, 1, 1), (1, 0, 1)]), np.zeros(2)),
    ):
        hits = survey.cast(rays)
        normal, part = survey.facing(rays, hits)
        assert hits.body.tolist() == [-1] * len(rays)
        assert np.isinf(hits.distance_m).all()
        assert normal.shape == (len(rays), 3)
        assert not normal.any()
        assert not part.any()


def test_a_street_away_from_the_origin_loses_micrometres():
    """Single precision counts from the middle of what stands still, not from the world's."""
    rng, away = np.random.default_rng(9), np.array([3e4, -5e4, 200.0])
    near = clutter(rng, 6)
    far = [
        dataclasses.replace(
            b, motion=Motion.rest(b.motion.positions_m[0] + away, b.motion.quaternions[0])
        )
        for b in near
    ]
    rays = rays_from_about(rng, 300)
    moved = Rays(rays.origins_m + away, rays.directions, rays.times_s)
    here, there = Survey(World(scene(*near))).cast(rays), Survey(World(scene(*far))).cast(moved)
    same = (here.body == there.body) & (here.body >= 0)
    assert same.sum() > 50
    assert np.abs(here.distance_m[same] - there.distance_m[same]).max() < 1e-5


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(2, 7),
    flip=st.booleans(),
    still=st.booleans(),
)
def test_poses_are_those_of_the_motion(seed, steps, flip, still):
    """Also where quaternions change sign, where a body does not turn, and beyond the ends."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(1e-3, 1, steps))
    turns = Rotation.random(steps, random_state=seed % 2**31).as_quat()
    turns = np.repeat(turns[:1], steps, axis=0) if still else turns
    turns = turns * rng.choice([-1, 1], (steps, 1)) if flip else turns
    motion = Motion(times, rng.normal(0, 10, (steps, 3)), turns)
    asked = rng.uniform(times[0] - 1, times[-1] + 1, 50)
    asked[:10] = rng.choice(times, 10)
    asked[10:20] = asked[10]
    index = rng.permutation(50)[:40]
    position, turn = poses_at(times, motion.positions_m, turns, asked, index)
    place, quaternion = motion.at(asked[index])
    np.testing.assert_allclose(position, place, atol=1e-12)
    np.testing.assert_allclose(turn, geometry.matrix(quaternion), atol=1e-9)
    # SciPy's slerp takes the shorter way too.
    inside = np.clip(asked[index], times[0], times[-1])
    other = Slerp(times, Rotation.from_quat(turns))(inside).as_matrix()
    np.testing.assert_allclose(turn, other, atol=1e-6)
