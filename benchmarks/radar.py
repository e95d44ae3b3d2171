"""Seconds that a radar takes for a frame of a street, a picture of it, and what it detects.

OMP_NUM_THREADS=1 python benchmarks/radar.py [--picture FILE]
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.config import load_config
from simgen.contracts.radar_scenes import AHEAD, body, going, params, world
from simgen.generate import Source
from simgen.rng import Key
from simgen.sensors.radar import Cause, Radar
from simgen.sensors.radar.maps import sines
from simgen.spec import Asset, Body, Vector, Waves
from simgen.world import World

HEIGHT_M = 0.6
PAINTED = Waves(1.0, 0.15, 2e-4, 0.02)
ROAD = Waves(0.12, 0.3, 6e-4, 0.03)
BRICK = Waves(0.2, 0.2, 1.5e-3, 0.1)
POST = Waves(1.0, 0.05, 1e-4, 0.0)
SKIN = Waves(0.5, 0.4, 1e-3, 0.1)
# Okabe and Ito.
COLOURS = {
    Cause.SURFACE: "#56B4E9",
    Cause.GHOST: "#009E73",
    Cause.SIDELOBE: "#F0E442",
    Cause.NOISE: "#D55E00",
}


def street() -> World:
    """Three cars and a person on a road between houses and poles; the radar is at 0.6 m."""
    car = primitives.rounded_box((4.4, 1.8, 1.4), 0.25, 4)

    def moving(
        asset: Asset, waves: Waves, name: str, place: Vector, speed: Vector, yaw: float
    ) -> Body:
        turn = geometry.axis_angle((0, 0, 1), yaw)
        return body(asset, going(place, speed, turn), waves, name)

    bodies = [
        body(primitives.slab((300, 300), 0.2), (0, 0, -HEIGHT_M), ROAD, "road"),
        moving(car, PAINTED, "car", (25, 2, 0.1), (-12, 0, 0), math.pi),
        moving(car, PAINTED, "car", (40, -3, 0.1), (8, 0, 0), 0),
        moving(car, PAINTED, "car", (18, -9, 0.1), (0, 6, 0), math.pi / 2),
        moving(primitives.capsule(0.25, 1.75), SKIN, "person", (15, 6, 0.3), (0, -1.4, 0), 0),
    ]
    house = primitives.box((11, 8, 12))
    bodies += [
        body(house, (x, y, 5.4), BRICK, "house") for y in (16, -18) for x in range(5, 100, 12)
    ]
    pole = primitives.cylinder(0.1, 6)
    bodies += [body(pole, (x, 10, 2.4), POST, "pole") for x in range(10, 90, 20)]
    return world(*bodies)


def main() -> None:
    """Time frames, and draw one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--samples", type=int, default=0)
    chosen = parser.parse_args()
    radar = Radar(params(fan={"bounces": 1}, maps=("range_azimuth", "range_doppler")))
    scene, state, times = street(), radar.init(Key(1)), []
    out: dict[str, NDArray[Any]] = {}
    for _ in range(6):
        start = time.perf_counter()
        out = radar.measure(scene, AHEAD, (0, 0.04), state, Key(5))
        times.append(time.perf_counter() - start)
    print(f"a frame: {min(times[1:]):.3f} to {max(times[1:]):.3f} s (first {times[0]:.2f} s)")
    found = out["radar"]
    print(", ".join(f"{c.name.lower()} {(found['cause'] == c).sum()}" for c in Cause))
    if chosen.picture:
        draw(radar, out, chosen.picture)
    if chosen.samples:
        sections(chosen.samples)


def sections(count: int) -> None:
    """Quantiles of the detected cross sections in samples of the street, by class."""
    small = ["camera.width=64", "camera.height=48", "labels=[instance]", "frames.count=1"]
    source = Source(load_config("street", ["radar.rate_hz=10", *small]))
    samples = [source(index) for index in range(count)]
    found = np.concatenate([sample.streams["radar"] for sample in samples])
    print(", ".join(f"{c.name.lower()} {(found['cause'] == c).sum()}" for c in Cause))
    for number, name in enumerate(samples[0].categories, start=1):
        own = found[(found["category"] == number) & (found["cause"] == Cause.SURFACE)]
        if len(own):
            quantiles = np.quantile(own["rcs_dbsm"], [0, 0.1, 0.5, 0.9, 1])
            print(
                f"{name}: {len(own)} detections, dBsm at 0, 10, 50, 90, 100 %:", quantiles.round(1)
            )


def draw(radar: Radar, out: dict[str, NDArray[Any]], path: Path) -> None:
    """Maps with the detections on them."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only for the picture

    w = radar.params.waveform
    found = out["radar"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 7))
    sine, reach = sines(radar.params.antenna.channels), np.arange(w.samples) * w.range_step_m
    sine, image = sine[1:], out["radar_range_azimuth"][0][1:]  # the first looks both ways
    across, ahead = np.outer(-sine, reach), np.outer(np.sqrt(1 - sine**2), reach)
    drawn = left.pcolormesh(
        across, ahead, 10 * np.log10(image), vmin=5, vmax=50, cmap="magma", shading="gouraud"
    )
    speeds = (np.arange(w.chirps) - w.chirps // 2) * w.speed_step_m_s
    power = 10 * np.log10(out["radar_range_doppler"][0].T)
    right.pcolormesh(speeds, reach, power, vmin=0, vmax=50, cmap="magma", shading="nearest")
    for cause, colour in COLOURS.items():
        own = found[found["cause"] == cause]
        y, x = (
            own["range_m"] * np.sin(own["azimuth_rad"]),
            own["range_m"] * np.cos(own["azimuth_rad"]),
        )
        looks = {"s": 26, "c": colour, "edgecolors": "white", "linewidths": 0.5}
        left.scatter(-y, x, label=f"{cause.name.lower()} ({len(own)})", **looks)
        right.scatter(own["doppler_m_s"], own["range_m"], **looks)
    left.set(xlim=(-40, 40), ylim=(0, 90), xlabel="right, m", ylabel="ahead, m")
    right.set(ylim=(0, 90), xlabel="speed away, m/s", ylabel="range, m")
    left.legend()
    figure.colorbar(drawn, ax=right, label="power over noise, dB")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=70)


if __name__ == "__main__":
    main()
