"""A camera's settings, and the camera they describe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.isp import Encode, Sharpen, Tone, WhiteBalance
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.camera.optics import Blur, Vignetting
from simgen.sensors.camera.sensor import Exposure, Quantise, ReadNoise, ShotNoise
from simgen.sensors.effect import Chain
from simgen.spec import Motion


class CameraParams(BaseModel):
    """A camera from glass to file; where it stands is the scene's affair.

    Attributes:
        width, height: Frame, pixels.
        fx_px: Focal length.
        fy_px: Vertical focal length; `fx_px` when left out.
        cx_px, cy_px: Principal point; the centre of the frame when left out.
        k1, k2, p1, p2, k3: Brown-Conrady distortion, OpenCV's order and sign.
        readout_s: Time between the first and last row; 0 is a global shutter.
        samples_per_pixel: Rays in pixels where one is not enough for the colour.
        blur_px: Standard deviation of the lens's blur.
        vignetting: Share of the light lost in the corners.
        exposure_ev: Exposure in stops.
        white_e: Electrons at display white; more means less noise.
        read_noise_e: Noise of the read-out.
        bits: Resolution of the converter.
        white_balance: Gains of red, green, blue.
        contrast: 0 is plain sRGB, 1 a smooth step on top.
        saturation: 0 is grey, 1 leaves colours alone.
        sharpen: Gain of the unsharp mask.
        format: File that the camera writes.
        jpeg_quality: 1 to 100.
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
    readout_s: float = Field(0.0, ge=0, le=1)
    samples_per_pixel: int = Field(4, ge=1, le=256)
    blur_px: float = Field(0.0, ge=0, le=20)
    vignetting: float = Field(0.0, ge=0, le=1)
    exposure_ev: float = Field(0.0, ge=-10, le=10)
    white_e: float = Field(8000.0, gt=0)
    read_noise_e: float = Field(3.0, ge=0)
    bits: int = Field(12, ge=6, le=16)
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    contrast: float = Field(0.0, ge=0, le=1)
    saturation: float = Field(1.0, ge=0, le=3)
    sharpen: float = Field(0.0, ge=0, le=5)
    format: Literal["jpg", "png"] = "jpg"
    jpeg_quality: int = Field(92, ge=1, le=100)

    def camera(self, motion: Motion) -> Camera:
        """The rays' side of these settings.

        Raises:
            ConfigError: When the lens leaves a pixel of the frame without a ray.
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
        lens.check(self.width, self.height)
        return Camera(lens, self.width, self.height, motion, self.readout_s)

    def chain(self) -> Chain:
        """The signal's side of these settings, from radiance to file."""
        return Chain(
            (
                Blur(self.blur_px),
                Vignetting(self.vignetting),
                Exposure(self.exposure_ev, self.white_e),
                ShotNoise(),
                ReadNoise(self.read_noise_e),
                Quantise(self.white_e, self.bits),
                WhiteBalance(self.white_balance),
                Tone(self.contrast, self.saturation),
                Sharpen(self.sharpen),
                Encode(self.format, self.jpeg_quality),
            )
        )
