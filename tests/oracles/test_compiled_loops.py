"""Compiled loops against slow, readable twins in NumPy, OpenCV and pycocotools."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask
from scene_kit import body, clutter, moving, random_quaternion, scene

from simgen import geometry, world
from simgen.assets import primitives
from simgen.culling import PATCH, Patches, rows_of_bodies
from simgen.facets import Facets
from simgen.masks import run_lengths
from simgen.rays import Rays
from simgen.render.noise import fractal_noise
from simgen.render.shading import add_gloss, add_lamp, lean, shade_sky
from simgen.render.texture import dot, look_up, marble, tile
from simgen.sensors.camera.isp.tone import _look_up
from simgen.world import World


def hash_twin(lattice, seed):
    """SplitMix64's finaliser over lattice points (k, 3)."""
    with np.errstate(over="ignore"):
        h = lattice.astype(np.uint64) @ np.array(
            [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64
        )
        h = h + np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = h ^ (h >> np.uint64(31))
    return (h >> np.uint64(11)).astype(float) * 2.0**-53


def noise_twin(cells, octaves, seed):
    total = np.zeros(len(cells))
    for octave in range(octaves):
        at = cells * 2**octave
        corner = np.floor(at)
        t = at - corner
        t = t * t * (3 - 2 * t)
        for step in np.ndindex(2, 2, 2):
            share = np.where(step, t, 1 - t).prod(axis=1)
            values = hash_twin(corner.astype(np.int64) + step, seed + octave)
            total += 0.5**octave * share * values
    return total / (2 - 0.5 ** (octaves - 1))


@pytest.mark.parametrize("octaves", [1, 2, 4])
def test_solid_noise(octaves):
    points = np.random.default_rng(0).uniform(-30, 30, (400, 3))
    found = [fractal_noise(*p, octaves, 7) for p in points]
    np.testing.assert_allclose(found, noise_twin(points, octaves, 7), atol=1e-12)
    assert np.abs(np.array(found) - noise_twin(points, octaves, 8)).max() > 0.1


def test_marble_blends_by_the_noise():
    rng = np.random.default_rng(1)
    points, rows = rng.uniform(-1, 1, (300, 3)), np.arange(0, 300, 2)
    base, second = np.float32([0.1, 0.2, 0.3]), np.float32([0.9, 0.5, 0.1])
    colour = np.full((300, 3), -1, np.float32)
    marble(points, rows, 0.3, 2, 3, 0.5, 0.2, base, second, colour)
    weight = np.clip((noise_twin(points / 0.3, 2, 3) - 0.5) / 0.2 + 0.5, 0, 1)[:, None]
    np.testing.assert_allclose(colour[::2], (base + (second - base) * weight)[::2], atol=1e-6)
    assert (colour[1::2] == -1).all()
    assert 0.1 < weight.mean() < 0.9


def test_tiles_repeat_as_opencv_wraps():
    """To 2 %: OpenCV's weights are multiples of 1/32. Edges and far tiles are included."""
    rng = np.random.default_rng(2)
    picture = rng.random((7, 5, 3)).astype(np.float32)
    at = np.vstack([rng.uniform(-4, 4, (500, 2)), [[0, 0], [1, 1], [-3, 2], [0.1, 0.9999]]])
    base, colour = np.float32([1, 0.5, 0.25]), np.empty((len(at), 3), np.float32)
    tile(picture, at, np.arange(len(at)), 1.0, base, colour)
    x, y = np.float32(at[:, 0] % 1 * 5 - 0.5), np.float32(-at[:, 1] % 1 * 7 - 0.5)
    expected = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP).reshape(-1, 3)
    np.testing.assert_allclose(colour, expected * base, atol=0.035)
    halved = np.empty_like(colour)
    tile(picture, at * 0.2, np.arange(len(at)), 0.2, base, halved)
    np.testing.assert_allclose(colour, halved, atol=1e-4)
    assert np.abs(colour - halved[::-1]).max() > 0.2


