"""Shapes of scenes against closed forms: areas, sizes, and the light that passes a crown."""

from __future__ import annotations

import numpy as np
import pytest

from simgen.assets.assembly import Assembly, Model, about_z
from simgen.assets.figures import cyclist, person
from simgen.assets.fittings import cabinet, chair, desk, lamp_post, monitor, pillar, shelf, sign
from simgen.assets.panel import Opening, panel
from simgen.assets.plants import bush, hedge, leaf_quads, tree
from simgen.assets.vehicles import KINDS, PROFILES, vehicle
from simgen.errors import AssetError
from simgen.rays import Rays
from simgen.rng import Key
from simgen.spec import Body, Environment, Material, Motion, SceneSpec
from simgen.world import World


def areas(model: Model) -> dict[str, float]:
    """Area of each part, m^2."""
    a, b, c = np.moveaxis(model.asset.vertices_m[model.asset.faces], 1, 0)
    each = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    return {n: float(each[model.asset.part == k].sum()) for k, n in enumerate(model.parts)}


def cast(model: Model, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Distances (n,), and the parts that are hit ("" for none)."""
    grey = (0.5, 0.5, 0.5)
    body = Body("it", model.asset, (Material(),) * len(model.parts), Motion.rest((0, 0, 0)))
    spec = SceneSpec((body,), (), Environment(grey, grey, grey), (), Motion.rest((0, 0, 0)))
    hits = World(spec).cast(Rays(origins, directions, np.zeros(1)))
    parts = [model.parts[model.asset.part[f]] if f >= 0 else "" for f in hits.face]
    return hits.distance_m, parts


def size(model: Model) -> np.ndarray:
    return np.ptp(model.asset.bounds_m, axis=0)


def test_parts_keep_their_names_and_areas() -> None:
    made = Assembly().box((1, 2, 3), (5, 0, 0), "wood").beam((0, 0, 0), (0, 3, 4), 0.1, "steel")
    made.box((1, 1, 1), (0, 0, 0), "wood", about_z(0.7))
    model = made.model("thing")
    assert model.parts == ("wood", "steel")
    assert areas(model) == pytest.approx({"wood": 22 + 6, "steel": 4 * 0.1 * 5 + 2 * 0.01})
    box = Assembly().box((1, 2, 3), (0, 0, 0), "a").model("box").asset
    assert box.closed
    assert box.convex
    with pytest.raises(AssetError, match="a shape must have faces"):
        Assembly().model("nothing")
    with pytest.raises(AssetError, match="lengths above zero"):
        Assembly().box((1, 0, 1), (0, 0, 0), "flat")
    with pytest.raises(AssetError, match="a bar must have a length"):
        Assembly().beam((1, 1, 1), (1, 1, 1), 0.1, "none")


@pytest.mark.parametrize("end", [(0, 0, 2), (2, 0, 0), (1, -1, 0.5)])
def test_a_limb_is_a_capsule_about_its_ends(end: tuple[float, float, float]) -> None:
    model = (
        Assembly().limb((0.5, 0, 0), np.add(end, (0.5, 0, 0)), 0.25, "a", segments=24).model("x")
    )
    points = model.asset.vertices_m - [0.5, 0, 0]
    way = np.array(end) / np.linalg.norm(end)
    along = np.clip(points @ way, 0, np.linalg.norm(end))
    np.testing.assert_allclose(np.linalg.norm(points - along[:, None] * way, axis=1), 0.25)
    assert model.asset.closed


def test_a_panel_has_the_area_of_a_wall_with_holes() -> None:
    made = Assembly()
    holes = [
        Opening(1, 2.2, 0.8, 2.0, 0.15, "glass"),
        Opening(3, 4.2, 0.8, 2.0, 0.15, "glass"),
        Opening(5, 6, 0, 2.1, 0.1, "door"),
    ]
    turn, origin = about_z(np.pi / 2), np.array([1.0, 2.0, 0.5])
    panel(made, 8, 3, holes, part="wall", origin_m=origin, turn=turn)
    model = made.model("wall")
    window, door = 1.2 * 1.2, 2.1
    reveals = 2 * 4 * 1.2 * 0.15 + (2 * 1 + 2 * 2.1) * 0.1
    expected = {"wall": 24 - 2 * window - door + reveals, "glass": 2 * window, "door": door}
    assert areas(model) == pytest.approx(expected)
    # Its front faces negative y before the turn, positive x after it; panes are set back.
    x = origin[0] + 5.0
    y, z = origin[1] + np.array([0.5, 1.6, 5.5]), origin[2] + np.array([1.0, 1.4, 1.0])
    rays = np.column_stack([np.full(3, x), y, z])
    distance, parts = cast(model, rays, np.tile([-1.0, 0, 0], (3, 1)))
    assert parts == ["wall", "glass", "door"]
    np.testing.assert_allclose(distance, [5.0, 5.15, 5.1], atol=1e-5)
    front = model.asset.face_normals[model.asset.part == 1]
    np.testing.assert_allclose(front, np.tile([1.0, 0, 0], (len(front), 1)), atol=1e-12)


@pytest.mark.parametrize(
    ("holes", "said"),
    [
        ([Opening(7, 9, 0, 1, 0.1, "a")], "an opening must lie in its wall of 8 x 3 m"),
        ([Opening(1, 2, 0, 1, 0.0, "a")], "an opening must lie in its wall"),
        (
            [Opening(1, 3, 0, 2, 0.1, "a"), Opening(2, 4, 1, 2.5, 0.1, "a")],
            "openings of a wall must not meet",
        ),
    ],
)
def test_openings_that_do_not_fit_are_refused(holes: list[Opening], said: str) -> None:
    with pytest.raises(AssetError, match=said):
        panel(Assembly(), 8, 3, holes, part="w", origin_m=np.zeros(3), turn=np.eye(3))


@pytest.mark.parametrize("kind", KINDS)
def test_vehicles_have_their_sizes_and_stand_on_their_wheels(kind: str) -> None:
    stretch = (1.1, 0.95, 1.05)
    model = vehicle(kind, stretch)
    assert size(model) == pytest.approx(np.array(PROFILES[kind].size_m) * stretch, rel=0.03)
    low = model.asset.bounds_m[0, 2]
    assert low == pytest.approx(0, abs=1e-6)
    tyres = model.asset.vertices_m[
        np.unique(model.asset.faces[model.asset.part == model.parts.index("tyre")])
    ]
    assert tyres[:, 2].min() == pytest.approx(0, abs=1e-6)
    rest = np.setdiff1d(model.asset.faces, model.asset.faces[model.asset.part == 4])
    assert len(rest)
    assert len(model.asset.faces) < 700
    # Mirrored halves.
    points = model.asset.vertices_m
    np.testing.assert_allclose(np.sort(points[:, 1]), np.sort(-points[:, 1]), atol=1e-9)


def test_a_car_seen_by_a_laser_has_bonnet_windows_and_plates() -> None:
    model = vehicle("sedan")
    z = np.linspace(0.25, 1.4, 60)
    front = np.column_stack([np.full(60, 10.0), np.zeros(60), z])
    distance, parts = cast(model, front, np.tile([-1.0, 0, 0], (60, 1)))
    hit = np.isfinite(distance)
    x = 10 - distance[hit]
    # From bumper over bonnet and windscreen to roof, the car recedes.
    assert (np.diff(x) < 0.02).all()
    assert np.ptp(x) > 2
    assert {"plate", "paint", "glass"} <= set(parts)
    assert parts[int(np.argmin(np.abs(z - 1.2)))] == "glass"
    side = np.column_stack([[0.0, 0.0, 1.45], np.full(3, 5.0), [1.15, 0.6, 0.3]])
    _, parts = cast(model, side, np.tile([0, -1.0, 0], (3, 1)))
    assert parts == ["glass", "paint", "tyre"]
    # A wide hull, a narrow roof.
    _, box = cast(vehicle("van"), side[:1] - [1.0, 0, -0.4], np.array([[0, -1.0, 0]]))
    assert box == ["paint"]


@pytest.mark.parametrize("height", [1.1, 1.72, 2.0])
@pytest.mark.parametrize("stride", [0.0, 1.0])
def test_people_are_as_tall_as_they_are_said_to_be(height: float, stride: float) -> None:
    model = person(height, stride, 0.25)
    assert model.asset.bounds_m[0, 2] == pytest.approx(0, abs=1e-9)
    # Legs spread by 25 degrees each lower the body; thigh and shank are 0.491 of the stature.
    sunk = 0.491 * (1 - np.cos(np.radians(25))) * stride
    assert size(model)[2] == pytest.approx(height * (1 - sunk), rel=0.015)
    feet = model.asset.vertices_m[model.asset.vertices_m[:, 2] < 0.1 * height]
    assert np.ptp(feet[:, 0]) > (0.3 if stride else 0.05) * height
    if not stride:
        assert np.ptp(feet[:, 0]) < 0.25 * height
    assert areas(model)["top"] > areas(model)["skin"]


def test_a_cyclist_rides_on_two_wheels() -> None:
    model = cyclist(1.75, 0.25)
    assert 1.55 < size(model)[2] < 1.9
    assert 1.6 < size(model)[0] < 1.9
    rubber = model.parts.index("rubber")
    tyres = model.asset.vertices_m[np.unique(model.asset.faces[model.asset.part == rubber])]
    touching = tyres[tyres[:, 2] < 0.01]
    assert len(np.unique(np.sign(touching[:, 0]))) == 2


def test_leaves_face_every_way_alike() -> None:
    quads = leaf_quads(np.zeros((4000, 3)), 0.3, np.random.default_rng(1))
    side = quads[:, 1] - quads[:, 0]
    other = quads[:, 3] - quads[:, 0]
    np.testing.assert_allclose(np.linalg.norm(side, axis=1), 0.3)
    np.testing.assert_allclose(np.einsum("ij,ij->i", side, other), 0, atol=1e-12)
    normal = np.cross(side, other) / 0.09
    # |cos| of an even spread has a mean of 1/2, which is G in the law of the light that passes.
    np.testing.assert_allclose(np.abs(normal).mean(axis=0), 0.5, atol=0.02)


@pytest.mark.parametrize("density", [0.5, 1.2])
def test_light_passes_a_crown_as_the_law_says(density: float) -> None:
    """exp(-a s / 2) on parallel rays through an ellipsoid (the trunk aside)."""
    model = tree("round", 10.0, 6.0, 4.0, density, 0.25, Key(3))
    rng = np.random.default_rng(2)
    r, half = 3.0 - 0.25 * 0.71, 3.0 - 0.25 * 0.71
    y, z = rng.uniform(-0.8 * r, 0.8 * r, 4000), rng.uniform(5.5, 9.0, 4000)
    keep = np.abs(y) > 0.9  # branches and trunk
    y, z = y[keep], z[keep]
    within = 1 - (y / r) ** 2 - ((z - 7) / half) ** 2
    y, z, within = y[within > 0.05], z[within > 0.05], within[within > 0.05]
    origins = np.column_stack([np.full(len(y), -10.0), y, z])
    distance, parts = cast(model, origins, np.tile([1.0, 0, 0], (len(y), 1)))
    clear = np.isin(parts, ["", "bark"])
    expected = np.exp(-density / 2 * 2 * r * np.sqrt(within))
    # One tree's leaves are a sample: some hundred of them decide.
    assert clear.mean() == pytest.approx(expected.mean(), abs=0.05)
    assert np.isinf(distance).any()


def test_plants_have_their_sizes_and_repeat() -> None:
    one, same, other = (tree("conifer", 8.0, 3.0, 1.0, 1.0, 0.3, Key(k)) for k in (1, 1, 2))
    assert one.asset.digest == same.asset.digest != other.asset.digest
    leaves = one.asset.vertices_m[np.unique(one.asset.faces[one.asset.part == 1])]
    assert leaves[:, 2].min() >= 1.0
    assert leaves[:, 2].max() <= 8.0
    assert np.hypot(leaves[:, 0], leaves[:, 1]).max() <= 1.5 + 1e-9
    small = bush((1.5, 1.5, 1.0), 3.0, 0.25, Key(1))
    assert (size(small) <= [1.5, 1.5, 1.0]).all()
    assert (size(small) > [1.0, 1.0, 0.6]).all()
    made = Assembly()
    hedge(made, np.array([1.0, 0, 0]), np.array([1.0, 6, 0]), 0.6, 1.2, Key(1))
    low, high = made.model("hedge").asset.bounds_m
    np.testing.assert_allclose(high - low, [0.6, 6.1, 1.2], atol=0.25)
    assert low[2] == pytest.approx(0, abs=1e-9)
    with pytest.raises(AssetError, match="at most 3000 leaves"):
        tree("round", 20.0, 10.0, 2.0, 2.0, 0.1, Key(0))
    with pytest.raises(AssetError, match="wider and deeper than its leaves"):
        tree("round", 5.0, 0.5, 2.0, 1.0, 0.8, Key(0))
    with pytest.raises(AssetError, match="at most 3000 leaves"):
        bush((3, 3, 3), 3.0, 0.05, Key(0))


def test_furniture_has_its_sizes() -> None:
    assert size(desk((1.6, 0.8, 0.74))) == pytest.approx((1.6, 0.8, 0.74))
    assert size(cabinet((1.0, 0.4, 1.8), 2))[[0, 2]] == pytest.approx((1.0, 1.8))
    assert size(shelf((1.0, 0.3, 2.0), 5, 0)) == pytest.approx((1.0, 0.3, 2.0), abs=0.01)
    assert size(chair(0.46, 0.95))[2] == pytest.approx(0.95)
    assert size(monitor(0.5, 0.32, 0.12))[[0, 2]] == pytest.approx((0.5, 0.44))
    assert size(pillar(0.4, 2.7, round_=True)) == pytest.approx((0.4, 0.4, 2.7), rel=0.01)
    assert size(pillar(0.4, 2.7, round_=False)) == pytest.approx((0.4, 0.4, 2.7))
    assert size(lamp_post(6.0, 1.5, 0.08))[2] == pytest.approx(6.1, abs=0.02)
    for model in (desk((1.6, 0.8, 0.74)), chair(0.46, 0.95), monitor(0.5, 0.32, 0.12)):
        assert model.asset.bounds_m[0, 2] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize(("plate", "corners"), [("triangle", 3), ("octagon", 8), ("square", 4)])
def test_a_sign_shows_its_face_to_the_front_alone(plate: str, corners: int) -> None:
    model = sign(plate, 0.8, 2.5)
    area = corners / 2 * 0.4**2 * np.sin(2 * np.pi / corners)
    assert areas(model)["face"] == pytest.approx(area)
    for x, part in ((5.0, "face"), (-5.0, "back")):
        way = np.array([[-np.sign(x), 0, 0]])
        _, parts = cast(model, np.array([[x, 0.0, 2.52]]), way)
        assert parts == [part]
