"""Dice: their pips, their handedness, which face is up, and how they fall."""

import dataclasses
import itertools

import cv2
import numpy as np
import pytest
from scipy import stats

from scenes.dice import FAMILY
from scenes.dice_params import DiceParams, Die, Lighting, Look, Mount, Tray
from scenes.die import COCKED, NAMES, body, face_axes, face_up, pip_centres
from simgen import geometry
from simgen.generate import RejectedError
from simgen.labels import View, label
from simgen.physics import settle
from simgen.render.raycast import RaycastParams, RaycastRenderer
from simgen.rng import Key
from simgen.sensors.camera.params import CameraParams
from simgen.spec import Motion
from simgen.world import World

KEY = Key(0)
HANDS = pytest.mark.parametrize("mirrored", [False, True])


def numbers_by_counting(centres, size):
    """Pips on each side, found by where they lie: (axis, sign) -> count."""
    sides = {}
    for axis, sign in itertools.product(range(3), (-1, 1)):
        on = np.abs(centres[:, axis] - sign * size / 2) < 1e-12
        sides[axis, sign] = int(on.sum())
    return sides


@HANDS
@pytest.mark.parametrize("turns", range(8))
def test_21_pips_and_opposite_sides_sum_to_seven(mirrored, turns):
    centres = pip_centres(0.02, 0.25, mirrored, turns)
    assert centres.shape == (21, 3)
    sides = numbers_by_counting(centres, 0.02)
    assert sorted(sides.values()) == [1, 2, 3, 4, 5, 6]
    for axis in range(3):
        assert sides[axis, -1] + sides[axis, 1] == 7
    gaps = np.linalg.norm(centres[:, None] - centres[None], axis=2)[np.triu_indices(21, 1)]
    assert gaps.min() > 0.2 * 0.02  # no pip lies on another
    for number, (out, a, b) in enumerate(face_axes(mirrored)):
        on = np.abs(centres @ out - 0.01) < 1e-12
        assert on.sum() == number + 1
        across = np.abs(centres[on] @ np.stack([a, b], axis=1))
        assert across.max(initial=0) <= 0.25 * 0.02 + 1e-12


def test_a_waist_narrows_the_six_across_its_rows_alone():
    plain, narrow = (pip_centres(0.02, 0.25, False, 0, waist) for waist in (1.0, 0.7))
    np.testing.assert_array_equal(plain[:15], narrow[:15])
    _, across, along = face_axes(False)[5]
    np.testing.assert_allclose(narrow[15:] @ across, 0.7 * (plain[15:] @ across))
    np.testing.assert_allclose(narrow[15:] @ along, plain[15:] @ along)
    assert len(np.unique(np.round(plain[15:] @ along, 9))) == 3  # rows of three


def test_a_ball_cuts_the_corners_of_a_die_off():
    """Within cube and ball, as wide as the cube, sides flat discs: volume by sampling."""
    size, edge, ball = 0.02, 0.06, 0.72
    die = body(size, edge, ball, cells=24)
    far = np.linalg.norm(die.vertices_m, axis=1)
    assert np.abs(die.vertices_m).max() <= size / 2 + 1e-9
    assert far.max() <= ball * size + 1e-6
    np.testing.assert_allclose(np.ptp(die.bounds_m, axis=0), size, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(die.normals, axis=1), 1, rtol=1e-6)
    assert (np.einsum("ij,ij->i", die.normals, die.vertices_m) > 0).all()
    top = die.vertices_m[(die.normals[:, 2] > 1 - 1e-6)]
    disc = np.sqrt((ball - edge) ** 2 - (0.5 - edge) ** 2) * size
    assert np.linalg.norm(top[:, :2], axis=1).max() == pytest.approx(disc, rel=0.1)
    corners = die.vertices_m[die.faces]
    volume = np.linalg.det(corners).sum() / 6 / size**3
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (200_000, 3))
    sharp = np.mean(np.linalg.norm(points, axis=1) < ball)
    assert sharp - 0.03 < volume < sharp
    assert body(size, edge, 0.9).faces.shape == body(size, edge, 5.0).faces.shape
    assert np.linalg.norm(body(size, edge, 0.9).vertices_m, axis=1).max() > ball * size


def test_ring_of_lamps_shares_its_strength():
    light = Lighting(
        strength=0.0, ring_lamps=5, ring_strength=0.3, ring_elevation_rad=1.1, ring_arc_rad=4.0
    )
    lamps = FAMILY.build(DiceParams(light=light), KEY).lights
    assert len(lamps) == 5
    np.testing.assert_allclose(np.sum([lamp.irradiance for lamp in lamps], axis=0), 0.3)
    directions = np.array([lamp.direction for lamp in lamps])
    np.testing.assert_allclose(directions[:, 2], np.sin(1.1))
    turns = np.unwrap(np.arctan2(directions[:, 1], directions[:, 0]))
    np.testing.assert_allclose(np.diff(turns), 0.8)
    assert not FAMILY.build(DiceParams(light=Lighting(strength=0.0)), KEY).lights