def test_look_up_between_pixels_and_beyond_the_edge():
    rng = np.random.default_rng(3)
    picture = rng.random((6, 9, 3)).astype(np.float32)
    x, y = rng.uniform(-2, 11, 300), rng.uniform(-2, 8, 300)
    expected = cv2.remap(
        picture, np.float32(x), np.float32(y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).reshape(-1, 3)
    np.testing.assert_allclose(look_up(picture, x, y), expected, atol=0.035)


def test_dots_lie_in_the_balls():
    rng = np.random.default_rng(4)
    points, centres = rng.uniform(-1, 1, (500, 3)), rng.uniform(-1, 1, (6, 3))
    colour = np.zeros((500, 3), np.float32)
    dot(points, np.arange(500), centres, 0.5, np.float32([1, 2, 3]), colour)
    inside = (np.linalg.norm(points[:, None] - centres, axis=2) < 0.5).any(axis=1)
    assert np.array_equal(colour, np.where(inside[:, None], np.float32([1, 2, 3]), 0))
    assert 0.1 < inside.mean() < 0.9


def surfaces(n=200):
    rng = np.random.default_rng(5)
    normal = geometry.unit(rng.standard_normal((n, 3))).astype(np.float32)
    return rng, normal


def test_lean_tilts_against_the_offset():
    rng, normal = surfaces()
    local, centres = rng.uniform(-1, 1, (200, 3)), rng.uniform(-1, 1, (4, 3))
    turns = geometry.matrix(geometry.unit(rng.standard_normal((200, 4))))
    offset = local[:, None] - centres
    near = np.linalg.norm(offset, axis=2)
    which = near.argmin(axis=1)
    hollow = np.where(
        near.min(axis=1)[:, None] < 0.6, offset[np.arange(200), which] * 0.7 / 0.6, 0.0
    )
    for turn in (turns, turns[:1]):
        every = np.broadcast_to(turn, (200, 3, 3))
        tilt = np.einsum("nij,nj->ni", every, hollow - 0.3 * local)
        found = normal.copy()
        lean(found, local, np.arange(200), np.ascontiguousarray(turn), 0.3, centres, 0.6, 0.7)
        np.testing.assert_allclose(found, geometry.unit(normal - tilt), atol=1e-6)


def test_light_of_lamps_and_sky():
    rng, normal = surfaces()
    directions = geometry.unit(np.add(rng.standard_normal((7, 3)), (0, 0, 2)))
    hidden = rng.random((200, 7)) < 0.3
    lamp, level = np.array([0.5, 1.0, 2.0]), rng.random((200, 3)).astype(np.float32)
    cosine = np.maximum(normal @ directions.T, 0)
    seen, whole = (cosine * ~hidden).sum(axis=1), cosine.sum(axis=1)
    lit = level.copy()
    share = add_lamp(normal, hidden, directions, 3.0, lamp, np.ones(1), lit)
    np.testing.assert_allclose(lit, level + np.outer(seen / 3, lamp), atol=1e-5)
    lower = whole > 0
    np.testing.assert_allclose(share[lower], (seen[lower] / whole[lower]), atol=1e-5)
    assert (share[~lower] == 0).all()
    changing = rng.uniform(0, 2, 200)
    dim = add_lamp(normal, hidden, directions, 3.0, lamp, changing, level.copy())
    np.testing.assert_allclose(dim, share * changing, atol=1e-5)

    radiance = rng.random((7, 3)) / 7
    dimmed = level.copy()
    shade_sky(normal, hidden, directions, radiance, dimmed)
    expected = np.maximum(level - (cosine * hidden) @ radiance, 0)
    np.testing.assert_allclose(dimmed, expected, atol=1e-5)
    assert np.abs(dimmed - level).max() > 0.05


def test_gloss_is_fresnel_times_mirrored_sky_and_lobes():
    rng, normal = surfaces()
    view = geometry.unit(rng.standard_normal((300, 3)))
    ray = np.sort(rng.choice(300, 200, replace=False))
    facing = np.einsum("ij,ij->i", normal, view[ray]) > 0
    normal[facing] *= -1
    rough, specular = rng.uniform(0.2, 1, 200), rng.uniform(0, 0.1, 200)
    room = rng.random((3, 3))
    towards, lamps = geometry.unit(rng.standard_normal((2, 3))), rng.random((2, 3))
    widths, seen = np.array([0.01, 0.1]), rng.random((2, 200)).astype(np.float32)
    light = rng.random((300, 3)).astype(np.float32)
    found = light.copy()
    small = rough.astype(np.float32), specular.astype(np.float32)
    add_gloss(found, ray, view, normal, *small, room, towards, lamps, widths, seen)

    cosine = np.clip(-np.einsum("ij,ij->i", normal, view[ray]), 0, 1)
    mirror = view[ray] + 2 * cosine[:, None] * normal
    fresnel = specular + (1 - specular) * (1 - rough) * (1 - cosine) ** 5
    up = mirror[:, 2:]
    out = room[1] + (np.where(up >= 0, room[0], room[2]) - room[1]) * np.abs(up)
    for j in range(2):
        width = widths[j] + rough**4
        lobe = seen[j] * np.exp(-(2 - 2 * mirror @ towards[j]) / (2 * width)) / (2 * width)
        out = out + lobe[:, None] * lamps[j]
    light[ray] += fresnel[:, None] * out
    np.testing.assert_allclose(found, light, rtol=1e-4, atol=1e-5)


def shapes():
    corner = primitives.box((0.6, 0.4, 0.9))
    wedge = dataclasses.replace(
        corner, vertices_m=corner.vertices_m * (1, 1, 0.5) + np.maximum(corner.vertices_m, 0) * 0.3
    )
    yield "box", corner
    yield (
        "moved box",
        dataclasses.replace(corner, vertices_m=np.add(corner.vertices_m, (0.2, 0.1, -0.3))),
    )
    assert wedge.convex
    yield "wedge", wedge
    four = np.array([[0, 0, 0], [0.8, 0, 0], [0, 0.7, 0], [0, 0, 0.9]]) - 0.2
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], np.int32)
    yield (
        "tetrahedron",
        dataclasses.replace(
            corner, vertices_m=four, faces=faces, part=np.zeros(4, np.int32), uv=None, normals=None
        ),
    )


