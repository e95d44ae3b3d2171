"""A radar's settings: what stands under `radar:` in a config."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

C_M_S = 299_792_458.0
BOLTZMANN_J_K = 1.380649e-23
APART = 3  # bins from which on noise under Hann windows is independent
_RULES = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
Vector = tuple[float, float, float]


class Waveform(BaseModel):
    """A frame of equal chirps whose frequency rises; samples are complex.

    Attributes:
        carrier_hz: Middle of the sweep.
        bandwidth_hz: Sweep while samples are taken.
        samples: In a chirp.
        sample_hz: Rate; beat frequencies from 0 up to it are kept.
        chirps: In a frame, of one virtual channel.
        repeat_s: From one chirp of a virtual channel to its next. Transmitters that take
            turns make it longer by their number.
        max_range_m: Range that must be told without ambiguity; None asks for nothing.
        max_speed_m_s: Likewise, towards the sensor and away.
    """

    model_config = _RULES
    carrier_hz: float = Field(77e9, gt=1e9, le=1e12)
    bandwidth_hz: float = Field(300e6, gt=0)
    samples: int = Field(256, ge=16, le=4096)
    sample_hz: float = Field(10e6, gt=0)
    chirps: int = Field(128, ge=16, le=1024)
    repeat_s: float = Field(60e-6, gt=0)
    max_range_m: float | None = Field(None, gt=0)
    max_speed_m_s: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.sweep_s > self.repeat_s:
            raise ValueError(
                "`samples / sample_hz <= repeat_s` must hold: a chirp ends before the next; "
                f"got {self.sweep_s:.4g} s and {self.repeat_s:.4g} s"
            )
        if self.bandwidth_hz > self.carrier_hz / 2:
            raise ValueError(
                "`bandwidth_hz` must be half of `carrier_hz` or less; "
                f"got {self.bandwidth_hz:.4g} Hz"
            )
        if self.max_range_m is not None and self.max_range_m > self.range_end_m:
            raise ValueError(
                f"ranges are told apart up to c sample_hz / (2 slope) = {self.range_end_m:.4g} m; "
                f"got `max_range_m` {self.max_range_m:.4g} m: take more `samples`, or a smaller "
                "`bandwidth_hz`"
            )
        if self.max_speed_m_s is not None and self.max_speed_m_s > self.speed_end_m_s:
            raise ValueError(
                "speeds are told apart up to wavelength / (4 repeat_s) = "
                f"{self.speed_end_m_s:.4g} m/s; got `max_speed_m_s` {self.max_speed_m_s:.4g} m/s: "
                "shorten `repeat_s`"
            )
        return self

    @property
    def sweep_s(self) -> float:
        """Time in which a chirp is sampled."""
        return self.samples / self.sample_hz

    @property
    def slope_hz_s(self) -> float:
        """Rise of the frequency."""
        return self.bandwidth_hz / self.sweep_s

    @property
    def wavelength_m(self) -> float:
        """At the carrier."""
        return C_M_S / self.carrier_hz

    @property
    def frame_s(self) -> float:
        """Length of a frame."""
        return self.chirps * self.repeat_s

    @property
    def range_step_m(self) -> float:
        """Range resolution c / 2B: the width of a bin."""
        return C_M_S / (2 * self.bandwidth_hz)

    @property
    def range_end_m(self) -> float:
        """First range that is not told from 0."""
        return self.samples * self.range_step_m

    @property
    def speed_step_m_s(self) -> float:
        """Resolution of speed: wavelength over twice the frame."""
        return self.wavelength_m / (2 * self.frame_s)

    @property
    def speed_end_m_s(self) -> float:
        """Speeds from minus this up to this are told apart."""
        return self.wavelength_m / (4 * self.repeat_s)


class Antenna(BaseModel):
    """A transmitter and a line of virtual receivers half a wavelength apart, from right to left.

    Each gain falls as a power of the cosine of azimuth and of elevation, and is nothing
    behind.

    Attributes:
        channels: Virtual receivers: transmitters times receivers, less those that coincide.
        transmit_gain_dbi: At the middle of the beam.
        receive_gain_dbi: Of one receiver.
        azimuth_beam_rad: Full width between the points at half power, one way.
        elevation_beam_rad: Likewise.
        gain_error_db: Standard deviation of the channels' gains, fixed per device.
        phase_error_rad: Standard deviation of the channels' phases, likewise.
    """

    model_config = _RULES
    channels: int = Field(8, ge=1, le=192)
    transmit_gain_dbi: float = Field(10.0, ge=-20, le=50)
    receive_gain_dbi: float = Field(10.0, ge=-20, le=50)
    azimuth_beam_rad: float = Field(1.2, gt=0, lt=math.pi)
    elevation_beam_rad: float = Field(0.5, gt=0, lt=math.pi)
    gain_error_db: float = Field(0.0, ge=0, le=6)
    phase_error_rad: float = Field(0.0, ge=0, le=1)


class Receiver(BaseModel):
    """Power that goes out, and noise that comes in.

    Attributes:
        power_dbm: Of one transmitter, at its antenna.
        noise_figure_db: Of a receiver.
        losses_db: All else between the antenna and the samples.
        temperature_k: Of what the antenna looks at.
    """

    model_config = _RULES
    power_dbm: float = Field(12.0, ge=-60, le=80)
    noise_figure_db: float = Field(14.0, ge=0, le=60)
    losses_db: float = Field(3.0, ge=0, le=60)
    temperature_k: float = Field(290.0, gt=0, le=1e4)


class Detector(BaseModel):
    """Cell-averaging CFAR on the power of all channels, then peaks of the beams.

    Training cells are every third, since neighbours share noise under a Hann window, and
    cross-shaped: along range and along Doppler.

    Attributes:
        false_alarm: Probability for a cell of noise alone.
        guard: Bins on each side that train nothing.
        train_range: Training cells on each side along range.
        train_doppler: Likewise along Doppler.
        peaks: Report cells that no neighbour exceeds; False reports all above the threshold.
        beams_db: Further directions in a cell are reported down to this below the strongest,
            as far as they exceed the threshold by themselves. Sidelobes are at 13 dB.
    """

    model_config = _RULES
    false_alarm: float = Field(1e-5, gt=0, lt=0.5)
    guard: int = Field(3, ge=APART, le=64)
    train_range: int = Field(6, ge=0, le=64)
    train_doppler: int = Field(4, ge=0, le=64)
    peaks: bool = True
    beams_db: float = Field(10.0, ge=0, le=60)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.train_range + self.train_doppler < 1:
            raise ValueError(
                "`train_range + train_doppler >= 1` must hold: without training cells there is "
                "no threshold; got 0"
            )
        return self


class Fan(BaseModel):
    """Rays that look for scatterers.

    Attributes:
        field_rad: Full angles in azimuth and elevation.
        rays: Spread over the field, by solid angle.
        body_rays: Least number for any one body.
        bounces: 1 adds ghosts: ways by one mirror, the same there and back.
        mirror_least: Least share of the power that a mirror sends on for a ghost.
    """

    model_config = _RULES
    field_rad: tuple[float, float] = (2.4, 0.5)
    rays: int = Field(20_000, ge=100, le=5_000_000)
    body_rays: int = Field(400, ge=16, le=1_000_000)
    bounces: Literal[0, 1] = 1
    mirror_least: float = Field(0.05, gt=0, le=1)

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if not (min(self.field_rad) > 0 and max(self.field_rad) <= math.pi):
            raise ValueError(f"`field_rad` must be above 0 and at most pi; got {self.field_rad}")
        return self


class RadarParams(BaseModel):
    """A radar on the camera's rig.

    Attributes:
        rate_hz: Frames a second.
        mount_m: Where it is from the camera: forward, left and up of it.
        mount_turn_rad: Roll, pitch and yaw about those axes, in this order.
        waveform: See there.
        antenna: See there.
        receiver: See there.
        detector: See there.
        fan: See there.
        maps: What is written beside the detections: "cube" for the samples, in units of the
            noise, "range_doppler" and "range_azimuth" for power over that of the noise.
    """

    model_config = _RULES
    rate_hz: float = Field(20.0, gt=0, le=1000)
    mount_m: Vector = (0.0, 0.0, 0.0)
    mount_turn_rad: Vector = (0.0, 0.0, 0.0)
    waveform: Waveform = Waveform()
    antenna: Antenna = Antenna()
    receiver: Receiver = Receiver()
    detector: Detector = Detector()
    fan: Fan = Fan()
    maps: tuple[Literal["cube", "range_doppler", "range_azimuth"], ...] = ()

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.waveform.frame_s > 1 / self.rate_hz:
            raise ValueError(
                "`chirps * repeat_s <= 1 / rate_hz` must hold: a frame ends before the next; got "
                f"{self.waveform.frame_s:.4g} s and {1 / self.rate_hz:.4g} s"
            )
        for bins, name, count in (
            (self.waveform.samples, "train_range", self.detector.train_range),
            (self.waveform.chirps, "train_doppler", self.detector.train_doppler),
        ):
            reach = self.detector.guard + APART * (count - 1)
            if count and bins < 2 * reach + APART:
                raise ValueError(
                    f"training cells must fit: `{name}` {count} with `guard` "
                    f"{self.detector.guard} takes {2 * reach + APART} bins; got {bins}: train on "
                    "fewer cells"
                )
        return self

    def facts(self) -> dict[str, float]:
        """What follows from the settings: resolutions and ambiguities."""
        w = self.waveform
        return {
            "range_resolution_m": w.range_step_m,
            "unambiguous_range_m": w.range_end_m,
            "speed_resolution_m_s": w.speed_step_m_s,
            "unambiguous_speed_m_s": w.speed_end_m_s,
            "azimuth_resolution_rad": 2 / self.antenna.channels,
            "frame_s": w.frame_s,
            "slope_hz_s": w.slope_hz_s,
        }