def test_print_on_the_tray_is_drawn_again_from_its_key():
    def rims(key):
        tray = Tray(present=True, label_share=0.2)
        return [
            b.materials[1].texture
            for b in FAMILY.build(DiceParams(tray=tray), key).bodies
            if b.name.startswith("tray wall")
        ]

    assert rims(KEY) == rims(KEY) != rims(Key(1))
    assert all(rim is not None for rim in rims(KEY))
    plain = FAMILY.build(DiceParams(tray=Tray(present=True)), KEY).bodies
    assert all(b.materials[-1].texture is None for b in plain if b.name.startswith("tray"))


def test_handedness():
    """One, two and three run one way round on a die, the other way on its mirror image."""
    hand = [np.linalg.det(face_axes(mirrored)[:3, 0]) for mirrored in (False, True)]
    assert hand == pytest.approx([1, -1])
    plain, mirror = (pip_centres(0.02, 0.25, m, 0) for m in (False, True))
    # No turn takes the numbers of one to the other, but a reflection does.
    sides, others = numbers_by_counting(plain, 0.02), numbers_by_counting(mirror, 0.02)
    assert any(moved(sides, turn) == others for turn in cube_maps(-1))
    assert not any(moved(sides, turn) == others for turn in cube_maps(1))


def cube_maps(sign):
    """The 24 turns (1) or reflections (-1) of a cube."""
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            turn = np.zeros((3, 3))
            turn[range(3), order] = signs
            if np.linalg.det(turn) * sign > 0:
                yield turn


def moved(sides, turn):
    out = {}
    for (axis, sign), number in sides.items():
        direction = turn @ (np.eye(3)[axis] * sign)
        to = int(np.abs(direction).argmax())
        out[to, int(np.sign(direction[to]))] = number
    return out


@HANDS
def test_face_up_in_all_24_poses(mirrored):
    sides = numbers_by_counting(pip_centres(0.02, 0.25, mirrored, 5), 0.02)
    seen = set()
    for turn in cube_maps(1):
        top, lean = face_up(geometry.quaternion(turn), mirrored)
        assert top == moved(sides, turn)[2, 1]
        assert lean == pytest.approx(0, abs=1e-6)
        seen.add(top)
    assert seen == {1, 2, 3, 4, 5, 6}


@pytest.mark.parametrize("angle", [0.05, 0.3, 0.75])
def test_lean_is_the_tilt_of_the_upper_face(angle):
    tilt = geometry.axis_angle((1, 0.4, 0), angle)
    for turn in itertools.islice(cube_maps(1), 6):
        _, lean = face_up(geometry.multiply(tilt, geometry.quaternion(turn)), False)
        assert lean == pytest.approx(angle, abs=1e-9)


def at_rest(params, turn):
    """A scene as if dice had come to rest in a pose."""
    spec = FAMILY.build(params, KEY)
    bodies = tuple(
        dataclasses.replace(b, motion=Motion.rest(b.motion.positions_m[0], turn))
        if b.category
        else b
        for b in spec.bodies
    )
    return FAMILY.finish(dataclasses.replace(spec, bodies=bodies))


def test_cocked_beyond_the_stated_lean():
    params = DiceParams(max_lean_deg=12.0)
    for degrees, expected in ((0, "one"), (11.9, "one"), (12.1, COCKED), (44, COCKED)):
        turn = geometry.axis_angle((0, 1, 0), np.radians(degrees))
        (die,) = [b for b in at_rest(params, turn).bodies if b.category]
        assert die.category == expected
        assert die.attributes["lean_deg"] == pytest.approx(degrees, abs=1e-3)
        assert die.attributes["top"] == 1
        assert "max_lean_deg" not in die.attributes


