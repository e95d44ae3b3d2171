"""Settling: rest heights, free fall, determinism and what is refused.

Measured here: the heights and leans that the tolerances bound.
"""

import dataclasses
import hashlib
import subprocess
import sys

import numpy as np
import pytest

from scenes.dice import FAMILY
from scenes.dice_params import DiceParams, Die
from simgen import geometry
from simgen.assets import primitives
from simgen.physics import STEP_HZ, UnsettledError, settle
from simgen.rng import Key
from simgen.spec import Body, Drop, Environment, Material, Motion, SceneSpec

GROUND = dataclasses.replace(primitives.slab((4, 4), 0.1), collision="box")
TILT = geometry.axis_angle((1, 0.3, 0.2), 0.4)


def body(name, asset, place, turn=(0, 0, 0, 1), **settings):
    materials = (Material(),) * (int(asset.part.max()) + 1)
    return Body(name, asset, materials, Motion.rest(place, turn), **settings)


def scene(*bodies, **drop):
    nothing = Environment()
    return SceneSpec(bodies, (), nothing, (), Motion.rest((0, 0, 1)), Drop(**drop))


def moved(asset, offset, collision):
    """The same shape with its origin elsewhere."""
    return dataclasses.replace(
        asset, vertices_m=asset.vertices_m + np.asarray(offset), collision=collision
    )


def lowest(b):
    position, turn = b.motion.pose(1e9)
    return float((b.asset.vertices_m @ turn.T + position)[:, 2].min())


def middle(b):
    position, turn = b.motion.pose(1e9)
    return turn @ b.asset.bounds_m.mean(axis=0) + position


@pytest.mark.parametrize("collision", ["box", "hull"])
@pytest.mark.parametrize("offset", [(0, 0, 0), (0.05, -0.02, 0.1), (0, 0, -0.3), (0, 0, 0.9)])
@pytest.mark.parametrize("scale", [0.02, 0.3])
def test_a_dropped_box_rests_on_the_ground(collision, offset, scale):
    """Height of the lowest point: within 2 % of the size for 2 cm and for 30 cm."""
    shape = moved(primitives.box((scale, scale, 0.6 * scale)), np.array(offset) * scale, collision)
    start = np.array([0, 0, 1.1 * scale]) - geometry.matrix(TILT) @ np.array(offset) * scale
    spec = scene(body("ground", GROUND, (0, 0, 0)), body("b", shape, start, TILT, mass_kg=0.1))
    rested = settle(spec).bodies[1]
    assert abs(lowest(rested)) < 0.02 * scale
    up = np.abs(rested.motion.pose(0)[1][2])
    assert up.max() > np.cos(np.radians(0.5))


def test_the_origin_plays_no_part_in_the_fall():
    """Offset origins: the same box, told with another origin, ends at the same place."""
    ends = []
    for offset in ((0, 0, 0), (0.3, -0.2, 0.4)):
        shape = moved(primitives.box((0.3, 0.2, 0.1)), offset, "box")
        start = np.array([0, 0, 0.5]) - geometry.matrix(TILT) @ np.array(offset)
        spec = scene(body("ground", GROUND, (0, 0, 0)), body("b", shape, start, TILT, mass_kg=1))
        ends.append(middle(settle(spec).bodies[1]))
    np.testing.assert_allclose(ends[0], ends[1], atol=2e-3)


def test_a_static_body_collides_where_it_is_drawn():
    """A box with an offset origin, turned and fixed: what lands on it touches its top."""
    for collision in ("box", "hull", "mesh"):
        shape = moved(primitives.box((0.6, 0.6, 0.2)), (0.5, 0.1, 0.3), collision)
        turn = geometry.axis_angle((0, 0, 1), 1.1)
        centre = geometry.matrix(turn) @ (0.5, 0.1, 0.3) + (0.2, 0.1, 0)
        ball = dataclasses.replace(primitives.box((0.1, 0.1, 0.1)), collision="box")
        spec = scene(
            body("fixed", shape, (0.2, 0.1, 0), turn),
            body("ball", ball, np.add(centre, (0.1, 0, 0.3)), mass_kg=1),
        )
        rested = settle(spec).bodies[1]
        assert lowest(rested) == pytest.approx(centre[2] + 0.1, abs=3e-3)


