"""The event camera against closed forms: what it sees. Its noise is in `event_noise`.

Light that grows as exp(t) gives a contrast that grows evenly, so that the time and the number
of events follow from the thresholds alone.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simgen.contracts.sensors import event_noise
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.sensors.event import EventCamera, EventParams, Events

V2E = "Hu, Liu and Delbruck 2021 (v2e)"
DVS = "Lichtsteiner, Posch and Delbruck 2008"
EXACT = 1e-9  # numbers of events are whole
MICROSECOND = 1.001  # time stamps are rounded down to it
FILTER = 0.003  # the cutoff moves with the light by +-1 % over the small wave that measures it
SPREAD_SIGMAS = 4.5  # of the estimate of a standard deviation: one false alarm in 10^5
QUIET = EventParams(
    threshold_sigma_ln=0,
    cutoff_hz=0,
    leak_rate_hz=0,
    shot_rate_hz=0,
    rate_sigma_decades=0,
    refractory_s=0,
)


def quiet(**changes: float) -> EventParams:
    """Pixels without any fault but those of `changes`."""
    return EventParams.model_validate({**QUIET.model_dump(), **changes})


def ramp(
    params: EventParams, dn: float, rise_ln: float, span_s: float, key: Key, side: int = 4
) -> Events:
    """Events of even light (side x side) that goes from `dn` by `rise_ln` over `span_s`."""
    camera = EventCamera(params, side, side)
    steps = np.linspace(0, 1, 11)
    light = [np.full((side, side), dn / 255 * np.exp(rise_ln * s)) for s in steps]
    return camera.events(zip(steps * span_s, light, strict=True), key)


def rows(key: Key) -> Iterator[Row]:
    """All rows of the event camera."""
    yield from _contrast(key / "contrast")
    yield _knee(key / "knee")
    yield _time(key / "time")
    yield _refractory(key / "refractory")
    yield from _low_pass(key / "low pass")
    yield _mismatch(key / "mismatch")
    yield from event_noise.rows(key / "noise")


def _contrast(key: Key) -> Iterator[Row]:
    params = quiet(threshold_on_ln=0.2, threshold_off_ln=0.3)
    still = len(ramp(params, 100, 0, 0.1, key)) / 16
    for name, rise, threshold in (("ON", 1.9, 0.2), ("OFF", -1.9, 0.3)):
        yield Row(
            f"events: number, {name}",
            "floor(|d ln I| / threshold)",
            np.floor(abs(rise) / threshold),
            len(ramp(params, 200, rise, 0.1, key)) / 16,
            EXACT,
            "events",
            still,
            DVS,
        )


def _knee(key: Key) -> Row:
    """2 to 18 DN: all below the knee, where the response is a line."""
    rise = np.log(9)
    return Row(
        "events: linear below the knee",
        "floor(d DN ln(K) / K / threshold)",
        np.floor(16 * np.log(20) / 20 / 0.2),
        len(ramp(quiet(knee_dn=20), 2, rise, 0.1, key)) / 16,
        EXACT,
        "events",
        len(ramp(quiet(knee_dn=1.001), 2, rise, 0.1, key)) / 16,
        V2E,
    )


def _time(key: Key) -> Row:
    """Largest error of a time stamp; the control stamps every event with its image's time."""
    rise, span = 1.9, 0.1
    events = ramp(quiet(), 100, rise, span, key, side=1)
    due = np.arange(1, len(events) + 1) * 0.2 / rise * span * 1e6
    of_image = np.ceil(due / 1e4) * 1e4
    return Row(
        "events: time stamps",
        "t = k threshold / (d ln I / dt), to 1 us",
        0,
        float(np.abs(events["t_us"] - due).max()),
        MICROSECOND,
        "us",
        float(np.abs(of_image - due).max()),
        V2E,
    )


def _refractory(key: Key) -> Row:
    def interval_us(refractory_s: float) -> float:
        params = quiet(refractory_s=refractory_s)
        return float(np.diff(ramp(params, 30, 10, 0.1, key, side=1)["t_us"]).mean())

    return Row(
        "events: refractory period",
        "interval = t_refractory + threshold / (d ln I / dt)",
        3000 + 0.2 / 100 * 1e6,
        interval_us(0.003),
        MICROSECOND,
        "us",
        interval_us(0),
        DVS,
    )


def _low_pass(key: Key) -> Iterator[Row]:
    """A small wave at the cutoff of white light, seen at white and at half that brightness."""
    gain, delay = _response(300, 255, key)
    none, at_once = _response(0, 255, key)
    form = "gain = 1 / sqrt(1 + (f / f_c)^2), f_c = cutoff (DN + 20) / 275"
    yield Row("events: -3 dB at the cutoff", form, 0.5**0.5, gain, FILTER, "", none, V2E)
    form, tolerance = "delay = atan(f / f_c)", np.rad2deg(FILTER)
    yield Row("events: delay at the cutoff", form, 45, delay, tolerance, "deg", at_once, V2E)
    half = 275 / 2 - 20
    dim, _ = _response(300, half, key)
    yield Row(
        "events: cutoff falls with the light",
        "gain = 1 / sqrt(5) at f = 2 f_c",
        5**-0.5,
        dim,
        FILTER,
        "",
        _response(0, half, key)[0],
        V2E,
    )


def _response(cutoff_hz: float, dn: float, key: Key) -> tuple[float, float]:
    """Gain and delay (degrees) of the photoreceptor for a wave of 300 Hz and 1 %."""
    camera = EventCamera(quiet(cutoff_hz=cutoff_hz), 1, 1)
    state, found = camera.init(key), []
    turns = np.arange(1, 6 * 200 + 1) / 200
    for turn in (0.0, *turns):
        light = np.array([[dn / 255 * np.exp(0.01 * np.sin(2 * np.pi * turn))]])
        _, state = camera.apply(state, light, turn / 300, key)
        assert state.pixels is not None  # noqa: S101 - after an image there are pixels
        found.append(float(state.pixels["level"][0]))
    # The last of six periods: the first ones hold what is left of the start.
    last = np.array(found[-200:]) - np.log(dn)
    wave = 2 * np.mean(last * np.exp(-2j * np.pi * turns[-200:]))
    return float(abs(wave)) / 0.01, float(-np.rad2deg(np.angle(wave * 1j)))


def _mismatch(key: Key) -> Row:
    """Thresholds of 4096 pixels from their numbers of events over 40 e-folds."""

    def spread(sigma_ln: float) -> float:
        events = ramp(quiet(threshold_sigma_ln=sigma_ln), 30, 40, 0.1, key, side=64)
        pixel = events["y"].astype(np.int64) * 64 + events["x"]
        return float((40 / (np.bincount(pixel, minlength=4096) + 0.5)).std())

    return Row(
        "events: threshold mismatch",
        "standard deviation of the thresholds",
        0.03,
        spread(0.03),
        SPREAD_SIGMAS * 0.03 / np.sqrt(2 * 4096),
        "ln",
        spread(0),
        V2E,
    )
