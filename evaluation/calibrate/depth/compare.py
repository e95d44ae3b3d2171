"""Two sets of depth images side by side: how far their noise, steps and holes are apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp, wasserstein_distance

from evaluation.calibrate.depth.calibrate import DepthCalibration
from evaluation.calibrate.depth.holes import SIDES
from simgen.rng import Key

Array = NDArray[np.float64]
DRAWS = 200
CONFIDENCE = 0.95
WIDE_PX_M = 200.0  # f (1/Z1 - 1/Z2) from which a hole is wide enough to tell a baseline


@dataclass(frozen=True, eq=False)
class Measured:
    """One quantity of one set.

    Attributes:
        values: (n,).
        image: (n,) index of the image of each.
    """

    values: Array
    image: NDArray[np.intp]


@dataclass(frozen=True)
class Distance:
    """How far two distributions are apart.

    Attributes:
        name: What was measured.
        unit: Of medians and of the Wasserstein distance.
        first, second: Medians.
        wasserstein: Earth mover's distance, with its interval.
        ks: Largest difference of the distribution functions, with its interval.
        n: Values of each set.
    """

    name: str
    unit: str
    first: float
    second: float
    wasserstein: tuple[float, float, float]
    ks: tuple[float, float, float]
    n: tuple[int, int]


def quantities(found: DepthCalibration) -> dict[tuple[str, str], Measured]:
    """What is compared, by name and unit."""
    windows = found.windows
    values = {
        ("noise / Z^2", "mm/m2"): Measured(
            1000 * windows.noise_m / windows.depth_m**2, windows.image
        ),
        ("correlation of neighbours", ""): Measured(windows.alike, windows.image),
    }
    if found.holes is not None:
        m = len(found.holes.rate)
        values["hole rate", "%"] = Measured(100 * found.holes.rate, np.arange(m))
        edges = found.holes.edges
        across = found.focal_px * edges.step
        for side, name in enumerate(SIDES[:2]):
            rows = (edges.side == side) & (across > WIDE_PX_M)
            values[f"hole width / f (1/Z1 - 1/Z2), {name}", "mm"] = Measured(
                1000 * edges.width_px[rows] / across[rows], edges.image[rows]
            )
    return values


def compare(first: DepthCalibration, second: DepthCalibration, key: Key) -> tuple[Distance, ...]:
    """Distances, with percentile intervals over bootstrap draws of whole images of both sets."""
    ours, theirs = quantities(first), quantities(second)
    rows = []
    for name in ours:
        if name not in theirs:
            continue
        a, b = ours[name], theirs[name]
        if not (len(a.values) and len(b.values)):
            continue
        rng = (key / name[0]).generator()
        draws = np.array([_both(_drawn(a, rng), _drawn(b, rng)) for _ in range(DRAWS)])
        value = _both(a.values, b.values)
        low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
        rows.append(
            Distance(
                *name,
                float(np.median(a.values)),
                float(np.median(b.values)),
                (value[0], float(low[0]), float(high[0])),
                (value[1], float(low[1]), float(high[1])),
                (len(a.values), len(b.values)),
            )
        )
    return tuple(rows)


def _both(a: Array, b: Array) -> tuple[float, float]:
    return float(wasserstein_distance(a, b)), float(ks_2samp(a, b, method="asymp").statistic)


def _drawn(found: Measured, rng: np.random.Generator) -> Array:
    names = np.unique(found.image)
    chosen = rng.choice(names, len(names))
    return np.concatenate([found.values[found.image == name] for name in chosen])
