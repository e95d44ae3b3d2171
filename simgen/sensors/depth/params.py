"""A depth camera's settings, of whatever principle: `name` tells which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from simgen.errors import ConfigError, did_you_mean
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.depth.active_stereo import ActiveStereoParams
from simgen.sensors.depth.reading import DepthReading
from simgen.sensors.depth.seen import Albedo
from simgen.sensors.depth.structured_light import StructuredLightParams
from simgen.sensors.depth.time_of_flight import TimeOfFlightParams
from simgen.world import World

AnyDepthParams = StructuredLightParams | ActiveStereoParams | TimeOfFlightParams
DepthParams = Annotated[AnyDepthParams, Field(discriminator="name")]
"""What stands under `depth:` in a config."""
PRINCIPLES: dict[str, type[BaseModel]] = {
    "structured_light": StructuredLightParams,
    "active_stereo": ActiveStereoParams,
    "time_of_flight": TimeOfFlightParams,
}


class DepthSensor(Protocol):
    """What any principle's settings can do."""

    def init(self, key: Key) -> Any:
        """What is fixed for a device."""
        ...

    def reading(
        self, world: World, camera: Camera, time_s: float, state: Any, key: Key, albedo: Albedo
    ) -> DepthReading:
        """What it reads in the camera's place, in the frame that starts at `time_s`."""
        ...


_ADAPTER: TypeAdapter[AnyDepthParams] = TypeAdapter(DepthParams)


def depth_params(
    values: Mapping[str, object],
) -> AnyDepthParams:
    """The settings that a mapping holds.

    Raises:
        ConfigError: On an unknown principle, an unknown key or a value that breaks a rule.
    """
    name = values.get("name")
    if name not in PRINCIPLES:
        raise ConfigError(
            "`depth.name` must name a principle", name, did_you_mean(str(name), PRINCIPLES), "depth"
        )
    try:
        return _ADAPTER.validate_python(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"][1:])
        remedy = ""
        if first["type"] == "extra_forbidden":
            remedy = did_you_mean(key, PRINCIPLES[str(name)].model_fields)
        raise ConfigError(first["msg"], first["input"], remedy, f"depth.{key}") from error
