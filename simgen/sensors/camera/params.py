"""A camera's settings, and the camera they describe."""

from __future__ import annotations

from pydantic import Field

from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.isp import IspParams
from simgen.sensors.camera.lens import LensParams
from simgen.sensors.camera.optics import OpticsParams
from simgen.sensors.camera.sensor import SensorParams
from simgen.sensors.effect import Chain
from simgen.spec import Motion


class CameraParams(LensParams, IspParams, OpticsParams, SensorParams):
    """A camera from glass to file; where it stands is the scene's affair.

    Attributes:
        readout_s: Time between the first and last row; 0 is a global shutter.
        samples_per_pixel: Rays in pixels where one is not enough for the colour.
        raw: Also keep the raw frame: the converter's numbers, before the processor.
    """

    readout_s: float = Field(0.0, ge=0, le=1)
    samples_per_pixel: int = Field(4, ge=1, le=256)
    raw: bool = False

    def camera(self, motion: Motion) -> Camera:
        """The rays' side of these settings.

        Raises:
            ConfigError: When the lens leaves a pixel of the frame without a ray.
        """
        return Camera(self.glass(), self.width, self.height, motion, self.readout_s)

    def chain(self) -> Chain:
        """The signal's side of these settings, from radiance to file."""
        cx = (self.width - 1) / 2 if self.cx_px is None else self.cx_px
        cy = (self.height - 1) / 2 if self.cy_px is None else self.cy_px
        return Chain((*self.optics((cx, cy)), *self.sensor(), *self.isp()))
