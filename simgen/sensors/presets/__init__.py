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
SECTIONS = ("depth", "events", "imu", "lidar", "radar", "camera")


@dataclass(frozen=True, eq=False)
class Preset:
    """A sensor with the sources of its figures.

    Attributes:
        name: How configs call it.
        title: Maker, model, mode.
        source: Where each figure comes from: by setting, or a list of lines.
        sections: Section of a config -> what it takes; distributions are allowed. A depth
            camera brings the frame and lens of its infrared camera as `camera`.
    """

    name: str
    title: str
    source: dict[str, str] | list[str]
    sections: dict[str, dict[str, object]]

    @property
    def kind(self) -> str:
        """What it is: "camera", "depth", "events", "imu", "lidar" or "radar"."""
        return next(section for section in SECTIONS if section in self.sections)

    @property
    def settings(self) -> dict[str, object]:
        """The section that it is about."""
        return self.sections[self.kind]


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
    sections = {section: data[section] for section in SECTIONS if section in data}
    if not sections or set(data) != KEYS | set(sections) or data["name"] != name:
        raise ConfigError(
            f"a preset must have the keys {', '.join(sorted(KEYS))}, some of "
            f"{', '.join(SECTIONS)}, and its file's name",
            where=f"sensor {name}",
        )
    return Preset(name, str(data["title"]), data["source"], sections)
