"""The room family: closed, nothing meeting, a free way for the rig, and repeatable."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from surface_distance import meetings

from scenes.room import FAMILY, FURNITURE
from scenes.room_params import (
    Box,
    Cupboard,
    Desk,
    Door,
    Person,
    Pillar,
    Rig,
    RoomParams,
    Shell,
    Window,
)
from simgen import geometry
from simgen.config import load_config
from simgen.contracts.purity import bits
from simgen.contracts.scene import check_scene
from simgen.errors import ConfigError
from simgen.generate import RejectedError, Source
from simgen.rays import Rays
from simgen.rng import Key
from simgen.spec import Body, Motion, SceneSpec
from simgen.world import World

CONFIG = Path(__file__).parents[2] / "configs" / "room.yaml"
BARE = RoomParams(desks=(), cupboards=(), people=(), boxes=(), pillars=())
SEEDS = range(12)


@lru_cache(maxsize=32)
def drawn(seed: int) -> tuple[RoomParams, SceneSpec]:
    """The first accepted draw of the shipped config."""
    space = load_config(CONFIG).space()
    for attempt in range(10):
        key = Key(seed) / attempt
        values = {k: v for k, v in space.draw(key).values["scene"].items() if k != "family"}
        params = RoomParams.model_validate(values)
        try:
            return params, FAMILY.build(params, key)
        except RejectedError:
            continue
    raise AssertionError("no draw was accepted")


def build(**values: object) -> SceneSpec:
    return FAMILY.build(BARE.model_copy(update=values), Key(0))


def corners(body: Body, time_s: float = 0.0) -> np.ndarray:
    position, turn = body.motion.pose(time_s)
    return body.asset.vertices_m @ turn.T + position


def vlp16(spec: SceneSpec) -> tuple[Rays, World]:
    e, a = np.meshgrid(np.radians(np.arange(-15, 16, 2)), np.radians(np.arange(0, 360, 2)))
    e, a = e.ravel(), a.ravel()
    directions = np.column_stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    return Rays(spec.camera.positions_m[:1], directions, np.zeros(1)), World(spec)


def test_the_family_keeps_the_contract() -> None:
    check_scene(FAMILY, key=Key(5), chance=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_rooms_are_whole_and_nothing_meets(seed: int) -> None:
    params, spec = drawn(seed)
    check_scene(FAMILY, params, key=Key(seed))
    things = [body for body in spec.bodies if body.name != "room"]
    # A monitor's foot stands on its desk.
    near = [m for m in meetings(things, 0.0, 0.03) if not m[1].startswith("monitor")]
    assert near == []
    half = np.array(params.shell.size_m) / 2
    for body in things:
        points = corners(body)
        assert (np.abs(points[:, :2]) < half).all(), body.name
        assert points[:, 2].max() <= params.shell.height_m + 1e-9
        on = points[:, 2].min()
        if body.category == "monitor":
            desk = next(b for b in things if b.name == f"desk {body.name.split()[1]}")
            assert on == pytest.approx(corners(desk)[:, 2].max() + 0.001)
        else:
            assert on == pytest.approx(0.0, abs=1e-6)


def test_the_oracle_sees_bodies_that_meet() -> None:
    """Negative control: a box pushed under a desk's leg."""
    spec = build(desks=(Desk(monitors=0, chair=False),), boxes=(Box(place=(0, 0)),))
    _, desk, box = spec.bodies
    assert meetings([desk, box], 0.0, 0.03) == []
    leg = corners(desk)[corners(desk)[:, 2] < 0.01].min(axis=0)
    moved = replace(box, motion=Motion.rest([leg[0], leg[1], 0.0]))
    assert meetings([desk, moved], 0.0, 0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_rig_has_a_free_way_at_its_height(seed: int) -> None:
    params, spec = drawn(seed)
    half = np.array(params.shell.size_m) / 2
    places, turns = spec.camera.positions_m, geometry.matrix(spec.camera.quaternions)
    assert (places[:, 2] == params.rig.height_m).all()
    np.testing.assert_allclose(turns[:, 2, 1], -1)  # level
    assert (np.abs(places[:, :2]) <= half - params.rig.room_m + 1e-9).all()
    for body in spec.bodies[1:]:
        if body.category == "monitor":
            continue
        apart = np.linalg.norm(corners(body)[:, None, :2] - places[None, :, :2], axis=2)
        assert apart.min() > params.rig.room_m - 0.01, body.name


def test_the_rig_drives_the_arc_that_it_is_told() -> None:
    rig = Rig(speed_m_s=0.5, yaw_rad_s=0.8, heading_rad=0.3)
    spec = build(rig=rig, lasts_s=2.0)
    times = np.linspace(0, 2, 9)
    places, turns = spec.camera.at(times)
    ahead = geometry.matrix(turns)[:, :, 2]
    np.testing.assert_allclose(np.unwrap(np.arctan2(ahead[:, 1], ahead[:, 0])), 0.3 + 0.8 * times)
    step = 1e-3
    later, _ = spec.camera.at(times[:-1] + step)
    speed = np.linalg.norm(later - places[:-1], axis=1) / step
    np.testing.assert_allclose(speed, 0.5, rtol=1e-3)
    # An arc of radius v / w.
    middle = places[0, :2] + 0.5 / 0.8 * np.array([-np.sin(0.3), np.cos(0.3)])
    np.testing.assert_allclose(np.linalg.norm(places[:, :2] - middle, axis=1), 0.625, atol=1e-4)
    assert not build().camera.moves


def test_the_rig_looks_to_the_middle_from_where_it_should_stand() -> None:
    spec = build(rig=Rig(place=(0.5, -0.5)))
    eye, turn = spec.camera.pose(0.0)
    np.testing.assert_allclose(turn[:2, 2], -eye[:2] / np.linalg.norm(eye[:2]), atol=1e-9)


def test_a_room_is_closed_but_for_its_panes() -> None:
    rng = np.random.default_rng(0)
    directions = geometry.unit(rng.standard_normal((4000, 3)))
    spec = build()
    rays = Rays(spec.camera.positions_m, directions, np.zeros(1))
    world = World(spec)
    hits = world.cast(rays)
    assert (hits.body == 0).all()
    surface = world.surface(rays, hits)
    clear = np.array([m.laser.clear for m in spec.bodies[0].materials])[surface.part]
    point = surface.point_m[clear > 0]
    assert len(point) > 20
    window = BARE.shell.windows[0]
    np.testing.assert_allclose(point[:, 0], 3.0 + window.recess_m, atol=1e-5)
    assert np.abs(point[:, 1]).max() <= 0.7
    assert point[:, 2].min() >= 0.9
    # Every wall, floor and ceiling is where the room's size says.
    solid = surface.point_m[clear == 0]
    reach = np.abs(solid - [0, 0, 1.35]).max(axis=0)
    np.testing.assert_allclose(reach, [3.0 + 0.1, 2.5, 1.35], atol=0.02)


def test_default_rooms_have_the_ranges_of_real_ones() -> None:
    """A VLP-16 in real rooms has medians of 1.7 to 3.6 m; a closed room answers nearly all."""
    medians, answered = [], []
    for seed in SEEDS:
        rays, world = vlp16(drawn(seed)[1])
        hits = world.cast(rays)
        surface = world.surface(rays, hits)
        clear = [
            world.spec.bodies[b].materials[p].laser.clear > 0
            for b, p in zip(surface.body, surface.part, strict=True)
        ]
        medians.append(float(np.median(hits.distance_m)))
        answered.append(1 - np.mean(clear))
        assert (hits.body >= 0).all()
    assert min(medians) > 1.7
    assert max(medians) < 3.6
    assert min(answered) > 0.9
    assert np.mean(answered) > 0.97


def test_the_same_values_and_key_give_the_same_bits() -> None:
    params, _ = drawn(3)
    assert bits(FAMILY.build(params, Key(3))) == bits(FAMILY.build(params, Key(3)))


def test_classes_are_those_that_are_asked_for() -> None:
    things = {
        "desks": (Desk(),), "cupboards": (Cupboard(),), "people": (Person(),), "boxes": (Box(),),
        "pillars": (Pillar(round_=True),),
    }  # fmt: skip
    some, everything = build(**things, classes="people"), build(**things)
    assert some.categories == ("person",)
    assert {b.category for b in some.bodies} == {"person", None}
    assert everything.categories == ("person", *FURNITURE)
    assert {b.category for b in everything.bodies} == {"person", *FURNITURE, None}


def test_what_finds_no_room_on_a_wall_goes_to_the_next() -> None:
    spec = build(
        cupboards=tuple(Cupboard(wall=3, place=-1, size_m=(2.8, 0.5, 1.0)) for _ in range(3))
    )
    backs = [np.round(geometry.matrix(b.motion.quaternions[0])[:2, 1]) for b in spec.bodies[1:]]
    np.testing.assert_array_equal(backs, [[0, -1], [0, -1], [1, 0]])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"shell": {"size_m": (1, 5)}}, "`size_m` must be from 2.5 to 30"),
        ({"shell": {"windows": [{"sill_m": 1.5, "height_m": 2}]}}, "must end below the ceiling"),
        ({"desks": [{"size_m": (9, 1, 1)}]}, "`size_m` of a desk"),
        ({"cupboards": [{"size_m": (1, 2, 1)}]}, "`size_m` of a cupboard"),
        ({"boxes": [{"size_m": (0, 1, 1)}]}, "`size_m` of a box"),
        ({"desks": [{"wall": 4}]}, "less than or equal to 3"),
        ({"rig": {"height_m": 9}}, "less than or equal to 1.8"),
        ({"chairs": []}, "chairs"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RoomParams.model_validate(values)


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"shell": Shell(size_m=(3, 3), windows=(Window(width_m=4),))}, ConfigError, "narrower"),
        (
            {"shell": Shell(door=Door(wall=0, place=0), windows=(Window(wall=0, place=0),))},
            ConfigError,
            "doors and windows of a wall must not meet",
        ),
        ({"rig": Rig(speed_m_s=2)}, RejectedError, "the rig would drive into a wall"),
        ({"people": (Person(),) * 200}, RejectedError, "no room for a person"),
        ({"desks": (Desk(),) * 20}, RejectedError, "no room for a desk"),
    ],
)
def test_what_has_no_place_is_refused(
    values: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        build(**values)


def test_the_shipped_config_fits() -> None:
    assert isinstance(Source(load_config(CONFIG)).family, type(FAMILY))
