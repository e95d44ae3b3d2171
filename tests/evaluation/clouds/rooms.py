"""Scans of box-shaped rooms with known answers, for tests of the gap between clouds."""

import numpy as np

from evaluation.clouds.scan import Scan
from simgen.rng import Key


def room_scan(
    key,
    scene="room",
    *,
    rings=16,
    columns=480,
    half_m=(4.0, 3.0),
    yaw_rad=0.0,
    noise_m=0.01,
    scale=1.0,
    dropout=0.02,
    gamma=1.0,
    floor_m=1.2,
    zeros=0.05,
):
    """Ranges from the middle of a box to its four walls and floor, in closed form."""
    rng = key.generator()
    elevation = np.radians(np.linspace(-15, 15, rings))
    azimuth = np.broadcast_to(
        -np.pi + 2 * np.pi * (np.arange(columns) + 0.5) / columns, (rings, columns)
    )
    world = azimuth + yaw_rad
    flat = np.minimum(half_m[0] / np.abs(np.cos(world)), half_m[1] / np.abs(np.sin(world)))
    ranges = flat / np.cos(elevation)[:, None]
    down = np.sin(-elevation)[:, None]
    ranges = np.where(down > 0, np.minimum(ranges, floor_m / np.maximum(down, 1e-9)), ranges)
    cosine = flat.min() / flat
    ranges = ranges * scale + noise_m * rng.standard_normal(ranges.shape)
    bright = np.clip(0.4 * cosine + 0.1 + 0.05 * rng.standard_normal(ranges.shape), 0, 1) ** gamma
    bright = np.rint(255 * np.where(rng.random(ranges.shape) < zeros, 0.0, bright)) / 255
    gone = rng.random(ranges.shape) < dropout
    ranges, bright = (np.where(gone, np.nan, each) for each in (ranges, bright))
    return Scan(
        f"{scene}/{key.path[-1]}", scene, ranges, bright, np.array(azimuth), elevation,
        np.ones(ranges.shape, bool),
    )  # fmt: skip


def rooms(seed, count, *, scans=1, size_sd=0.005, **how):
    """Rooms of about one size in random directions; each has repeated scans."""
    found = []
    for number in range(count):
        key = Key(seed) / "room" / number
        rng = (key / "place").generator()
        half = tuple(np.array([4.0, 3.0]) * np.exp(size_sd * rng.standard_normal(2)))
        yaw = float(rng.uniform(0, 2 * np.pi))
        found += [
            room_scan(key / k, f"room{number}", half_m=half, yaw_rad=yaw, **how)
            for k in range(scans)
        ]
    return found
