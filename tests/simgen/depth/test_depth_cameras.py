"""Depth cameras as users meet them: causes, devices, determinism, refusals."""

import numpy as np
import pytest

from simgen import geometry
from simgen.assets import primitives
from simgen.errors import ConfigError, SimgenError
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.depth import (
    ActiveStereoParams,
    Cause,
    MatchParams,
    StructuredLightParams,
    TimeOfFlightParams,
    depth_params,
    depth_preset,
    passive_stereo,
)
from simgen.sensors.presets import names
from simgen.spec import Body, Environment, Material, Motion, SceneSpec
from simgen.world import World

AHEAD = Motion.rest((0, 0, 0), geometry.look_at((0, 0, 0), (0, 1, 0)))
PRINCIPLES = [
    StructuredLightParams(),
    ActiveStereoParams(min_m=0.5, dot_spacing=0.02, dot_sigma=0.003, lamp=10),
    TimeOfFlightParams(),
]


def eye(width=160, height=120, f=150.0, **distortion):
    lens = BrownConrady(f, f, (width - 1) / 2, (height - 1) / 2, **distortion)
    return Camera(lens, width, height, AHEAD)


def thing(name, asset, place, albedo=0.5, turn=(0, 0, 0, 1)):
    return Body(name, asset, (Material((albedo,) * 3),), Motion.rest(place, turn))


def world(*bodies):
    return World(SceneSpec(bodies, (), Environment(), (), AHEAD))


def room(albedo=0.5):
    return world(
        thing("wall", primitives.box((3, 0.1, 4)), (0.6, 2.0, 0), albedo),
        thing("box", primitives.box((0.4, 0.3, 0.4)), (0, 1.2, 0), albedo),
    )


def read(params, scene=None, camera=None, seed=0, **more):
    state = params.init(Key(seed) / "device")
    return params.reading(scene or room(), camera or eye(), 0.0, state, Key(seed) / "frame", **more)


@pytest.mark.parametrize("params", PRINCIPLES, ids=lambda p: p.name)
def test_every_principle_measures_a_room(params):
    found = read(params)
    assert found.depth_m.shape == found.cause.shape == (120, 160)
    middle = found.depth_m[55:65, 75:85]
    assert np.median(middle[middle > 0]) == pytest.approx(1.05, abs=0.03)
    assert (found.depth_m[:, :4] > 0).mean() < 0.02  # nothing is there, left of the wall
    assert (found.cause[:, :4] == Cause.NO_SURFACE).mean() > 0.9
    assert found.shares()["none"] > 0.5


@pytest.mark.parametrize("params", PRINCIPLES, ids=lambda p: p.name)
def test_the_same_keys_give_the_same_bits_and_others_do_not(params):
    first, again, other = read(params), read(params), read(params, seed=1)
    assert np.array_equal(first.depth_m, again.depth_m)
    assert np.array_equal(first.cause, again.cause)
    assert not np.array_equal(first.depth_m, other.depth_m)


@pytest.mark.parametrize("params", PRINCIPLES, ids=lambda p: p.name)
def test_no_bodies_no_depth(params):
    found = read(params, world())
    assert (found.depth_m == 0).all()
    assert (found.cause == Cause.NO_SURFACE).all()


@pytest.mark.parametrize("params", PRINCIPLES, ids=lambda p: p.name)
def test_beyond_its_range_there_is_no_depth(params):
    found = read(params.model_copy(update={"max_m": 0.9}))
    assert (found.depth_m > 0).mean() < 0.01  # a stereo pair may match by chance
    assert (found.cause == Cause.OUT_OF_RANGE).mean() > 0.5


