"""Depth cameras: infrared views of the world, and what each principle makes of them."""

from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.seen import Albedo, Seen, plain_albedo
from simgen.sensors.depth.structured_light import StructuredLightParams
from simgen.sensors.depth.time_of_flight import TimeOfFlightParams

__all__ = [
    "Albedo",
    "Cause",
    "DepthReading",
    "Seen",
    "StructuredLightParams",
    "TimeOfFlightParams",
    "plain_albedo",
]
