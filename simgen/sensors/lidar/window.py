"""Dirt on the sensor's window: patches that stay where they are on the device.

Patches are discs with centres thrown evenly over the sphere round the sensor (Boolean model),
so that a share c of the window is covered when their number per steradian is -ln(1 - c) over
their mean size. A beam is a disc on the window as well: a patch covers the share of it where
the two overlap, and patches cover independently of each other, which keeps the mean share c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key
from simgen.sensors.lidar.weather import Weather

Array = NDArray[np.float64]
SPREAD = 0.4  # of the logarithm of radii; assumed
ROWS, COLUMNS = 90, 180  # cells of elevation and azimuth in which patches are looked up


@dataclass(frozen=True, eq=False)
class Window:
    """The dirt of one device.

    Attributes:
        azimuth_rad: (m,) of the patches' middles, sensor frame.
        elevation_rad: (m,).
        radius_rad: (m,).
        beam_rad: Radius of the beam on the window.
        first: (cells + 1,) where each cell's patches begin in `patch`.
        patch: Indices of the patches that may touch a beam in a cell.
    """

    azimuth_rad: Array
    elevation_rad: Array
    radius_rad: Array
    beam_rad: float
    first: NDArray[np.int64]
    patch: NDArray[np.int64]

    def covered(self, azimuth_rad: Array, elevation_rad: Array) -> Array:
        """Share (n,) of each beam that dirt covers."""
        found = np.zeros(len(azimuth_rad))
        patches = np.column_stack([self.azimuth_rad, self.elevation_rad, self.radius_rad])
        beams = np.column_stack([azimuth_rad, elevation_rad])
        _cover(beams, patches, self.beam_rad, self.first, self.patch, found)
        return found


def make_window(weather: Weather, key: Key) -> Window:
    """The window of the device that `key` names."""
    rng = key.generator()
    # Caps of small radius; the lognormal law's mean square is radius^2 e^(spread^2).
    size = np.pi * weather.dirt_radius_rad**2 * np.exp(SPREAD**2)
    mean = -np.log1p(-weather.window_dirt) * 4 * np.pi / size
    count = rng.poisson(mean)
    azimuth = rng.uniform(-np.pi, np.pi, count)
    elevation = np.arcsin(rng.uniform(-1, 1, count))
    radius = weather.dirt_radius_rad * rng.lognormal(-(SPREAD**2) / 2, SPREAD, count)
    patches = np.column_stack([azimuth, elevation, radius])
    first, patch = _cells(patches, weather.window_beam_rad)
    return Window(azimuth, elevation, radius, weather.window_beam_rad, first, patch)


@compiled
def _cells(patches: Array, beam_rad: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Lists of the patches that reach into each cell: (cells + 1,) starts and the lists."""
    first = np.zeros(ROWS * COLUMNS + 1, np.int64)
    patch = np.zeros(0, np.int64)
    for fill in range(2):
        place = first[:-1].copy()
        for i in range(len(patches)):
            reach = patches[i, 2] + beam_rad
            low = max(patches[i, 1] - reach, -np.pi / 2)
            high = min(patches[i, 1] + reach, np.pi / 2)
            half = np.pi
            if abs(patches[i, 1]) + reach < np.pi / 2 and reach < np.pi / 2:
                half = np.arcsin(np.sin(reach) / np.cos(patches[i, 1]))
            left = int(np.floor((patches[i, 0] - half + np.pi) / (2 * np.pi) * COLUMNS))
            right = int(np.floor((patches[i, 0] + half + np.pi) / (2 * np.pi) * COLUMNS))
            right = min(right, left + COLUMNS - 1)
            for row in range(_row(low), _row(high) + 1):
                for column in range(left, right + 1):
                    cell = row * COLUMNS + column % COLUMNS
                    if fill:
                        patch[place[cell]] = i
                        place[cell] += 1
                    else:
                        first[cell + 1] += 1
        if not fill:
            first = np.cumsum(first)
            patch = np.zeros(first[-1], np.int64)
    return first, patch


@compiled
def _row(elevation_rad: float) -> int:
    return min(int((elevation_rad / np.pi + 0.5) * ROWS), ROWS - 1)


@compiled
def _shared(apart: float, a: float, b: float) -> float:
    """Share of a disc of radius `a` that a disc of radius `b` covers, middles `apart`."""
    if apart >= a + b:
        return 0.0
    if a <= b - apart:
        return 1.0
    if b <= a - apart:
        return (b / a) ** 2
    x = (apart**2 + a**2 - b**2) / (2 * apart)
    y = np.sqrt(max(a**2 - x**2, 0.0))
    lens = a**2 * np.arctan2(y, x) + b**2 * np.arctan2(y, apart - x) - apart * y
    return float(lens / (np.pi * a**2))


@compiled
def _cover(
    beams: Array,
    patches: Array,
    beam_rad: float,
    first: NDArray[np.int64],
    patch: NDArray[np.int64],
    found: Array,
) -> None:
    for i in range(len(beams)):
        azimuth, elevation = beams[i]
        column = int(np.floor((azimuth + np.pi) / (2 * np.pi) * COLUMNS)) % COLUMNS
        cell = _row(elevation) * COLUMNS + column
        clear = 1.0
        for k in range(first[cell], first[cell + 1]):
            other = patches[patch[k]]
            # Haversine: exact also for angles close to nothing.
            root = (
                np.sin((elevation - other[1]) / 2) ** 2
                + np.cos(elevation) * np.cos(other[1]) * np.sin((azimuth - other[0]) / 2) ** 2
            )
            apart = 2 * np.arcsin(np.sqrt(min(root, 1.0)))
            clear *= 1 - _shared(apart, beam_rad, other[2])
        found[i] = 1 - clear
