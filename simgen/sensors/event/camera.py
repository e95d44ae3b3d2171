"""An event camera: images of light at known times become events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.errors import SimgenError
from simgen.rng import Key
from simgen.sensors.event.light import Levels, levels
from simgen.sensors.event.params import EventParams
from simgen.sensors.event.pixel import DEVICE, PIXEL, advance, start

EVENT = np.dtype([("t_us", "<i8"), ("x", "<u2"), ("y", "<u2"), ("polarity", "i1")])
Events = NDArray[np.void]
Radiance = NDArray[np.floating]
LOWEST_THRESHOLD_LN = 0.01  # v2e's: mismatch makes no threshold smaller
LARGEST_SIDE = 65_536
LATEST_S = 1e9


@dataclass(frozen=True, eq=False)
class EventState:
    """A device, and what its pixels remember.

    Attributes:
        device: (H * W,) of `DEVICE`: thresholds and rates, fixed for a device.
        pixels: (H * W,) of `PIXEL`, or None before the first image.
        time_ns: When the last image was; None before the first.
    """

    device: NDArray[np.void]
    pixels: NDArray[np.void] | None = None
    time_ns: int | None = None


@dataclass(frozen=True)
class EventCamera:
    """Pixels that report changes of the log intensity.

    Events are arrays of `EVENT`, sorted by time: `t_us` int64 (rounded down to the
    resolution), `x` and `y` uint16, `polarity` int8, 1 or -1. An image at time t settles all
    events up to t; the first image makes none. The key names the noise of a whole recording:
    the same for all of its images, however they are handed over.

    Attributes:
        params: The pixels.
        width, height: Frame size, pixels.
    """

    params: EventParams
    width: int
    height: int

    def __post_init__(self) -> None:
        if not (1 <= self.width <= LARGEST_SIDE and 1 <= self.height <= LARGEST_SIDE):
            raise SimgenError(
                f"an event camera must be 1 to {LARGEST_SIDE} pixels wide and high",
                f"{self.width} x {self.height}",
                "coordinates of events are 16-bit numbers",
            )

    def init(self, key: Key) -> EventState:
        """A device that has seen nothing: threshold mismatch, leak and noise rates, hot pixels."""
        p, n = self.params, self.width * self.height
        device = np.zeros(n, DEVICE)
        for name, mean in (("on", p.threshold_on_ln), ("off", p.threshold_off_ln)):
            spread = (key / name).generator().standard_normal(n) * p.threshold_sigma_ln
            device[name] = np.maximum(mean + spread, LOWEST_THRESHOLD_LN)
        for name, rate in (("leak", p.leak_rate_hz), ("shot", p.shot_rate_hz)):
            decades = (key / name).generator().standard_normal(n) * p.rate_sigma_decades
            device[name] = rate * 10.0**decades
        # A smaller threshold lets more noise through (v2e).
        up, down = p.threshold_on_ln / device["on"], p.threshold_off_ln / device["off"]
        device["shot"] *= (up + down) / 2
        device["up"] = up / (up + down)
        hot = (key / "hot").generator().random(n) < p.hot_share
        device["hot"][hot] = p.hot_rate_hz
        return EventState(device)

    def apply(
        self, state: EventState, radiance: Radiance, time_s: float, key: Key
    ) -> tuple[Events, EventState]:
        """Events between the last image and this one, and the state after it.

        Args:
            state: From `init` or from the last image; it stays as it is.
            radiance: (H, W) or (H, W, 3) linear light, 1 is white at 0 EV.
            time_s: When; later than the last image by a nanosecond or more.
            key: Stream of the recording.

        Raises:
            SimgenError: When the image is none, has another size, or is not later.
        """
        time_ns = _nanoseconds(time_s)
        where = f"image at {time_s} s"
        light = levels(self.params, radiance, where)
        if light.shape != (self.height, self.width):
            raise SimgenError(
                f"an image must be {self.width} x {self.height} pixels",
                f"{light.shape[1]} x {light.shape[0]}",
                "cast the frame of this camera",
                where,
            )
        seed, p = key.entropy() & (2**63 - 1), self.params
        if state.pixels is None or state.time_ns is None:
            pixels = np.empty(len(state.device), PIXEL)
            start(pixels, state.device, light.ravel(), p.knee_dn, p.leak_jitter, seed)
            return np.zeros(0, EVENT), EventState(state.device, pixels, time_ns)
        if time_ns <= state.time_ns:
            raise SimgenError(
                "times of images must rise",
                f"{time_s} s after {state.time_ns * 1e-9} s",
                "sort the images and leave out those of equal time",
            )
        pixels, found = self._advance(state, light, time_ns - state.time_ns, seed)
        return self._events(state.time_ns, *found), EventState(state.device, pixels, time_ns)

    def record(
        self, frames: Iterable[tuple[float, Radiance]], state: EventState, key: Key
    ) -> tuple[Events, EventState]:
        """All events of images (time_s, radiance), and the state to go on from."""
        parts = [np.zeros(0, EVENT)]
        for time_s, radiance in frames:
            events, state = self.apply(state, radiance, time_s, key)
            parts.append(events)
        return np.concatenate(parts), state

    def events(self, frames: Iterable[tuple[float, Radiance]], key: Key) -> Events:
        """All events of images (time_s, radiance), from a device of this key."""
        return self.record(frames, self.init(key / "device"), key / "noise")[0]

    def _advance(
        self, state: EventState, light: Levels, dt_ns: int, seed: int
    ) -> tuple[NDArray[np.void], tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]]:
        """Pixels after a step, and offset_ns, pixel and polarity of its events."""
        assert state.pixels is not None  # noqa: S101 - `apply` has looked
        p, room = self.params, len(light.ravel()) // 4 + 1024
        while True:
            pixels = np.empty_like(state.pixels)
            found = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int8)
            count = advance(
                state.pixels,
                pixels,
                state.device,
                light.ravel(),
                dt_ns,
                p.knee_dn,
                p.cutoff_hz,
                p.shot_bright_share,
                p.leak_jitter,
                round(p.refractory_s * 1e9),
                seed,
                *found,
            )
            if count <= room:
                return pixels, (found[0][:count], found[1][:count], found[2][:count])
            room = count

    def _events(
        self,
        start_ns: int,
        offset_ns: NDArray[np.int64],
        pixel: NDArray[np.int64],
        polarity: NDArray[np.int8],
    ) -> Events:
        order = np.argsort(offset_ns, kind="stable")
        events = np.empty(len(order), EVENT)
        step = 1000 * self.params.resolution_us
        events["t_us"] = (start_ns + offset_ns[order]) // step * self.params.resolution_us
        events["y"], events["x"] = np.divmod(pixel[order], self.width)
        events["polarity"] = polarity[order]
        return events


def _nanoseconds(time_s: float) -> int:
    """Time as a whole number, so that moving a recording in time moves its events and no more."""
    if not (math.isfinite(time_s) and abs(time_s) <= LATEST_S):
        raise SimgenError(
            f"the time of an image must lie within {LATEST_S:g} s of 0", time_s, "check the clock"
        )
    return round(time_s * 1e9)
