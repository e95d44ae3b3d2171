"""A bench for LiDARs: simple targets before simple scanners, for rows and tests.

The rig stands at the origin, so that the sensor's frame is the world's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.rng import Key
from simgen.sensors.lidar import Lidar, LidarParams, make
from simgen.sensors.lidar.pulses import Pulses, Scanner
from simgen.spec import Body, Environment, Laser, Material, Motion, SceneSpec, Vector
from simgen.world import World

Array = NDArray[np.float64]
HERE = Motion.rest((0, 0, 0), geometry.look_at((0, 0, 0), (1, 0, 0)))
PERFECT: dict[str, object] = {
    "optics": {"subrays": 1, "divergence_mrad": (0.0, 0.0)},
    "noise": {"threshold_snr": 1e3},
    "min_range_m": 0.0,
    "cutoff_m": 1000.0,
    "max_range_m": 1e5,
    "intensity": {"bits": 16},
}
"""Settings of a LiDAR without any fault: its noise is a billionth of a wall's echo."""


@dataclass(frozen=True, eq=False)
class Fixed:
    """A scanner whose sweeps are all the same pulses.

    Attributes:
        pulses: They.
        rings, columns: Of the range image.
        period_s: Of a sweep.
    """

    pulses: Pulses
    rings: int
    columns: int
    period_s: float = 0.1

    def sweep(self, number: int) -> Pulses:  # noqa: ARG002 - all are alike
        """The pulses."""
        return self.pulses


def fan(azimuth_rad: ArrayLike, elevation_rad: ArrayLike = 0.0, period_s: float = 0.1) -> Fixed:
    """A scanner with one column for each azimuth and one ring for each elevation.

    Columns are fired one after the other, evenly over the sweep; rings at once.
    """
    azimuth = np.atleast_1d(np.asarray(azimuth_rad, np.float64))
    elevation = np.atleast_1d(np.asarray(elevation_rad, np.float64))
    columns, rings = len(azimuth), len(elevation)
    column = np.repeat(np.arange(columns, dtype=np.int32), rings)
    ring = np.tile(np.arange(rings, dtype=np.uint16), columns)
    times = column.astype(np.float64) * (period_s / columns)
    pulses = Pulses(times, azimuth[column], elevation[ring], np.zeros((1, 3)), ring, column)
    return Fixed(pulses, rings, columns, period_s)


def ahead(count: int = 1) -> Fixed:
    """A scanner that sends so many pulses straight ahead in a sweep."""
    return fan(np.zeros(count))


def matt(reflectance: float = 1.0) -> Material:
    """A surface after Lambert."""
    return Material(specular=0.0, laser=Laser(reflectance=reflectance))


def shining(**laser: float) -> Material:
    """A surface that has only what is named of `Laser`."""
    return Material(specular=0.0, laser=Laser(**{"reflectance": 0.0, **laser}))


def plate(
    name: str,
    at_m: Vector,
    size_m: tuple[float, float] = (100.0, 100.0),
    material: Material | None = None,
    *,
    yaw_rad: float = 0.0,
    category: str | None = None,
) -> Body:
    """A plate a tenth of a millimetre thick that faces the sensor; its front is at `at_m`."""
    thickness = 1e-4
    turn = geometry.axis_angle((0, 0, 1), yaw_rad)
    behind = geometry.matrix(turn) @ np.array([thickness / 2, 0, 0])
    shape = primitives.box((thickness, *size_m))
    motion = Motion.rest(np.asarray(at_m) + behind, turn)
    return Body(name, shape, (material or matt(),), motion, category)


@dataclass(frozen=True)
class Bench:
    """Bodies before a LiDAR.

    Attributes:
        bodies: They.
        scanner: Its pulses.
        settings: What differs from `PERFECT`, as `LidarParams` takes it; sections merge.
        rig: Motion of the rig.
    """

    bodies: tuple[Body, ...]
    scanner: Scanner = field(default_factory=ahead)
    settings: Mapping[str, object] = field(default_factory=dict)
    rig: Motion = HERE

    def lidar(self, key: Key) -> Lidar:
        """The LiDAR before the bodies."""
        params = LidarParams.model_validate(merged(PERFECT, self.settings))
        names = sorted({body.category for body in self.bodies if body.category})
        spec = SceneSpec(self.bodies, (), Environment(), tuple(names), self.rig)
        state = make(params, self.scanner.rings, key / "device")
        return Lidar(params, self.scanner, state, World(spec), self.rig)

    def points(self, key: Key) -> NDArray[np.void]:
        """The points of one sweep."""
        return self.sweep(key)["lidar"]

    def sweep(self, key: Key) -> dict[str, NDArray[np.void]]:
        """All that one sweep writes."""
        return self.lidar(key).sweep(0, 0.0, key / "sweep")


def merged(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Settings laid on settings, section by section."""
    found = dict(base)
    for name, value in over.items():
        below = found.get(name)
        whole = isinstance(value, dict) and isinstance(below, dict)
        found[name] = {**below, **value} if whole else value  # type: ignore[dict-item]
    return found