@pytest.mark.parametrize("radius", [0.5, 0.008])
def test_free_fall_is_recorded_exactly(radius):
    """z = z0 - g t (t + dt) / 2 (symplectic Euler's parabola), x = v t, angle = w t, to 1e-9."""
    ball = dataclasses.replace(primitives.sphere(radius, 16), collision="hull")
    start = (0.0, 0.0, 3.0)
    spec = scene(
        body("ground", GROUND, (0, 0, 0)),
        body("ball", ball, start, mass_kg=1, velocity_m_s=(0.4, 0, 0), spin_rad_s=(0, 0, 2.0)),
        record_hz=STEP_HZ,
        settle_s=30,
    )
    motion = settle(spec).bodies[1].motion
    t = motion.times_s[motion.times_s < 0.6]
    assert len(t) == 144
    place = motion.positions_m[: len(t)]
    fall = 9.81 / 2 * t * (t + 1 / STEP_HZ)
    np.testing.assert_allclose(place[:, 2], 3 - fall, rtol=0, atol=1e-9)
    np.testing.assert_allclose(place[:, 0], 0.4 * t, rtol=0, atol=1e-9)
    angle = 2 * np.arctan2(motion.quaternions[: len(t), 2], motion.quaternions[: len(t), 3])
    np.testing.assert_allclose(angle, 2 * t, rtol=0, atol=1e-9)
    assert np.abs(place[:, 2] - 3).max() > 1.5  # negative control


def test_gravity_is_what_the_scene_says():
    shape = dataclasses.replace(primitives.box((0.5, 0.5, 0.5)), collision="box")
    falls = []
    for g in (1.62, 9.81):
        spec = scene(
            body("ground", GROUND, (0, 0, 0)),
            body("b", shape, (0, 0, 0.8), mass_kg=1),
            gravity_m_s2=g,
            record_hz=STEP_HZ,
        )
        motion = settle(spec).bodies[1].motion
        at = motion.at(np.array([0.2]))[0][0, 2]
        falls.append(0.8 - at)
    assert falls[1] / falls[0] == pytest.approx(9.81 / 1.62, rel=0.02)


@pytest.mark.parametrize("rate", [30.0, 240.0])
def test_recording_ends_at_rest(rate):
    """With any rate, the last recorded pose is the one that is kept without recording."""
    shape = dataclasses.replace(primitives.box((0.1, 0.1, 0.1)), collision="box")
    spec = scene(body("ground", GROUND, (0, 0, 0)), body("b", shape, (0, 0, 0.2), TILT, mass_kg=1))
    rested = settle(spec).bodies[1].motion
    drop = dataclasses.replace(spec.physics, record_hz=rate)
    recorded = settle(dataclasses.replace(spec, physics=drop)).bodies[1].motion
    assert not rested.moves
    assert (np.diff(recorded.times_s) > 0).all()
    np.testing.assert_array_equal(recorded.positions_m[-1], rested.positions_m[0])
    np.testing.assert_array_equal(recorded.quaternions[-1], rested.quaternions[0])
    np.testing.assert_allclose(recorded.positions_m[0], (0, 0, 0.2), atol=1e-12)


