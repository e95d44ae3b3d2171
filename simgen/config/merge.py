"""Presets and overrides: `extends:` and `--set`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, cast

from simgen.config.text import Marks, parse_yaml
from simgen.errors import ConfigError, did_you_mean
from simgen.space import Source, dotted, is_special, tokens

Tree = dict[str, object]
NAMED = {"scene": "family", "render": "name", "depth": "name"}
"""The key of a section that names what its parameters belong to."""
SENSOR = "sensor:"
SENSORS = "simgen.sensors.presets"  # read as data: this module stands below the sensors


def read_config(path: str | Path) -> tuple[Tree, Marks]:
    """Read a config file or a shipped preset with everything it extends.

    Args:
        path: A file, or the name of a preset.

    Raises:
        ConfigError: When it cannot be read or is not a mapping.
    """
    return _read(str(path), Path(), None, ())


def presets() -> tuple[str, ...]:
    """Names of the presets in the `configs` package."""
    found = resources.files("configs").iterdir()
    return tuple(sorted(f.name[:-5] for f in found if f.name.endswith(".yaml")))


def _renamed(base: Tree, over: Tree) -> Tree:
    """`base` without the settings of a family, renderer or principle that `over` changes."""
    kept = dict(base)
    for section, key in NAMED.items():
        before, after = base.get(section), over.get(section)
        if not isinstance(before, dict) or not isinstance(after, dict):
            continue
        if key in before and after.get(key, before[key]) != before[key]:
            kept[section] = {}
    return kept


def merge(base: Tree, over: Tree, marks: Marks, over_marks: Marks) -> Tree:
    """Lay `over` on `base`; `marks` is brought up to date.

    Mappings merge key by key, repetitions (`count`, `each`) too; another `family` or `name`
    of a section takes the place of the whole section. Everything else
    replaces what was there: a list, a number, and any distribution, reference or
    condition, which only make sense whole.
    """
    merged = _merge(_renamed(base, over), over, (), marks)
    marks.lines.update(over_marks.lines)
    return cast("Tree", merged)


def override(tree: Tree, assignment: str, marks: Marks) -> None:
    """Apply one `a.b[2].c=VALUE`, VALUE in YAML, to `tree` in place.

    Mappings on the way are made where they are missing; elements of lists must be
    there (`a.b.2.c` means the same).

    Raises:
        ConfigError: When it is no assignment or the path does not fit the tree.
    """
    where = f"--set {assignment}"
    path, equals, text = assignment.partition("=")
    if not equals or not path:
        raise ConfigError(
            "an override must be KEY=VALUE", assignment, "such as `scene.count=3`", "--set"
        )
    value, _ = parse_yaml(text, where)
    steps = _steps(path.strip(), where)
    place: Any = tree
    for index, token in enumerate(steps):
        last = index == len(steps) - 1
        if isinstance(place, list):
            if not isinstance(token, int) or token >= len(place):
                raise ConfigError(
                    f"`{dotted(steps[:index])}` is a list of {len(place)}",
                    str(token),
                    "give an index from 0",
                    where,
                )
            at: str | int = token
        elif isinstance(place, dict):
            at = str(token)
            if not last and place.get(at) is None:
                place[at] = {}
        else:
            raise ConfigError(
                f"`{dotted(steps[:index])}` must be a mapping or a list to set a part of it",
                place,
                "set it whole",
                where,
            )
        if last:
            name = NAMED.get(str(steps[0])) if len(steps) == 2 else None
            if name == at and isinstance(place, dict) and place.get(at, value) != value:
                place.clear()  # the settings of another family, renderer or principle
            place[at] = value
        else:
            place = place[at]
    marks.replace(steps)
    marks.lines[steps] = "--set"


def _steps(path: str, where: str) -> Source:
    steps: list[str | int] = []
    for part in path.split("."):
        if part.isdigit():
            steps.append(int(part))
            continue
        try:
            steps.extend(tokens(part))
        except ConfigError as error:
            raise error.at(where) from None
    return tuple(steps)


def _read(
    name: str, beside: Path, asked_by: str | None, chain: tuple[str, ...]
) -> tuple[Tree, Marks]:
    text, label, folder = _open(name, beside, asked_by)
    if label in chain:
        raise ConfigError(
            "configs must not extend each other in a circle",
            " -> ".join([*chain, label]),
            "drop one `extends`",
            asked_by or "",
        )
    data, marks = parse_yaml(text, label)
    if not isinstance(data, dict):
        raise ConfigError("a config must be a mapping", type(data).__name__, where=label)
    if name.startswith(SENSOR):
        # Title and sources stay in the file.
        data = {k: v for k, v in data.items() if k not in {"name", "title", "source"}}
    parents = data.pop("extends", [])
    where = marks(("extends",))
    if isinstance(parents, str):
        parents = [parents]
    if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
        raise ConfigError("`extends` must be a file or a preset, or a list", parents, where=where)
    merged: Tree = {}
    merged_marks = Marks()
    for parent in parents:
        base, base_marks = _read(parent, folder, where, (*chain, label))
        merged = merge(merged, base, merged_marks, base_marks)
    return merge(merged, data, merged_marks, marks), merged_marks


def _open(name: str, beside: Path, asked_by: str | None) -> tuple[str, str, Path]:
    """Text, name in errors, and folder of a file, preset or sensor."""
    if name.startswith(SENSOR):
        return _open_sensor(name, asked_by or "")
    path = beside / name
    where = asked_by or ""
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8"), str(path), path.parent
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                "a config must be a readable UTF-8 file", f"{path} ({error})", where=where
            ) from None
    preset = resources.files("configs") / f"{name}.yaml"
    if path.exists() and name not in presets():
        raise ConfigError("a config must be a file", str(path), where=where)
    if name in presets():
        return preset.read_text(encoding="utf-8"), f"preset {name}", Path()
    raise ConfigError(
        "a config must be a file, or the name of a preset",
        str(path) if asked_by else name,
        did_you_mean(name, presets()),
        where,
    )


def _open_sensor(name: str, where: str) -> tuple[str, str, Path]:
    folder = resources.files(SENSORS)
    known = [f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml")]
    sensor = name.removeprefix(SENSOR)
    if sensor not in known:
        raise ConfigError(
            "a sensor must be one that `simgen sensors list` shows",
            sensor,
            did_you_mean(sensor, known),
            where,
        )
    text = (folder / f"{sensor}.yaml").read_text(encoding="utf-8")
    return text, name, Path()


def _merge(base: object, over: object, source: Source, marks: Marks) -> object:
    if (
        isinstance(base, Mapping)
        and isinstance(over, Mapping)
        and not is_special(base)
        and not is_special(over)
    ):
        merged = dict(base)
        for key, value in over.items():
            inner = (*source, key)
            merged[key] = _merge(base[key], value, inner, marks) if key in base else value
        return merged
    marks.replace(source)
    return copy.deepcopy(over)
