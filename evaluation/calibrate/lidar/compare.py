"""Two series of scans side by side: is what is simulated inside what the real one leaves open?

Each figure of the real series has an interval: percentiles over draws of blocks of neighbouring
directions. A simulated figure is inside it or misses. Figures by range go by the mean range of
a direction, those by intensity by its mean reading, each series by its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from evaluation.calibrate.lidar.fit import LidarCalibration, calibrate_lidar
from evaluation.calibrate.lidar.record import record
from evaluation.calibrate.lidar.repeats import NORMAL, Repeats, grouped_median, match
from evaluation.calibrate.lidar.replica import replica
from evaluation.calibrate.lidar.scans import Scans
from simgen.errors import CaptureError
from simgen.rng import Key
from simgen.sensors.lidar import LidarParams
from simgen.world import World

Array = NDArray[np.float64]
RANGES_M = 0.0, 0.7, 1.0, 2.0, 4.0, 6.0, 10.0, np.inf
READINGS = 0.0, 2.0, 5.0, 10.0, 20.0, 50.0, 90.0, np.inf
LEAST = 100  # directions of the real series in a bin
DRAWS = 400
CONFIDENCE = 0.95
FINE_M = 1e-5  # cell for ranges without a step


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        name: What it is.
        real: Value of the real series.
        low, high: Its interval.
        simulated: Value of the simulated series.
        n: Directions of the real series.
    """

    name: str
    real: float
    low: float
    high: float
    simulated: float
    n: int

    @property
    def inside(self) -> bool:
        """Whether the simulated figure is in the real one's interval."""
        return self.low <= self.simulated <= self.high


@dataclass(frozen=True, eq=False)
class Check:
    """A sensor calibrated on some revolutions and judged on others.

    Attributes:
        found: The calibration.
        real: Repeats that were held out.
        simulated: The same directions, simulated.
        rows: Figures on these.
        whole: The median deviation and the flicker over all revolutions, those of the fit too.
    """

    found: LidarCalibration
    real: Repeats
    simulated: Repeats
    rows: tuple[Row, ...]
    whole: tuple[Row, ...]


def check(
    scans: Scans, hold: int, key: Key, max_range_m: float = 100.0, reference: float = 0.1
) -> Check:
    """Calibrate on the first revolutions, meet the last ones by simulating a replica.

    Args:
        scans: All revolutions.
        hold: How many of the last are kept out of the fit and of the replica; two or more.
        key: Stream of the bootstraps and of the simulation.
        max_range_m: From the data sheet.
        reference: Reflectance that this is for.

    Raises:
        CaptureError: When fewer than two are left on either side.
    """
    count = len(scans.revolutions)
    if not 2 <= hold <= count - 2:
        raise CaptureError(
            "two revolutions or more must be held out, and two or more be left for the fit",
            f"{hold} of {count}",
            "record more, or hold out fewer",
            scans.name,
        )
    first, last = list(range(count - hold)), list(range(count - hold, count))
    train, rest = scans.part(first), scans.part(last)
    found = calibrate_lidar(train, key / "fit", max_range_m, reference)
    world = World(replica(train))
    # what the beam's width blurred is blurred in the replica already: it is met by thin beams
    thin = {"subrays": 1, "divergence_mrad": (0.0, 0.0)}
    params = LidarParams.model_validate(typical(found) | {"optics": thin})
    real, simulated = match(rest), match(record(world, rest, params, key / "held"))
    all_real, all_simulated = match(scans), match(record(world, scans, params, key / "all"))
    whole = [
        _row(name, kind, all_real, all_simulated, key / "whole")
        for name, kind in (("median of the deviation, mm", "deviation"), ("flicker", "flicker"))
    ]
    return Check(found, real, simulated, compare(real, simulated, key / "compare"), tuple(whole))


def typical(found: LidarCalibration) -> dict[str, object]:
    """The settings with each distribution at its mean."""
    return {name: _mean(value) for name, value in found.section().items()}