def test_small_dice_rest_flat():
    """1 cm dice: lean under 0.5 degrees, height within 3 % of the size."""
    params = DiceParams(
        dice=tuple(
            Die(size_m=0.01, place=(0.4 * (n % 4) - 0.6, 0.4 * (n // 4) - 0.6),
                turn=tuple(geometry.unit(np.random.default_rng(n).standard_normal(4))))
            for n in range(12)
        ),
        spread_m=0.2,
        grain=0.0,
    )  # fmt: skip
    spec = FAMILY.finish(settle(FAMILY.build(params, Key(0))))
    dice = [b for b in spec.bodies if b.category]
    assert len(dice) == 12
    heights = [middle(b)[2] - 0.005 for b in dice]
    leans = [b.attributes["lean_deg"] for b in dice]
    assert max(leans) < 0.5
    assert max(map(abs, heights)) < 0.03 * 0.01


def test_bodies_rest_in_a_tray_of_triangles():
    """A ball rolls down to the floor of a tray (concave mesh) and stays inside its walls."""
    tray = primitives.tray((0.2, 0.15), 0.01, 0.05)
    die = dataclasses.replace(primitives.rounded_box((0.02,) * 3, 0.003, 2), collision="box")
    stone = dataclasses.replace(primitives.cylinder(0.012, 0.02, 12), collision="hull")
    spec = scene(
        body("tray", tray, (0, 0, 0)),
        body("die", die, (0.05, 0.02, 0.05), TILT, mass_kg=0.01),
        body("stone", stone, (-0.05, 0, 0.05), TILT, mass_kg=0.01),
        settle_s=6,
    )
    for rested in settle(spec).bodies[1:]:
        assert abs(lowest(rested)) < 1e-3
        assert (np.abs(middle(rested)[:2]) < (0.1, 0.075)).all()


def fingerprint(spec):
    h = hashlib.sha256()
    for b in settle(spec).bodies:
        for array in (b.motion.times_s, b.motion.positions_m, b.motion.quaternions):
            h.update(array.tobytes())
    return h.hexdigest()


def heap():
    """A pile, chaotic enough that one bit would show."""
    shape = dataclasses.replace(primitives.box((0.05, 0.04, 0.03)), collision="box")
    stone = dataclasses.replace(primitives.sphere(0.02, 10), collision="hull")
    rng = np.random.default_rng(4)
    fallers = [
        body(
            f"b{n}",
            shape if n % 3 else stone,
            (*rng.uniform(-0.02, 0.02, 2), 0.05 + 0.05 * n),
            geometry.unit(rng.standard_normal(4)),
            mass_kg=0.05,
        )
        for n in range(8)
    ]
    return scene(body("ground", GROUND, (0, 0, 0)), *fallers, settle_s=10, record_hz=60)


def test_bit_equal_again_and_in_another_process():
    here = fingerprint(heap())
    assert fingerprint(heap()) == here
    code = "import test_physics as t; print(t.fingerprint(t.heap()))"
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=__file__.rsplit("/", 1)[0],
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == here


def test_what_has_no_mass_stays():
    fixed = body("fixed", primitives.box((0.1, 0.1, 0.1)), (0, 0, 2.0), TILT)
    spec = scene(body("ground", GROUND, (0, 0, 0)), fixed)
    assert settle(spec) is spec
    shape = dataclasses.replace(primitives.box((0.1, 0.1, 0.1)), collision="box")
    both = dataclasses.replace(
        spec, bodies=(*spec.bodies, body("b", shape, (1, 0, 0.06), mass_kg=1))
    )
    assert settle(both).bodies[1] is fixed


def test_scenes_without_physics_are_returned_as_they_are():
    spec = dataclasses.replace(scene(body("b", GROUND, (0, 0, 1), mass_kg=1)), physics=None)
    assert settle(spec) is spec


def test_what_still_moves_is_refused():
    shape = dataclasses.replace(primitives.box((0.1, 0.1, 0.1)), collision="box")
    spec = scene(
        body("ground", GROUND, (0, 0, 0)), body("b", shape, (0, 0, 2), mass_kg=1), settle_s=0.1
    )
    with pytest.raises(UnsettledError) as caught:
        settle(spec)
    assert str(caught.value) == "a scene must come to rest within 0.1 s; got it still moves"


@pytest.mark.parametrize("g", [0.5, 9.81])
@pytest.mark.parametrize("size", [0.5, 12.0])
def test_what_was_just_let_go_is_not_at_rest(size, g):
    """Big bodies and weak gravity: the first slow steps of a fall are no rest."""
    shape = dataclasses.replace(primitives.box((size, size, size)), collision="box")
    wide = dataclasses.replace(primitives.slab((50, 50), 1), collision="box")
    spec = scene(
        body("ground", wide, (0, 0, 0)),
        body("b", shape, (0, 0, 0.75 * size), mass_kg=1),
        gravity_m_s2=g,
        settle_s=20,
    )
    assert abs(lowest(settle(spec).bodies[1])) < 0.02 * size


def test_what_fell_off_is_refused():
    """At rest, but below all that stands still."""
    shape = dataclasses.replace(primitives.box((0.1, 0.1, 0.1)), collision="box")
    spec = scene(
        body("ledge", GROUND, (0, 0, 5)), body("b", shape, (3, 0, 2), mass_kg=1), gravity_m_s2=0.0
    )
    with pytest.raises(UnsettledError) as caught:
        settle(spec)
    assert str(caught.value) == "bodies must stay above what stands still; got one fell off"