def test_a_devices_error_stays_over_its_frames_and_differs_between_devices():
    params = StructuredLightParams(offset_px=0.3, pattern_px=0.2, noise_px=0.001, lateral_px=0)
    one, two = (params.init(Key(k)) for k in (0, 1))
    scene, camera = room(), eye()
    frames = [
        params.reading(scene, camera, 0.0, state, Key(9) / frame).depth_m
        for state in (one, two)
        for frame in (0, 1)
    ]
    held = np.all([f > 0 for f in frames], axis=0)
    same, differs = (np.abs(frames[0] - frames[k])[held].mean() for k in (1, 2))
    assert differs > 2 * same


def test_dark_surfaces_leave_holes():
    for params in (PRINCIPLES[0].model_copy(update={"min_signal": 0.05}), PRINCIPLES[2]):
        dark = read(params, room(0.002))
        assert (dark.cause == Cause.LOW_SIGNAL).sum() > 5000
        assert (read(params).cause == Cause.LOW_SIGNAL).sum() < 50


def test_too_much_light_leaves_holes():
    near = world(thing("wall", primitives.box((9, 0.1, 9)), (0, 0.65, 0), 0.9))
    glare = read(StructuredLightParams(max_signal=0.5), near)
    assert (glare.cause == Cause.SATURATED).mean() > 0.3
    assert (read(TimeOfFlightParams(full_e=1000.0), near).cause == Cause.SATURATED).mean() > 0.3


def test_a_flat_view_leaves_holes():
    floor = world(thing("floor", primitives.box((9, 90, 0.1)), (0, 45, -0.2)))
    found = read(StructuredLightParams(max_incidence_deg=70, window_px=1, lateral_px=0), floor)
    assert (found.cause == Cause.GRAZING).sum() > 1000


def test_reflectance_may_come_from_elsewhere():
    """An infrared albedo that is not the paint's: black leaves no depth."""
    params = StructuredLightParams()
    black = read(params, albedo=lambda _, surface: np.zeros(len(surface.ray), np.float32))
    assert (black.depth_m == 0).all()


def test_shadow_lies_away_from_the_projector():
    for side in (1, -1):
        params = StructuredLightParams(baseline_m=side * 0.075, lateral_px=0)
        _, x = np.nonzero(read(params).cause == Cause.PROJECTOR_SHADOW)
        assert len(x) > 50
        assert (np.median(x) < 79.5) == (side > 0)


def test_without_a_baseline_nothing_is_triangulated():
    assert (read(StructuredLightParams(baseline_m=0.0)).cause == Cause.NO_MATCH).all()


def test_flying_pixels_lie_between_the_surfaces_and_need_sub_rays():
    one = {"frequencies_mhz": (20.0,), "search_m": 7.4}
    between = [
        ((d > 1.1) & (d < 1.85)).sum()
        for d in (
            read(TimeOfFlightParams(samples=s, light_e=1e7, full_e=1e9, **one)).depth_m
            for s in (4, 1)
        )
    ]
    assert between[0] > 50
    assert between[1] == 0


def test_a_distorting_lens_is_no_rectified_pair_but_serves_the_others():
    with pytest.raises(ConfigError, match="rectified pinholes"):
        read(PRINCIPLES[1], camera=eye(k1=-0.1))
    for params in (PRINCIPLES[0], PRINCIPLES[2]):
        assert read(params, camera=eye(k1=-0.1)).shares()["none"] > 0.5


