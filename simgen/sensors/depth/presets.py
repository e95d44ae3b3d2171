"""Depth cameras by name, each with the source of its figures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from simgen.errors import ConfigError, did_you_mean
from simgen.sensors.camera.lens import LensParams
from simgen.sensors.depth.params import AnyDepthParams, depth_params
from simgen.sensors.presets import load, names


@dataclass(frozen=True)
class DepthPreset:
    """A product.

    Attributes:
        name: Of its file.
        title: For people.
        source: Where each figure comes from.
        lens: Frame and lens of the infrared camera.
        readout_s: Its read-out; 0 for a global shutter.
        depth: What it makes of what it sees.
    """

    name: str
    title: str
    source: tuple[str, ...]
    lens: LensParams
    readout_s: float
    depth: AnyDepthParams


@cache
def depth_preset(name: str) -> DepthPreset:
    """A depth camera among the presets.

    Raises:
        ConfigError: When there is none of that name.
    """
    if name not in names("depth"):
        raise ConfigError(
            "a depth camera must be one of the presets", name, did_you_mean(name, names("depth"))
        )
    found = load(name)
    camera = dict(found.sections["camera"])
    readout = float(str(camera.pop("readout_s", 0.0)))
    lens = LensParams.model_validate(camera)
    return DepthPreset(
        name, found.title, tuple(found.source), lens, readout, depth_params(found.settings)
    )
