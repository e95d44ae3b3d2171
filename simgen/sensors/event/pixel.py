"""The pixel of an event camera, from one image to the next.

Between two images the logarithm of the light is a straight line, and everything that can
happen to a pixel on it is solved for, not stepped to: when the contrast reaches a threshold,
when the leak does, when a noise event is due, when the reset ends. A step may therefore be
as long as the light allows, and noise has the same law for every image rate.

Source: Lichtsteiner, Posch and Delbruck, "A 128x128 120 dB 15 us latency asynchronous
temporal contrast vision sensor", JSSC 43(2), 2008, for the pixel; v2e for its faults.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.event.chance import exponential, normal, uniform
from simgen.sensors.event.light import lin_log

DARK_DN, BRIGHT_DN = 20.0, 275.0  # brightness is (DN + 20) / 275: v2e's, so that black still reacts
SHORTEST = 0.1  # of the mean time between leak events: where their jitter ends
# What belongs to a device: thresholds (ln), rates (Hz), share of noise events that are ON.
DEVICE = np.dtype(
    [("on", "f8"), ("off", "f8"), ("leak", "f8"), ("shot", "f8"), ("hot", "f8"), ("up", "f8")]
)
# What a pixel remembers: the response to the light (ln), the photoreceptor's output (ln), the
# contrast since the last event (ln), what is left to the next noise event (its integrated rate),
# the light (DN), the pace of the leak, what is left of the reset (ns), how many numbers it drew.
PIXEL = np.dtype(
    [
        *(("log", "f8"), ("level", "f8"), ("contrast", "f8"), ("due", "f8")),
        *(("dn", "f4"), ("pace", "f4"), ("reset_ns", "i4"), ("draws", "i4")),
    ]
)


@compiled
def start(
    pixels: NDArray[np.void],
    device: NDArray[np.void],
    light: NDArray[np.float32],
    knee: float,
    jitter: float,
    seed: int,
) -> None:
    """Fill `pixels` (n,) as those that have looked at `light` (n,) for a long time.

    With a leak, each is somewhere on its way to the next leak event.
    """
    for i in range(len(pixels)):
        me, draws = pixels[i], 0
        response = lin_log(light[i], knee)
        me["dn"], me["log"], me["level"] = light[i], response, response
        me["contrast"], me["pace"], me["reset_ns"] = 0.0, 1.0, 0
        if device[i]["leak"] > 0:
            me["contrast"] = device[i]["on"] * uniform(seed, i, 0)
            me["pace"] = _pace(jitter, seed, i, 1)
            draws = 3
        me["due"] = exponential(seed, i, draws)
        me["draws"] = draws + 1


@compiled
def advance(
    before: NDArray[np.void],
    pixels: NDArray[np.void],
    device: NDArray[np.void],
    light: NDArray[np.float32],
    dt_ns: int,
    knee: float,
    cutoff_hz: float,
    bright_share: float,
    jitter: float,
    refractory_ns: int,
    seed: int,
    offset_ns: NDArray[np.int64],
    pixel: NDArray[np.int64],
    polarity: NDArray[np.int8],
) -> int:
    """Fill `pixels` (n,) with `before` as it is under `light` (n,), `dt_ns` later.

    Events go to the last three arrays: when since `before`, which pixel, 1 or -1.

    Returns how many events there are; what did not fit into the arrays is not written.
    """
    count, dt = 0, dt_ns * 1e-9
    for i in range(len(pixels)):
        pixels[i] = before[i]
        me, own = pixels[i], device[i]
        brightness = (0.5 * (me["dn"] + light[i]) + DARK_DN) / BRIGHT_DN
        log = me["log"] if light[i] == me["dn"] else lin_log(light[i], knee)
        level = _low_pass(me["level"], me["log"], log, 2 * np.pi * cutoff_hz * brightness * dt)
        rise = level - me["level"]
        drift = own["leak"] * own["on"] * dt
        noise = own["shot"] * (1 - (1 - bright_share) * min(brightness, 1.0)) + own["hot"]
        noise *= dt
        me["dn"], me["log"], me["level"] = light[i], log, level
        if me["reset_ns"] >= dt_ns:
            me["reset_ns"] -= dt_ns
            continue
        contrast, due, at = me["contrast"], me["due"], me["reset_ns"] / dt_ns
        me["reset_ns"] = 0
        while True:
            slope = rise + drift * me["pace"]
            cross, shot = np.inf, np.inf  # parts of the step until then
            if slope > 0:
                cross = max((own["on"] - contrast) / slope, 0.0)
            elif slope < 0:
                cross = max((own["off"] + contrast) / -slope, 0.0)
            if noise > 0:
                shot = due / noise
            wait = min(cross, shot)
            if wait > 1 - at:
                me["contrast"] = contrast + slope * (1 - at)
                me["due"] = due - noise * (1 - at)
                break
            at, due, up = at + wait, due - noise * wait, slope > 0
            if shot < cross:
                up = uniform(seed, i, me["draws"]) < own["up"]
                due = exponential(seed, i, me["draws"] + 1)
                me["draws"] += 2
            if own["leak"] > 0 and jitter > 0:
                me["pace"] = _pace(jitter, seed, i, me["draws"])
                me["draws"] += 2
            contrast, when = 0.0, int(at * dt_ns)
            if count < len(pixel):
                offset_ns[count], pixel[count], polarity[count] = when, i, 1 if up else -1
            count += 1
            if refractory_ns > 0:
                # Held in reset, the pixel follows the light; what happens then is lost.
                if when + refractory_ns >= dt_ns:
                    me["reset_ns"] = when + refractory_ns - dt_ns
                    me["contrast"], me["due"] = 0.0, due
                    break
                at = (when + refractory_ns) / dt_ns
    return count


@compiled
def _low_pass(level: float, before: float, after: float, steps: float) -> float:
    """A first-order low pass after `steps` time constants, exact for input on a straight line.

    0 is no filter.
    """
    if steps == 0 or before == after == level:
        return after
    lag = (after - before) / steps
    return float(after - lag + (level - before + lag) * np.exp(-steps))


@compiled
def _pace(jitter: float, seed: int, pixel: int, draw: int) -> float:
    """How fast the leak runs until the next event: the inverse of a normal time of mean 1."""
    if jitter == 0:
        return 1.0
    return float(1 / max(1 + jitter * normal(seed, pixel, draw), SHORTEST))
