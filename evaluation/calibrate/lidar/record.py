"""Scans as simgen's own LiDAR takes them, in the form that real ones are read in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.lidar.replica import Recorded
from evaluation.calibrate.lidar.scans import Revolution, Scans
from simgen import geometry
from simgen.rng import Key
from simgen.sensors.lidar import Lidar, LidarParams, make
from simgen.spec import Motion
from simgen.world import World

HERE = Motion.rest((0, 0, 0), geometry.look_at((0, 0, 0), (1, 0, 0)))


def record(world: World, where: Scans, params: LidarParams, key: Key, rig: Motion = HERE) -> Scans:
    """Revolutions with the columns of `where`, in a world that stands still.

    Args:
        world: The scene.
        where: Whose lasers and azimuths are fired.
        params: The sensor; its pattern is not asked.
        key: The recording's stream.
        rig: Where the sensor is; at the origin, looking along x, when left out.
    """
    scanner = Recorded(where)
    lidar = Lidar(params, scanner, make(params, scanner.rings, key / "device"), world, rig)
    laser = np.argsort(where.elevation_deg, kind="stable")  # of each ring
    turns = []
    for k, turn in enumerate(where.revolutions):
        points = lidar.sweep(k, k * scanner.period_s, key / k)["lidar"]
        turns.append(_image(points, turn, laser))
    return Scans(where.name, where.elevation_deg, where.azimuth_offset_deg, tuple(turns))


def _image(points: NDArray[np.void], turn: Revolution, laser: NDArray[np.intp]) -> Revolution:
    """The first echo of each pulse as range image."""
    first = points[points["echo"] == 0]
    shape = len(turn.azimuth_deg), len(laser)
    range_m, intensity = np.zeros(shape), np.zeros(shape)
    place = first["column"], laser[first["ring"]]
    range_m[place], intensity[place] = first["range_m"], first["intensity"]
    return Revolution(turn.azimuth_deg, range_m, intensity)
