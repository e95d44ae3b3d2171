"""Files, presets, overrides and the config's own keys."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen.config import Config, config_from_plain, load_config, presets
from simgen.config.merge import override
from simgen.config.text import Marks, parse_yaml
from simgen.errors import ConfigError
from simgen.rng import Key

BASE = """\
simgen: 1
seed: 3
count: 10
scene:
  family: dice
  wet: {bernoulli: 0.4}
  size_m: {uniform: [0.01, 0.02]}
  dice:
    count: {integer: [1, 25]}
    each:
      gloss: {uniform: [0, 1]}
camera:
  gain: {ref: scene.size_m, scale: 2}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.yaml").write_text(BASE)
    return tmp_path


def write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def refusal(*args: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(*args)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_one_space_holds_scene_camera_and_render(folder: Path) -> None:
    config = load_config(folder / "base.yaml")
    assert (config.family, config.renderer, config.seed, config.count) == ("dice", "bullet", 3, 10)
    draw = config.space().draw(config.sample_key(0))
    values: Any = draw.values
    assert set(values) == {"scene", "camera", "render"}
    assert "family" not in values["scene"]
    assert values["camera"]["gain"] == 2 * values["scene"]["size_m"]
    assert {f.name for f in draw.factors} >= {"scene.wet", "scene.size_m", "scene.dice.count"}
    assert config.space() is config.space()


def test_defaults_are_stated(folder: Path) -> None:
    config = config_from_plain({"scene": {"family": "dice"}})
    assert config.resolved() == {
        "simgen": 1,
        "seed": 0,
        "count": 100,
        "scene": {"family": "dice"},
        "camera": {},
        "render": {"name": "bullet"},
        "depth": None,
        "events": None,
        "imu": None,
        "lidar": None,
        "radar": None,
        "labels": [],
        "sampling": {"method": "random"},
        "frames": {
            "count": 1,
            "rate_hz": 30.0,
            "start_s": None,
            "jitter_s": 0.0,
            "drop": 0.0,
            "latency_s": 0.0,
        },
    }


def test_a_config_round_trips_through_plain_json_and_processes(folder: Path) -> None:
    config = load_config(folder / "base.yaml", ["sampling.method=sobol"])
    again = config_from_plain(json.loads(json.dumps(config.resolved())))
    assert again == config
    assert hash(again) == hash(config)
    assert again.digest() == config.digest()
    twin = pickle.loads(pickle.dumps(config))
    assert twin == config
    key = config.sample_key(4)
    assert twin.space().draw(key, twin.unit(4)) == config.space().draw(key, config.unit(4))


def test_the_digest_knows_everything_but_the_count(folder: Path) -> None:
    path = folder / "base.yaml"
    config = load_config(path)
    assert load_config(path, ["count=99"]).digest() == config.digest()
    assert load_config(path, ["seed=4"]).digest() != config.digest()
    assert load_config(path, ["camera.gain=1"]).digest() != config.digest()
    lhs = [load_config(path, ["sampling.method=lhs", f"count={n}"]).digest() for n in (10, 11)]
    assert lhs[0] != lhs[1]
    turned = config.resolved()
    turned["scene"] = dict(reversed(turned["scene"].items()))  # type: ignore[attr-defined]
    assert config_from_plain(turned).digest() == config.digest()


def test_designs_drive_static_draws_only(folder: Path) -> None:
    config = load_config(folder / "base.yaml", ["sampling.method=sobol"])
    unit = config.unit(5)
    assert set(unit) == {"scene.wet", "scene.size_m", "scene.dice.count"}
    value: Any = config.space().draw(Key(0), unit).values["scene"]
    assert value["size_m"] == pytest.approx(0.01 + 0.01 * unit["scene.size_m"][0])
    assert config.unit(5)["scene.wet"] == unit["scene.wet"]
    assert load_config(folder / "base.yaml").unit(5) == {}


def test_extends_merges_mappings_and_replaces_distributions(folder: Path) -> None:
    path = write(
        folder,
        "extends: base.yaml\n"
        "scene:\n"
        "  size_m: {normal: {mean: 0.015, std: 1e-3}}\n"
        "  dice: {count: 3}\n"
        "camera: {gain: 1}\n",
    )
    plain: Any = load_config(path).resolved()
    assert plain["scene"]["size_m"] == {"normal": {"mean": 0.015, "std": 0.001}}
    assert plain["scene"]["dice"] == {"count": 3, "each": {"gloss": {"uniform": [0, 1]}}}
    assert plain["scene"]["wet"] == {"bernoulli": 0.4}
    assert plain["camera"] == {"gain": 1}
    assert plain["seed"] == 3
    assert "extends" not in plain


def test_extends_several_from_left_to_right_and_through_folders(folder: Path) -> None:
    (folder / "sub").mkdir()
    write(folder / "sub", "extends: ../base.yaml\nseed: 5\ncount: 5\n", "mid.yaml")
    write(folder, "count: 6\n", "count.yaml")
    config = load_config(write(folder, "extends: [sub/mid.yaml, count.yaml]\nlabels: [depth]\n"))
    assert (config.seed, config.count, config.labels) == (5, 6, ("depth",))


def test_extends_in_a_circle_or_to_nowhere(folder: Path) -> None:
    a = write(folder, "extends: b.yaml\n")
    b = write(folder, "\nextends: a.yaml\n", "b.yaml")
    text = refusal(a)
    assert f"{b}:2: extends: configs must not extend each other in a circle" in text
    assert f"got {a} -> {b} -> {a}" in text
    c = write(folder, "seed: 1\nextends: basse.yaml\n", "c.yaml")
    assert f"{c}:2: extends: a config must be a file, or the name of a preset" in refusal(c)
    assert f"got {folder / 'basse.yaml'}" in refusal(c)
    d = write(folder, "extends: {a: 1}\n", "d.yaml")
    assert "`extends` must be a file or a preset, or a list" in refusal(d)


def test_missing_empty_and_unreadable_files(folder: Path) -> None:
    assert "a config must be a file, or the name of a preset; got no.yaml" in refusal("no.yaml")
    assert "a config must be a file; got" in refusal(folder)
    assert "a config must be a mapping; got NoneType" in refusal(write(folder, ""))
    (folder / "raw.yaml").write_bytes(b"\xff\xfe\x00")
    assert "a config must be a readable UTF-8 file" in refusal(folder / "raw.yaml")


def test_presets_are_found_by_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "shipped.yaml").write_text(BASE)
    monkeypatch.setattr("simgen.config.merge.resources.files", lambda _: folder)
    assert presets() == ("base", "shipped")
    assert load_config("shipped").seed == 3
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    config = load_config(write(elsewhere, "extends: shipped\nseed: 9\n"))
    assert (config.seed, config.family) == (9, "dice")
    assert "got shiped; did you mean 'shipped'?" in refusal("shiped")


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("seed=7", ["seed"], 7),
        ("scene.size_m=0.5", ["scene", "size_m"], 0.5),
        ("scene.size_m.uniform[1]=5e-2", ["scene", "size_m", "uniform", 1], 0.05),
        ("scene.size_m.uniform.1=1", ["scene", "size_m", "uniform", 1], 1),
        ("scene.new.deep=text", ["scene", "new", "deep"], "text"),
        ("scene.size_m={uniform: [1, 2]}", ["scene", "size_m", "uniform"], [1, 2]),
        ("scene.note=a=b", ["scene", "note"], "a=b"),
        ("scene.note=no", ["scene", "note"], "no"),
        ("scene.note=", ["scene", "note"], None),
        ("labels=[depth, boxes]", ["labels"], ["depth", "boxes"]),
    ],
)
def test_set(folder: Path, assignment: str, path: list[Any], value: object) -> None:
    found: Any = load_config(folder / "base.yaml", [assignment]).resolved()
    for step in path:
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    ("assignment", "text"),
    [
        ("seed", "--set: an override must be KEY=VALUE; got seed; such as `scene.count=3`"),
        ("=3", "an override must be KEY=VALUE"),
        ("scene.size_m.uniform[5]=1", "`scene.size_m.uniform` is a list of 2; got 5; give an"),
        ("scene.size_m.uniform.low=1", "`scene.size_m.uniform` is a list of 2; got low"),
        ("seed.x=1", "`seed` must be a mapping or a list to set a part of it; got 3"),
        ("scene..x=1", "a path must be keys and indices"),
        ("scene={", "--set scene={:1: the file must be YAML"),
        ("sed=3", "--set: sed: a config has only known keys; got sed; did you mean 'seed'?"),
        ("count=0", "--set: count: `count` must be greater than or equal to 1; got 0"),
        ("scene.size_m={uniform: [2, 1]}", "--set: scene.size_m.uniform: `low < high` must hold"),
    ],
)
def test_set_refused(folder: Path, assignment: str, text: str) -> None:
    assert text in refusal(folder / "base.yaml", [assignment])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nseed: 2\n", ":2: seed: a key must stand once in its mapping; got again after"),
        ("a: [1\nb: 2\n", "the file must be YAML; got"),
        ("a:\n\t- 1\n", ":2: the file must be YAML; got found character"),
        ("seed: .nan\n", ":1: seed: a number must be finite; got .nan"),
        ("scene: {size: .inf}\n", ":1: scene.size: a number must be finite; got .inf"),
        ("scene: !!set {a}\n", ":1: scene: a value must be plain data; got tag:yaml.org,2002:set"),
        (
            "scene: !!python/object:x {}\n",
            "plain data; got tag:yaml.org,2002:python/object:x; drop",
        ),
        ("seed: !!binary aaaa\n", "a value must be plain data; got tag:yaml.org,2002:binary"),
        ("? [1, 2]\n: 3\n", "a key must be a text"),
        ("a: &x [*x]\n", "an alias must not hold itself"),
        ("- 1\n", "a config must be a mapping; got list"),
        ("simgen: 2\nscene: {family: dice}\n", ":1: simgen: `simgen` must be 1; got 2; this ver"),
        ("seed: 1\n", "`scene` must be given"),
        ("scene: 3\n", ":1: scene: `scene` must be"),
        ("scene: {size: 1}\n", ":1: scene.family: `scene.family` must be a name; such as `family"),
        ("scene: {family: {choice: [a, b]}}\n", ":1: scene.family: `scene.family` must be a name"),
        ("scene: {family: d}\nrender: {x: 1}\n", ":2: render.name: `render.name` must be a name"),
        ("scene: {family: d}\nseed: '1'\n", ":2: seed: `seed` must be a valid integer; got '1'"),
        ("scene: {family: d}\nseed: true\n", ":2: seed: `seed` must be a valid integer; got True"),
        ("scene: {family: d}\nseed: -1\n", "`seed` must be greater than or equal to 0; got -1"),
        (
            "scene: {family: d}\nsampling:\n  method: sobl\n",
            ":3: sampling.method: `sampling.method` must be 'random', 'sobol' or 'lhs'; got 'sobl'",
        ),
        (
            "scene: {family: d}\nframes:\n  cout: 2\n",
            ":3: frames.cout: a config has only known keys; got frames.cout; did you mean 'count'?",
        ),
        (
            "scene:\n  family: d\n  a: [1, {uniform: [0, 1, 2, 3]}]\n",
            ":3: scene.a[1].uniform: `uniform` takes at most 3 parameters; got 4",
        ),
        (
            "scene:\n  family: d\n  a:\n    ref: scene.bb\n  b: 1\n",
            ":3: scene.a: a reference must lead to a value, and there is no `scene.bb`",
        ),
    ],
)
def test_files_refused_by_line_and_path(folder: Path, text: str, message: str) -> None:
    path = write(folder, text)
    found = refusal(path)
    assert found.startswith(str(path))
    assert message in found


