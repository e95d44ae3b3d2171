"""A lens's settings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from simgen.sensors.camera.lens.base import Lens, check_covers
from simgen.sensors.camera.lens.brown_conrady import BrownConrady


class LensParams(BaseModel):
    """The frame and the lens before it.

    Attributes:
        width, height: Frame, pixels.
        fx_px: Focal length.
        fy_px: Vertical focal length; `fx_px` when left out.
        cx_px, cy_px: Principal point; the centre of the frame when left out.
        k1, k2, p1, p2, k3: Brown-Conrady distortion, OpenCV's order and sign.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(640, ge=8, le=16384)
    height: int = Field(480, ge=8, le=16384)
    fx_px: float = Field(600.0, gt=0)
    fy_px: float | None = Field(None, gt=0)
    cx_px: float | None = None
    cy_px: float | None = None
    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0

    def glass(self) -> Lens:
        """The lens that these settings describe.

        Raises:
            ConfigError: When it leaves a pixel of the frame without a ray.
        """
        lens = BrownConrady(
            fx_px=self.fx_px,
            fy_px=self.fx_px if self.fy_px is None else self.fy_px,
            cx_px=(self.width - 1) / 2 if self.cx_px is None else self.cx_px,
            cy_px=(self.height - 1) / 2 if self.cy_px is None else self.cy_px,
            k1=self.k1,
            k2=self.k2,
            p1=self.p1,
            p2=self.p2,
            k3=self.k3,
        )
        check_covers(lens, self.width, self.height)
        return lens
