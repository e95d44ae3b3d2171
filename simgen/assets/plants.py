"""Trees, bushes and hedges: crowns are many small leaves, so that light passes in part.

The share of a beam that passes a crown is about exp(-G a s): `a` the leaf area in a cubic
metre, `s` the way through it, G = 0.5 for leaves that face every way alike (Ross 1981).
Broad-leaved street trees in leaf have a of 0.5 to 2 m^2/m^3.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgen.assets import primitives
from simgen.assets.assembly import Assembly, Model
from simgen.errors import AssetError
from simgen.geometry import unit
from simgen.rng import Key

Array = NDArray[np.float64]
Habit = Literal["round", "conifer"]
PARTS = ("bark", "leaf")
MOST_LEAVES = 3000


def leaf_quads(points_m: Array, size_m: float, rng: np.random.Generator) -> Array:
    """Squares (n, 4, 3) of edge `size_m` about points (n, 3), facing every way alike."""
    n = len(points_m)
    normal = unit(rng.standard_normal((n, 3)))
    side = unit(np.cross(normal, unit(rng.standard_normal((n, 3)))))
    other = np.cross(normal, side)
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (size_m / 2)
    across = signs[:, 0, None] * side[:, None] + signs[:, 1, None] * other[:, None]
    corners: Array = points_m[:, None] + across
    return corners


def tree(
    habit: Habit,
    height_m: float,
    crown_m: float,
    clear_m: float,
    leaf_density_m: float,
    leaf_m: float,
    key: Key,
) -> Model:
    """A tree on the ground at the origin.

    Args:
        habit: Shape of the crown: an ellipsoid or a cone.
        height_m: From the ground to the top.
        crown_m: Diameter of the crown.
        clear_m: Height of the crown's lower edge.
        leaf_density_m: One-sided leaf area in a volume, m^2/m^3.
        leaf_m: Edge of a leaf, or of a tuft that stands for several.
        key: Where leaves and branches are.

    Returns:
        Parts are `PARTS`.

    Raises:
        AssetError: For more leaves than `MOST_LEAVES`.
    """
    rng = key.generator()
    # Leaves reach half their diagonal beyond their middle.
    reach_m = leaf_m * 0.71
    base = clear_m + reach_m
    deep, radius = height_m - reach_m - base, crown_m / 2 - reach_m
    if deep <= 0 or radius <= 0:
        raise AssetError(
            "a crown must be wider and deeper than its leaves",
            f"{crown_m:g} x {height_m - clear_m:g} m, leaves of {leaf_m:g} m",
            "make the crown larger or the leaves smaller",
        )
    volume = np.pi * radius**2 * deep * (2 / 3 if habit != "conifer" else 1 / 3)
    count = round(leaf_density_m * volume / leaf_m**2)
    if count > MOST_LEAVES:
        raise AssetError(
            f"a tree must have at most {MOST_LEAVES} leaves",
            count,
            "make the leaves larger, the crown smaller or the density lower",
        )
    made = Assembly()
    thick = 0.018 * height_m + 0.03
    trunk = primitives.cylinder(thick, base + 0.4 * deep, 8)
    made.shape(trunk, "bark", (0, 0, (base + 0.4 * deep) / 2))
    for k in range(5):
        turn = 2 * np.pi * (k / 5 + 0.1 * rng.random())
        start = np.array([0, 0, base + 0.06 * k * deep])
        out = np.array([np.cos(turn), np.sin(turn), 0.9]) * 0.45 * min(radius, deep)
        made.beam(start, start + out, thick * 0.6, "bark")
    if habit == "conifer":
        share = 1 - rng.random(count) ** (1 / 3)  # a cone: most of its volume is low down
        around = 2 * np.pi * rng.random(count)
        out = np.sqrt(rng.random(count)) * radius * (1 - share)
        points = np.column_stack([out * np.cos(around), out * np.sin(around), base + share * deep])
    else:
        ball = unit(rng.standard_normal((count, 3))) * rng.random((count, 1)) ** (1 / 3)
        points = ball * [radius, radius, deep / 2] + [0, 0, base + deep / 2]
    made.quads(leaf_quads(points, leaf_m, rng), "leaf")
    return made.model(f"{habit} tree")


def bush(
    size_m: tuple[float, float, float], leaf_density_m: float, leaf_m: float, key: Key
) -> Model:
    """A bush on the ground: leaves in the upper half of an ellipsoid."""
    rng = key.generator()
    x, y, z = size_m
    count = max(8, round(leaf_density_m * (np.pi / 6 * x * y * z) / leaf_m**2))
    if count > MOST_LEAVES:
        raise AssetError(
            f"a bush must have at most {MOST_LEAVES} leaves", count, "make the leaves larger"
        )
    ball = unit(rng.standard_normal((count, 3))) * rng.random((count, 1)) ** (1 / 3)
    ball[:, 2] = np.abs(ball[:, 2])
    # Leaves reach half their diagonal beyond their middle.
    reach = np.maximum(np.array([x / 2, y / 2, z]) - leaf_m * 0.75, 0.05)
    points = ball * reach
    quads = leaf_quads(points, leaf_m, rng)
    quads[..., 2] = np.maximum(quads[..., 2], 0.01)
    return Assembly().quads(quads, "leaf").model("bush")


def hedge(
    into: Assembly,
    start_m: Array,
    end_m: Array,
    width_m: float,
    height_m: float,
    key: Key,
    *,
    part: str = "leaf",
    leaf_m: float = 0.25,
    leaves_per_m2: float = 8.0,
) -> None:
    """Add a hedge between two points on the ground: a dense core in a coat of leaves.

    Args:
        into: The shape.
        start_m: (3,) one end.
        end_m: (3,) the other, at the same height.
        width_m: Across.
        height_m: Above the ground.
        key: Where leaves are.
        part: What core and leaves are.
        leaf_m: Edge of a leaf.
        leaves_per_m2: On the core's surface.
    """
    rng = key.generator()
    along = float(np.linalg.norm(end_m - start_m))
    forward = (end_m - start_m) / along
    turn = np.stack([forward, np.cross([0, 0, 1.0], forward), [0, 0, 1.0]], axis=1)
    core = np.array([along, width_m * 0.6, height_m * 0.92])
    into.box(core, (start_m + end_m) / 2 + [0, 0, core[2] / 2], part, turn)
    areas = np.array([core[0] * core[2], core[0] * core[2], core[0] * core[1]])
    count = round(leaves_per_m2 * areas.sum())
    face = rng.choice(3, count, p=areas / areas.sum())
    local = (rng.random((count, 3)) - [0.5, 0.5, 0]) * core
    side = core[1] / 2
    local[:, 1] = np.where(face == 0, -side, np.where(face == 1, side, local[:, 1]))
    local[:, 2] = np.where(face == 2, core[2], np.maximum(local[:, 2], leaf_m * 0.7))
    into.quads(leaf_quads(local @ turn.T + (start_m + end_m) / 2, leaf_m, rng), part)