@pytest.mark.parametrize(
    ("name", "shape"), list(shapes()), ids=lambda v: v if isinstance(v, str) else ""
)
@pytest.mark.parametrize("still", [True, False])
@pytest.mark.parametrize("spread", [2.0, 0.1])
def test_facets_answer_as_a_tree_does(name, shape, still, spread, monkeypatch):
    """Rays from outside and from inside, of bodies at rest and in motion."""
    rng = np.random.default_rng(7)
    n = 800
    origins = geometry.unit(rng.standard_normal((n, 3))) * spread
    rays = Rays(
        origins, geometry.unit(rng.uniform(-0.5, 0.5, (n, 3)) - origins), rng.uniform(0, 1, n)
    )
    rest = body("b", shape, (0.02, -0.03, 0.01), random_quaternion(rng))
    fly = body("b", shape, motion=moving(rng, (-0.05, 0, 0), (0.05, 0.02, 0)))
    spec = scene(rest if still else fly)
    kernel = World(spec)
    assert kernel._facets[0] is not None
    planes = World(spec).cast(rays)
    monkeypatch.setattr(world, "_facets", lambda _: None)
    tree = World(spec).cast(rays)
    assert (tree.body == 0).mean() > 0.3
    assert (planes.body == tree.body).mean() > 0.998  # grazing rays may differ
    both = (planes.body == 0) & (tree.body == 0)
    np.testing.assert_allclose(planes.distance_m[both], tree.distance_m[both], atol=3e-6)
    same = both & (planes.face == tree.face)
    assert same.sum() > 0.99 * both.sum()
    np.testing.assert_allclose(planes.barycentric[same], tree.barycentric[same], atol=2e-5)
    blocked = kernel.occluded(rays, 1.5)
    near = np.abs(planes.distance_m - 1.5) < 1e-5
    assert np.array_equal(blocked[~near], (planes.distance_m < 1.5)[~near])


