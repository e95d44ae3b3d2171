"""What stands about: street furniture and office furniture. z up, the origin on the ground."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np

from simgen.assets import primitives
from simgen.assets.assembly import Assembly, Model, about_z

Plate = Literal["disc", "triangle", "square", "octagon", "diamond"]
CORNERS = {"disc": 16, "triangle": 3, "square": 4, "octagon": 8, "diamond": 4}


@lru_cache(maxsize=256)
def sign(plate: Plate, size_m: float, height_m: float) -> Model:
    """A traffic sign that faces +x: parts "face" (its front), "back" and "post".

    Args:
        plate: Shape; a triangle stands on its side.
        size_m: Diameter of the circle round it.
        height_m: Of the plate's middle.
    """
    made = Assembly()
    made.shape(primitives.cylinder(0.03, height_m, 8), "post", (0, 0, height_m / 2))
    n = CORNERS[plate]
    first = {"square": np.pi / 4, "octagon": np.pi / 8}.get(plate, np.pi / 2)
    turn = first + 2 * np.pi * np.arange(n) / n
    ring = np.column_stack([np.cos(turn), np.sin(turn)]) * (size_m / 2)
    fan = np.array([[0, k, k + 1] for k in range(1, n - 1)])
    for x, faces, part in ((0.042, fan, "face"), (0.036, fan[:, ::-1], "back")):
        made.mesh(np.column_stack([np.full(n, x), ring[:, 0], ring[:, 1] + height_m]), faces, part)
    return made.model(f"{plate} sign")


@lru_cache(maxsize=256)
def lamp_post(height_m: float, arm_m: float, radius_m: float) -> Model:
    """A street lamp whose arm reaches along +x: parts "post" and "head"; no arm for 0."""
    made = Assembly()
    made.shape(primitives.cylinder(radius_m, height_m, 10), "post", (0, 0, height_m / 2))
    if arm_m > 0:
        made.beam((0, 0, height_m - 0.05), (arm_m, 0, height_m + 0.05), radius_m, "post")
        made.box((0.6, 0.25, 0.12), (arm_m + 0.3, 0, height_m + 0.05), "head")
    return made.model("lamp")


@lru_cache(maxsize=64)
def desk(size_m: tuple[float, float, float]) -> Model:
    """A desk on four legs with a panel at its back (+y): parts "top", "leg" and "panel"."""
    x, y, z = size_m
    made = Assembly()
    made.box((x, y, 0.03), (0, 0, z - 0.015), "top")
    for a in (-1, 1):
        for b in (-1, 1):
            foot = (a * (x / 2 - 0.05), b * (y / 2 - 0.05), (z - 0.03) / 2)
            made.box((0.05, 0.05, z - 0.03), foot, "leg")
    made.box((x - 0.2, 0.02, 0.35), (0, y / 2 - 0.1, z - 0.22), "panel")
    return made.model("desk")


@lru_cache(maxsize=64)
def chair(seat_m: float, height_m: float) -> Model:
    """An office chair that faces +y: parts "cushion" and "leg"."""
    made = Assembly()
    made.box((0.46, 0.44, 0.07), (0, 0, seat_m), "cushion")
    made.box((0.42, 0.06, height_m - seat_m - 0.12), (0, -0.24, (height_m + seat_m + 0.12) / 2),
             "cushion")  # fmt: skip
    made.beam((0, -0.24, seat_m), (0, -0.24, seat_m + 0.2), 0.05, "leg")
    made.shape(
        primitives.cylinder(0.03, seat_m - 0.09, 8), "leg", (0, 0, (seat_m - 0.09) / 2 + 0.06)
    )
    for k in range(5):
        angle = 2 * np.pi * k / 5 + np.pi / 2
        foot = np.array([0.28 * np.cos(angle), 0.28 * np.sin(angle), 0.06])
        made.beam((0, 0, 0.09), foot, 0.04, "leg")
        made.shape(primitives.sphere(0.03, 6), "leg", foot * [1, 1, 0.5])
    return made.model("chair")


@lru_cache(maxsize=64)
def monitor(width_m: float, height_m: float, rise_m: float) -> Model:
    """A monitor that faces -y on its foot: parts "screen" and "case"."""
    made = Assembly()
    middle = rise_m + height_m / 2
    made.box((width_m, 0.04, height_m), (0, 0.02, middle), "case")
    w, h = width_m / 2 - 0.01, height_m / 2 - 0.01
    corners = [(-w, middle - h), (w, middle - h), (w, middle + h), (-w, middle + h)]
    made.quads([[(x, -0.002, z) for x, z in corners]], "screen")
    made.box((0.06, 0.04, middle), (0, 0.06, middle / 2), "case")
    made.box((0.24, 0.18, 0.015), (0, 0.04, 0.0075), "case")
    return made.model("monitor")


@lru_cache(maxsize=64)
def shelf(size_m: tuple[float, float, float], boards: int, seed: int) -> Model:
    """Open shelves that face -y, with books: parts "board" and "book".

    Args:
        size_m: Lengths along x, y and z.
        boards: Shelves, with the lowest and without the top.
        seed: Of the rows of books.
    """
    x, y, z = size_m
    rng = np.random.Generator(np.random.PCG64(seed))
    made = Assembly()
    for side in (-1, 1):
        made.box((0.025, y, z), (side * (x / 2 - 0.0125), 0, z / 2), "board")
    made.box((x - 0.05, 0.01, z - 0.02), (0, y / 2 - 0.005, z / 2), "board")
    levels = np.linspace(0.05, z - 0.0125, boards + 1)
    for level in levels:
        made.box((x - 0.05, y - 0.01, 0.025), (0, -0.005, level), "board")
    for low, high in pairwise(levels):
        at, end = -x / 2 + 0.04, x / 2 - 0.06
        while True:
            wide, gap = rng.uniform(0.08, 0.3), rng.uniform(0.0, 0.25)
            if at + wide > end:
                break
            tall = rng.uniform(0.55, 0.9) * (high - low - 0.03)
            deep = rng.uniform(0.5, 0.85) * y
            made.box((wide, deep, tall), (at + wide / 2, y / 2 - 0.02 - deep / 2,
                     low + 0.0125 + tall / 2), "book")  # fmt: skip
            at += wide + gap
    return made.model("shelf")


@lru_cache(maxsize=64)
def cabinet(size_m: tuple[float, float, float], doors: int) -> Model:
    """A cabinet that faces -y: parts "side", "door" and "handle"."""
    x, y, z = size_m
    made = Assembly()
    made.box((x, y - 0.02, z), (0, 0.01, z / 2), "side")
    wide = x / doors
    for k in range(doors):
        at = -x / 2 + (k + 0.5) * wide
        made.box((wide - 0.01, 0.018, z - 0.08), (at, -y / 2 + 0.011, z / 2 + 0.03), "door")
        made.box((0.015, 0.03, 0.15), (at + wide * 0.38, -y / 2 - 0.012, z * 0.55), "handle")
    return made.model("cabinet")


def pillar(width_m: float, height_m: float, *, round_: bool) -> Model:
    """A pillar: one part, "pillar"."""
    made = Assembly()
    if round_:
        made.shape(primitives.cylinder(width_m / 2, height_m, 24), "pillar", (0, 0, height_m / 2))
    else:
        made.box((width_m, width_m, height_m), (0, 0, height_m / 2), "pillar", about_z(0.0))
    return made.model("pillar")
