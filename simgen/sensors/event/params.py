"""An event camera's settings."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

WHITE_DN = 255.0  # radiance 1 at 0 EV; the scale in which v2e gives its knee and its brightness


class EventParams(BaseModel):
    """The pixels behind the lens of an event camera; the defaults are v2e's.

    Source: Hu, Liu and Delbruck, "v2e: From video frames to realistic DVS events", CVPR
    Workshops 2021 (arXiv:2006.07722), and the defaults of its program.

    Attributes:
        threshold_on_ln: Rise of the log intensity that makes an ON event.
        threshold_off_ln: Fall of the log intensity that makes an OFF event.
        threshold_sigma_ln: Standard deviation of both thresholds from pixel to pixel.
        cutoff_hz: -3 dB frequency of the photoreceptor at white; it falls with the
            brightness. 0 is a photoreceptor without delay.
        leak_rate_hz: ON events of a pixel that sees no change; 0 is none.
        leak_jitter: Relative standard deviation of the time between leak events.
        shot_rate_hz: Noise events of a pixel in the dark, both polarities; 0 is none.
        shot_bright_share: What is left of that rate at white.
        rate_sigma_decades: Spread of both rates from pixel to pixel, log-normal.
        hot_share: Share of pixels that fire all the time.
        hot_rate_hz: Noise events of such a pixel, whatever it sees.
        refractory_s: How long a pixel is held in reset after an event.
        knee_dn: Below this level of 255 the response is linear, above logarithmic.
        exposure_ev: Stops by which the light is raised before the pixel; moves the knee.
        resolution_us: Step of the time stamps.
        step_ln: Largest change of the response between two images that it is worked out from.
        longest_step_s: Longest time between them.
        shortest_step_s: Shortest time between them, however fast the light changes.
        step_share: Share of the pixels that may change by more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold_on_ln: float = Field(0.2, ge=0.01, le=5)
    threshold_off_ln: float = Field(0.2, ge=0.01, le=5)
    threshold_sigma_ln: float = Field(0.03, ge=0, le=1)
    cutoff_hz: float = Field(300.0, ge=0, le=1e6)
    leak_rate_hz: float = Field(0.01, ge=0, le=1e4)
    leak_jitter: float = Field(0.1, ge=0, le=0.3)
    shot_rate_hz: float = Field(0.001, ge=0, le=1e4)
    shot_bright_share: float = Field(0.25, ge=0, le=1)
    rate_sigma_decades: float = Field(0.1, ge=0, le=1)
    hot_share: float = Field(0.0, ge=0, le=1)
    hot_rate_hz: float = Field(0.0, ge=0, le=1e5)
    refractory_s: float = Field(0.0005, ge=0, le=1)
    knee_dn: float = Field(20.0, gt=1, le=255)
    exposure_ev: float = Field(0.0, ge=-20, le=20)
    resolution_us: int = Field(1, ge=1, le=1_000_000)
    step_ln: float = Field(0.1, gt=0)
    longest_step_s: float = Field(0.005, gt=0)
    shortest_step_s: float = Field(0.0005, gt=0)
    step_share: float = Field(0.02, ge=0, lt=1)

    @model_validator(mode="after")
    def _steps(self) -> Self:
        if self.shortest_step_s > self.longest_step_s:
            raise ValueError(
                "`shortest_step_s <= longest_step_s` must hold; "
                f"got {self.shortest_step_s} and {self.longest_step_s}"
            )
        return self
