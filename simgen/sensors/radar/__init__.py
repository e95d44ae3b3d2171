"""FMCW radar: scatterers from rays, beat signals, thermal noise, and what a detector reports."""

from simgen.sensors.radar.params import RadarParams
from simgen.sensors.radar.radar import Radar, RadarState
from simgen.sensors.radar.record import POSE, RADAR, STREAMS, Cause

__all__ = ["POSE", "RADAR", "STREAMS", "Cause", "Radar", "RadarParams", "RadarState"]
