"""Calibrated LiDARs against the real scans: a replica of their scene, and a room.

    python benchmarks/lidar_real.py ../shared/real/lidar

For each file: fit on the first revolutions, simulate the last two (and all) in a replica of
the first, say which figures are inside the real interval. Then a room from configs/room.yaml,
still, with the fitted settings: another scene, so that its figures are shown and not judged.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import yaml

from evaluation.calibrate.lidar.compare import Check, check, figure, typical, value_of
from evaluation.calibrate.lidar.fit import LidarCalibration
from evaluation.calibrate.lidar.repeats import Repeats, match
from evaluation.calibrate.lidar.scans import Revolution, Scans, read_scans
from simgen.config import load_config
from simgen.generate import Source
from simgen.rng import Key
from simgen.sensors.lidar import scanner

PRESETS = {"vlp16": "vlp16", "vlp32": "vlp32c"}
HOLD = 2
STILL = ("scene.rig.speed_m_s=0", "scene.rig.yaw_rad_s=0", "frames.count=1")


def room(pattern: str, found: LidarCalibration, seed: int, sweeps: int) -> Repeats:
    """Repeats of a pattern with fitted settings in a still room."""
    lidar = {"noise": typical(found)["noise"], "sweeps": sweeps}
    with TemporaryDirectory() as folder:
        path = Path(folder) / "still.yaml"
        text = {"simgen": 1, "extends": ["room", f"sensor:{pattern}"], "seed": seed, "lidar": lidar}
        path.write_text(yaml.safe_dump(text))
        config = load_config(path, STILL)
    sample = Source(config)(0)
    points = sample.streams["lidar"]
    head = scanner(pattern, None, None)
    turns = []
    for k in range(sweeps):
        pulses = head.sweep(k)
        shape = int(pulses.column.max()) + 1, head.rings
        azimuth = np.zeros(shape)
        azimuth[pulses.column, pulses.ring] = -np.degrees(pulses.azimuth_rad)
        seen = points[(points["sweep"] == k) & (points["echo"] == 0)]
        r, i = np.zeros(shape), np.zeros(shape)
        r[seen["column"], seen["ring"]] = seen["range_m"]
        i[seen["column"], seen["ring"]] = seen["intensity"]
        turns.append(Revolution(azimuth[:, 0] % 360, r, i))
    level = np.zeros(head.rings)
    level[pulses.ring] = np.degrees(pulses.elevation_rad)
    return match(Scans(f"room, {pattern}", level, np.zeros(head.rings), tuple(turns)))


def report(name: str, judged: Check) -> None:
    """Print the table of one file."""
    print(f"\n{name}: {sum(r.inside for r in judged.rows)} of {len(judged.rows)} inside\n")
    print(
        "| figure | real | 95 % interval | simulated | | n |\n| --- | --- | --- | --- | --- | --- |"
    )
    whole = [(f"all revolutions: {row.name}", row) for row in judged.whole]
    for label, row in (*whole, *((row.name, row) for row in judged.rows)):
        verdict = "inside" if row.inside else "missed"
        print(
            f"| {label} | {row.real:.4g} | {row.low:.4g} to {row.high:.4g} "
            f"| {row.simulated:.4g} | {verdict} | {row.n} |"
        )


def main() -> None:
    """Run all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for name, pattern in PRESETS.items():
        scans = read_scans(given.folder / f"{name}.npz")
        judged = check(scans, HOLD, Key(given.seed) / "calibrate" / "lidar")
        report(name, judged)
        seen = room(pattern, judged.found, given.seed, len(scans.revolutions))
        flicker = 1 - seen.always.sum() / seen.ever.sum()
        noise = value_of("noise", figure("noise", seen)[0], seen.step_m)
        print(
            f"\nroom with {pattern}: median deviation {1000 * np.nanmedian(seen.sd_m()):.3g} mm, "
            f"noise {noise:.3g} mm, flicker {flicker:.3f}, return rate "
            f"{seen.returned.mean():.3f}, median range {np.nanmedian(seen.typical_range_m()):.2f} m"
        )


if __name__ == "__main__":
    main()
