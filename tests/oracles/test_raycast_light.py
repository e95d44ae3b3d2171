"""The ray-cast renderer's light against closed forms, each with a negative control.

Units: a white surface that faces an irradiance of 1 has radiance 1, so that a
constant sky of radiance L lights an open plate to L.
"""

import dataclasses

import numpy as np
import pytest
from scene_kit import DARK, body, scene

from simgen import geometry
from simgen.assets import primitives
from simgen.rays import Rays
from simgen.render.raycast import RaycastParams, RaycastRenderer, disc, hemisphere
from simgen.render.shading import open_sky
from simgen.rng import Key
from simgen.spec import Body, Environment, Light, Material, Motion, NoiseTexture, Spots
from simgen.world import World

KEY = Key(3)
WHITE = Material((1.0, 1.0, 1.0), 1.0, 0.0)
EVEN = Environment((0.7, 0.7, 0.7), (0.7, 0.7, 0.7), (0.7, 0.7, 0.7))


def white(name, asset, *place, **settings):
    return body(name, asset, *place, materials=(WHITE,) * (int(asset.part.max()) + 1), **settings)


PLATE = white("plate", primitives.slab((40, 40), 0.1))


def towards(points, eye):
    """Rays from an eye to points (n, 3)."""
    points = np.atleast_2d(np.asarray(points, float))
    return Rays(np.array([eye], float), geometry.unit(points - eye), np.zeros(1))


def light_at(spec, points, eye=(0.0, -3.0, 8.0), key=KEY, **params):
    """Radiance (n, 3) of surface points as seen from an eye."""
    world, rays = World(spec), towards(points, eye)
    hits = world.cast(rays)
    surface = world.surface(rays, hits)
    np.testing.assert_allclose(surface.point_m, np.atleast_2d(points), atol=1e-4)
    settings = RaycastParams(**({"highlights": False} | params))
    return RaycastRenderer(settings).radiance(world, rays, hits, key)


def sun(elevation_deg, azimuth_deg=0.0, irradiance=(1.0, 1.0, 1.0), radius_rad=0.0):
    e, a = np.radians([elevation_deg, azimuth_deg])
    direction = (np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e))
    return Light(direction, irradiance, radius_rad)


@pytest.mark.parametrize("elevation", [90, 60, 30, 10])
def test_lambert_cosine(elevation):
    """A hard light: irradiance times the cosine to 1e-5, whatever the view."""
    lamp = sun(elevation, 40, (1.0, 0.5, 0.2))
    spec = scene(PLATE, lights=(lamp,))
    for eye in ((0, -3, 8), (6, 6, 1)):
        found = light_at(spec, [(0, 0, 0), (1, 2, 0)], eye)
        expected = np.sin(np.radians(elevation)) * np.array([1.0, 0.5, 0.2])
        np.testing.assert_allclose(found, [expected] * 2, atol=1e-5)
    assert light_at(scene(PLATE), [(0, 0, 0)]).max() == 0  # negative control: no light


def test_albedo_multiplies():
    grey = dataclasses.replace(PLATE, materials=(Material((0.5, 0.25, 0.1), 1.0, 0.0),))
    found = light_at(scene(grey, lights=(sun(90),)), [(0, 0, 0)])
    np.testing.assert_allclose(found, [[0.5, 0.25, 0.1]], atol=1e-5)


def test_light_from_below_the_surface_gives_nothing():
    assert light_at(scene(PLATE, lights=(sun(-20),)), [(0, 0, 0)]).max() == 0


def test_lights_add():
    a, b = sun(70, 10), sun(30, 200, (0.3, 0.2, 0.1))
    both = light_at(scene(PLATE, lights=(a, b)), [(0, 0, 0)])
    apart = sum(light_at(scene(PLATE, lights=(each,)), [(0, 0, 0)]) for each in (a, b))
    np.testing.assert_allclose(both, apart, atol=1e-6)


def test_a_broad_light_carries_the_energy_of_a_hard_one():
    """By symmetry the mean cosine over a disc is that of its middle: to 1 %, up to 1.2 rad."""
    for radius in (0.05, 0.3, 0.8, 1.2):
        for elevation in (90,) if radius > 0.5 else (90, 60):
            lamp = sun(elevation, radius_rad=radius)
            found = light_at(scene(PLATE, lights=(lamp,)), [(0, 0, 0)], light_samples=64)
            assert found[0, 0] == pytest.approx(np.sin(np.radians(elevation)), rel=0.01)


