"""The ray kernel against closed forms, a slow twin, and itself without culling."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from scene_kit import body, camera, clutter, moving, random_quaternion, scene

from simgen import geometry, world
from simgen.assets import primitives
from simgen.rays import Rays
from simgen.spec import Motion
from simgen.world import World, nearest


def rays_at(rng, n, target_m=0.5, spread_m=3.0, times=None):
    """Rays from all about towards the middle, most of which pass near a body."""
    origins = geometry.unit(rng.standard_normal((n, 3))) * spread_m
    goals = rng.uniform(-target_m, target_m, (n, 3))
    return Rays(origins, geometry.unit(goals - origins), np.zeros(1) if times is None else times)


def single(origin, direction, time_s=0.0):
    return Rays(np.array([origin], float), geometry.unit([direction]), np.array([time_s], float))


def twin(spec, rays, only=None):
    """Moller and Trumbore's test, every ray against every triangle, in plain numpy.

    Source: T. Moller, B. Trumbore, "Fast, minimum storage ray/triangle intersection", 1997.
    """
    n = len(rays)
    origins = np.broadcast_to(rays.origins_m, (n, 3))
    times = np.broadcast_to(rays.times_s, (n,))
    found = np.full(n, -1), np.full(n, np.inf), np.full(n, -1), np.zeros((n, 2))
    for i in range(n):
        for index, b in enumerate(spec.bodies):
            if only is not None and index not in only:
                continue
            position, turn = b.motion.pose(times[i])
            a, c, d = np.moveaxis((b.asset.vertices_m @ turn.T + position)[b.asset.faces], 1, 0)
            e1, e2, direction = c - a, d - a, rays.directions[i]
            p = np.cross(direction, e2)
            volume = np.einsum("ij,ij->i", e1, p)
            t = origins[i] - a
            q = np.cross(t, e1)
            with np.errstate(divide="ignore", invalid="ignore"):
                u = np.einsum("ij,ij->i", t, p) / volume
                v = q @ direction / volume
                distance = np.einsum("ij,ij->i", e2, q) / volume
            hit = (volume != 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
            if hit.any():
                face = np.flatnonzero(hit)[distance[hit].argmin()]
                if distance[face] < found[1][i]:
                    found[0][i], found[1][i] = index, distance[face]
                    found[2][i], found[3][i] = face, (u[face], v[face])
    return found


def test_sphere_within_the_sagitta_of_its_mesh():
    """|error| <= sagitta r (1 - cos(half the angle of a cell)) along the normal."""
    radius, segments = 0.7, 128
    spec = scene(body("ball", primitives.sphere(radius, segments), (1, 2, 3)))
    rng = np.random.default_rng(0)
    rays = rays_at(rng, 500, 0.2)
    rays = dataclasses.replace(rays, origins_m=np.add(rays.origins_m, (1, 2, 3)))
    offset = rays.origins_m - (1, 2, 3)
    along = -np.einsum("ij,ij->i", offset, rays.directions)
    closest = np.einsum("ij,ij->i", offset, offset) - along**2
    exact = along - np.sqrt(radius**2 - closest)
    hits = World(spec).cast(rays)
    assert (hits.body == 0).all()
    cosine = np.sqrt(radius**2 - closest) / radius
    sagitta = 2 * radius * (1 - np.cos(np.pi / segments))  # of both curvatures
    error = (hits.distance_m - exact) * cosine
    assert error.min() > -1e-6  # the mesh lies inside the ball
    assert error.max() < sagitta * 1.01
    assert error.max() > sagitta * 0.2  # negative control: the bound is not idle


def test_box_by_slabs():
    """Distance to 1e-6 m of a box of about a metre, in a pose of its own."""
    size = np.array([0.6, 0.4, 0.9])
    rng = np.random.default_rng(1)
    q = random_quaternion(rng)
    spec = scene(body("box", primitives.box(tuple(size)), (0.3, -0.2, 0.1), q))
    rays = rays_at(rng, 2000, 0.8)
    turn = geometry.matrix(q)
    origin, direction = (rays.origins_m - (0.3, -0.2, 0.1)) @ turn, rays.directions @ turn
    a, b = (-size / 2 - origin) / direction, (size / 2 - origin) / direction
    near, far = np.minimum(a, b).max(axis=1), np.maximum(a, b).min(axis=1)
    expected = near <= far
    hits = World(spec).cast(rays)
    assert 0.2 < expected.mean() < 0.9
    assert np.array_equal(hits.body >= 0, expected)
    np.testing.assert_allclose(hits.distance_m[expected], near[expected], atol=1e-6)
    assert np.isinf(hits.distance_m[~expected]).all()
    assert (hits.face[~expected] == -1).all()


@pytest.mark.parametrize("seed", range(2))
def test_moving_bodies_at_each_rays_own_time(seed):
    rng = np.random.default_rng(seed)
    bodies = [
        dataclasses.replace(b, motion=moving(rng, rng.uniform(-1, 0, 3), rng.uniform(0, 1, 3)))
        if n % 2
        else b
        for n, b in enumerate(clutter(rng, 4))
    ]
    spec = scene(*bodies)
    rays = rays_at(rng, 250, times=rng.uniform(-0.2, 1.2, 250))
    index, distance, face, weights = twin(spec, rays)
    hits = World(spec).cast(rays)
    assert (index >= 0).sum() > 50
    assert np.array_equal(hits.body, index)
    assert np.array_equal(hits.face, face)
    seen = index >= 0
    np.testing.assert_allclose(hits.distance_m[seen], distance[seen], atol=2e-6)
    np.testing.assert_allclose(hits.barycentric[seen], weights[seen], atol=1e-4)
    frozen = World(spec).cast(dataclasses.replace(rays, times_s=np.zeros(1)))
    assert (frozen.body != index).mean() > 0.05  # negative control: the times matter


@pytest.mark.parametrize("seed", range(3))
def test_precision_far_away(seed):
    """Bodies of a metre at 200 m: the range is right to 1e-5 m."""
    rng = np.random.default_rng(seed)
    place = geometry.unit(rng.standard_normal(3)) * 200
    bodies = [
        body("ball", primitives.sphere(0.7, 24), place, random_quaternion(rng)),
        body("box", primitives.box((1, 1.4, 0.8)), place + 0.4, random_quaternion(rng)),
    ]
    spec = scene(*bodies)
    goals = place + rng.uniform(-0.8, 0.8, (300, 3))
    rays = Rays(np.zeros((1, 3)), geometry.unit(goals), np.zeros(1))
    index, distance, _, _ = twin(spec, rays)
    hits = World(spec).cast(rays)
    seen = index >= 0
    assert seen.sum() > 150
    assert np.array_equal(hits.body, index)
    assert np.abs(hits.distance_m[seen] - distance[seen]).max() < 1e-5


def test_surface_lies_on_the_face_and_faces_the_ray():
    rng = np.random.default_rng(5)
    spec = scene(*clutter(rng, 5))
    kernel, rays = World(spec), rays_at(rng, 600)
    hits = kernel.cast(rays)
    surface = kernel.surface(rays, hits)
    assert np.array_equal(surface.ray, np.flatnonzero(hits.body >= 0))
    assert (np.einsum("ij,ij->i", surface.normal, rays.directions[surface.ray]) <= 0).all()
    assert (np.einsum("ij,ij->i", surface.normal, surface.shading_normal) >= 0).all()
    for k, ray in enumerate(surface.ray):
        b = spec.bodies[hits.body[ray]]
        face = b.asset.faces[hits.face[ray]]
        u, v = hits.barycentric[ray]
        local = np.array([1 - u - v, u, v]) @ b.asset.vertices_m[face]
        np.testing.assert_allclose(surface.local_m[k], local, atol=1e-5)
        position, turn = b.motion.pose(0.0)
        np.testing.assert_allclose(surface.point_m[k], turn @ local + position, atol=1e-5)
        flat = np.abs(turn @ b.asset.face_normals[hits.face[ray]] @ surface.normal[k])
        assert flat == pytest.approx(1)
        assert surface.part[k] == b.asset.part[hits.face[ray]]


def test_nearest_is_the_minimum_of_the_layers():
    rng = np.random.default_rng(6)
    spec = scene(*clutter(rng, 6))
    kernel, rays = World(spec), rays_at(rng, 500)
    layers = kernel.layers(rays)
    table = np.full((len(spec.bodies), len(rays)), np.inf)
    for layer in layers:
        assert (np.diff(layer.ray) > 0).all()
        table[layer.body, layer.ray] = layer.distance_m
    hits = kernel.cast(rays)
    assert np.array_equal(hits.distance_m, table.min(axis=0))
    seen = np.isfinite(hits.distance_m)
    assert np.array_equal(hits.body[seen], table.argmin(axis=0)[seen])
    assert (np.isfinite(table).sum(axis=0) > 1).sum() > 50  # some rays cross several bodies
    backwards = nearest(reversed(layers), len(rays))
    assert np.array_equal(backwards.body, hits.body)


def test_a_layer_does_not_see_other_bodies():
    rng = np.random.default_rng(7)
    spec = scene(*clutter(rng, 4))
    rays = rays_at(rng, 150)
    (layer,) = World(spec).layers(rays, [2])
    index, distance, _, _ = twin(spec, rays, only=[2])
    assert np.array_equal(layer.ray, np.flatnonzero(index == 2))
    np.testing.assert_allclose(layer.distance_m, distance[layer.ray], atol=2e-6)


def frames():
    """Cameras whose neighbouring rays span from hairs to half the sky."""
    rng = np.random.default_rng(8)
    look = Motion.rest((1.2, 0.9, 0.7), geometry.look_at((1.2, 0.9, 0.7), (0, 0, 0)))
    inside = Motion.rest((0.05, 0.02, 0.03), geometry.look_at((0.05, 0.02, 0.03), (1, 0.4, 0)))
    yield "narrow", camera(look, f=400.0).rays(0.0)[0]
    yield "plain", camera(look).rays(0.0)[0]
    yield "wide", camera(look, f=12.0).rays(0.0)[0]
    yield "barrel", camera(look, f=75.0, k1=-0.3, k2=0.05, p1=0.01, p2=-0.01).rays(0.0)[0]
    yield "pincushion", camera(look, f=50.0, k1=0.3).rays(0.0)[0]
    yield "amid the bodies", camera(inside, f=40.0).rays(0.0)[0]
    yield "rolling", camera(look, readout_s=0.8).rays(0.1)[0]
    circle = rng.standard_normal((3000, 3))
    yield "sky", Rays(np.array([[0.3, 0.2, 0.1]]), geometry.unit(circle), np.zeros(1))
    azimuth = np.sort(rng.uniform(-np.pi, np.pi, 3000))
    spin = np.column_stack([np.cos(azimuth), np.sin(azimuth), rng.uniform(-0.4, 0.4, 3000)])
    yield "lidar", Rays(np.array([[0.9, 0, 0.2]]), geometry.unit(spin), np.linspace(0, 1, 3000))
    yield "flat", Rays(np.zeros((1, 3)), np.tile([[1.0, 0, 0], [-1, 0, 0]], (300, 1)), np.zeros(1))


@pytest.mark.parametrize(
    ("name", "rays"), list(frames()), ids=lambda v: v if isinstance(v, str) else ""
)
def test_culling_changes_nothing(name, rays):
    rng = np.random.default_rng(9)
    bodies = clutter(rng, 8)
    bodies += [
        body("flier", bodies[0].asset, motion=moving(rng, (-1, -1, -0.5), (0.6, 0.5, 0.4))),
        body("behind", bodies[1].asset, (2.5, 2.0, 1.5)),
        body("tiny", primitives.box((0.01, 0.01, 0.01)), (0.5, 0.4, 0.3)),
        body("ground", primitives.slab((40, 40), 0.1), (0, 0, -0.8)),
    ]
    spec = scene(*bodies)
    kernel = World(spec)
    culled = {layer.body: layer for layer in kernel.layers(rays)}
    for index in range(len(bodies)):
        whole = kernel._layer(index, rays, np.arange(len(rays)))
        assert len(whole.ray) == len(culled[index].ray if index in culled else ())
        if len(whole.ray):
            assert np.array_equal(whole.ray, culled[index].ray)
            np.testing.assert_allclose(whole.distance_m, culled[index].distance_m, atol=1e-6)


def test_a_cone_that_is_too_narrow_would_be_caught(monkeypatch):
    """Negative control of the test above: cones shrunk to their axes lose hits."""
    exact = world.cones_of_runs

    def narrow(rays):
        found = exact(rays)
        return dataclasses.replace(found, half_rad=0 * found.half_rad - 0.05)

    look = Motion.rest((1.2, 0.9, 0.7), geometry.look_at((1.2, 0.9, 0.7), (0, 0, 0)))
    rays, _ = camera(look, f=40.0).rays(0.0)
    kernel = World(scene(*clutter(np.random.default_rng(9), 8)))
    whole = sum(len(layer.ray) for layer in kernel.layers(rays))
    monkeypatch.setattr(world, "cones_of_runs", narrow)
    assert sum(len(layer.ray) for layer in kernel.layers(rays)) < whole


def test_shared_and_separate_origins_agree():
    rng = np.random.default_rng(10)
    spec = scene(*clutter(rng, 6))
    look = Motion.rest((1.5, 0.9, 0.7), geometry.look_at((1.5, 0.9, 0.7), (0, 0, 0)))
    shared, _ = camera(look).rays(0.0)
    n = len(shared)
    apart = Rays(np.repeat(shared.origins_m, n, axis=0), shared.directions, np.zeros(n))
    one, many = World(spec).cast(shared), World(spec).cast(apart)
    assert (one.body >= 0).sum() > 300
    assert np.array_equal(one.body, many.body)
    assert np.array_equal(one.face, many.face)
    np.testing.assert_allclose(one.distance_m, many.distance_m, atol=1e-6)


def test_a_body_behind_is_not_seen_and_one_around_is():
    spec = scene(
        body("behind", primitives.box((1, 1, 1)), (0, 0, -3)),
        body("around", primitives.sphere(5, 16)),
    )
    hits = World(spec).cast(single((0.1, 0.2, 0), (0, 0, 1)))
    assert hits.body.tolist() == [1]  # the sphere from inside: faces have two sides
    assert hits.distance_m[0] == pytest.approx(5, abs=0.1)


def test_no_bodies_no_hits():
    rays = rays_at(np.random.default_rng(11), 300)
    for spec in (scene(), scene(body("far", primitives.sphere(0.1, 8), (50, 50, 50)))):
        hits = World(spec).cast(rays)
        assert (hits.body == -1).all()
        assert (hits.face == -1).all()
        assert np.isinf(hits.distance_m).all()
        assert len(World(spec).surface(rays, hits).ray) == 0
        assert not World(spec).occluded(rays).any()


@pytest.mark.parametrize("reach", [0.4, 2.6, 3.0, np.inf])
def test_occlusion_within_reach_agrees_with_the_cast(reach):
    rng = np.random.default_rng(12)
    bodies = clutter(rng, 5)
    bodies.append(body("flier", bodies[0].asset, motion=moving(rng, (-1, 0, 0), (1, 0.3, 0))))
    spec, rays = scene(*bodies), rays_at(rng, 800, times=rng.uniform(0, 1, 800))
    kernel = World(spec)
    distance = kernel.cast(rays).distance_m
    clear = ~np.isclose(distance, reach, rtol=0, atol=1e-5) | np.isinf(distance)
    blocked = kernel.occluded(rays, reach)
    assert np.array_equal(blocked[clear], (distance < reach)[clear])
    some = kernel.occluded(rays, reach, bodies=[1, 5])
    two = nearest(kernel.layers(rays, [1, 5]), len(rays)).distance_m
    assert np.array_equal(some[clear], (two < reach)[clear])


def test_what_hides_light_is_what_occludes():
    """`hide` against `occluded` ray by ray; what was hidden already stays so."""
    rng = np.random.default_rng(13)
    bodies = clutter(rng, 4)
    bodies.append(body("flier", bodies[0].asset, motion=moving(rng, (-1, 0, 0), (1, 0.3, 0))))
    kernel = World(scene(*bodies))
    points, normals = rng.uniform(-1, 1, (60, 3)), geometry.unit(rng.standard_normal((60, 3)))
    surface = SimpleNamespace(point_m=points, normal=normals.astype(np.float32))
    directions = np.vstack([geometry.unit(rng.standard_normal((40, 3))), np.eye(3), -np.eye(3)])
    rows = np.sort(rng.choice(60, 45, replace=False))
    for times in (np.zeros(1), rng.uniform(0, 1, 60)):
        for index in range(5):
            lift = 1e-4 * max(bodies[index].asset.sphere_m[1], 1e-3)
            rays = Rays(
                np.repeat(points + lift * surface.normal, 46, axis=0),
                np.tile(directions, (60, 1)),
                np.repeat(times, 46) if len(times) > 1 else times,
            )
            for reach in (0.5, np.inf):
                hit = kernel.occluded(rays, reach, [index]).reshape(60, 46)
                known = rng.random((60, 46)) < 0.1
                hidden = known.copy()
                kernel.hide(index, surface, rows, directions, times, reach, hidden)
                expected = known.copy()
                expected[rows] |= hit[rows]
                assert np.array_equal(hidden, expected)
                assert (hidden & ~known).any()
                assert not hidden.all()


def test_spheres_hold_every_pose():
    rng = np.random.default_rng(14)
    motion = moving(rng, (-1, 0, 0), (1, 0.3, 0.5))
    shape = primitives.box((0.3, 0.2, 0.5))
    shape = dataclasses.replace(shape, vertices_m=np.add(shape.vertices_m, (0.4, 0.1, 0)))
    kernel = World(scene(body("flier", shape, motion=motion)))
    for times in (np.array([0.37]), np.array([0.2, 0.9])):
        centre, radius = kernel.sphere(0, times)
        for t in np.linspace(times[0], times[-1], 40):
            position, turn = motion.pose(t)
            vertices = shape.vertices_m @ turn.T + position
            assert np.linalg.norm(vertices - centre, axis=1).max() <= radius + 1e-9


def test_moments_in_a_row_get_the_poses_of_each_alone():
    motion = moving(np.random.default_rng(16), (0, 0, 0), (1, 0.3, -0.2))
    times = np.repeat(np.linspace(-0.2, 1.3, 40), 25)
    position, quaternion = motion.at(times)
    for k in (0, 24, 25, 517, 999):
        one = motion.at(times[k : k + 1])
        assert np.array_equal(position[k], one[0][0])
        assert np.array_equal(quaternion[k], one[1][0])


def test_motion_rests_outside_its_span():
    motion = moving(np.random.default_rng(15), (0, 0, 0), (1, 0, 0))
    position, quaternion = motion.at(np.array([-5.0, 0.0, 1.0, 9.0]))
    np.testing.assert_allclose(position[:, 0], [0, 0, 1, 1])
    np.testing.assert_allclose(quaternion[[0, 3]], motion.quaternions[[0, -1]])
    middle, turn = motion.pose(0.5)
    assert middle[0] == pytest.approx(0.5)
    assert np.linalg.det(turn) == pytest.approx(1)
    still = Motion.rest((1, 2, 3)).at(np.array([0.0, 4.0]))
    assert still[0].tolist() == [[1, 2, 3]] * 2