def test_passive_stereo_needs_texture():
    rng = np.random.default_rng(0)
    wide = rng.integers(40, 215, (80, 200)).astype(np.uint8)
    left, right = wide[:, :180].copy(), wide[:, 10:190].copy()
    found = passive_stereo(left, right, 10.0, MatchParams(min_m=0.4, max_m=5.0))
    inside = found.depth_m[10:-10, 30:-10]
    assert (inside > 0).mean() > 0.95
    assert np.median(inside[inside > 0]) == pytest.approx(1.0, abs=0.005)
    flat = np.full((80, 180), 90, np.uint8)
    assert (passive_stereo(flat, flat, 10.0, MatchParams(min_m=0.4)).depth_m == 0).all()


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.zeros((8, 9), np.uint8), np.zeros((8, 8), np.uint8)),
        (np.zeros((8, 9, 3), np.uint8), np.zeros((8, 9, 3), np.uint8)),
        (np.zeros((8, 9)), np.zeros((8, 9), np.uint8)),
        (np.zeros((8, 9), np.uint8), np.zeros((8, 9))),
    ],
)
def test_a_pair_that_is_none_is_refused(left, right):
    with pytest.raises(SimgenError, match="two grey 8-bit images of one size"):
        MatchParams().match(left, right, 20.0)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"block_px": 6}, "`block_px` must be odd"),
        ({"min_m": 5.0, "max_m": 2.0}, "`min_m < max_m` must hold"),
        ({"min_m": 0.01}, "at most 1024 disparities"),
    ],
)
def test_a_search_that_cannot_be_is_refused(changes, rule):
    grey = np.zeros((8, 9), np.uint8)
    with pytest.raises(ConfigError, match=rule):
        MatchParams(**changes).match(grey, grey, 20.0)


def test_settings_are_chosen_by_name_and_typos_are_explained():
    assert depth_params({"name": "time_of_flight", "samples": 2}) == TimeOfFlightParams(samples=2)
    with pytest.raises(ConfigError, match="did you mean 'structured_light'"):
        depth_params({"name": "structured_ligth"})
    with pytest.raises(ConfigError, match=r"depth\.nois_px.*did you mean 'noise_px'"):
        depth_params({"name": "structured_light", "nois_px": 1})
    with pytest.raises(ConfigError, match=r"depth\.step_px"):
        depth_params({"name": "structured_light", "step_px": -1})
    with pytest.raises(ConfigError, match="must name a principle"):
        depth_params({})
    with pytest.raises(ConfigError, match="`frequencies_mhz > 0` must hold"):
        _ = TimeOfFlightParams(frequencies_mhz=(0.0,)).wrap


def test_settings_survive_plain_data():
    for params in PRINCIPLES:
        assert depth_params(params.model_dump(mode="json")) == params


@pytest.mark.parametrize("name", names("depth"))
def test_presets_load_and_cite(name):
    preset = depth_preset(name)
    assert preset.title
    assert len(preset.source) >= 3
    assert preset.lens.glass()
    assert "†" not in " ".join(preset.source)


def test_an_unknown_preset_is_explained():
    with pytest.raises(ConfigError, match="did you mean 'kinect_v1'"):
        depth_preset("kinect_1")


def test_the_time_of_flight_presets_keep_their_makers_promise():
    """Azure Kinect: random error of at most 17 mm, here on 15 % reflectance at 3.8 m."""
    preset = depth_preset("azure_kinect")
    small = eye(64, 48, 417.0)
    wall = world(thing("wall", primitives.box((9, 0.1, 9)), (0, 3.85, 0), 0.15))
    params = preset.depth.model_copy(update={"offset_m": 0.0, "max_m": 5.0})
    found = read(params, wall, small)
    held = found.depth_m[found.depth_m > 0]
    assert len(held) > 0.9 * found.depth_m.size
    off = held - 3.8
    assert 0.002 < off.std() < 0.017
    assert abs(np.median(off)) < 0.002


def test_stereo_noise_is_near_what_its_maker_states():
    """D435: 0.08 px of disparity on a facing wall; Intel's tuning guide, sub-pixel error."""
    preset = depth_preset("realsense_d435")
    camera = eye(320, 240, 424.0)
    wall = world(thing("wall", primitives.box((9, 0.1, 9)), (0, 1.05, 0), 0.6))
    depth = read(preset.depth, wall, camera).depth_m[20:-20, 40:-20]
    disparity = 424 * 0.05 / depth[depth > 0]
    assert (depth > 0).mean() > 0.95
    assert 0.02 < disparity.std() < 0.12