def test_even_sky_over_an_open_plate():
    """A constant environment of radiance L lights a level plate to L, to 1e-3."""
    for samples in (0, 16, 64):
        found = light_at(scene(PLATE, environment=EVEN), [(0, 0, 0)], sky_samples=samples)
        np.testing.assert_allclose(found, 0.7, atol=1e-3)


def test_half_a_sky_for_a_wall():
    """Sky L above and nothing below: a vertical wall gets half."""
    half = Environment((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    wall = white("wall", primitives.box((4, 0.2, 4)))
    below = Environment((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    point = [(0, -0.1, 0)]
    even = light_at(scene(wall, environment=EVEN), point, (0, -5, 0))
    np.testing.assert_allclose(even, 0.7, atol=1e-3)
    assert light_at(scene(wall, environment=below), point, (0, -5, 0)).max() == 0
    # The environment blends with the height of the direction: half of sky, all of horizon.
    found = light_at(scene(wall, environment=half), point, (0, -5, 0))
    up = np.abs(hemisphere(4000, 0.0)[:, 2])
    wedge = np.maximum(hemisphere(4000, 0.0) @ (0, -1, 0), 0) * 2 / 4000
    expected = wedge.sum() + (wedge * (1 - up)).sum()  # above: L; below: L (1 - |z|)
    np.testing.assert_allclose(found, expected, atol=2e-3)


@pytest.mark.parametrize("tilt", [1.0, 0.6, 0.0, -0.4, -1.0])
def test_open_sky_against_quadrature(tilt):
    """200,000 directions, to 1e-3."""
    room = Environment((0.9, 0.8, 0.7), (0.5, 0.4, 0.6), (0.1, 0.2, 0.3))
    sphere = np.concatenate([hemisphere(100_000, 0.3), -hemisphere(100_000, 0.3)])
    normal = np.array([np.sqrt(1 - tilt**2), 0, tilt])
    weight = np.maximum(sphere @ normal, 0)[:, None] * 2 / 100_000
    expected = (room.radiance(sphere[:, 2]) * weight).sum(axis=0)
    levels = (np.array(level) for level in (room.sky, room.horizon, room.ground))
    found = open_sky(*levels, normal[None].astype(np.float32))[0]
    np.testing.assert_allclose(found, expected, atol=1e-3)


BLOCK = white("block", primitives.box((2, 2, 1)), (0, 0, 0.5))


def shadow(lamp, xs, y=0.0, **params):
    """Light on the ground along a line, over that without the block."""
    points = np.column_stack([xs, np.full(len(xs), y), np.zeros(len(xs))])
    eye = (12.0, 0.0, 12.0)
    bare = light_at(scene(PLATE, lights=(lamp,)), points, eye, **params)
    with_block = light_at(scene(PLATE, BLOCK, lights=(lamp,)), points, eye, **params)
    return with_block[:, 0] / bare[:, 0]


@pytest.mark.parametrize("elevation", [30, 45, 70])
def test_hard_shadow_ends_where_it_must(elevation):
    """From the left over a block 1 m high: the shadow ends 1 / tan(elevation) behind it."""
    lamp = sun(elevation, 180)
    edge = 1 + 1 / np.tan(np.radians(elevation))
    xs = np.array([1.01, edge - 0.005, edge + 0.005, edge + 1])
    np.testing.assert_allclose(shadow(lamp, xs), [0, 0, 1, 1], atol=1e-6)
    beside = shadow(lamp, xs[:2], y=1.01)
    np.testing.assert_allclose(beside, 1, atol=1e-6)  # negative control: out of its line


def test_penumbra_of_a_disc():
    """A disc of half angle a blurs the edge over 2 a h / sin(e)^2, to 10 %; half in its middle."""
    elevation, radius = np.radians(45), 0.05
    lamp = sun(45, 180, radius_rad=radius)
    width = 2 * radius / np.sin(elevation) ** 2
    edge = 1 + 1 / np.tan(elevation)
    xs = np.linspace(edge - 0.2, edge + 0.2, 401)
    seen = shadow(lamp, xs, light_samples=256)
    assert (np.diff(seen) > -0.02).all()
    ramp = xs[(seen > 0.002) & (seen < 0.998)]
    assert np.ptp(ramp) == pytest.approx(width, rel=0.1)
    assert seen[200] == pytest.approx(0.5, abs=0.05)
    hard = shadow(dataclasses.replace(lamp, angular_radius_rad=0.0), xs)
    assert ((hard == 0) | (hard == 1)).all()  # negative control


def test_sky_at_the_foot_of_a_tall_wall():
    """Near a tall, long wall half of the even sky is hidden, far from it none."""
    wall = white("wall", primitives.box((0.2, 40, 20)), (0.1, 0, 10))
    spec = scene(PLATE, wall, environment=EVEN)
    settings = {"sky_samples": 256, "sky_reach_m": 50.0}
    points = [(-0.01, 0, 0), (-19, 0, 0)]
    near, far = light_at(spec, points, (-8, 0, 6), **settings)[:, 0]
    assert near == pytest.approx(0.35, abs=0.02)
    assert 0.55 < far < 0.7
    open_plate = light_at(scene(PLATE, environment=EVEN), points[:1], (-8, 0, 6), **settings)
    assert open_plate[0, 0] == pytest.approx(0.7, abs=1e-3)  # negative control
    short = light_at(spec, points, (-8, 0, 6), sky_samples=256, sky_reach_m=0.5)[:, 0]
    assert short[0] == pytest.approx(0.35, abs=0.05)  # what is within reach hides as much
    assert short[1] == pytest.approx(0.7, abs=1e-3)


def test_a_pit_is_darker_the_deeper():
    """The floor of a round pit sees sin(half angle)^2 of an even sky."""
    found = []
    for height in (0.05, 0.2):
        tray = white("tray", primitives.tray((0.2, 0.2), 0.01, height))
        spec = scene(tray, environment=EVEN)
        found.append(light_at(spec, [(0, 0, 0)], (0, 0, 3), sky_samples=512, sky_reach_m=1.0)[0, 0])
    # A square pit: integrate the opening seen from the middle of the floor.
    directions = hemisphere(20_000, 0.1)
    for height, value in zip((0.05, 0.2), found, strict=True):
        across = np.abs(directions[:, :2]).max(axis=1) / directions[:, 2] * height
        open_part = (directions[:, 2] * (across < 0.1)).sum() / directions[:, 2].sum()
        assert value == pytest.approx(0.7 * open_part, abs=0.02)


def test_a_moving_occluder_shades_at_the_rays_own_time():
    """A block that passes: lit, in shadow, lit, by the times of three rays at one point."""
    motion = Motion(
        np.array([0.0, 1.0]),
        np.array([[-8.0, 0, 1], [8.0, 0, 1]]),
        np.tile([0.0, 0, 0, 1], (2, 1)),
    )
    block = dataclasses.replace(BLOCK, motion=motion)
    spec = scene(PLATE, block, lights=(sun(90),), environment=EVEN)
    n, eye = 3, np.array([0.0, -6, 0.3])
    ahead = geometry.unit(np.array([0.0, 0, 0]) - eye)
    rays = Rays(np.tile(eye, (n, 1)), np.tile(ahead, (n, 1)), np.array([0.1, 0.5, 0.9]))
    world = World(spec)
    renderer = RaycastRenderer(RaycastParams(highlights=False, sky_samples=64, sky_reach_m=3.0))
    found = renderer.radiance(world, rays, world.cast(rays), KEY)[:, 0]
    np.testing.assert_allclose(found[[0, 2]], 1.7, atol=1e-3)
    assert found[1] < 0.6


def gloss_sum(roughness, radius_rad=0.0, specular=0.2):
    """Reflected radiance integrated over all views (steradians), of a black glossy ball."""
    lamp = sun(90, irradiance=(1.0, 1.0, 1.0), radius_rad=radius_rad)
    shiny = Material((0.0, 0.0, 0.0), roughness, specular)
    plate = dataclasses.replace(PLATE, materials=(shiny,))
    world = World(scene(plate, lights=(lamp,)))
    # Views of one point from every angle: the mirror direction sweeps the light.
    polar = (np.arange(400) + 0.5) / 400 * 0.9
    eyes = 5 * np.column_stack([np.sin(polar), np.zeros(400), np.cos(polar)])
    rays = Rays(eyes, -eyes / 5, np.zeros(400))
    renderer = RaycastRenderer(RaycastParams(light_samples=32))
    seen = renderer.radiance(world, rays, world.cast(rays), KEY)[:, 0].astype(np.float64)
    # Fresnel's rise is divided out, as the lobe alone has unit energy.
    cosine = np.cos(polar)
    fresnel = specular + (1 - specular) * (1 - roughness) * (1 - cosine) ** 5
    return (seen / fresnel * 2 * np.pi * np.sin(polar)).sum() * 0.9 / 400


@pytest.mark.parametrize(("roughness", "radius"), [(0.35, 0.0), (0.5, 0.0), (0.2, 0.25)])
def test_energy_of_the_highlight(roughness, radius):
    """A lobe of unit energy reflects E: its integral over views is pi E, to 4 %."""
    assert gloss_sum(roughness, radius) == pytest.approx(np.pi, rel=0.04)


def test_highlight_narrows_with_gloss_and_is_absent_without():
    lamp = sun(90)
    for roughness, wide in ((0.2, False), (0.6, True)):
        shiny = Material((0.0, 0.0, 0.0), roughness, 0.04)
        spec = scene(dataclasses.replace(PLATE, materials=(shiny,)), lights=(lamp,))
        off = light_at(spec, [(0, 0, 0)], (1.5, 0, 6), highlights=True)[0, 0]
        assert (off > 0.01) == wide
        assert light_at(spec, [(0, 0, 0)], (0.0, 0, 6), highlights=False).max() == 0
        assert light_at(spec, [(0, 0, 0)], (0.0, 0, 6), highlights=True)[0, 0] > 0.03


def test_a_mirror_shows_the_sky():
    """Smooth surface: the environment of the mirror direction, times Fresnel's reflectance."""
    room = Environment((0.9, 0.6, 0.3), (0.5, 0.5, 0.5), (0.0, 0.0, 0.0))
    shiny = Material((0.0, 0.0, 0.0), 0.02, 1.0)
    spec = scene(dataclasses.replace(PLATE, materials=(shiny,)), environment=room)
    eye = np.array([3.0, 0, 4.0])
    found = light_at(spec, [(0, 0, 0)], eye, highlights=True)
    np.testing.assert_allclose(found, room.radiance(np.array([0.8])), atol=1e-5)


def test_what_is_not_hit_shows_the_environment():
    room = Environment((0.9, 0.6, 0.3), (0.5, 0.5, 0.5), (0.1, 0.2, 0.3))
    world = World(scene(PLATE, environment=room))
    rays = Rays(np.array([[0, 0, 5.0]]), np.array([[0, 0, 1.0], [1, 0, 0]]), np.zeros(1))
    found = RaycastRenderer(RaycastParams()).radiance(world, rays, world.cast(rays), KEY)
    np.testing.assert_allclose(found, [(0.9, 0.6, 0.3), (0.5, 0.5, 0.5)], atol=1e-6)


def test_spots_and_noise_take_their_colours():
    """Painted spots by distance on the surface; solid noise covers the share that it states."""
    spots = Spots(np.array([[0.5, 0.5, 0.0]]), 0.2, (0.0, 0.0, 1.0))
    spec = lambda **kw: scene(  # noqa: E731
        dataclasses.replace(PLATE, materials=(Material((1, 0, 0), 1.0, 0.0, **kw),)),
        lights=(sun(90),),
    )
    found = light_at(spec(spots=spots), [(0.5, 0.5, 0), (0.69, 0.5, 0), (0.71, 0.5, 0)])
    np.testing.assert_allclose(found, [(0, 0, 1), (0, 0, 1), (1, 0, 0)], atol=1e-5)
    grid = np.random.default_rng(0).uniform(-3, 3, (4000, 3)) * (1, 1, 0)
    shares = []
    for coverage in (0.0, 0.3, 0.5, 0.7, 1.0):
        noise = NoiseTexture((0.0, 1.0, 0.0), 0.05, coverage, 0.01, 2, 5)
        found = light_at(spec(texture=noise), grid)
        np.testing.assert_allclose(found[:, 0] + found[:, 1], 1, atol=1e-5)
        shares.append(found[:, 1].mean())
    assert (np.diff(shares) > 0.05).all()
    assert shares[0] < 0.01
    assert shares[2] == pytest.approx(0.5, abs=0.05)
    assert shares[4] > 0.99
    np.testing.assert_allclose(shares[1::2], (0.3, 0.7), atol=0.04)


def test_a_dome_bends_the_normal_outwards():
    """Lit from the side, a bulging plate is brighter towards the light, a hollow one darker."""
    points = [(-0.5, 0, 0), (0.5, 0, 0)]
    lit = {}
    for dome in (-0.3, 0.0, 0.3):
        plate = dataclasses.replace(PLATE, materials=(Material((1, 1, 1), 1, 0, dome=dome),))
        lit[dome] = light_at(scene(plate, lights=(sun(45, 180),)), points)[:, 0]
    assert lit[0.3][0] > lit[0.3][1]
    assert lit[-0.3][0] < lit[-0.3][1]
    assert lit[0.0][0] == pytest.approx(lit[0.0][1])


def test_hollows_bend_the_normal():
    """A hollow lit from the side: its far wall is brighter than its near one."""
    spots = Spots(np.array([[0.0, 0.0, 0.0]]), 0.2, (1.0, 1.0, 1.0), 1.0)
    flat = dataclasses.replace(spots, depth=0.0)
    points = [(-0.1, 0, 0), (0.1, 0, 0)]
    lit = []
    for painted in (spots, flat):
        plate = dataclasses.replace(PLATE, materials=(Material((1, 1, 1), 1, 0, None, painted),))
        lit.append(light_at(scene(plate, lights=(sun(45, 180),)), points)[:, 0])
    hollow, even = lit
    assert hollow[1] > even[1] > hollow[0]
    assert even[0] == pytest.approx(even[1])


def test_directions_are_unit_and_spread_evenly():
    up = hemisphere(2000, 0.2)
    np.testing.assert_allclose(np.linalg.norm(up, axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(up.mean(axis=0), (0, 0, 0.5), atol=2e-3)
    lamp = sun(35, 70, radius_rad=0.2)
    ways = disc(lamp, 500, 0.4)
    angle = np.arccos(ways @ lamp.direction)
    assert angle.max() <= 0.2
    assert np.mean(np.tan(angle) < np.tan(0.2) / 2) == pytest.approx(0.25, abs=0.01)
    assert disc(sun(35), 8, 0.1).shape == (1, 3)


def test_the_key_turns_the_pattern_and_nothing_else():
    """Same key, same bits; another key moves a soft shadow's samples only a little."""
    spec = scene(PLATE, BLOCK, lights=(sun(45, 180, radius_rad=0.3),), environment=EVEN)
    points = np.column_stack([np.linspace(1.2, 3, 50), np.zeros(50), np.zeros(50)])
    first = light_at(spec, points, (0, -9, 12), KEY)
    assert np.array_equal(first, light_at(spec, points, (0, -9, 12), KEY))
    other = light_at(spec, points, (0, -9, 12), Key(4))
    assert not np.array_equal(first, other)
    assert np.abs(first - other).mean() < 0.1


def test_dark_world():
    spec = scene(*(Body("p", PLATE.asset, (WHITE,), PLATE.motion),), environment=DARK)
    assert light_at(spec, [(0, 0, 0)], highlights=True).max() == 0


def test_a_mirror_under_a_point_lamp_is_bright_and_finite():
    plate = body("plate", primitives.slab((1.0, 1.0), 0.1), materials=(Material(roughness=0.0),))
    lamp = Light((0.0, 0.0, 1.0), (1.0, 1.0, 1.0))
    kernel = World(scene(plate, lights=(lamp,)))
    down = geometry.unit(np.array([[0.0, 0.0, -1.0], [0.3, 0.0, -1.0]]))
    rays = Rays(np.array([[0.0, 0.0, 1.0]]), down, np.zeros(1))
    light = RaycastRenderer(RaycastParams()).radiance(kernel, rays, kernel.cast(rays), Key(0))
    assert np.isfinite(light).all()
    assert light[0].min() > 100 * light[1].max()