def test_facets_leave_no_crack_along_an_edge():
    """Rays at the very edges and corners of a box, from outside: each is hit."""
    shape = primitives.box((1.0, 1.0, 1.0))
    kernel = World(scene(body("b", shape)))
    s = np.linspace(-0.5, 0.5, 41)
    goals = np.vstack([np.column_stack([s, s, np.full(41, 0.5)]), [[0.5, 0.5, 0.5], [0.5, 0, 0.5]]])
    eye = np.array([[0.9, 1.1, 3.0]])
    hits = kernel.cast(Rays(eye, geometry.unit(goals - eye), np.zeros(1)))
    assert (hits.body[:41] == 0).all()
    np.testing.assert_allclose(
        hits.distance_m[:41], np.linalg.norm(goals[:41] - eye, axis=1), atol=1e-12
    )
    inside = np.column_stack([1 - hits.barycentric.sum(axis=1), hits.barycentric])
    assert inside[hits.body == 0].min() > -1e-6


def test_facets_of_a_box_are_six_planes_of_two_faces():
    shape = primitives.box((0.3, 0.2, 0.1))
    facets = Facets.of(shape.vertices_m[shape.faces], shape.face_normals)
    assert facets.ends.tolist() == [2, 4, 6, 8, 10, 12]
    assert sorted(facets.faces) == list(range(12))
    assert sorted(facets.planes[:, 3]) == pytest.approx([0.05, 0.05, 0.1, 0.1, 0.15, 0.15])


def test_patches_let_no_shadow_slip():
    rng = np.random.default_rng(8)
    bodies = clutter(rng, 6)
    kernel = World(scene(*bodies))
    y, x = np.mgrid[0:40, 0:50]
    points = np.column_stack([x.ravel() * 0.05 - 1.25, y.ravel() * 0.05 - 1, np.full(2000, -1.2)])
    owner = rng.integers(0, 3, 2000).astype(np.int32)
    directions = geometry.unit(np.add(rng.standard_normal((5, 3)), (0, 0, 2)))
    patches, spared = Patches.of(points, owner), 0
    assert len(patches.middles_m) == -(-2000 // PATCH)
    for index in range(6):
        centre, radius = kernel.sphere(index, np.zeros(1))
        for reach in (0.6, np.inf):
            rows = patches.towards(directions, centre, radius, reach, but=1)
            assert (np.diff(rows) > 0).all()
            assert (owner[rows] != 1).all()
            rays = Rays(np.repeat(points, 5, axis=0), np.tile(directions, (2000, 1)), np.zeros(1))
            hit = kernel.occluded(rays, reach, [index]).reshape(2000, 5).any(axis=1)
            assert np.isin(np.flatnonzero(hit & (owner != 1)), rows).all()
            spared += 2000 - len(rows)
    assert spared > 6_000  # of 24,000


@given(st.lists(st.integers(-1, 4), max_size=60))
def test_rows_of_bodies(values):
    index = np.array(values, np.int32)
    found = rows_of_bodies(index, 5)
    assert sorted(found) == sorted({v for v in values if v >= 0})
    for which, rows in found.items():
        assert np.array_equal(rows, np.flatnonzero(index == which))


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_run_lengths_are_pycocotools_own(width, height, data):
    cells = st.lists(st.booleans(), min_size=width * height, max_size=width * height)
    mask = np.array(data.draw(cells), np.uint8).reshape(height, width)
    pixels = np.column_stack(np.nonzero(mask)[::-1]).astype(np.int64)
    found = run_lengths(pixels, width, height)
    assert found == coco_mask.encode(np.asfortranarray(mask))


def test_a_table_is_looked_up_to_the_nearest_entry():
    signal = np.random.default_rng(9).uniform(-0.2, 1.2, 1000).astype(np.float32)
    table = (np.arange(4096) % 251).astype(np.uint8)
    expected = table[
        np.floor(np.clip(signal, 0, 1) * np.float32(4095) + np.float32(0.5)).astype(int)
    ]
    assert np.array_equal(_look_up(table, signal), expected)
