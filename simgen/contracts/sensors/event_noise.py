"""The noise of the event camera against its laws.

Tolerances are 4.5 standard deviations of what is estimated: one false alarm in 10^5.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.event import EventCamera, EventParams, Events

V2E = "Hu, Liu and Delbruck 2021 (v2e)"
SIGMAS, SIDE = 4.5, 64
PIXELS = SIDE * SIDE


def watch(dn: float, span_s: float, key: Key, **faults: float) -> Events:
    """Events of a frame that does not change, with no faults but these."""
    none = {"threshold_sigma_ln": 0.0, "leak_rate_hz": 0.0, "shot_rate_hz": 0.0}
    none |= {"rate_sigma_decades": 0.0, "refractory_s": 0.0, "leak_jitter": 0.0}
    camera = EventCamera(EventParams.model_validate({**none, **faults}), SIDE, SIDE)
    light = np.full((SIDE, SIDE), dn / 255)
    return camera.events(((t, light) for t in (0, span_s)), key)


def per_pixel(events: Events) -> NDArray[np.intp]:
    """Number of events (PIXELS,) of each pixel."""
    return np.bincount(events["y"].astype(np.int64) * SIDE + events["x"], minlength=PIXELS)


def rows(key: Key) -> Iterator[Row]:
    """All rows of its noise."""
    yield from _leak(key / "leak")
    yield from _shot(key / "shot")
    yield _hot(key / "hot")
    yield _spread(key / "spread")


def _leak(key: Key) -> Iterator[Row]:
    rate, span, jitter = 20, 2, 0.1
    noisy = watch(100, span, key, leak_rate_hz=rate, leak_jitter=jitter)
    even = watch(100, span, key, leak_rate_hz=rate)
    # A renewal process: the variance of a count is its mean times the jitter squared, and 1/6
    # for the cut at both ends.
    error = np.sqrt((rate * span * jitter**2 + 1 / 6) / PIXELS) / span
    silent = len(watch(100, span, key)) / PIXELS / span
    yield Row(
        "events: leak rate",
        "rate of ON events on a still scene",
        rate,
        float((noisy["polarity"] > 0).sum()) / PIXELS / span,
        SIGMAS * error,
        "Hz",
        silent,
        V2E,
    )
    yield Row(
        "events: leak jitter",
        "standard deviation / mean of the intervals",
        jitter,
        _jitter(noisy),
        SIGMAS * jitter / np.sqrt(2 * (rate * span - 1) * PIXELS) + 1e-4,  # of time stamps
        "",
        _jitter(even),
        V2E,
    )


def _jitter(events: Events) -> float:
    pixel = events["y"].astype(np.int64) * SIDE + events["x"]
    order = np.argsort(pixel, kind="stable")
    interval, same = np.diff(events["t_us"][order]), np.diff(pixel[order]) == 0
    return float(interval[same].std() / interval[same].mean())


def _shot(key: Key) -> Iterator[Row]:
    rate, span = 50, 1
    for name, dn in (("in the dark", 0), ("at white", 255)):
        due = rate * (1 - 0.75 * (dn + 20) / 275)
        yield Row(
            f"events: shot noise {name}",
            "rate (1 - 3/4 (DN + 20) / 275)",
            due,
            len(watch(dn, span, key, shot_rate_hz=rate)) / PIXELS / span,
            SIGMAS * np.sqrt(due / span / PIXELS),
            "Hz",
            len(watch(dn, span, key)) / PIXELS / span,
            V2E,
        )
    poisson = per_pixel(watch(0, span, key, shot_rate_hz=rate))
    regular = per_pixel(watch(0, span, key, leak_rate_hz=rate))
    yield Row(
        "events: shot noise is Poisson",
        "variance / mean of the counts; control: leak events of that rate",
        1,
        float(poisson.var() / poisson.mean()),
        SIGMAS * np.sqrt(2 / PIXELS),
        "",
        float(regular.var() / regular.mean()),
        V2E,
    )


def _hot(key: Key) -> Row:
    share = 0.02

    def found(hot_share: float) -> float:
        events = watch(100, 0.05, key, hot_share=hot_share, hot_rate_hz=1000)
        return float((per_pixel(events) > 5).mean())

    return Row(
        "events: hot pixels",
        "share of pixels that fire on a still scene",
        share,
        found(share),
        SIGMAS * np.sqrt(share * (1 - share) / PIXELS),
        "",
        found(0),
    )


def _spread(key: Key) -> Row:
    def decades(sigma: float) -> float:
        events = watch(100, 1, key, leak_rate_hz=1000, rate_sigma_decades=sigma)
        return float(np.log10(per_pixel(events)).std())

    return Row(
        "events: rates differ from pixel to pixel",
        "standard deviation of log10 of the leak rates",
        0.1,
        decades(0.1),
        SIGMAS * 0.1 / np.sqrt(2 * PIXELS),
        "decades",
        decades(0),
        V2E,
    )
