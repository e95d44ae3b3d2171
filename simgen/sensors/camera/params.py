"""A camera's settings, and the camera they describe."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from simgen.errors import ConfigError
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.extra import ExtraEffect, insert
from simgen.sensors.camera.isp import IspParams
from simgen.sensors.camera.lens import Lens, LensParams
from simgen.sensors.camera.lens.base import border
from simgen.sensors.camera.optics import OpticsParams
from simgen.sensors.camera.sensor import SensorParams
from simgen.sensors.camera.shutter import ShutterParams
from simgen.sensors.effect import Chain
from simgen.spec import Motion

WIDEST_FOCUSED_DEG = 80.0  # beyond, a plane in focus is far off and turns away from the rays


class CameraParams(LensParams, ShutterParams, IspParams, OpticsParams, SensorParams):
    """A camera from glass to file; where it stands is the scene's affair.

    Attributes:
        samples_per_pixel: Rays in pixels where one is not enough for the colour.
        raw: Also keep the raw frame: the converter's numbers, before the processor.
        effects: Effects of other packages, each put last among those of its domain.
    """

    samples_per_pixel: int = Field(4, ge=1, le=256)
    raw: bool = False
    effects: tuple[ExtraEffect, ...] = ()

    def camera(self, motion: Motion) -> Camera:
        """The rays' side of these settings.

        Raises:
            ConfigError: When the lens leaves a pixel of the frame without a ray, or has an
                aperture and sees too far aside to focus on a plane.
        """
        lens = self.glass()
        if self.aperture_m > 0:
            self._check_focus(lens)
        return Camera(
            lens,
            self.width,
            self.height,
            motion,
            self.shutter(),
            self.aperture_m,
            self.focus_m,
        )

    def _check_focus(self, lens: Lens) -> None:
        """Refuse to focus where rays run along the plane in focus, or away from it."""
        rays, _ = lens.unproject(border(self.width, self.height))
        widest = float(np.rad2deg(np.arccos(rays[:, 2].min())))
        if widest > WIDEST_FOCUSED_DEG:
            raise ConfigError(
                f"a lens with an aperture must see at most {WIDEST_FOCUSED_DEG:g} degrees off "
                "its axis",
                f"{widest:.0f} degrees at the border of the frame",
                "set aperture_m to 0, or lengthen the focal length",
                "camera",
            )

    def chain(self) -> Chain:
        """The signal's side of these settings, from radiance to file."""
        cx = (self.width - 1) / 2 if self.cx_px is None else self.cx_px
        cy = (self.height - 1) / 2 if self.cy_px is None else self.cy_px
        whole = (*self.optics((cx, cy)), *self.sensor(), *self.isp())
        return insert(whole, [extra.effect() for extra in self.effects])
