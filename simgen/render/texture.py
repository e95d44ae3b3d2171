"""Albedo at surface points: pictures and solid noise over a material's colour."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.colour import srgb_to_linear
from simgen.spec import ImageTexture, Material, NoiseTexture, SceneSpec, Spots
from simgen.world import Surface

Points = NDArray[np.float64]


_LINEAR = srgb_to_linear(np.arange(256) / 255).astype(np.float32)


class _Pixels:
    """A picture with identity, so that its linear twin is computed once."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels = pixels

    def __hash__(self) -> int:
        return id(self.pixels)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Pixels) and other.pixels is self.pixels


@lru_cache(maxsize=64)
def _linear(pixels: _Pixels) -> NDArray[np.float32]:
    return _LINEAR[pixels.pixels]


def albedo(material: Material, local_m: Points, uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Diffuse reflectance at surface points.

    Args:
        material: What the surface is made of.
        local_m: (k, 3) points in the body's frame.
        uv: (k, 2) texture coordinates.

    Returns:
        (k, 3) linear RGB.
    """
    base = np.tile(np.asarray(material.albedo, np.float32), (len(local_m), 1))
    texture = material.texture
    if isinstance(texture, ImageTexture):
        at = uv if texture.mapping == "uv" else local_m[:, :2] / texture.size_m
        base *= _bilinear(_linear(_Pixels(texture.pixels)), np.asarray(at, np.float32))
    elif isinstance(texture, NoiseTexture):
        weight = noise_weight(texture, local_m)[:, None]
        base += (np.asarray(texture.colour, np.float32) - base) * weight
    if material.spots is not None:
        inside = in_spot(material.spots, local_m)[0] >= 0
        base[inside] = np.asarray(material.spots.colour, np.float32)
    return base


def surface_albedo(
    spec: SceneSpec, surface: Surface, body: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Diffuse reflectance (k, 3) at hit points of the bodies (k,)."""
    colour = np.empty((len(body), 3), np.float32)
    for rows, material in by_material(spec, surface, body):
        colour[rows] = albedo(material, surface.local_m[rows], surface.uv[rows])
    return colour


def by_material(
    spec: SceneSpec, surface: Surface, body: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.intp], Material]]:
    """Hit points of each material: their rows, and the material."""
    tag = body.astype(np.int64) << 16 | surface.part
    order = np.argsort(tag, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(tag[order])) + 1):
        yield rows, spec.bodies[body[rows[0]]].materials[surface.part[rows[0]]]


def in_spot(spots: Spots, local_m: Points) -> tuple[NDArray[np.int64], Points]:
    """Which spot each point (k, 3) lies in, -1 for none, and its offset (k, 3) in radii."""
    offset = local_m[:, None, :] - spots.centres_m[None]
    square = np.einsum("kij,kij->ki", offset, offset)
    spot = square.argmin(axis=1)
    rows = np.arange(len(local_m))
    inside = square[rows, spot] < spots.radius_m**2
    return np.where(inside, spot, -1), offset[rows, spot] / spots.radius_m


def _bilinear(pixels: NDArray[np.float32], uv: NDArray[np.float32]) -> NDArray[np.float32]:
    """Wrap-around bilinear look-up; u runs right, v runs up."""
    height, width = pixels.shape[:2]
    x, y = uv[:, 0] * width - 0.5, (1 - uv[:, 1]) * height - 0.5
    x0, y0 = np.floor(x), np.floor(y)
    wx, wy = (x - x0)[:, None], (y - y0)[:, None]
    x0, y0 = x0.astype(np.int64) % width, y0.astype(np.int64) % height
    x1, y1 = (x0 + 1) % width, (y0 + 1) % height
    top = pixels[y0, x0] * (1 - wx) + pixels[y0, x1] * wx
    low = pixels[y1, x0] * (1 - wx) + pixels[y1, x1] * wx
    blended: NDArray[np.float32] = top * (1 - wy) + low * wy
    return blended


def noise_weight(texture: NoiseTexture, local_m: Points) -> NDArray[np.float32]:
    """Share (k,) of the second colour at points (k, 3), 0 to 1."""
    total, weight = np.zeros(len(local_m)), 0.0
    for octave in range(texture.octaves):
        share = 0.5**octave
        cells = local_m / (texture.scale_m * share)
        total += share * _value_noise(cells, texture.seed + octave)
        weight += share
    # Value noise has mean 1/2; the quantile of a uniform stands in for its distribution.
    edge = 1 - texture.coverage
    return np.clip((total / weight - edge) / texture.softness + 0.5, 0, 1).astype(np.float32)


def _value_noise(cells: Points, seed: int) -> Points:
    """Smooth noise in [0, 1] from hashed lattice values, trilinear with a smooth step."""
    corner = np.floor(cells)
    t = cells - corner
    t = t * t * (3 - 2 * t)
    lattice = corner.astype(np.int64)
    value = np.zeros(len(cells))
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                w = (
                    (t[:, 0] if dx else 1 - t[:, 0])
                    * (t[:, 1] if dy else 1 - t[:, 1])
                    * (t[:, 2] if dz else 1 - t[:, 2])
                )
                value += w * _hash(lattice + np.array([dx, dy, dz]), seed)
    return value


def _hash(lattice: NDArray[np.int64], seed: int) -> Points:
    """Lattice points to [0, 1): SplitMix64's finaliser over mixed coordinates."""
    with np.errstate(over="ignore"):
        h = lattice.astype(np.uint64) @ np.array(
            [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64
        )
        h = h + np.uint64(seed) * np.uint64(0xD6E8FEB86659FD93)
        h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        h = h ^ (h >> np.uint64(31))
    return (h >> np.uint64(11)).astype(np.float64) * 2.0**-53
