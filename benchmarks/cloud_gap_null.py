"""How often the gap between clouds finds a difference where there is none.

Both sides are rooms of one process, in closed form (`tests/evaluation/clouds/rooms.py`).
Prints the share of p-values up to 0.05 and the share of 95 % intervals that hold 0.

    python benchmarks/cloud_gap_null.py --runs 150
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import numpy as np

from evaluation.clouds.compare import compare
from evaluation.clouds.measures import measure
from simgen.rng import Key

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "evaluation" / "clouds"))
from rooms import rooms

CASES = ((20, 1, 0.05), (8, 1, 0.05), (4, 2, 0.05), (1, 3, 0.0))
"""Places a side, scans a place, spread of the rooms' sizes."""


def main() -> None:
    """Run all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=150)
    runs = parser.parse_args().runs
    for places, scans, spread in CASES:
        p: dict[str, list[float]] = {}
        held: dict[str, list[bool]] = {}
        level = ""
        for run in range(runs):
            sides = [
                measure(
                    rooms(1000 * side + run, places, scans=scans, rings=4, columns=96,
                          size_sd=spread)
                )
                for side in (1, 2)
            ]  # fmt: skip
            both = [dataclasses.replace(each, rings={}) for each in sides]
            found = compare(both[0], both[1], key=Key(run))
            level = found.level
            for spread_of in found.spreads:
                name = f"{spread_of.name}, Wasserstein"
                p.setdefault(name, []).append(spread_of.distances["w1"].p_value or 1.0)
            for one in found.figures:
                p.setdefault(one.name, []).append(one.difference.p_value or 1.0)
                zero = one.difference.low <= 0 <= one.difference.high
                held.setdefault(one.name, []).append(zero)
        print(f"{places} places, {scans} scans each, {level}s exchanged, {runs} runs")
        for name, values in p.items():
            inside = f"{np.mean(held[name]):.3f}" if name in held else "-"
            print(f"  {name:32} p<=.05 {np.mean(np.array(values) <= 0.05):.3f}  holds 0 {inside}")


if __name__ == "__main__":
    main()
