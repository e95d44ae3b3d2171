"""What the LiDARs of the street and the room read, and what a scene takes to build.

    python benchmarks/places.py street --count 24
    python benchmarks/places.py room --count 24

Prints a row a draw and the mean over the draws with a 95 % bootstrap interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from simgen.config import load_config
from simgen.generate import RejectedError, Source
from simgen.rng import Key
from simgen.world import World

CONFIGS = Path(__file__).parents[1] / "configs"
SMALL = ("camera.width=16", "camera.height=8", "labels=[instance]")  # the LiDAR is what counts
COLUMNS = ("bodies", "triangles", "build_ms", "world_ms", "points", "answered", "median_m",
           "zero", "reading")  # fmt: skip


def built(source: Source, index: int) -> tuple[int, int, float, float]:
    """Bodies, triangles, and milliseconds of the scene and of its trees, of the first draw."""
    for attempt in range(20):
        key = source.recipe.sample_key(index) / attempt
        values = source.recipe.space().draw(key).values["scene"]
        params = source.family.Params.model_validate(
            {name: value for name, value in values.items() if name != "family"}
        )
        start = perf_counter()
        try:
            spec = source.family.build(params, key / "build")
        except RejectedError:
            continue
        middle = perf_counter()
        World(spec)
        end = perf_counter()
        faces = sum(len(body.asset.faces) for body in spec.bodies)
        return len(spec.bodies), faces, (middle - start) * 1e3, (end - middle) * 1e3
    raise SystemExit(f"no draw of sample {index} was accepted")


def main() -> None:
    """Print the table."""
    ask = argparse.ArgumentParser()
    ask.add_argument("family", choices=("street", "room"))
    ask.add_argument("--count", type=int, default=24)
    ask.add_argument("--seed", type=int, default=0)
    args = ask.parse_args()
    config = load_config(CONFIGS / f"{args.family}.yaml", [*SMALL, f"seed={args.seed}"])
    source = Source(config)
    built(source, args.count)  # warm-up: compiled loops, shared shapes
    rows = []
    print(" ".join(f"{name:>9}" for name in COLUMNS))
    for index in range(args.count):
        facts = built(source, index)
        streams = source(index).streams
        points, missing = streams["lidar"], streams["lidar_missing"]
        n = len(points)
        row = (
            *facts,
            n,
            n / (n + len(missing)),
            float(np.median(points["range_m"])),
            float((points["intensity"] == 0).mean()),
            float(points["intensity"].mean()),
        )
        rows.append(row)
        print(" ".join(f"{value:9.4g}" if value < 1e4 else f"{value:9.0f}" for value in row))
    table = np.array(rows)
    rng = (Key(args.seed) / "bootstrap").generator()
    means = table[rng.integers(len(table), size=(2000, len(table)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975], axis=0)
    for name, mean, a, b, least, most in zip(
        COLUMNS, table.mean(axis=0), low, high, table.min(axis=0), table.max(axis=0), strict=True
    ):
        print(f"{name}: {mean:.4g} [{a:.4g}, {b:.4g}], {least:.4g} to {most:.4g}")


if __name__ == "__main__":
    main()
