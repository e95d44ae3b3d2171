"""A LiDAR's settings: what stands under `lidar:` in a config."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from simgen.sensors.lidar.weather import Weather

_RULES = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
Vector = tuple[float, float, float]


class Optics(BaseModel):
    """The beam and the pulse.

    Attributes:
        divergence_mrad: Full angle of the beam, across and up, between the points where the
            power is down to 1/e^2.
        exit_m: Diameter of the beam where it leaves, likewise.
        pulse_ns: Length of the pulse, full width at half maximum.
        subrays: Rays in which a footprint is taken apart; 1 for the middle alone.
        footprint: Which pulses are taken apart: "edges", where neighbours in the range image
            lie on different surfaces, or "all", which alone sees wires between the beams.
        overlap_m: Ranges between which the receiver's view grows from nothing to the whole
            beam.
    """

    model_config = _RULES
    divergence_mrad: tuple[float, float] = Field((3.0, 1.5))
    exit_m: float = Field(0.0, ge=0, le=0.5)
    pulse_ns: float = Field(6.0, gt=0, le=1000)
    subrays: int = Field(7, ge=1, le=4096)
    footprint: Literal["edges", "all"] = "edges"
    overlap_m: tuple[float, float] = (0.0, 0.0)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if min(self.divergence_mrad) < 0 or max(self.divergence_mrad) > 200:
            raise ValueError(f"`divergence_mrad` must be from 0 to 200; got {self.divergence_mrad}")
        near, far = self.overlap_m
        if not 0 <= near <= far:
            raise ValueError(f"`overlap_m` must rise from 0 or more; got {near} and {far}")
        return self


class Noise(BaseModel):
    """The receiver: what is seen, and how well its range is told.

    The signal to noise ratio is the amplitude over the standard deviation of the noise. The
    noise is such that `LidarParams.max_range_m` holds: there, a surface of the reference
    reflectance is at the threshold, and seen half of the time.

    Attributes:
        threshold_snr: Least ratio that is reported.
        false_alarm_hz: Rate of echoes that are noise, in a second of listening.
        energy_sigma: Standard deviation of a pulse's energy (laser, speckle) over its mean.
        range_floor_m: Standard deviation of the range of the strongest echoes.
        range_snr_m: Standard deviation of the range at a ratio of 1, apart from the floor.
        range_snr_power: It falls as the ratio to minus this.
        range_step_m: Step of the range that is reported; 0 for none.
        near_m: Range below which the image of the spot outgrows the detector, so that the
            amplitude no longer falls with the range squared: it is less by a factor of
            1 - exp(-(range / near_m)^2). The reading of the intensity is corrected for it.
            0 for none.
        gain_steps: Rise and fall of the intensity, as factors from one echo of a laser to the
            next, that half of the echoes survive where power and gain follow the last echo:
            one that is much stronger or weaker cannot be told. None for no such control.
        gain_spreads: Standard deviation of the logarithm of each, over directions: in one
            direction it is the same in every sweep.
        azimuth_jitter_rad: Standard deviation of the azimuth of a firing about the table, alike
            for the lasers of one column: the pulse goes to the true place, the point is told
            by the table.
    """

    model_config = _RULES
    threshold_snr: float = Field(6.0, gt=0, le=1000)
    false_alarm_hz: float = Field(0.0, ge=0, le=1e6)
    energy_sigma: float = Field(0.0, ge=0, le=1)
    range_floor_m: float = Field(0.0, ge=0, le=1)
    range_snr_m: float = Field(0.0, ge=0, le=10)
    range_snr_power: float = Field(0.5, ge=0, le=2)
    range_step_m: float = Field(0.0, ge=0, le=1)
    near_m: float = Field(0.0, ge=0, le=1000)
    gain_steps: tuple[float, float] | None = None
    gain_spreads: tuple[float, float] = (0.4, 0.4)
    azimuth_jitter_rad: float = Field(0.0, ge=0, le=0.1)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.gain_steps is not None and min(self.gain_steps) <= 1:
            raise ValueError(f"`gain_steps` must be factors above 1; got {self.gain_steps}")
        if min(self.gain_spreads) <= 0:
            raise ValueError(f"`gain_spreads` must be above 0; got {self.gain_spreads}")
        return self


class Device(BaseModel):
    """What is fixed for one device and differs between devices of a make.

    Attributes:
        dead: Rings that are broken in every device.
        dead_share: Probability of any other ring to be broken.
        range_offset_m: Standard deviation of each ring's error of the range.
        elevation_error_rad: Standard deviation of each ring's error of the elevation. The
            pulse goes to the true place; the point is told by the table.
        azimuth_error_rad: Likewise.
        gain_sigma: Standard deviation of the natural logarithm of each ring's gain.
    """

    model_config = _RULES
    dead: tuple[int, ...] = ()
    dead_share: float = Field(0.0, ge=0, lt=1)
    range_offset_m: float = Field(0.0, ge=0, le=1)
    elevation_error_rad: float = Field(0.0, ge=0, le=0.1)
    azimuth_error_rad: float = Field(0.0, ge=0, le=0.1)
    gain_sigma: float = Field(0.0, ge=0, le=2)


class Intensity(BaseModel):
    """What the sensor reports as intensity.

    Attributes:
        kind: "calibrated" for the reflectance that a matt surface facing the sensor would
            have at that range, "raw" for the power.
        scale: Reading for reflectance 1 ("calibrated") or for power 1 ("raw"); Velodyne's
            calibrated scale gives a matt white 100, and retro-reflectors the rest.
        offset: Added to the reading: below 0 for a sensor that reads 0 where little light
            comes back.
        power: The reading goes as the quantity to this; below 1 it is compressed.
        retro_scale: Reading above `scale` for each tenfold of a quantity above 1, where a
            sensor has another scale for retro-reflectors; None goes on as below.
        bits: 8 or 16; a reading that does not fit is the largest that does.
        sigma: Standard deviation of the reading over its value, apart from the noise.
    """

    model_config = _RULES
    kind: Literal["calibrated", "raw"] = "calibrated"
    scale: float = Field(100.0, gt=0, le=1e9)
    offset: float = Field(0.0, ge=-65535, le=65535)
    power: float = Field(1.0, gt=0, le=4)
    retro_scale: float | None = Field(None, ge=0)
    bits: Literal[8, 16] = 8
    sigma: float = Field(0.0, ge=0, le=1)


class Straying(BaseModel):
    """Light that takes another way than out and straight back.

    Attributes:
        mirrors: Most mirrors on the way to a surface: 0 for no ghosts.
        bloom: Share of a retro-reflector's light that strays into beams close by.
        bloom_rad: Angle by which that has fallen to 1/e.
    """

    model_config = _RULES
    mirrors: int = Field(1, ge=0, le=4)
    bloom: float = Field(0.0, ge=0, le=1)
    bloom_rad: float = Field(0.01, gt=0, le=0.5)


class LidarParams(BaseModel):
    """A LiDAR on the camera's rig.

    Attributes:
        pattern: Name of a beam pattern, or a CSV file with one.
        rate_hz: Sweeps a second; None takes the pattern's own.
        columns: Firings in a sweep, where the sensor has a choice; None takes the pattern's.
        sweeps: How many sweeps; None for as many as fill the time of the frames.
        phase: Share of the first sweep that has passed when the first frame begins: 0.5 looks
            ahead when the picture is taken, as a head that triggers the camera does.
        mount_m: Where it is from the camera: forward, left and up of it.
        mount_turn_rad: Roll, pitch and yaw about those axes, in this order.
        min_range_m: Nearest that is reported.
        max_range_m: Where a surface of the reference reflectance is seen half of the time.
        reference_reflectance: What data sheets call "10 %".
        cutoff_m: Farthest that is reported.
        returns: Which echoes of a pulse are reported; "dual" is the strongest and the last,
            or the second strongest where these are one.
        max_echoes: Most of them, for "all".
        optics, noise, device, intensity, straying, weather: See there.
        twins: What is written beside the cloud.
    """

    model_config = _RULES
    pattern: str = "vlp16"
    rate_hz: float | None = Field(None, gt=0, le=1000)
    columns: int | None = Field(None, ge=1, le=100_000)
    sweeps: int | None = Field(None, ge=1, le=10_000)
    phase: float = Field(0.0, ge=0, le=1)
    mount_m: Vector = (0.0, 0.0, 0.0)
    mount_turn_rad: Vector = (0.0, 0.0, 0.0)
    min_range_m: float = Field(0.5, ge=0)
    max_range_m: float = Field(100.0, gt=0, le=1e5)
    reference_reflectance: float = Field(0.1, gt=0, le=1)
    cutoff_m: float = Field(200.0, gt=0, le=1e5)
    returns: Literal["first", "strongest", "last", "dual", "all"] = "strongest"
    max_echoes: int = Field(5, ge=1, le=32)
    optics: Optics = Optics()
    noise: Noise = Noise()
    device: Device = Device()
    intensity: Intensity = Intensity()
    straying: Straying = Straying()
    weather: Weather = Weather()
    twins: tuple[Literal["static", "deskewed"], ...] = ()

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.min_range_m >= self.cutoff_m:
            raise ValueError(
                f"`min_range_m < cutoff_m` must hold; got {self.min_range_m} and {self.cutoff_m}"
            )
        return self
