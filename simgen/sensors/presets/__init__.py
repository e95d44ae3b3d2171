"""Real cameras, every figure with its source: `camera` sections that a config may extend.

A config takes one with `extends: sensor:NAME`, alone or in a list with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

from simgen.config.text import parse_yaml
from simgen.errors import ConfigError, did_you_mean

KEYS = {"name", "title", "source", "camera"}


@dataclass(frozen=True, eq=False)
class Preset:
    """A camera with the sources of its figures.

    Attributes:
        name: How configs call it.
        title: Maker, model, mode.
        source: Setting -> where its figure comes from.
        camera: Settings that `CameraParams` takes; distributions are allowed.
    """

    name: str
    title: str
    source: dict[str, str]
    camera: dict[str, object]


def names() -> tuple[str, ...]:
    """Names of all presets."""
    found = resources.files(__name__).iterdir()
    return tuple(sorted(f.name[:-5] for f in found if f.name.endswith(".yaml")))


def load(name: str) -> Preset:
    """The preset called `name`.

    Raises:
        ConfigError: When there is none.
    """
    if name not in names():
        raise ConfigError("a sensor must be a preset", name, did_you_mean(name, names()))
    text = (resources.files(__name__) / f"{name}.yaml").read_text(encoding="utf-8")
    data, _ = parse_yaml(text, f"sensor {name}")
    if not isinstance(data, dict) or set(data) != KEYS or data["name"] != name:
        raise ConfigError(
            f"a preset must have the keys {', '.join(sorted(KEYS))}, and its file's name",
            where=f"sensor {name}",
        )
    return Preset(name, str(data["title"]), data["source"], data["camera"])
