"""Depth cameras by name, each with the source of its figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from simgen.errors import ConfigError, did_you_mean
from simgen.sensors.camera.lens import LensParams
from simgen.sensors.depth.active_stereo import ActiveStereoParams
from simgen.sensors.depth.params import depth_params
from simgen.sensors.depth.structured_light import StructuredLightParams
from simgen.sensors.depth.time_of_flight import TimeOfFlightParams

FOLDER = "presets"
NAMES = ("azure_kinect", "kinect_v1", "kinect_v2", "realsense_d415", "realsense_d435")


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
    depth: StructuredLightParams | ActiveStereoParams | TimeOfFlightParams


@cache
def depth_preset(name: str) -> DepthPreset:
    """A depth camera of `NAMES`.

    Raises:
        ConfigError: When there is none of that name.
    """
    if name not in NAMES:
        raise ConfigError(
            "a depth camera must be one of the presets", name, did_you_mean(name, NAMES)
        )
    text = (files("simgen.sensors") / FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    found: Mapping[str, object] = yaml.safe_load(text)
    camera, source, depth = found["camera"], found["source"], found["depth"]
    if not (isinstance(camera, dict) and isinstance(source, list) and isinstance(depth, dict)):
        raise ConfigError("a preset must hold camera, source and depth", name)
    readout = float(camera.get("readout_s", 0.0))
    lens = LensParams(**{k: v for k, v in camera.items() if k != "readout_s"})
    return DepthPreset(
        name, str(found["title"]), tuple(map(str, source)), lens, readout, depth_params(depth)
    )