def test_errors_name_the_file_that_wrote_the_line(folder: Path) -> None:
    path = write(folder, "extends: base.yaml\nscene: {wet: 1}\n")
    plain = load_config(path)
    assert plain.where("scene", "wet") == f"{path}:2: scene.wet"
    assert plain.where("scene", "size_m", "uniform", 1) == (
        f"{folder / 'base.yaml'}:7: scene.size_m.uniform[1]"
    )
    assert plain.where("camera", "unwritten").startswith(f"{folder / 'base.yaml'}:12: camera.unwr")


def test_yaml_scalars_are_those_of_version_1_2() -> None:
    text = "[1e-3, 1., .5, -2, +3, 010, 0x10, 0o10, true, False, no, on, ~, null, 1:30, 2020-01-01]"
    data, _ = parse_yaml(f"a: {text}\nb:\n", "t")
    assert data == {
        "a": [
            1e-3, 1.0, 0.5, -2, 3, 10, 16, 8, True, False, "no", "on", None, None, "1:30",
            "2020-01-01",
        ],
        "b": None,
    }  # fmt: skip
    assert parse_yaml("{1: a, true: b}", "t")[0] == {"1": "a", "true": "b"}
    assert parse_yaml("a: &x {b: 1}\nc: *x\n", "t")[0] == {"a": {"b": 1}, "c": {"b": 1}}


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abc xyz:#-[]{}01.,'\"\n", max_size=8),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text("abc", max_size=3), x, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, derandomize=True, max_examples=80)
@given(PLAIN)
def test_json_is_read_back(data: object) -> None:
    assert parse_yaml(json.dumps(data), "t")[0] == data


