"""Anti-aliasing for colour alone: more rays where neighbouring pixels differ.

Source: T. Whitted, "An improved illumination model for shaded display", 1980.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simgen.rays import Hits, Rays
from simgen.render import Renderer
from simgen.rng import Key
from simgen.world import World

CONTRAST = 0.06  # of the brighter neighbour
PLASTIC = 0.7548776662466927, 0.5698402909980532  # R2 sequence: Roberts 2018


def supersample(
    renderer: Renderer,
    world: World,
    rays: Rays,
    hits: Hits,
    rays_of: Callable[[NDArray[np.float64]], Rays],
    shape: tuple[int, int],
    samples: int,
    key: Key,
) -> NDArray[np.float32]:
    """Radiance of a frame, several rays a pixel where one is not enough.

    Args:
        renderer: What answers rays.
        world: What is there.
        rays: One ray through each pixel centre, row by row.
        hits: What they hit.
        rays_of: Rays of any pixel coordinates (n, 2).
        shape: Height and width.
        samples: Rays in a pixel that differs from a neighbour in body, part or, by more
            than `CONTRAST`, brightness; 1 leaves all pixels with their centre ray.
        key: Stream for patterns of samples; the same for all rays of the frame.

    Returns:
        (H, W, 3) mean radiance over each pixel's samples.
    """
    light = renderer.radiance(world, rays, hits, key)
    if samples > 1:
        light = np.array(light)  # it is written to, so it must be our own
        chosen = np.flatnonzero(edges(world, hits, light, shape))
        if len(chosen):
            y, x = np.divmod(chosen, shape[1])
            offset = (np.outer(np.arange(1, samples + 1), PLASTIC) + 0.5) % 1 - 0.5
            offset -= offset.mean(axis=0)
            pixels = np.column_stack([x, y])[:, None] + offset[None]
            fine = rays_of(pixels.reshape(-1, 2))
            many = renderer.radiance(world, fine, world.cast(fine), key)
            light[chosen] = many.reshape(len(chosen), samples, 3).mean(axis=1)
    return light.reshape(*shape, 3)


def edges(
    world: World, hits: Hits, light: NDArray[np.float32], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Pixels (n,) that differ from one of their four neighbours."""
    part = np.zeros(len(hits.body), np.int64)
    for index in np.unique(hits.body[hits.body >= 0]):
        rows = hits.body == index
        part[rows] = world.spec.bodies[index].asset.part[hits.face[rows]]
    what = (hits.body.astype(np.int64) << 16 | part).reshape(shape)
    grey = light.mean(axis=1).reshape(shape)
    flagged = np.zeros(shape, dtype=bool)
    for axis in (0, 1):
        first = tuple(slice(0, -1) if a == axis else slice(None) for a in (0, 1))
        second = tuple(slice(1, None) if a == axis else slice(None) for a in (0, 1))
        differs = what[first] != what[second]
        brighter = np.maximum(grey[first], grey[second])
        differs |= np.abs(grey[first] - grey[second]) > CONTRAST * brighter
        flagged[first] |= differs
        flagged[second] |= differs
    return flagged.ravel()
