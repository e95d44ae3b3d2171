"""Phase and distance: phi = 4 pi f d / c, its wraps, its noise, and several frequencies at once.

A signal is a phasor A e^(j phi); light that comes by several ways adds as phasors. Sources:
R. Lange, P. Seitz, "Solid-state time-of-flight range camera", 2001 (four taps and their
shot noise); D. Freedman and others, "SRA: fast removal of general multipath for ToF
sensors", 2014 (light by several ways as a sum of phasors).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.sensors.depth.reading import Cause

Array = NDArray[np.float64]
LIGHT_M_S = 299_792_458.0


def wrap_m(frequency_hz: float) -> float:
    """Distance at which the phase is back at 0: c / 2 f."""
    return LIGHT_M_S / (2 * frequency_hz)


def phase_rad(distance_m: float, frequency_hz: float) -> float:
    """Phase of light that went there and back, not wrapped."""
    return 4 * np.pi * frequency_hz * distance_m / LIGHT_M_S


def shot_noise_m(frequency_hz: float, background_e: float, amplitude_e: float) -> float:
    """Standard deviation of a distance from four taps: c / (4 pi f) sqrt(B / 2) / A.

    Args:
        frequency_hz: f.
        background_e: B, mean charge of a tap.
        amplitude_e: A, how far the taps swing about it.
    """
    spread = np.sqrt(background_e / 2) / amplitude_e
    return float(LIGHT_M_S / (4 * np.pi * frequency_hz) * spread)


@compiled
def add_paths(
    owner: NDArray[np.intp],
    distance_m: Array,
    amplitude: Array,
    wrap: Array,
    phasors: Array,
) -> None:
    """Add light by some ways (k,) to phasors (F, n, 2) of the pixels `owner` (k,).

    Args:
        owner: Which pixel.
        distance_m: Half the length of the way.
        amplitude: How much light comes by it; ways without any may have any length.
        wrap: (F,) c / 2 f.
        phasors: What is added to.
    """
    for k in range(len(owner)):
        if amplitude[k] <= 0:
            continue
        for f in range(len(wrap)):
            phase = 2 * np.pi * distance_m[k] / wrap[f]
            phasors[f, owner[k], 0] += amplitude[k] * np.cos(phase)
            phasors[f, owner[k], 1] += amplitude[k] * np.sin(phase)


@compiled
def add_shot_noise(
    phasors: Array, background_e: Array, read_e: float, noise: NDArray[np.float32]
) -> None:
    """Disturb phasors (F, n, 2) as the differences of opposite taps are, by normal `noise`.

    Taps at 0, 90, 180, 270 degrees hold B + A cos(phi - angle) each, and noise of variance
    B + read^2. (I0 - I180) / 2 thus has variance (B + read^2) / 2, and so has the other pair.
    """
    for f in range(len(phasors)):
        for i in range(len(background_e)):
            spread = np.sqrt((background_e[i] + read_e * read_e) / 2)
            phasors[f, i, 0] += spread * noise[f, i, 0]
            phasors[f, i, 1] += spread * noise[f, i, 1]


@compiled
def unwrap(
    phasors: Array, wrap: Array, most_m: float, mixed_m: float, cause: NDArray[np.uint8]
) -> Array:
    """Distances (n,) from phasors (F, n, 2) of several frequencies.

    Every wrap of the shortest wave up to `most_m` is tried. The others' phases are compared
    with it, each with the weight (A f)^2, the inverse variance of its distance; the wrap
    that fits best is taken, and all are averaged about it.

    Args:
        phasors: One set a frequency.
        wrap: (F,) c / 2 f.
        most_m: Where the search ends.
        mixed_m: Root mean square misfit above which the phases contradict each other.
        cause: (n,) pixels with a cause are left out; MIXED is written.
    """
    count, n = len(wrap), phasors.shape[1]
    distance = np.zeros(n)
    shortest = np.argmin(wrap)
    place, weight = np.empty(count), np.empty(count)
    for i in range(n):
        if cause[i] != Cause.NONE.value:
            continue
        for f in range(count):
            x, y = phasors[f, i, 0], phasors[f, i, 1]
            turn = np.arctan2(y, x) / (2 * np.pi)
            place[f] = (turn - np.floor(turn)) * wrap[f]
            weight[f] = (x * x + y * y) / (wrap[f] * wrap[f])
        sum_weight = weight.sum()
        least, best = np.inf, 0.0
        guess = place[shortest]
        while guess <= most_m:
            misfit, moved = 0.0, 0.0
            for f in range(count):
                off = place[f] - guess
                off -= np.rint(off / wrap[f]) * wrap[f]
                moved += weight[f] * off
                misfit += weight[f] * off * off
            moved /= sum_weight
            misfit = misfit / sum_weight - moved * moved
            if misfit < least:
                least, best = misfit, guess + moved
            guess += wrap[shortest]
        if least > mixed_m * mixed_m:
            cause[i] = Cause.MIXED.value
        else:
            distance[i] = best
    return distance
