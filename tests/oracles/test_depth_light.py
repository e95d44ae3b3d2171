"""Loops of depth cameras against readable twins, other libraries and closed forms."""

import numpy as np
import pytest
from scene_kit import body, camera, clutter, moving, scene
from scipy.ndimage import shift as sub_pixel_shift
from scipy.stats import norm

from simgen import geometry
from simgen.assets import primitives
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.depth import Seen, StructuredLightParams, TimeOfFlightParams, plain_albedo
from simgen.sensors.depth.disparity import quantise
from simgen.sensors.depth.dots import CELLS, dot_table, dots
from simgen.sensors.depth.noise import field
from simgen.sensors.depth.phase import add_shot_noise, shot_noise_m, unwrap, wrap_m
from simgen.sensors.depth.refine import refine
from simgen.spec import Material, Motion
from simgen.world import World

LOOK = Motion.rest((1.2, 0.9, 0.7), geometry.look_at((1.2, 0.9, 0.7), (0, 0, 0)))


def strewn(seed=3):
    return World(scene(*clutter(np.random.default_rng(seed), 6)))


@pytest.mark.parametrize("distortion", [{}, {"k1": -0.2, "p1": 0.002}])
def test_depth_and_planes_are_those_of_the_rays(distortion):
    eye = camera(LOOK, **distortion)
    seen = Seen.of(strewn(), eye, 0.0, plain_albedo)
    position, turn = LOOK.pose(0.0)
    points = (seen.surface.point_m - position) @ turn
    ray = seen.surface.ray
    np.testing.assert_allclose(seen.depth_m[ray], points[:, 2], atol=1e-6)
    np.testing.assert_allclose(points[:, :2] / points[:, 2:], seen.local[ray], atol=1e-6)
    on_plane = (seen.plane[ray] * np.column_stack([seen.local[ray], np.ones(len(ray))])).sum(axis=1)
    np.testing.assert_allclose(on_plane, 1 / points[:, 2], rtol=1e-4)
    assert (seen.depth_m[np.setdiff1d(np.arange(len(seen.rays)), ray)] == 0).all()


def test_a_plane_is_known_on_its_neighbours_rays():
    wall = World(scene(body("wall", primitives.box((9, 9, 0.1)), quaternion=(0.3, 0.1, 0, 0.948))))
    seen = Seen.of(wall, camera(LOOK, k1=-0.1), 0.0, plain_albedo)
    there = np.column_stack([np.roll(seen.local, 5, axis=0), np.ones(len(seen.rays))])
    both = (seen.depth_m > 0) & (np.roll(seen.depth_m, 5) > 0)
    both &= seen.cosine > 0.2
    assert both.sum() > 2000
    expected = 1 / np.roll(seen.depth_m, 5)[both]
    np.testing.assert_allclose((seen.plane * there).sum(axis=1)[both], expected, rtol=1e-4)


@pytest.mark.parametrize("offset", [0.5, -0.5])
def test_shadow_is_what_occludes_the_way_to_the_projector(offset):
    world = strewn()
    seen = Seen.of(world, camera(LOOK), 0.0, plain_albedo)
    lit, distance, _ = seen.from_beside(offset)
    position, turn = LOOK.pose(0.0)
    lamp = position + turn[:, 0] * offset
    points, normals = seen.surface.point_m, seen.surface.normal.astype(float)
    way = lamp - points
    far = np.linalg.norm(way, axis=1)
    facing = (way * normals).sum(axis=1) > 0
    lifted = points + 1e-4 * normals
    expected = facing.copy()
    for reach in np.unique(np.round(far, 1)):  # `occluded` takes one reach for all rays
        rows = np.flatnonzero(np.round(far, 1) == reach)
        rays = Rays(lifted[rows], geometry.unit(way[rows]), np.zeros(len(rows)))
        blocked = world.occluded(rays, far[rows].min())
        expected[rows] &= ~blocked
    differ = lit[seen.surface.ray] != expected
    assert differ.mean() < 0.01  # grazing points, and what stands at the lamp itself
    assert 0.02 < (~expected).mean() < 0.9
    np.testing.assert_allclose(distance[seen.surface.ray], far)


def test_steps_are_those_of_the_redwood_model():
    z = np.random.default_rng(0).uniform(0.5, 4, 5000)
    noise = np.random.default_rng(1).standard_normal(5000) * 0.027778
    expected = 35.130 * 8 / np.round(8 * (35.130 / z + noise))
    depth, cause = np.empty(5000, np.float32), np.zeros(5000, np.uint8)
    quantise(35.130 / z + noise, 35.130, 0.125, 0.0, 10.0, cause, depth)
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


