"""A camera's settings, and the camera they describe."""

from __future__ import annotations

from pydantic import Field

from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.isp import IspParams
from simgen.sensors.camera.lens import LensParams
from simgen.sensors.camera.optics import OpticsParams
from simgen.sensors.camera.sensor import SensorParams
from simgen.sensors.camera.shutter import ShutterParams
from simgen.sensors.effect import Chain
from simgen.spec import Motion


class CameraParams(LensParams, ShutterParams, OpticsParams, SensorParams, IspParams):
    """A camera from glass to file; where it stands is the scene's affair.

    Attributes:
        samples_per_pixel: Rays in pixels where one is not enough for the colour.
    """

    samples_per_pixel: int = Field(4, ge=1, le=256)

    def camera(self, motion: Motion) -> Camera:
        """The rays' side of these settings.

        Raises:
            ConfigError: When the lens leaves a pixel of the frame without a ray.
        """
        return Camera(
            self.glass(),
            self.width,
            self.height,
            motion,
            self.shutter(),
            self.aperture_m,
            self.focus_m,
        )

    def chain(self) -> Chain:
        """The signal's side of these settings, from radiance to file."""
        return Chain((*self.optics(), *self.sensor(), *self.isp()))