def thrown(seed, count=20):
    rng = np.random.default_rng(seed)
    return tuple(
        Die(
            size_m=0.016,
            mirrored=bool(n % 2),
            turns=int(rng.integers(8)),
            place=(0.5 * (n % 5) - 1.0, 0.5 * (n // 5) - 0.75),
            turn=tuple(geometry.unit(rng.standard_normal(4))),
            velocity_m_s=tuple(rng.uniform(-0.3, 0.3, 3)),
            spin_rad_s=tuple(rng.uniform(-20, 20, 3)),
        )
        for n in range(count)
    )


def test_thrown_dice_show_every_number_alike():
    """240 dice: chi-square of the six numbers, p > 0.001; nearly none cocked on a table."""
    found = []
    for seed in range(12):
        params = DiceParams(dice=thrown(seed), grain=0.0, spread_m=0.12)
        spec = FAMILY.finish(settle(FAMILY.build(params, KEY)))
        found += [b.category for b in spec.bodies if b.category]
    assert len(found) == 240
    counts = np.array([found.count(name) for name in NAMES])
    assert found.count(COCKED) <= 5
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.chisquare([240, 0, 0, 0, 0, 0]).pvalue < 1e-3  # negative control


def picture(die, turn, size=320):
    """One big die from straight above in even light: brightness (H, W) of its upper face."""
    params = DiceParams(
        dice=(die,),
        grain=0.0,
        light=Lighting(strength=0.0, sky=1.0, horizon=1.0, bounce=1.0),
        camera=Mount(height_m=0.5),
        table=(0.0, 0.0, 0.0),
    )
    spec = at_rest(params, turn)
    cam = CameraParams(width=size, height=size, fx_px=0.75 * size * 0.4 / die.size_m).camera(
        spec.camera
    )
    view = View.of(World(spec), cam, 0.0)
    renderer = RaycastRenderer(RaycastParams(sky_samples=0, highlights=False))
    light = renderer.radiance(view.world, view.rays, view.hits, KEY)
    (o,) = label(view, ("masks",)).objects
    return light.mean(axis=1).reshape(size, size), o


@HANDS
def test_the_class_is_the_number_of_pips_that_a_camera_sees(mirrored):
    """White pips on black, counted as blobs by OpenCV, for each of the six numbers."""
    die = Die(
        size_m=0.1, mirrored=mirrored, pip_depth=0.0, turns=3,
        look=Look(body=(0.0, 0.0, 0.0), pip=(1.0, 1.0, 1.0), specular=0.0),
    )  # fmt: skip
    named = set()
    for turn in cube_maps(1):
        image, o = picture(die, geometry.quaternion(turn), 160)
        blobs, _ = cv2.connectedComponents((image > 0.5).astype(np.uint8))
        assert NAMES[blobs - 2] == o.category
        named.add(o.category)
    assert named == set(NAMES)


def test_keypoints_are_the_middles_of_the_numbered_faces():
    spec = FAMILY.build(DiceParams(dice=(Die(size_m=0.02, mirrored=True),)), KEY)
    (die,) = [b for b in spec.bodies if b.category]
    points = np.array([die.asset.keypoints[name] for name in NAMES])
    np.testing.assert_allclose(points, face_axes(True)[:, 0] * 0.01)
    np.testing.assert_allclose(points + points[::-1], 0, atol=1e-15)


def test_a_die_is_as_large_as_stated():
    (die,) = [b for b in FAMILY.build(DiceParams(), KEY).bodies if b.category]
    np.testing.assert_allclose(np.ptp(die.asset.bounds_m, axis=0), 0.016, rtol=1e-9)
    assert die.mass_kg == pytest.approx(1200 * 0.016**3)


def test_dice_do_not_overlap_in_the_air():
    params = DiceParams(dice=tuple(Die(place=(0.02 * n, 0.0)) for n in range(12)))
    dice = [b for b in FAMILY.build(params, KEY).bodies if b.category]
    for a, b in itertools.combinations(dice, 2):
        gap = np.linalg.norm(a.motion.positions_m[0] - b.motion.positions_m[0])
        assert gap >= a.asset.sphere_m[1] + b.asset.sphere_m[1] - 1e-9


def test_tray_holds_dice_and_refuses_those_dropped_outside():
    tray = Tray(present=True, length_m=0.2, width_m=0.15, turn_rad=0.4)
    calm = [
        die.model_copy(update={"velocity_m_s": (0, 0, 0), "spin_rad_s": (0, 0, 0)})
        for die in thrown(1, 10)
    ]
    inside = DiceParams(dice=tuple(calm), tray=tray, spread_m=0.045, grain=0.0)
    spec = settle(FAMILY.build(inside, KEY))
    frame = geometry.matrix(geometry.axis_angle((0, 0, 1), 0.4))
    for b in spec.bodies:
        if b.category:
            local = frame.T @ b.motion.positions_m[-1]
            assert (np.abs(local[:2]) < (0.1, 0.075)).all()
            assert local[2] > 0.006
    with pytest.raises(RejectedError, match=r"^a die misses the tray$"):
        FAMILY.build(DiceParams(dice=(Die(place=(3.0, 0.0)),), tray=tray, spread_m=0.05), KEY)


def test_names_are_unique_and_classes_known():
    params = DiceParams(dice=thrown(2, 6), tray=Tray(present=True), spread_m=0.03)
    spec = FAMILY.build(params, KEY)
    names = [b.name for b in spec.bodies]
    assert len(set(names)) == len(names)
    assert spec.categories == (*NAMES, COCKED)