def test_noise_fields_have_unit_variance_and_their_correlation():
    for width in (0.0, 1.0, 2.5):
        noise = field(Key(4) / width.hex(), (400, 400), width)
        assert noise.std() == pytest.approx(1, abs=0.03)
        alike = (noise[:, 1:] * noise[:, :-1]).mean()
        expected = np.exp(-1 / (4 * width**2)) if width else 0
        assert alike == pytest.approx(expected, abs=0.03)


def test_edges_are_seen_where_lateral_noise_puts_them():
    """P(near | pixel) is a normal distribution function of the pixel's distance to the edge."""
    lone = primitives.box((2, 40, 0.01))
    world = World(scene(
        body("near", lone, (1, 0, 1), materials=(Material(),)),
        body("far", primitives.box((40, 40, 0.1)), (0, 0, 2)),
    ))  # fmt: skip
    eye = camera(Motion.rest((0, 0, 0)), f=300.0, width=65, height=2000)
    for sigma in (0.8, 2.0):
        params = StructuredLightParams(
            baseline_m=-0.05, lateral_px=sigma, lateral_incidence_px=0, lateral_correlation_px=0,
            window_px=1, window_share=0, noise_px=0, incidence_noise_m=0, speckle=0,
            max_incidence_deg=90, min_signal=0,
        )  # fmt: skip
        reading = params.reading(world, eye, 0.0, params.init(Key(0)), Key(1))
        near = (np.abs(reading.depth_m - 1) < 0.2)[:, 27:38].mean(axis=0)
        # Shifts are whole pixels; the edge lies on pixel 32's middle.
        pixels = np.arange(27, 38)
        expected = norm.sf((32 - 0.5 - pixels) / sigma)
        np.testing.assert_allclose(near, expected, atol=0.06)


def test_a_brighter_surface_grows_into_a_darker_one():
    """In the matched window the heavier surface wins; with equal signals the edge stays."""
    widths = []
    for bright in (0.5, 4.0, 0.125):
        near, grey = Material(albedo=(0.2 * bright,) * 3), (Material((0.2,) * 3),)
        world = World(scene(
            body("near", primitives.box((2, 40, 0.01)), (1, 0, 1), materials=(near,)),
            body("far", primitives.box((40, 40, 0.1)), (0, 0, 1.2), materials=grey),
        ))  # fmt: skip
        eye = camera(Motion.rest((0, 0, 0)), f=300.0, width=65, height=40)
        params = StructuredLightParams(
            baseline_m=-0.05, lateral_px=0, window_share=0, noise_px=0, speckle=0, min_signal=0
        )
        depth = params.reading(world, eye, 0.0, params.init(Key(0)), Key(1)).depth_m
        widths.append((np.abs(depth - 1) < 0.1).sum(axis=1).mean())
    assert widths[1] > widths[0] + 1
    assert widths[2] < widths[0] - 0.5


def test_shot_noise_is_that_of_four_poisson_taps():
    rng, n, a, b, phase = np.random.default_rng(5), 200_000, 300.0, 900.0, 1.1
    taps = [rng.poisson(b + a * np.cos(phase - k * np.pi / 2), n) for k in range(4)]
    turned = np.arctan2(taps[1] - taps[3], taps[0] - taps[2])
    phasors = np.tile([a * np.cos(phase), a * np.sin(phase)], (1, n, 1))
    noise = rng.standard_normal((1, n, 2), dtype=np.float32)
    add_shot_noise(phasors, np.full(n, b), 0.0, noise)
    ours = np.arctan2(phasors[0, :, 1], phasors[0, :, 0])
    assert ours.std() == pytest.approx(turned.std(), rel=0.01)
    f = 20e6
    spread = ours.std() * wrap_m(f) / (2 * np.pi)
    assert spread == pytest.approx(shot_noise_m(f, b, a), rel=0.01)


def test_unwrapping_finds_every_distance_up_to_the_common_wrap():
    wrap = np.array([wrap_m(f * 1e6) for f in (16, 80, 120)])
    distance = np.linspace(0.05, 18.6, 4001)  # the three agree again at 18.7 m
    phase = 2 * np.pi * distance[None] / wrap[:, None]
    phasors = 100 * np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    cause = np.zeros(len(distance), np.uint8)
    np.testing.assert_allclose(unwrap(phasors, wrap, 18.7, 0.05, cause), distance, atol=1e-9)
    assert (cause == 0).all()
    alone = unwrap(phasors[1:2], wrap[1:2], wrap[1], 0.05, cause)
    np.testing.assert_allclose(alone, distance % wrap[1], atol=1e-9)


