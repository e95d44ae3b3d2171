"""The tabletop family: what it builds, from what, and that it repeats."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from scenes.tabletop import FAMILY, TabletopParams
from scenes.tabletop_params import Assets, Pick, Shape
from scenes.tabletop_pool import SHAPES, pool
from simgen import geometry
from simgen.config import load_config
from simgen.errors import AssetError, ConfigError
from simgen.generate import RejectedError, Source
from simgen.physics import settle
from simgen.rng import Key
from simgen.spec import Body, ImageTexture, SceneSpec

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs" / "tabletop.yaml"
FRUIT = ROOT.parent / "shared" / "meshes" / "ycb_fruit"


def build(values: dict[str, object], key: Key = Key(0)) -> SceneSpec:  # noqa: B008
    return FAMILY.build(TabletopParams.model_validate(values), key)


def things(spec: SceneSpec) -> list[Body]:
    return [body for body in spec.bodies if body.category is not None]


def centre(body: Body) -> np.ndarray:
    position, turn = body.motion.pose(0.0)
    return position + turn @ body.asset.sphere_m[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, edge in (("cups/red.stl", 0.1), ("cups/blue.stl", 0.08), ("plate.stl", 0.12)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        trimesh.creation.box((edge, edge / 2, edge / 4)).export(tmp_path / name)
    return tmp_path


def test_a_scene_has_a_table_whose_top_is_at_zero_and_the_objects() -> None:
    spec = build({"objects": [{"asset": {"kind": "sphere", "size_m": (0.1, 1, 1)}}, {}]})
    table, *objects = spec.bodies
    assert table.category is None
    assert table.mass_kg == 0
    assert table.asset.bounds_m[1, 2] + table.motion.positions_m[0, 2] == 0
    assert [body.name for body in objects] == ["object 0", "object 1"]
    assert spec.physics is not None
    assert all(body.category in spec.categories for body in objects)


@pytest.mark.parametrize("kind", SHAPES)
def test_mass_is_volume_times_density(kind: str) -> None:
    size = (0.06, 0.05, 0.08)
    values = {"kind": kind, "size_m": size, **({"edge_radius": 0.2} if "round" in kind else {})}
    (body,) = things(build({"objects": [{"asset": values, "density_kg_m3": 800}]}))
    r = 0.01
    a, b, c = (s - 2 * r for s in size)
    volume = {
        "box": np.prod(size),
        "sphere": np.pi / 6 * 0.06**3,
        "cylinder": np.pi * 0.03**2 * 0.08,
        "capsule": np.pi * 0.03**2 * 0.08 + np.pi / 6 * 0.06**3,
        "rounded_box": a * b * c
        + 2 * r * (a * b + b * c + c * a)
        + np.pi * r**2 * (a + b + c)
        + 4 / 3 * np.pi * r**3,
    }[kind]
    assert body.mass_kg == pytest.approx(800 * volume, rel=0.02)
    assert body.category == kind


@given(data=st.data())
@settings(deadline=None, max_examples=25)
def test_nothing_meets_before_it_falls(data: st.DataObject) -> None:
    unit = st.floats(-1, 1)
    objects = data.draw(
        st.lists(
            st.fixed_dictionaries(
                {
                    "asset": st.one_of(
                        st.fixed_dictionaries(
                            {
                                "kind": st.sampled_from(SHAPES),
                                "size_m": st.tuples(*[st.floats(0.01, 0.2)] * 3),
                            }
                        ),
                        st.fixed_dictionaries({"pick": st.floats(0, 1)}),
                    ),
                    "place": st.tuples(unit, unit),
                    "turn": st.tuples(unit, unit, unit, st.floats(0.1, 1)),
                }
            ),
            min_size=1,
            max_size=8,
        )
    )
    spec = build({"objects": objects, "spread_m": data.draw(st.floats(0, 0.3))})
    bodies = things(spec)
    for one, two in combinations(bodies, 2):
        apart = np.linalg.norm(centre(one) - centre(two))
        assert apart > one.asset.sphere_m[1] + two.asset.sphere_m[1]
    for body in bodies:
        position, turn = body.motion.pose(0.0)
        assert (body.asset.vertices_m @ turn[2] + position[2]).min() > 0


def test_objects_that_overlap_in_plan_are_stacked_and_others_are_not() -> None:
    ball = {"asset": {"kind": "sphere", "size_m": (0.1, 1, 1)}}
    one, two, three = things(
        build(
            {
                "objects": [ball, ball, {**ball, "place": (1, 0)}],
                "spread_m": 0.5,
                "clearance_m": 0.01,
            }
        )
    )
    assert centre(one)[2] == pytest.approx(0.06, abs=1e-3)
    assert centre(two)[2] == pytest.approx(0.06 + 0.11, abs=2e-3)
    assert centre(three)[2] == pytest.approx(0.06, abs=1e-3)


def test_pick_goes_through_all_assets_evenly_and_sets_by_weight() -> None:
    offer = pool(Assets(bundled={"objects": 3.0, "random_urdfs": 1.0}))
    picked = [offer.ref(p).name for p in np.linspace(0, 1, 4001)]
    household = [name for name in picked if "/" not in name]
    assert len(household) / 4001 == pytest.approx(0.75, abs=0.001)
    counts = np.unique(household, return_counts=True)[1]
    assert len(counts) == 10
    assert np.ptp(counts) <= 2
    assert len(set(picked)) == 10 + 999
    assert offer.ref(0).name == "block"
    assert offer.ref(1).name == "random_urdfs/999"


def test_categories_do_not_depend_on_the_draw_or_the_split(folder: Path) -> None:
    assets = {"folder": str(folder), "shapes": False, "holdout": 0.5}
    specs = [
        build({"assets": {**assets, "split": "all"}, "objects": [{"asset": {"pick": pick}}]})
        for pick in (0.0, 1.0)
    ]
    assert [s.categories for s in specs] == [("cups", "plate")] * 2
    assert [things(s)[0].category for s in specs] == ["cups", "plate"]
    train, test = (pool(Assets(**assets, split=name)) for name in ("train", "test"))
    assert train.categories == test.categories == ("cups", "plate")
    names = [{ref.name for _, refs in p.sets for ref in refs} for p in (train, test)]
    assert not names[0] & names[1]
    assert names[0] | names[1] == {"cups/blue", "cups/red", "plate"}


def test_categories_can_be_renamed(folder: Path) -> None:
    assets = {"folder": str(folder), "categories": {"*/red": "red cup", "*": "thing"}}
    spec = build({"assets": assets, "objects": [{"asset": {"pick": 0.5}}]})
    assert spec.categories == ("red cup", "thing")
    assert things(spec)[0].category == "red cup"


def test_size_and_scale_of_an_asset(folder: Path) -> None:
    assets = {"folder": str(folder)}
    own, fixed = (
        things(build({"assets": assets, "objects": [{"asset": {"pick": 1, **more}}]}))[0]
        for more in ({"scale": 2.0}, {"size_m": 0.05, "scale": 2.0})
    )
    assert np.ptp(own.asset.bounds_m, axis=0).max() == pytest.approx(0.24)
    assert np.ptp(fixed.asset.bounds_m, axis=0).max() == pytest.approx(0.1)
    assert own.mass_kg / fixed.mass_kg == pytest.approx(2.4**3)
    assert own.attributes["asset"] == "plate"


def test_assets_keep_their_materials_unless_painted_over() -> None:
    duck = {"pick": 0.35}
    own, painted = (
        things(
            build(
                {
                    "assets": {"bundled": {"objects": 1.0}},
                    "objects": [{"asset": duck, "paint": {"pattern": p, "colour": (0, 1, 0)}}],
                }
            )
        )[0]
        for p in ("own", "plain")
    )
    assert own.category == painted.category == "duck"
    assert isinstance(own.materials[0].texture, ImageTexture)
    assert painted.materials[0].texture is None
    assert painted.materials[0].albedo == (0, 1, 0)


def test_the_key_moves_texture_pixels_and_nothing_else() -> None:
    values: dict[str, object] = {
        "objects": [{"paint": {"pattern": "clouds"}}],
        "table": {"paint": {"pattern": "wood"}},
    }
    one, same, other = (build(values, Key(seed)) for seed in (1, 1, 2))
    for a, b, c in zip(one.bodies, same.bodies, other.bodies, strict=True):
        pixels = [x.materials[0].texture.pixels for x in (a, b, c)]  # type: ignore[union-attr]
        assert (pixels[0] == pixels[1]).all()
        assert (pixels[0] != pixels[2]).any()
        assert a.asset.digest == c.asset.digest
        np.testing.assert_array_equal(a.motion.positions_m, c.motion.positions_m)


def test_pictures_of_a_folder_cover_the_table(tmp_path: Path) -> None:
    for name, grey in (("a.png", 10), ("b.png", 200)):
        Image.new("RGB", (4, 4), (grey, grey, grey)).save(tmp_path / name)
    found = []
    for place in (0.0, 1.0):
        spec = build({"table": {"pictures": str(tmp_path), "picture": place}, "objects": []})
        texture = spec.bodies[0].materials[0].texture
        assert isinstance(texture, ImageTexture)
        found.append(texture.pixels[0, 0, 0])
    assert found == [10, 200]


def test_objects_dropped_in_a_bin_are_over_its_floor_and_stay_in_it() -> None:
    ball = {"asset": {"kind": "box", "size_m": (0.05, 0.04, 0.03)}, "turn": (0.3, 0.1, 0, 1)}
    corners = [{**ball, "place": (x, y)} for x in (-1, 1) for y in (-1, 1)]
    spec = build({"objects": corners, "bin": {"present": True}})
    assert [b.name for b in spec.bodies[:2]] == ["table", "bin"]
    rested = settle(spec)
    for body in things(rested):
        x, y, z = centre(body)
        assert abs(x) < 0.2
        assert abs(y) < 0.15
        assert 0.006 < z < 0.06


def test_what_does_not_fit_the_bin_is_a_rejection() -> None:
    big = {"asset": {"kind": "box", "size_m": (0.4, 0.3, 0.2)}}
    with pytest.raises(RejectedError, match="an object is too large for the bin"):
        build({"objects": [big], "bin": {"present": True}})


@given(
    azimuth=st.floats(-3.1, 3.1),
    elevation=st.floats(0.1, 1.57),
    distance=st.floats(0.2, 3),
)
@settings(deadline=None, max_examples=25)
def test_the_camera_looks_at_its_aim(azimuth: float, elevation: float, distance: float) -> None:
    aim = np.array([0.1, -0.2, 0.05])
    mount = {"azimuth_rad": azimuth, "elevation_rad": elevation, "distance_m": distance}
    camera = build({"objects": [], "camera": {**mount, "aim_m": tuple(aim)}}).camera
    eye, turn = camera.pose(0.0)
    assert np.linalg.norm(eye - aim) == pytest.approx(distance)
    assert np.arcsin((eye - aim)[2] / distance) == pytest.approx(elevation)
    np.testing.assert_allclose(turn.T @ (aim - eye), (0, 0, distance), atol=1e-9)
    # Up in the picture is up in the world: the camera's y axis points down.
    assert turn[2, 1] <= 1e-9


def test_settled_objects_lie_on_the_table() -> None:
    shapes = [
        {"asset": {"kind": "box", "size_m": (0.05, 0.06, 0.07)}, "place": (-1, 0)},
        {"asset": {"kind": "rounded_box"}, "place": (1, 0), "turn": (0.5, 0.1, 0.2, 0.8)},
        {"asset": {"pick": 0.35}, "place": (0, 1)},
    ]
    assets = {"bundled": {"objects": 1.0}}
    spec = FAMILY.finish(settle(build({"assets": assets, "objects": shapes})))
    for body in things(spec):
        position, turn = body.motion.pose(1e9)
        lowest = (body.asset.vertices_m @ turn[2] + position[2]).min()
        assert abs(lowest) < 0.003


def test_lights_and_room_are_in_linear_light() -> None:
    spec = build(
        {
            "objects": [],
            "lamps": [
                {"elevation_rad": 1.5707963, "strength": 2.0, "tint": (1, 1, 0)},
                {"strength": 0},
            ],
            "room": {"sky": (1, 1, 1), "strength": 0.25},
        }
    )
    (light,) = spec.lights
    np.testing.assert_allclose(light.direction, (0, 0, 1), atol=1e-6)
    np.testing.assert_allclose(light.irradiance, (2, 2, 0))
    assert spec.environment.sky == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"objects": [{"asset": {"kind": "cone"}}]}, "kind"),
        ({"objects": [{"densty_kg_m3": 1}]}, "densty_kg_m3"),
        ({"objects": [{"asset": {"kind": "box", "size_m": (0, 1, 1)}}]}, "greater than 0"),
        ({"assets": {"holdout": 2}}, "less than or equal to 1"),
        ({"camera": {"elevation_rad": -0.5}}, "greater than 0.05"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        TabletopParams.model_validate(values)


def test_pools_that_cannot_serve_are_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(AssetError, match="a folder of assets must hold some"):
        build({"assets": {"folder": str(tmp_path / "none")}})
    with pytest.raises(AssetError, match="the set of bundled objects must be known"):
        build({"assets": {"bundled": {"toys": 1.0}}})
    with pytest.raises(AssetError, match="the split 'test' must leave some assets"):
        build({"assets": {"folder": str(folder), "split": "test"}})
    with pytest.raises(ConfigError, match=r"needs `assets\.folder` or `assets\.bundled`"):
        build({"assets": {"bundled": {}}})
    with pytest.raises(ConfigError, match=r"simple shapes need `assets\.shapes: true`"):
        build({"assets": {"shapes": False}, "objects": [{"asset": {"kind": "box"}}]})


def test_the_shipped_config_draws_valid_scenes_of_every_kind() -> None:
    config = load_config(CONFIG)
    source = Source(config)
    space, kinds, patterns = config.space(), set(), set()
    for index in range(60):
        draw = space.draw(Key(index))
        params = TabletopParams.model_validate(
            {k: v for k, v in draw.values["scene"].items() if k != "family"}
        )
        assert 3 <= len(params.objects) <= 12
        assert all(np.isfinite(factor.log_density) for factor in draw.factors)
        for thing in params.objects:
            kinds.add(thing.asset.kind)
            patterns.add(thing.paint.pattern)
            assert isinstance(thing.asset, Pick | Shape)
            np.testing.assert_allclose(np.linalg.norm(thing.turn), 1)
            geometry.matrix(thing.turn)
    assert kinds == {"asset", *SHAPES}
    assert {"own", "plain", "wood", "checker"} <= patterns
    assert isinstance(source.family, type(FAMILY))


@pytest.mark.skipif(not FRUIT.is_dir(), reason="needs the folder of YCB fruit meshes")
def test_a_users_folder_of_meshes_takes_one_override() -> None:
    overrides = [
        f"scene.assets.folder={FRUIT}",
        "scene.assets.shapes=false",
        "scene.assets.max_texture_px=128",
        "scene.objects={count: 7, each: {asset: {kind: asset, pick: {uniform: [0, 1]}}}}",
    ]
    config = load_config(CONFIG, overrides)
    draw = config.space().draw(Key(4))
    values = {k: v for k, v in draw.values["scene"].items() if k != "family"}
    spec = build(values)
    assert spec.categories == ("apple", "banana", "lemon", "orange", "peach", "pear", "plum")
    assert len(things(spec)) == 7
    for body in things(spec):
        assert body.category == body.attributes["asset"]
        assert 0.02 < body.mass_kg < 0.3
        assert body.asset.licence == "MIT"


def test_a_moving_camera_goes_straight_and_turns_evenly() -> None:
    mount = {"velocity_m_s": (0.1, 0.0, 0.2), "spin_rad_s": (0.0, 0.9, 0.3), "roll_rad": 0.2}
    still, moving = build({"camera": {"roll_rad": 0.2}}).camera, build({"camera": mount}).camera
    eye, turn = still.pose(0.0)
    rate = float(np.linalg.norm(mount["spin_rad_s"]))
    for time in (0.0, 0.37, 2.0, 9.9):
        place, now = moving.pose(time)
        np.testing.assert_allclose(place, eye + turn @ (0.1 * time, 0, 0.2 * time), atol=1e-12)
        spun = geometry.matrix(geometry.axis_angle(mount["spin_rad_s"], rate * time))
        np.testing.assert_allclose(now, turn @ spun, atol=1e-12)
    assert not still.moves


def test_a_lamp_flickers_at_twice_the_frequency_of_the_mains() -> None:
    (lamp,) = build({"lamps": [{"mains_hz": 50.0, "mains_depth": 0.8}]}).lights
    times = np.linspace(0, 0.02, 2001)[:-1]
    level = lamp.level(times, np.zeros(1))
    assert level.mean() == pytest.approx(1)
    assert (level.min(), level.max()) == pytest.approx((0.2, 1.8), abs=1e-4)
    np.testing.assert_allclose(level[:1000], level[1000:])
    (steady,) = build({"lamps": [{}]}).lights
    assert steady.change is None
