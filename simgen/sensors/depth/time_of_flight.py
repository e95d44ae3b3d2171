"""Continuous-wave time of flight: several frequencies, four taps each (Kinect v2, Azure Kinect).

A pixel's signal is the phasor sum of all light that reaches it: sub-rays where surfaces meet
in one pixel (flying pixels), and light by way of another surface (multipath). Distance is
along the ray, and is turned into depth along the axis at the end. The emitter stands at the
lens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from simgen.compiled import compiled
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.depth.bounce import add_bounce
from simgen.sensors.depth.noise import device_pattern
from simgen.sensors.depth.phase import add_paths, add_shot_noise, unwrap, wrap_m
from simgen.sensors.depth.reading import Cause, DepthReading
from simgen.sensors.depth.seen import Albedo, Seen, camera_focal, plain_albedo
from simgen.sensors.depth.window import near_edges
from simgen.world import World

Array = NDArray[np.float64]
KNOTS = 6, 8  # of a device's pattern, down and across
APART = 0.004  # 1/m: surfaces whose inverse depths differ by more share an edge pixel


@dataclass(frozen=True, eq=False)
class TimeOfFlightState:
    """What is fixed for a device.

    Attributes:
        offset_m: Error of the distance, everywhere.
        pattern_m: (6, 8) error of the distance, over the frame.
    """

    offset_m: float
    pattern_m: Array


class TimeOfFlightParams(BaseModel):
    """A continuous-wave time-of-flight camera.

    Attributes:
        frequencies_mhz: Modulation, each measured with four taps.
        light_e: Mean charge in a tap from a white surface that faces the camera at one metre.
        contrast: Share of it that swings with the modulation.
        ambient_e: Charge in a tap from other light, on a white surface.
        read_e: Read noise of a tap.
        full_e: Most charge in a tap.
        min_amplitude_e: Least swing of the taps.
        samples: Rays along each side of a pixel in which surfaces meet; 1 for no flying pixels.
        mixed_m: Root mean square by which the frequencies may contradict each other.
        bounce_px: Spacing of the patches whose light comes by a second way; 0 for none.
        min_m, max_m: Range of the depth reported.
        search_m: Longest distance along a ray that is considered when phases are unwrapped.
        offset_m: Standard deviation over devices of an error of the distance.
        pattern_m: Standard deviation over a device's frame of such an error.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["time_of_flight"] = "time_of_flight"
    frequencies_mhz: tuple[float, ...] = Field((16.0, 80.0, 120.0), min_length=1, max_length=8)
    light_e: float = Field(20000.0, gt=0)
    contrast: float = Field(0.6, gt=0, le=1)
    ambient_e: float = Field(500.0, ge=0)
    read_e: float = Field(20.0, ge=0)
    full_e: float = Field(200000.0, gt=0)
    min_amplitude_e: float = Field(60.0, ge=0)
    samples: int = Field(4, ge=1, le=16)
    mixed_m: float = Field(0.05, gt=0)
    bounce_px: int = Field(0, ge=0, le=256)
    min_m: float = Field(0.5, ge=0)
    max_m: float = Field(4.5, gt=0)
    search_m: float = Field(9.0, gt=0)
    offset_m: float = Field(0.0, ge=0, le=1)
    pattern_m: float = Field(0.0, ge=0, le=1)

    @property
    def wrap(self) -> Array:
        """(F,) distances at which each frequency wraps."""
        for each in self.frequencies_mhz:
            if not each > 0:
                raise ConfigError("`frequencies_mhz > 0` must hold", each, "", "depth")
        return np.array([wrap_m(each * 1e6) for each in self.frequencies_mhz])

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.min_m >= self.max_m:
            raise ValueError(f"`min_m < max_m` must hold; got {self.min_m} and {self.max_m}")
        return self

    def init(self, key: Key) -> TimeOfFlightState:
        """A device's own errors."""
        rng = key.generator()
        offset, pattern = rng.standard_normal(), rng.standard_normal(KNOTS)
        return TimeOfFlightState(
            float(offset * self.offset_m), (pattern - pattern.mean()) * self.pattern_m
        )

    def reading(
        self,
        world: World,
        camera: Camera,
        time_s: float,
        state: TimeOfFlightState,
        key: Key,
        albedo: Albedo = plain_albedo,
    ) -> DepthReading:
        """One frame.

        Args:
            world: The scene.
            camera: The infrared camera.
            time_s: Start of the frame.
            state: The device, from `init`.
            key: The frame's stream.
            albedo: Infrared reflectance of surface points.
        """
        seen = Seen.of(world, camera, time_s, albedo)
        shape = (camera.height, camera.width)
        phasors, level = self.light(seen, camera, time_s, albedo)
        return self.apply(seen, shape, phasors, level, state, key)

    def light(
        self, seen: Seen, camera: Camera, time_s: float, albedo: Albedo
    ) -> tuple[Array, Array]:
        """Phasors (F, n, 2) of the swing, electrons, and the mean charge in a tap (n,)."""
        shape, n, wrap = (camera.height, camera.width), len(seen.rays), self.wrap
        phasors, level = np.zeros((len(wrap), n, 2)), np.zeros(n)
        gain, samples = self.light_e * self.contrast, self.samples**2
        whole, returned = np.arange(n), _returned(seen)
        if self.samples > 1:
            inverse = np.divide(1, seen.depth_m, out=np.zeros(n), where=seen.depth_m > 0)
            met = seen.depth_m > 0
            mixed = near_edges(inverse, seen.plane, seen.local, met, APART, shape, 0)
            if len(mixed):
                many = Seen.of(seen.world, camera, time_s, albedo, _inside(mixed, shape, self))
                owner, part = np.repeat(mixed, samples), _returned(many) / samples
                add_paths(owner, many.hits.distance_m, gain * part, wrap, phasors)
                charge = self.light_e * part + self.ambient_e / samples * many.albedo
                level += np.bincount(owner, charge, minlength=n)
                whole = np.setdiff1d(whole, mixed, assume_unique=True)
        one = returned[whole]
        add_paths(whole, seen.hits.distance_m[whole], gain * one, wrap, phasors)
        level[whole] += self.light_e * one + self.ambient_e * seen.albedo[whole]
        if self.bounce_px:
            focal = camera_focal(camera)
            add_bounce(seen, shape, self.bounce_px, focal, gain, wrap, phasors)
        return phasors, level

    def apply(
        self,
        seen: Seen,
        shape: tuple[int, int],
        phasors: Array,
        level_e: Array,
        state: TimeOfFlightState,
        key: Key,
    ) -> DepthReading:
        """What the camera makes of phasors (F, n, 2) and mean charges (n,), from `light`."""
        phasors = phasors.copy()
        noise = key.generator().standard_normal(phasors.shape, dtype=np.float32)
        add_shot_noise(phasors, level_e, self.read_e, noise)
        cause = np.empty(len(level_e), np.uint8)
        _judge(seen.depth_m, phasors, level_e, self.min_amplitude_e, self.full_e, cause)
        wrap = self.wrap
        distance = unwrap(phasors, wrap, self.search_m, self.mixed_m, cause)
        distance += device_pattern(state.pattern_m, shape).ravel() + state.offset_m
        slant = np.sqrt(1 + np.square(seen.local).sum(axis=1))
        depth = np.where(cause == Cause.NONE, distance / slant, 0)
        out = (cause == Cause.NONE) & ((depth < self.min_m) | (depth > self.max_m) | (depth <= 0))
        cause[out], depth[out] = Cause.OUT_OF_RANGE, 0
        return DepthReading(depth.astype(np.float32).reshape(shape), cause.reshape(shape))