NAMES = st.text("abcdef", min_size=1, max_size=3)


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.lists(NAMES, min_size=1, max_size=4), st.integers())
def test_set_then_get(path: list[str], value: int) -> None:
    tree: dict[str, object] = {}
    override(tree, f"{'.'.join(path)}={value}", Marks())
    found: Any = tree
    for step in path:
        found = found[step]
    assert found == value


def test_a_config_cannot_be_changed(folder: Path) -> None:
    config = load_config(folder / "base.yaml")
    with pytest.raises(ValueError, match="frozen"):
        config.seed = 4  # type: ignore[misc]
    plain: Any = config.resolved()
    plain["scene"]["wet"] = 1
    assert config.resolved()["scene"]["wet"] == {"bernoulli": 0.4}  # type: ignore[index]
    assert isinstance(config, Config)


def test_another_renderer_takes_none_of_the_first_ones_settings(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: dice\nrender: {name: bullet, resolution: 512}\n")
    assert load_config(path).render == {"name": "bullet", "resolution": 512}
    assert load_config("dice", ["render.name=bullet"]).render == {"name": "bullet"}
    same = load_config("dice", ["render.name=raycast", "render.light_samples=3"]).render
    assert same["light_samples"] == 3
    assert same["sky_samples"] == load_config("dice").render["sky_samples"]
