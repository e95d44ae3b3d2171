"""What turns light into numbers, as settings."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from simgen.errors import ConfigError
from simgen.sensors.camera.sensor.colour_filter import ColourFilter
from simgen.sensors.camera.sensor.dark import DarkCurrent
from simgen.sensors.camera.sensor.dsnu import Dsnu
from simgen.sensors.camera.sensor.exposure import Exposure
from simgen.sensors.camera.sensor.full_well import FullWell
from simgen.sensors.camera.sensor.line_noise import LineNoise
from simgen.sensors.camera.sensor.prnu import Prnu
from simgen.sensors.camera.sensor.quantise import Quantise
from simgen.sensors.camera.sensor.read_noise import ReadNoise
from simgen.sensors.camera.sensor.shot_noise import ShotNoise
from simgen.sensors.camera.sensor.tukey_noise import LAMBDAS, TukeyNoise, tukey_std
from simgen.sensors.effect import Domain, Effect

Share = Annotated[float, Field(gt=0)]


class SensorParams(BaseModel):
    """What turns light into numbers (EMVA 1288, linear model, and what it leaves out).

    Logarithms are there so that a config can tie noise to gain by `ref` with `scale` and
    `offset`, as Wei et al. 2020 measured it; each takes the place of its plain twin.

    Attributes:
        exposure_ev: Exposure in stops.
        white_e: Electrons at display white, quantum efficiency included; None fills the
            converter. More means less noise.
        cfa: Bayer pattern, or "none" for three full channels.
        response: What red, green and blue answer to white, against `white_e`.
        crosstalk: Share that a channel's filter takes from the other two.
        prnu: Standard deviation of the pixels' gains, of 1.
        dark_e: Dark current times exposure time, electrons.
        hot_share, hot_e: Share of hot pixels, and their mean extra charge.
        full_well_e: Charge at which a pixel is full; None for the converter's full scale.
        nonlinearity: Share of the answer that is missing at full well.
        dsnu_e: Standard deviation of the pixels' offsets.
        row_noise_e, column_noise_e: Shifts of rows and columns, new in every frame.
        row_pattern_e, column_pattern_e: Shifts of rows and columns, fixed per device.
        read_noise_e: Standard deviation of the read noise.
        tukey_lambda: Shape of the read noise; None is Gaussian.
        bits: Resolution of the converter.
        black_level_dn: Number that no charge becomes.
        gain_dn_e: Conversion gain K, DN an electron; None for the gain at which `white_e`
            is full scale.
        log_gain: ln K, instead of `gain_dn_e`.
        log_row_noise: ln of the row noise in DN, instead of `row_noise_e`.
        log_read_noise: ln of the read noise's scale in DN, instead of `read_noise_e`: the
            standard deviation of a Gaussian, or the scale of a Tukey lambda.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    exposure_ev: float = Field(0.0, ge=-10, le=10)
    white_e: float | None = Field(8000.0, gt=0)
    cfa: Literal["none", "RGGB", "BGGR", "GRBG", "GBRG"] = "none"
    response: tuple[Share, Share, Share] = (1.0, 1.0, 1.0)
    crosstalk: float = Field(0.0, ge=0, le=0.6)
    prnu: float = Field(0.0, ge=0, le=0.5)
    dark_e: float = Field(0.0, ge=0)
    hot_share: float = Field(0.0, ge=0, le=1)
    hot_e: float = Field(0.0, ge=0)
    full_well_e: float | None = Field(None, gt=0)
    nonlinearity: float = Field(0.0, ge=0, lt=0.5)
    dsnu_e: float = Field(0.0, ge=0)
    row_noise_e: float = Field(0.0, ge=0)
    column_noise_e: float = Field(0.0, ge=0)
    row_pattern_e: float = Field(0.0, ge=0)
    column_pattern_e: float = Field(0.0, ge=0)
    read_noise_e: float = Field(3.0, ge=0)
    tukey_lambda: float | None = Field(None, ge=LAMBDAS[0], le=LAMBDAS[1])
    bits: int = Field(12, ge=6, le=16)
    black_level_dn: float = Field(0.0, ge=0)
    gain_dn_e: float | None = Field(None, gt=0)
    log_gain: float | None = None
    log_row_noise: float | None = None
    log_read_noise: float | None = None

    def converter(self) -> Quantise:
        """The converter.

        Raises:
            ConfigError: When neither gain nor white is given, the gain is given twice, or the
                black level leaves no room.
        """
        if self.gain_dn_e is not None and self.log_gain is not None:
            raise ConfigError("one of `gain_dn_e` and `log_gain` must be left out", "both")
        gain = self.gain_dn_e if self.log_gain is None else math.exp(self.log_gain)
        domain = Domain.ELECTRONS if self.cfa == "none" else Domain.MOSAIC_ELECTRONS
        if gain is not None:
            room = max(2**self.bits - 1 - self.black_level_dn, 1.0)  # no room is refused below
            return Quantise(room / gain, self.bits, self.black_level_dn, domain=domain)
        if self.white_e is None:
            raise ConfigError("one of `white_e`, `gain_dn_e` and `log_gain` must be given", "none")
        return Quantise(self.white_e, self.bits, self.black_level_dn, domain=domain)

    def sensor(self) -> tuple[Effect, ...]:
        """Effects from radiance to digital numbers, of a mosaic unless `cfa` is "none"."""
        converter = self.converter()
        on = converter.domain
        full_e = converter.full_scale_e
        white_e = full_e if self.white_e is None else self.white_e
        exposure = Exposure(self.exposure_ev, white_e, self.response, self.crosstalk)
        dn_e = (converter.top - converter.black_dn) / full_e
        row_e = self.row_noise_e
        if self.log_row_noise is not None:
            row_e = math.exp(self.log_row_noise) / dn_e
        well_e = self.full_well_e
        if well_e is None and self.nonlinearity > 0:
            well_e = full_e
        return (
            exposure,
            *(() if self.cfa == "none" else (ColourFilter(self.cfa),)),
            Prnu(self.prnu, domain=on),
            DarkCurrent(self.dark_e, self.hot_share, self.hot_e, domain=on),
            ShotNoise(domain=on),
            FullWell(well_e, self.nonlinearity, domain=on),
            Dsnu(self.dsnu_e, domain=on),
            LineNoise(
                row_e,
                self.column_noise_e,
                self.row_pattern_e,
                self.column_pattern_e,
                domain=on,
            ),
            self._read_noise(dn_e, on),
            converter,
        )

    def _read_noise(self, dn_e: float, on: Domain) -> Effect:
        scale = None if self.log_read_noise is None else math.exp(self.log_read_noise) / dn_e
        if self.tukey_lambda is None:
            return ReadNoise(self.read_noise_e if scale is None else scale, domain=on)
        if scale is None:
            scale = self.read_noise_e / tukey_std(self.tukey_lambda)
        return TukeyNoise(scale, self.tukey_lambda, domain=on)
