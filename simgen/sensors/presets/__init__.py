"""Real sensors, every figure with its source: sections that a config may extend.

A config takes one with `extends: sensor:NAME`, alone or in a list with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

from simgen.config.text import parse_yaml
from simgen.errors import ConfigError, did_you_mean

KEYS = {"name", "title", "source"}
SECTIONS = {"camera", "depth", "events", "imu"}


@dataclass(frozen=True, eq=False)
class Preset:
    """A sensor with the sources of its figures.

    Attributes:
        name: How configs call it.
        title: Maker, model, mode.
        source: Setting -> where its figure comes from.
        kind: Section of a config that it fills: "camera", "depth", "events" or "imu".
        settings: What that section takes; distributions are allowed.
    """

    name: str
    title: str
    source: dict[str, str]
    kind: str
    settings: dict[str, object]


def names(kind: str | None = None) -> tuple[str, ...]:
    """Names of all presets, or of those of one kind."""
    found = resources.files(__name__).iterdir()
    every = sorted(f.name[:-5] for f in found if f.name.endswith(".yaml"))
    return tuple(name for name in every if kind is None or load(name).kind == kind)


def load(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        ConfigError: When there is none.
    """
    if name not in names():
        raise ConfigError("a sensor must be a preset", name, did_you_mean(name, names()))
    text = (resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")
    parsed, _ = parse_yaml(text, f"sensor {name}")
    data: dict[str, Any] = parsed if isinstance(parsed, dict) else {}
    kinds = set(data) - KEYS
    if not (len(kinds) == 1 and kinds < SECTIONS and set(data) > KEYS and data["name"] == name):
        raise ConfigError(
            f"a preset must have the keys {', '.join(sorted(KEYS))}, one of "
            f"{', '.join(sorted(SECTIONS))}, and its file's name",
            where=f"sensor {name}",
        )
    (kind,) = kinds
    return Preset(name, str(data["title"]), data["source"], kind, data[kind])