def corner(albedo):
    paint = (Material(albedo=(albedo,) * 3),)
    plate, half = primitives.box((0.1, 4, 2)), np.sin(np.pi / 8)
    return World(
        scene(
            *(
                body(
                    name,
                    plate,
                    (side * 0.75, 0.75, 2),
                    (0, -side * half, 0, np.cos(np.pi / 8)),
                    materials=paint,
                )
                for name, side in (("left", -1), ("right", 1))
            )
        )
    )


def test_a_concave_corner_seems_deeper_and_finer_patches_agree():
    eye = camera(Motion.rest((0, 0, 0)), f=60.0)
    bias = {}
    for albedo, patch in ((0.8, 16), (0.8, 8), (0.8, 4), (0.1, 8), (0.8, 0)):
        params = TimeOfFlightParams(
            frequencies_mhz=(20.0,), bounce_px=patch, light_e=1e9, full_e=1e12, samples=1,
            search_m=7.0, max_m=7.0, mixed_m=9.0,
        )  # fmt: skip
        world = corner(albedo)
        reading = params.reading(world, eye, 0.0, params.init(Key(0)), Key(0))
        true = Seen.of(world, eye, 0.0, plain_albedo).depth_m.reshape(reading.depth_m.shape)
        middle = slice(26, 46), slice(30, 66)
        bias[albedo, patch] = float((reading.depth_m - true)[middle].mean())
    assert abs(bias[0.8, 0]) < 1e-4
    assert bias[0.8, 8] > 0.005
    assert bias[0.8, 8] == pytest.approx(bias[0.8, 4], rel=0.1)
    assert bias[0.8, 16] == pytest.approx(bias[0.8, 4], rel=0.3)
    assert bias[0.1, 8] == pytest.approx(bias[0.8, 8] / 8, rel=0.25)  # in step with the albedo


def test_dots_are_the_sum_of_their_gaussians():
    table, spacing, sigma = dot_table(Key(6)), 0.011, 0.002
    rng = np.random.default_rng(7)
    x, y = rng.uniform(-0.4, 0.4, (2, 300))
    cells = np.arange(-40, 41)
    down, across = (c.ravel() for c in np.meshgrid(cells, cells, indexing="ij"))
    spots = table[down % CELLS, across % CELLS]
    u = x[:, None] / spacing - across - spots[:, 0]
    v = y[:, None] / spacing - down - spots[:, 1]
    expected = (spots[:, 2] * np.exp(-((u**2 + v**2) * spacing**2) / (2 * sigma**2))).sum(axis=1)
    np.testing.assert_allclose(dots(x, y, table, spacing, sigma), expected, atol=1e-4)


@pytest.mark.parametrize("d", [7.0, 7.31, 7.5, 7.9])
def test_refinement_finds_a_fraction_of_a_pixel(d):
    right = field(Key(9), (60, 120), 1.5) * 40 + 120
    left = sub_pixel_shift(right.astype(float), (0, d), order=5).astype(np.float32)
    disparity = np.full((60, 120), round(d), np.float32)
    cause = np.zeros((60, 120), np.uint8)
    refine(left, right, 3, 1.0, disparity, cause)
    found = disparity[10:-10, 30:-20][cause[10:-10, 30:-20] == 0]
    assert len(found) > 2000
    assert found.mean() == pytest.approx(d, abs=0.01)
    assert found.std() < 0.05


def test_a_moving_camera_sees_as_many_still_ones_row_by_row():
    """Rolling shutter: every row of the reading is that of a camera at rest at its time."""
    world = strewn()
    motion = moving(np.random.default_rng(2), (1.2, 0.9, 0.7), (1.0, 1.0, 0.8), steps=2)
    start = geometry.look_at((1.2, 0.9, 0.7), (0, 0, 0))
    motion = Motion(motion.times_s, motion.positions_m, np.stack([start, start]))
    rolling = camera(motion, readout_s=0.9)
    params = StructuredLightParams(
        baseline_m=0.1,
        infrared_m=-0.03,
        noise_px=0,
        lateral_px=0,
        window_px=1,
        speckle=0,
        step_px=0,
    )
    whole = params.reading(world, rolling, 0.0, params.init(Key(0)), Key(0))
    for row in (10, 36, 60):
        at = motion.at(np.array([row / rolling.height * 0.9]))
        still = camera(Motion.rest(at[0][0], at[1][0]))
        frame = params.reading(world, still, 0.0, params.init(Key(0)), Key(0))
        np.testing.assert_allclose(whole.depth_m[row], frame.depth_m[row], atol=2e-5)
        assert (whole.cause[row] == frame.cause[row]).mean() > 0.98