def _returned(seen: Seen) -> Array:
    """Light (n,) that comes straight back: albedo cos / r^2, 1 for white at one metre."""
    square = np.where(np.isfinite(seen.hits.distance_m), seen.hits.distance_m, 1) ** 2
    light: Array = seen.albedo * seen.cosine / square
    return light


def _inside(pixels: NDArray[np.intp], shape: tuple[int, int], params: TimeOfFlightParams) -> Array:
    """Places (m * s^2, 2) spread over pixels (m,)."""
    y, x = np.divmod(pixels, shape[1])
    steps = (np.arange(params.samples) + 0.5) / params.samples - 0.5
    across, down = np.meshgrid(steps, steps)
    places = np.stack([x[:, None] + across.ravel()[None], y[:, None] + down.ravel()[None]], axis=-1)
    return places.reshape(-1, 2).astype(np.float64)


@compiled
def _judge(
    depth_m: Array,
    phasors: Array,
    level_e: Array,
    least_e: float,
    full_e: float,
    cause: NDArray[np.uint8],
) -> None:
    """Fill in which pixels (n,) have no phase to speak of, and why."""
    for i in range(len(depth_m)):
        weakest, strongest = np.inf, 0.0
        for f in range(len(phasors)):
            swing = np.sqrt(phasors[f, i, 0] ** 2 + phasors[f, i, 1] ** 2)
            weakest, strongest = min(weakest, swing), max(strongest, swing)
        cause[i] = Cause.NONE.value
        if level_e[i] + strongest > full_e:
            cause[i] = Cause.SATURATED.value
        elif weakest < least_e:
            cause[i] = (Cause.LOW_SIGNAL if depth_m[i] > 0 else Cause.NO_SURFACE).value
        elif depth_m[i] <= 0:  # behind the image plane, where there is no depth to report
            cause[i] = Cause.OUT_OF_RANGE.value
