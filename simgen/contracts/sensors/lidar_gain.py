"""What a LiDAR's receiver does that rooms show: light of near spots, and gain that follows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simgen.contracts.lidar_bench import Bench, fan, matt, plate
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.spec import Body

NEAR_M = 4.0
FANG = "Fang et al., IEEE TGRS 53(2), 2015"


def rows(key: Key) -> Iterator[Row]:
    """Both effects."""
    yield _near(key / "near")
    yield _gain(key / "gain")


def _near(key: Key) -> Row:
    """Amplitude of one wall at 1 and at 3 m: a ratio of 9, less what the near spot loses."""

    def ratio(near_m: float) -> float:
        snr = [
            float(
                Bench((plate("wall", (far, 0, 0)),), settings={"noise": {"near_m": near_m}})
                .points(key / str(far))["snr"]
                .mean()
            )
            for far in (1.0, 3.0)
        ]
        return snr[0] / snr[1]

    share = np.expm1(-((1 / NEAR_M) ** 2)) / np.expm1(-((3 / NEAR_M) ** 2))
    return Row(
        "lidar: light of near spots",
        "9 (1 - e^(-(1/n)^2)) / (1 - e^(-(3/n)^2))",
        9 * float(share),
        ratio(NEAR_M),
        0.01,  # the noise of the amplitudes, at ratios above a thousand
        "",
        ratio(0.0),
        FANG,
    )


def _gain(key: Key) -> Row:
    """A dark and a bright half that take turns: half of the bright ones are lost.

    The bright one reads as many times the dark one as half of the directions survive, and no
    fall is large enough to be lost. Pulses go to many directions, since one and the same
    direction always has the same fate.
    """
    pairs, turn, half = 400, 0.2, 0.15
    across = np.linspace(-half, half, pairs)
    azimuth = np.stack([across - turn, across + turn], axis=1).ravel()
    elevation = np.linspace(-0.05, 0.05, 10)
    settings: dict[str, object] = {
        "noise": {"gain_steps": (40.5 / 10.5, 1e6), "gain_spreads": (0.3, 0.3)}
    }
    # surfaces all round the sensor, so that readings are 10 and 40 everywhere
    right, left = _arc("dark", -turn, half, 0.1), _arc("bright", turn, half, 0.4)

    def lost(settings: dict[str, object]) -> float:
        seen = Bench((*right, *left), fan(azimuth, elevation), settings).points(key)
        return 1 - float((seen["column"] % 2 == 1).sum()) / (pairs * len(elevation))

    # four deviations of the count of cells of 0.2 degrees, of which each has one fate
    cells = 2 * half / np.radians(0.2) * len(elevation)
    return Row(
        "lidar: gain that follows the last echo",
        "half of those lost that rise by the factor",
        0.5,
        lost(settings),
        4 * 0.5 / float(np.sqrt(cells)),
        "",
        lost({}),
    )


def _arc(name: str, middle: float, half: float, reflectance: float) -> tuple[Body, ...]:
    """Narrow plates that face the sensor, 5 m from it."""
    angles = np.linspace(middle - half - 0.02, middle + half + 0.02, 60)
    return tuple(
        plate(
            f"{name} {k}", (5 * np.cos(a), 5 * np.sin(a), 0), (0.06, 4.0), matt(reflectance),
            yaw_rad=float(a),
        )
        for k, a in enumerate(angles)
    )  # fmt: skip
