"""Depth cameras: infrared views of the world, and what each principle makes of them."""

from simgen.sensors.depth.active_stereo import ActiveStereoParams
from simgen.sensors.depth.matching import MatchParams, passive_stereo
from simgen.sensors.depth.params import PRINCIPLES, DepthParams, DepthSensor, depth_params
from simgen.sensors.depth.presets import DepthPreset, depth_preset
from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.seen import Albedo, Seen, plain_albedo
from simgen.sensors.depth.structured_light import StructuredLightParams
from simgen.sensors.depth.time_of_flight import TimeOfFlightParams

__all__ = [
    "PRINCIPLES",
    "ActiveStereoParams",
    "Albedo",
    "Cause",
    "DepthParams",
    "DepthPreset",
    "DepthReading",
    "DepthSensor",
    "MatchParams",
    "Seen",
    "StructuredLightParams",
    "TimeOfFlightParams",
    "depth_params",
    "depth_preset",
    "passive_stereo",
    "plain_albedo",
]
