"""Road vehicles as a laser sees them: hull, glass, wheels, lamps and plates.

A hull is lofted from sections across the vehicle. Frame: x forward, y left, z up, the
origin on the ground below the middle. Lengths are shares of the vehicle's own; they are
read off side views of common models, to about 3 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgen.assets import primitives
from simgen.assets.assembly import Assembly, Model

Array = NDArray[np.float64]
Kind = Literal["hatchback", "sedan", "suv", "van", "truck"]
PARTS = ("paint", "glass", "under", "seat", "tyre", "lamp", "tail", "plate")


@dataclass(frozen=True)
class Profile:
    """The shape of a hull.

    Attributes:
        size_m: Usual length, width and height.
        stations: From rear to front: place along the length (-0.5 to 0.5), top as a share of
            the height, half width there as a share of half the width.
        spans: What lies between stations: "b" body, "s" a sloping screen with glass at its
            sides, "c" cabin with side windows, "p" cabin without.
        sill: Lower edge, as a share of the height.
        shoulder: Height of the widest line.
        belt: Lower edge of the windows.
        wheel_m: Radius of a wheel.
        axles: Places along the length.
    """

    size_m: tuple[float, float, float]
    stations: tuple[tuple[float, float, float], ...]
    spans: str
    sill: float
    shoulder: float
    belt: float
    wheel_m: float
    axles: tuple[float, ...]


PROFILES: dict[str, Profile] = {
    "hatchback": Profile(
        (4.1, 1.76, 1.48),
        (
            (-0.500, 0.56, 0.86), (-0.485, 0.66, 0.82), (-0.400, 0.94, 0.66),
            (-0.100, 1.00, 0.68), (0.040, 0.98, 0.66), (0.240, 0.68, 0.80),
            (0.440, 0.57, 0.78), (0.500, 0.40, 0.76),
        ),
        "bsccsbb", 0.13, 0.42, 0.63, 0.31, (-0.32, 0.31),
    ),
    "sedan": Profile(
        (4.65, 1.82, 1.45),
        (
            (-0.500, 0.52, 0.84), (-0.480, 0.68, 0.80), (-0.370, 0.70, 0.78),
            (-0.200, 0.96, 0.64), (-0.030, 1.00, 0.66), (0.060, 0.98, 0.64),
            (0.230, 0.67, 0.80), (0.450, 0.56, 0.78), (0.500, 0.40, 0.76),
        ),
        "bbsccsbb", 0.13, 0.42, 0.63, 0.32, (-0.30, 0.31),
    ),
    "suv": Profile(
        (4.5, 1.86, 1.68),
        (
            (-0.500, 0.52, 0.88), (-0.490, 0.64, 0.84), (-0.430, 0.95, 0.70),
            (-0.100, 1.00, 0.72), (0.060, 0.98, 0.70), (0.220, 0.69, 0.84),
            (0.450, 0.61, 0.82), (0.500, 0.42, 0.80),
        ),
        "bsccsbb", 0.15, 0.42, 0.62, 0.36, (-0.31, 0.31),
    ),
    "van": Profile(
        (5.3, 1.98, 2.15),
        (
            (-0.500, 0.90, 0.90), (-0.490, 0.97, 0.86), (-0.200, 1.00, 0.86),
            (0.100, 1.00, 0.86), (0.220, 0.97, 0.84), (0.390, 0.58, 0.88),
            (0.480, 0.48, 0.84), (0.500, 0.30, 0.82),
        ),
        "bppcsbb", 0.11, 0.35, 0.52, 0.34, (-0.31, 0.32),
    ),
    "truck": Profile(  # the cab; the box behind it is added to it
        (8.0, 2.45, 3.3),
        (
            (0.270, 0.80, 0.94), (0.280, 0.86, 0.92), (0.440, 0.85, 0.92),
            (0.490, 0.50, 0.95), (0.500, 0.20, 0.95),
        ),
        "bcsb", 0.12, 0.30, 0.46, 0.48, (-0.28, 0.34),
    ),
}  # fmt: skip
KINDS = tuple(PROFILES)
SIDES = ("paint", "paint", "glass", "paint", "glass", "paint", "paint", "under")
"""Strips round a section: from the left sill over the roof to the right one, and below."""


@lru_cache(maxsize=256)
def vehicle(kind: Kind, stretch: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Model:
    """A vehicle.

    Args:
        kind: Which.
        stretch: Factors on its usual length, width and height.

    Returns:
        About 400 triangles; parts are among `PARTS`.
    """
    profile = PROFILES[kind]
    length, width, height = np.array(profile.size_m) * stretch
    made = Assembly()
    _hull(made, profile, length, width, height)
    wheel = profile.wheel_m * stretch[2]
    _wheels(made, [a * length for a in profile.axles], width, wheel)
    if kind == "truck":
        base = 0.32 * height
        made.box((0.74 * length, width, height - base), (-0.13 * length, 0, (base + height) / 2),
                 "paint")  # fmt: skip
        made.box((0.9 * length, 0.45 * width, 0.08 * height), (-0.05 * length, 0, 0.24 * height),
                 "under")  # fmt: skip
    else:
        for at, deep in ((0.06, 0.1), (-0.17, 0.1)):
            top = (profile.belt + 0.12) * height
            low = profile.sill * height + 0.05
            size = (deep * length, 0.66 * width, top - low)
            made.box(size, (at * length, 0, (top + low) / 2), "seat")
    _lamps(made, profile, length, width, height)
    return made.model(kind)


def _hull(made: Assembly, profile: Profile, length: float, width: float, height: float) -> None:
    rings = np.array([_section(profile, s, length, width, height) for s in profile.stations])
    around = np.roll(rings, -1, axis=1)
    for k, span in enumerate(profile.spans):
        strip = np.stack([rings[k], around[k], around[k + 1], rings[k + 1]], axis=1)
        for corners, side in zip(strip, SIDES, strict=True):
            roof = side == "paint" and np.all(corners[:, 2] > profile.belt * height)
            if side == "glass" and span in "bp":
                side = "paint"  # noqa: PLW2901
            elif roof and span == "s":
                side = "glass"  # noqa: PLW2901
            made.quads(corners, side)
    # Ends are flat and convex.
    fan = np.array([[0, k, k + 1] for k in range(1, 7)])
    made.mesh(rings[0], fan[:, ::-1], "paint")
    made.mesh(rings[-1], fan, "paint")


def _section(
    profile: Profile,
    station: tuple[float, float, float],
    length: float,
    width: float,
    height: float,
) -> Array:
    """Eight points (8, 3): up the left side, over, and down the right."""
    at, top, narrow = station
    half = width / 2
    belt = min(profile.belt, top - 0.03)
    shoulder = min(profile.shoulder, belt - 0.03)
    sill = min(profile.sill, shoulder - 0.03)
    # Rounded in plan: the ends are narrower than the middle.
    round_off = 1.0 - 0.1 * max(0.0, (abs(at) - 0.4) / 0.1)
    left = np.array(
        [
            [0.92 * half * round_off, sill * height],
            [0.985 * half * round_off, shoulder * height],
            [0.95 * half * round_off, belt * height],
            [narrow * half * round_off, top * height],
        ]
    )
    ring = np.concatenate([left, left[::-1] * [-1, 1]])
    return np.column_stack([np.full(8, at * length), ring])


def _wheels(made: Assembly, axles: list[float], width: float, radius: float) -> None:
    wide = 0.22
    lying = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    shape = primitives.cylinder(radius, wide, 16)
    for x in axles:
        for side in (-1, 1):
            made.shape(shape, "tyre", (x, side * (width / 2 - wide / 2), radius), lying)


def _lamps(made: Assembly, profile: Profile, length: float, width: float, height: float) -> None:
    front = profile.stations[-1][1] * height
    base = profile.sill * height
    for side in (-1, 1):
        _patch(made, 0.5 * length, (side * 0.33 * width, 0.75 * front + 0.25 * base),
               (0.16 * width, 0.35 * (front - base)), "lamp", 1)  # fmt: skip
    _patch(made, 0.5 * length, (0.0, 0.4 * front + 0.6 * base), (0.52, 0.11), "plate", 1)
    if profile is PROFILES["truck"]:
        rear, top, low = -0.5 * length, 0.45 * height, 0.32 * height
    else:
        rear, top, low = profile.stations[0][0] * length, profile.stations[0][1] * height, base
    for side in (-1, 1):
        spot = (side * 0.36 * width, 0.8 * top + 0.2 * low)
        _patch(made, rear, spot, (0.12 * width, 0.25 * (top - low)), "tail", -1)
    _patch(made, rear, (0.0, 0.5 * (top + low)), (0.52, 0.11), "plate", -1)


def _patch(
    made: Assembly,
    x: float,
    centre: tuple[float, float],
    size: tuple[float, float],
    part: str,
    way: int,
) -> None:
    """A rectangle 8 mm before the front or behind the rear."""
    (y, z), (w, h) = centre, (size[0] / 2, size[1] / 2)
    at = x + way * 0.008
    corners = [[at, y - way * a * w, z + b * h] for a, b in ((1, -1), (-1, -1), (-1, 1), (1, 1))]
    made.quads([corners], part)
