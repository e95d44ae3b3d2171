"""What the processor does to numbers, as settings."""

from __future__ import annotations

from typing import Annotated, Literal, Self, cast

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from simgen.errors import ConfigError
from simgen.sensors.camera.isp.black_level import BlackLevel
from simgen.sensors.camera.isp.colour_matrix import IDENTITY, ColourMatrix
from simgen.sensors.camera.isp.demosaic import Demosaic
from simgen.sensors.camera.isp.denoise import Denoise
from simgen.sensors.camera.isp.encode import Encode
from simgen.sensors.camera.isp.shading import ShadingCorrection
from simgen.sensors.camera.isp.sharpen import Sharpen
from simgen.sensors.camera.isp.tone import Tone
from simgen.sensors.camera.isp.white_balance import WhiteBalance
from simgen.sensors.camera.optics.params import OpticsParams
from simgen.sensors.camera.sensor.exposure import crosstalk_matrix
from simgen.sensors.camera.sensor.params import SensorParams
from simgen.sensors.effect import Chain, Domain, Effect

Gain = Annotated[float, Field(ge=0)]
Matrix = tuple[tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]]


class IspParams(OpticsParams, SensorParams):
    """What the processor does to numbers; it is calibrated to the lens and the sensor.

    Attributes:
        white_balance: Gains of red, green, blue beyond those that undo `response`; (1, 1, 1)
            leaves white neutral.
        shading_correction: How much of the lens's fall-off is undone, 0 to 1.
        demosaic: "bilinear" or "malvar".
        colour_matrix: Rows from the sensor's colours to linear sRGB; None undoes `crosstalk`.
        contrast: 0 is plain sRGB, 1 a smooth step on top.
        saturation: 0 is grey, 1 leaves colours alone.
        denoise_luma: Width of the bilateral filter on luminance, display levels of 255.
        denoise_chroma_px: Width of the Gaussian on chrominance, pixels.
        sharpen: Gain of the unsharp mask.
        format: File that the camera writes.
        jpeg_quality: 1 to 100.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    white_balance: tuple[Gain, Gain, Gain] = (1.0, 1.0, 1.0)
    shading_correction: float = Field(0.0, ge=0, le=1)
    demosaic: Literal["bilinear", "malvar"] = "malvar"
    colour_matrix: Matrix | None = None
    contrast: float = Field(0.0, ge=0, le=1)
    saturation: float = Field(1.0, ge=0, le=3)
    denoise_luma: float = Field(0.0, ge=0, le=100)
    denoise_chroma_px: float = Field(0.0, ge=0, le=50)
    sharpen: float = Field(0.0, ge=0, le=5)
    format: Literal["jpg", "png"] = "jpg"
    jpeg_quality: int = Field(92, ge=1, le=100)

    @model_validator(mode="after")
    def _makes_a_chain(self) -> Self:
        """Rules between settings are those of the effects; a config is told when it is read."""
        try:
            Chain((*self.optics(), *self.sensor(), *self.isp()))
        except ConfigError as error:
            raise ValueError(str(error)) from None
        return self

    def isp(self) -> tuple[Effect, ...]:
        """Effects from digital numbers, of a mosaic unless `cfa` is "none", to a file."""
        pattern = None if self.cfa == "none" else self.cfa
        domain = Domain.DN if pattern is None else Domain.MOSAIC_DN
        red, green, blue = (
            gain / share for gain, share in zip(self.white_balance, self.response, strict=True)
        )
        return (
            BlackLevel(self.black_level_dn / (2**self.bits - 1), domain),
            ShadingCorrection(self.shading(), self.shading_correction, domain),
            WhiteBalance((red, green, blue), pattern),
            *(() if pattern is None else (Demosaic(pattern, self.demosaic),)),
            ColourMatrix(self._colours()),
            Tone(self.contrast, self.saturation),
            Denoise(self.denoise_luma, self.denoise_chroma_px),
            Sharpen(self.sharpen),
            Encode(self.format, self.jpeg_quality),
        )

    def _colours(self) -> Matrix:
        if self.colour_matrix is not None:
            return self.colour_matrix
        if self.crosstalk == 0:
            return IDENTITY
        rows = np.linalg.inv(crosstalk_matrix(self.crosstalk))
        return cast("Matrix", tuple(tuple(row) for row in rows.tolist()))
