"""Event cameras: pixels that report changes of the light, each at its own time."""

from simgen.sensors.event.camera import EVENT, EventCamera, Events, EventState
from simgen.sensors.event.params import EventParams
from simgen.sensors.event.sampling import adaptive_frames

__all__ = ["EVENT", "EventCamera", "EventParams", "EventState", "Events", "adaptive_frames"]
