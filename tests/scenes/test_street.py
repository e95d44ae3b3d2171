"""The street family: whole, nothing meeting, everything where it belongs, and repeatable."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from street_draws import CONFIG, build, corners, drawn, named
from surface_distance import meetings

from scenes.street import FAMILY, SCENERY, TRAFFIC
from scenes.street_params import (
    Cyclist,
    Driving,
    Ego,
    Mesh,
    Meshes,
    Parked,
    Pedestrian,
    Queued,
)
from scenes.street_site import Building, Crossing, Pole, Sign, Tree
from simgen import geometry
from simgen.assets.assembly import Assembly
from simgen.config import load_config
from simgen.contracts.purity import bits
from simgen.contracts.scene import check_scene
from simgen.errors import AssetError, ConfigError
from simgen.generate import Source
from simgen.rays import Rays
from simgen.rng import Key
from simgen.spec import Material, Motion
from simgen.world import World

SEEDS = range(4)


def test_the_family_keeps_the_contract() -> None:
    check_scene(FAMILY, key=Key(3), chance=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_scenes_keep_the_contract(seed: int) -> None:
    params, _ = drawn(seed)
    check_scene(FAMILY, params, key=Key(seed))


@pytest.mark.parametrize("zebra", ["false", "true"])
@pytest.mark.parametrize("junction", ["false", "true"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_nothing_meets_while_things_last(zebra: str, junction: str, side: str) -> None:
    crossing = (f"scene.crossing.zebra={zebra}", f"scene.crossing.junction={junction}")
    params, spec = drawn(11, *crossing, f"scene.drive_on={side}")
    bodies = [body for body in spec.bodies if body.name != "ground"]
    for time_s in (0.0, params.lasts_s / 2, params.lasts_s):
        assert meetings(bodies, time_s, 0.04) == []


def test_the_oracle_sees_bodies_that_meet() -> None:
    """Negative control: a car moved into its neighbour."""
    one, two = named(build(parked=(Parked(place=0.1), Parked(place=0.1))), "parked")
    assert meetings([one, two], 0.0, 0.04) == []
    gap = abs(one.motion.positions_m[0, 0] - two.motion.positions_m[0, 0])
    moved = Motion.rest(one.motion.positions_m[0] + [0.05, 0.02, 0.01], (0, 0, 0, 1))
    assert gap > 4
    assert meetings([one, replace(two, motion=moved)], 0.0, 0.04)


@pytest.mark.parametrize("seed", SEEDS)
def test_vehicles_drive_in_their_lanes_and_park_at_the_kerb(seed: int) -> None:
    params, spec = drawn(seed)
    road = params.road
    near = -1 if params.drive_on == "right" else 1
    for body in named(spec, "driving"):
        turn = geometry.matrix(body.motion.quaternions[0])
        oncoming = turn[0, 0] < 0
        velocity = np.diff(body.motion.positions_m, axis=0)
        assert (velocity[:, 0] * turn[0, 0] >= 0).all()
        np.testing.assert_allclose(velocity[:, 1:], 0, atol=1e-9)
        y = corners(body, 0.0)[:, 1] * (-near if oncoming else near)
        lane = int(y.mean() / road.lane_m)
        assert 0 <= lane < road.lanes
        assert lane * road.lane_m < y.min() < y.max() < (lane + 1) * road.lane_m
    edge = road.lanes * road.lane_m
    for body in named(spec, "parked"):
        y = np.abs(corners(body, 0.0)[:, 1])
        assert edge <= y.min()
        assert y.max() <= edge + road.parking_m + 1e-9
        assert not body.motion.moves


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_stands_on_the_ground_and_stays_there(seed: int) -> None:
    params, spec = drawn(seed)
    ground = World(replace(spec, bodies=spec.bodies[:1]))
    assert spec.bodies[0].name == "ground"
    standing = [b for b in spec.bodies if b.name != "ground" and "houses" not in b.name]
    for time_s in (0.0, params.lasts_s):
        for body in standing:
            points = corners(body, time_s)
            foot = points[points[:, 2].argmin()]
            # Leaves hang free; their lowest point may be above the ground.
            rays = Rays(np.array([[foot[0], foot[1], 5.0]]), np.array([[0.0, 0, -1]]), np.zeros(1))
            height = 5.0 - ground.cast(rays).distance_m[0]
            slack = 0.15 if body.name.startswith("bush") else 0.004
            assert foot[2] == pytest.approx(height, abs=slack), body.name


@pytest.mark.parametrize("seed", range(8))
def test_people_are_on_pavements_or_on_the_crossing(seed: int) -> None:
    params, spec = drawn(seed)
    road, cut = params.road, params.crossing
    kerb = road.lanes * road.lane_m + road.parking_m
    for body in named(spec, "pedestrian"):
        for time_s in (0.0, params.lasts_s):
            points = corners(body, time_s)
            y = np.abs(points[:, 1])
            if body.attributes["doing"] != "crossing":
                assert kerb <= y.min() < y.max() <= kerb + road.pavement_m
                continue
            assert cut.zebra
            middle = cut.place * params.length_m
            if cut.junction:
                middle -= cut.width_m / 2 + 2.5 + cut.zebra_m / 2
            assert np.abs(points[:, 0] - middle).max() <= cut.zebra_m / 2
            assert y.max() <= kerb + 0.3


def test_who_crosses_goes_where_nobody_drives_and_waits_otherwise() -> None:
    people = tuple(
        Pedestrian(where="crossing", place=p, back=b) for p, b in ((-1, False), (0.3, True))
    )
    traffic = tuple(Driving(place=p, oncoming=o) for p in (-0.4, 0.3, 0.4) for o in (True, False))
    crossing = Crossing(zebra=True, place=0.5)
    free = build(crossing=crossing, pedestrians=people, driving=traffic, ego=Ego(speed_m_s=8))
    assert [b.attributes["doing"] for b in named(free, "ped")] == ["crossing", "crossing"]
    walkers = [corners(b, t) for b in named(free, "ped") for t in np.linspace(0, 3, 13)]
    lowest = min(p[:, 0].min() for p in walkers)
    highest = max(p[:, 0].max() for p in walkers)
    for body in named(free, "driving"):
        for time_s in np.linspace(0, 3, 13):
            x = corners(body, time_s)[:, 0]
            assert x.max() < lowest or x.min() > highest
    one, two = named(free, "ped")
    assert one.motion.positions_m[-1, 1] > one.motion.positions_m[0, 1]  # towards the far side
    assert two.motion.positions_m[-1, 1] < two.motion.positions_m[0, 1]
    assert one.motion.positions_m[0, 2] == 0
    fast = build(crossing=crossing, pedestrians=people, driving=traffic, ego=Ego(speed_m_s=20))
    assert [b.attributes["doing"] for b in named(fast, "ped")] == ["waiting", "waiting"]
    assert all(not b.motion.moves for b in named(fast, "ped"))


@pytest.mark.parametrize("side", ["right", "left"])
def test_signs_at_a_crossing_face_those_who_drive_towards_it(side: str) -> None:
    spec = build(crossing=Crossing(zebra=True, junction=True, place=0.3), drive_on=side)
    signs = named(spec, "crossing sign")
    plates = [body.attributes["plate"] for body in signs]
    assert sorted(plates) == ["diamond"] * 2 + ["octagon"] * 2 + ["square"] * 2
    near = -1 if side == "right" else 1
    for body in signs:
        position, turn = body.motion.pose(0.0)
        facing = turn[:, 0]
        if body.attributes["plate"] == "octagon":  # for who comes out of the side street
            assert facing[1] == pytest.approx(np.sign(position[1]))
            # They keep to their side: traffic from the near side passes at larger x.
            assert (position[0] > 30) == (np.sign(position[1]) == near)
        else:
            assert facing[0] == pytest.approx(-1 if np.sign(position[1]) == near else 1)
        retro = max(material.laser.retro for material in body.materials)
        assert retro >= 220
    zebra = named(build(crossing=Crossing(zebra=True)), "crossing sign")
    assert [b.attributes["plate"] for b in zebra] == ["square", "square"]
    assert named(build(), "crossing sign") == []


def test_vehicles_wait_at_the_mouth_of_the_crossing_street() -> None:
    spec = build(
        crossing=Crossing(junction=True, place=0.4),
        queued=(Queued(), Queued(far=True), Queued(kind="sedan")),
    )
    kerb = 3.1 + 2.2
    for body in named(spec, "queued"):
        points = corners(body, 0.0)
        far = body.motion.positions_m[0, 1] > 0
        assert np.abs(points[:, 1]).min() > kerb + 0.5
        middle = points[:, 0].mean()
        assert 36.5 < middle < 40 if far else 40 < middle < 43.5
        heading = geometry.matrix(body.motion.quaternions[0])[:, 0]
        assert heading[1] == pytest.approx(-1 if far else 1)  # towards the street


def test_the_ego_vehicle_is_level_and_keeps_its_lane() -> None:
    params, spec = drawn(2)
    position, turn = spec.camera.pose(0.0)
    assert position[0] == 0
    assert position[2] == pytest.approx(1.65)
    np.testing.assert_allclose(turn[2], (0, -1, 0), atol=1e-12)
    lane = params.road.lane_m
    assert abs(abs(position[1]) % lane - lane / 2) <= 0.4
    assert position[1] < 0
    end, _ = spec.camera.pose(params.lasts_s)
    np.testing.assert_allclose(end - position, (params.ego.speed_m_s * params.lasts_s, 0, 0))
    assert build(drive_on="left").camera.positions_m[0, 1] > 0
    assert not build(ego=Ego(speed_m_s=0)).camera.moves


def test_the_same_values_and_key_give_the_same_bits() -> None:
    params, _ = drawn(1)
    key = Key(1) / 0
    assert bits(FAMILY.build(params, key)) == bits(FAMILY.build(params, key))
    assert bits(FAMILY.build(params, key)) != bits(FAMILY.build(params, Key(2)))


def test_classes_are_those_that_are_asked_for() -> None:
    things = {
        "trees": (Tree(),), "poles": (Pole(place=0.3),), "signs": (Sign(place=-0.3),),
        "cyclists": (Cyclist(),), "parked": (Parked(kind="van"),),
        "driving": (Driving(kind="suv"), Driving(kind="truck", oncoming=True)),
        "pedestrians": (Pedestrian(),),
    }  # fmt: skip
    plain, everything = build(**things), build(**things, classes="all")
    assert plain.categories == TRAFFIC
    assert everything.categories == (*TRAFFIC, *SCENERY)
    assert {b.category for b in plain.bodies} == {*TRAFFIC, None}
    assert {b.category for b in everything.bodies} == {*TRAFFIC, *SCENERY, None}


def test_a_users_meshes_stand_on_the_pavement(tmp_path: Path) -> None:
    trimesh.creation.box((0.8, 0.5, 1.1)).export(tmp_path / "bin.stl")
    (tmp_path / "bench").mkdir()
    trimesh.creation.box((1.4, 0.4, 0.5)).export(tmp_path / "bench" / "old.stl")
    spec = build(
        meshes=Meshes(folder=str(tmp_path), reflectance=0.3),
        objects=(Mesh(pick=0, place=0.1), Mesh(pick=1, far=True, turn_rad=0.4)),
    )
    assert spec.categories == (*TRAFFIC, "bench", "bin")
    bench, waste = named(spec, "object")
    assert (bench.category, waste.category) == ("bench", "bin")
    assert waste.materials[0].laser.reflectance == 0.3
    for body in (bench, waste):
        points = corners(body, 0.0)
        assert points[:, 2].min() == pytest.approx(0.12)
        assert 5.3 < np.abs(points[:, 1]).min() < np.abs(points[:, 1]).max() < 8.3
    shutil.rmtree(tmp_path / "bench")
    with pytest.raises(ConfigError, match="`objects` need a folder of meshes"):
        build(objects=(Mesh(),))
    with pytest.raises(AssetError, match="a folder of assets must exist"):
        build(meshes=Meshes(folder=str(tmp_path / "none")), objects=(Mesh(),))


def test_rows_keep_gaps_and_leave_the_crossing_street_open() -> None:
    row = tuple(Building(gap_m=2, width_m=12, setback_m=1) for _ in range(30))
    spec = build(near=row, far=row, crossing=Crossing(junction=True, place=0.2))
    houses = named(spec, "near houses") + named(spec, "far houses")
    assert len(houses) == 2
    # Straight down the side street, from between the pavements, there is nothing but the ground.
    world = World(spec)
    x = np.linspace(20 - 3.4, 20 + 3.4, 9)
    for way in (-1.0, 1.0):
        rays = Rays(
            np.column_stack([x, np.zeros(9), np.full(9, 1.5)]),
            np.tile([0.0, way, 0.0], (9, 1)),
            np.zeros(1),
        )
        assert (world.cast(rays).body == -1).all()


def test_the_shipped_config_fits_and_is_small() -> None:
    config = load_config(CONFIG)
    assert isinstance(Source(config).family, type(FAMILY))
    for seed in SEEDS:
        _, spec = drawn(seed)
        assert len(spec.bodies) <= 150
        assert 5_000 <= sum(len(b.asset.faces) for b in spec.bodies) <= 45_000
        kinds = {b.category for b in spec.bodies}
        assert {"car", "pedestrian"} <= kinds


def test_every_body_has_an_answer_for_a_laser() -> None:
    _, spec = drawn(0)
    for body in spec.bodies:
        for material in body.materials:
            laser = material.laser
            assert laser.reflectance is not None
            assert 0 < laser.reflectance <= 1
            assert laser.mirror + laser.clear <= 1
    assert isinstance(Material().laser.retro, float)
    assert Assembly().empty


def test_a_row_begins_at_the_far_end_and_fences_close_its_gaps() -> None:
    row = tuple(Building(gap_m=4, width_m=10, setback_m=0, fence="wall") for _ in range(2))
    spec = build(near=row)
    points = corners(named(spec, "near houses")[0], 0.0)
    assert points[:, 0].max() == pytest.approx(100 - 4)
    assert points[:, 0].min() == pytest.approx(100 - 28)
    # Along the street, just behind the facades: houses, a wall between them, nothing else.
    x = np.array([99.0, 91.0, 84.0, 77.0, 71.0])
    rays = Rays(
        np.column_stack([x, np.zeros(5), np.full(5, 1.0)]), np.tile([0, -1.0, 0], (5, 1)),
        np.zeros(1),
    )  # fmt: skip
    np.testing.assert_array_equal(World(spec).cast(rays).body >= 0, [0, 1, 1, 1, 0])
