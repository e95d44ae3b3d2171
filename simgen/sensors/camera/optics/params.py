"""What the glass does to light, as settings."""

from __future__ import annotations

import math

from pydantic import BaseModel, ConfigDict, Field

from simgen.sensors.camera.optics.bloom import Bloom
from simgen.sensors.camera.optics.blur import Blur
from simgen.sensors.camera.optics.chromatic import LateralChromatic
from simgen.sensors.camera.optics.dirt import LensDirt
from simgen.sensors.camera.optics.vignetting import Vignetting
from simgen.sensors.effect import Effect


class OpticsParams(BaseModel):
    """What the glass does to light besides bending it.

    Attributes:
        blur_px: Standard deviation of the lens's blur.
        vignetting: Share of the light lost in the corners, as r^2.
        vignetting_pa: k1, k2, k3 of lensfun's "pa" law, r = 1 in the corners.
        vignetting_corner_rad: Angle of the corners from the axis for natural cos^4; 0 is off.
        chromatic_red, chromatic_blue: v, c, b of r (v + c r + b r^2), r = 1 at half the
            shorter side; v is the magnification.
        bloom: Share of the light in the wide tail of the point-spread function.
        bloom_px: Standard deviation of the narrowest of the tail's Gaussians.
        glare: Share of the light spread evenly over the frame.
        dirt: Deepest loss of light behind a spot on the glass.
        dirt_spots: Number of spots.
        drops: Number of water drops on the glass.
        drop_radius: Mean radius of a drop, of the frame's height.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    blur_px: float = Field(0.0, ge=0, le=20)
    vignetting: float = Field(0.0, ge=0, le=1)
    vignetting_pa: tuple[float, float, float] = (0.0, 0.0, 0.0)
    vignetting_corner_rad: float = Field(0.0, ge=0, lt=math.pi / 2)
    chromatic_red: tuple[float, float, float] = (1.0, 0.0, 0.0)
    chromatic_blue: tuple[float, float, float] = (1.0, 0.0, 0.0)
    bloom: float = Field(0.0, ge=0, le=0.5)
    bloom_px: float = Field(8.0, gt=0, le=200)
    glare: float = Field(0.0, ge=0, le=0.5)
    dirt: float = Field(0.0, ge=0, le=1)
    dirt_spots: int = Field(30, ge=0, le=1000)
    drops: int = Field(0, ge=0, le=1000)
    drop_radius: float = Field(0.05, gt=0, le=0.5)

    def shading(self) -> Vignetting:
        """The fall-off towards the corners."""
        return Vignetting(self.vignetting, self.vignetting_pa, self.vignetting_corner_rad)

    def optics(self, centre_px: tuple[float, float] | None = None) -> tuple[Effect, ...]:
        """Effects from radiance to radiance.

        Args:
            centre_px: Principal point x, y; the centre of the frame when None.
        """
        return (
            Blur(self.blur_px),
            LateralChromatic(self.chromatic_red, self.chromatic_blue, centre_px),
            self.shading(),
            Bloom(self.bloom, self.bloom_px, self.glare),
            LensDirt(self.dirt, self.dirt_spots, self.drops, self.drop_radius),
        )