def compare(real: Repeats, simulated: Repeats, key: Key, draws: int = DRAWS) -> tuple[Row, ...]:
    """Noise, flicker and returns, over all and by range and reading; `draws` for intervals."""
    rows = [
        _row("noise, mm", "noise", real, simulated, key, draws),
        _row("flicker", "flicker", real, simulated, key, draws),
        _row("return rate", "rate", real, simulated, key, draws),
    ]
    for kind in ("noise", "flicker"):
        label = "noise, mm" if kind == "noise" else kind
        for low, high in pairwise(RANGES_M):
            name = f"{label}, {low:g} to {high:g} m"
            rows.append(_row(name, kind, real, simulated, key, draws, range_m=(low, high)))
        for low, high in pairwise(READINGS):
            name = f"{label}, intensity {low:g} to {high:g}"
            rows.append(_row(name, kind, real, simulated, key, draws, reading=(low, high)))
    return tuple(row for row in rows if row.n >= LEAST)


def figure(
    kind: str,
    repeats: Repeats,
    range_m: tuple[float, float] | None = None,
    reading: tuple[float, float] | None = None,
) -> tuple[Array, NDArray[np.intp]]:
    """The values (n,) that a figure is taken of, and the direction (flat) of each.

    "noise": absolute differences of two revolutions, mm. "deviation": standard deviations over
    the revolutions, mm. "flicker": whether a direction that returned did not always.
    "rate": share of its pulses that returned.
    """
    inside = np.ones(repeats.ever.shape, np.bool_)
    for limits, of_direction in (
        (range_m, repeats.typical_range_m), (reading, repeats.typical_intensity),
    ):  # fmt: skip
        if limits is not None:
            at = of_direction()
            inside &= (at >= limits[0]) & (at < limits[1])
    if kind == "noise":
        values, rows = repeats.pair_m()
        here = inside.ravel()[rows]
        return 1000 * values[here], rows[here]
    table = {
        "deviation": (repeats.always, 1000 * repeats.sd_m()),
        "flicker": (repeats.ever, (~repeats.always).astype(np.float64)),
        "rate": (np.ones_like(inside), repeats.returned.mean(axis=0)),
    }
    of, told = table[kind]
    rows = np.flatnonzero(of & inside)
    return told.ravel()[rows], rows


def value_of(kind: str, values: Array, step_m: float) -> float:
    """The figure: standard deviation of a sighting (robust), median, or mean."""
    if not len(values):
        return float("nan")
    if kind == "noise":
        return grouped_median(values, 1000 * (step_m or FINE_M)) / NORMAL / float(np.sqrt(2))
    return float(np.median(values)) if kind == "deviation" else float(values.mean())


def _row(
    name: str,
    kind: str,
    real: Repeats,
    simulated: Repeats,
    key: Key,
    draws: int = DRAWS,
    range_m: tuple[float, float] | None = None,
    reading: tuple[float, float] | None = None,
) -> Row:
    values, rows = figure(kind, real, range_m, reading)
    theirs, _ = figure(kind, simulated, range_m, reading)
    low, high = _interval(kind, values, real.block.ravel()[rows], real.step_m, key / name, draws)
    n = len(np.unique(rows))
    told = value_of(kind, theirs, simulated.step_m)
    return Row(name, value_of(kind, values, real.step_m), low, high, told, n)


def _interval(
    kind: str, values: Array, block: NDArray[np.intp], step_m: float, key: Key, draws: int
) -> tuple[float, float]:
    names, which = np.unique(block, return_inverse=True)
    if len(names) < 2:
        return float("nan"), float("nan")
    rows = np.argsort(which, kind="stable")
    parts = np.split(values[rows], np.cumsum(np.bincount(which))[:-1])
    rng = key.generator()
    drawn = [
        value_of(kind, np.concatenate([parts[k] for k in chosen]), step_m)
        for chosen in rng.integers(0, len(names), (draws, len(names)))
    ]
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def _mean(value: object) -> object:
    if isinstance(value, dict):
        if "normal" in value:
            return value["normal"]["mean"]
        return {name: _mean(each) for name, each in value.items()}
    return value
