"""How near the surfaces of two bodies come: an oracle that knows nothing of the scenes' plans.

Surfaces that cross have points in common, so points strewn over both, closely and evenly,
have near neighbours in each other; those of bodies that keep apart have none.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.spatial import cKDTree

from simgen.spec import Body

SPACING_M = 0.06


def strewn(corners: np.ndarray) -> np.ndarray:
    """Points (n, 3) on triangles (f, 3, 3), no farther apart than `SPACING_M`."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    steps = np.ceil(longest / SPACING_M).astype(int)
    found = []
    for n in np.unique(steps):
        i, j = (a.ravel() for a in np.meshgrid(np.arange(n + 1), np.arange(n + 1)))
        i, j = i[i + j <= n] / n, j[i + j <= n] / n
        a, b, c = np.moveaxis(corners[steps == n], 1, 0)
        rows = a[:, None] + i[:, None] * (b - a)[:, None] + j[:, None] * (c - a)[:, None]
        found.append(rows.reshape(-1, 3))
    return np.concatenate(found)


def meetings(bodies: Iterable[Body], time_s: float, apart_m: float) -> list[tuple[str, str, float]]:
    """Pairs whose surfaces are nearer than `apart_m`, and how near, to `SPACING_M`."""
    placed = []
    for body in bodies:
        position, turn = body.motion.pose(time_s)
        points = body.asset.vertices_m @ turn.T + position
        corners = points[body.asset.faces]
        placed.append((body.name, corners.min(axis=1), corners.max(axis=1), corners))
    found = []
    for i, (one, *first) in enumerate(placed):
        for two, *second in placed[i + 1 :]:
            low = np.maximum(first[0].min(axis=0), second[0].min(axis=0)) - apart_m
            high = np.minimum(first[1].max(axis=0), second[1].max(axis=0)) + apart_m
            if (low > high).any():
                continue
            near = [c[((a <= high) & (b >= low)).all(axis=1)] for a, b, c in (first, second)]
            if not len(near[0]) or not len(near[1]):
                continue
            clouds = [strewn(corners) for corners in near]
            kept = [p[((p >= low) & (p <= high)).all(axis=1)] for p in clouds]
            if not len(kept[0]) or not len(kept[1]):
                continue
            apart = float(cKDTree(kept[0]).query(kept[1])[0].min())
            if apart < apart_m:
                found.append((one, two, apart))
    return found
