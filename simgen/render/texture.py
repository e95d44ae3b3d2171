"""Albedo at surface points: pictures and solid noise over a material's colour."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.colour import srgb_to_linear
from simgen.culling import rows_of_bodies
from simgen.rays import Hits, Rays
from simgen.spec import Environment, ImageTexture, Material, NoiseTexture, SceneSpec, Spots
from simgen.world import Surface

Points = NDArray[np.float64]
FOLD = 4096


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
    for _, rows, material in by_material(spec, surface, body):
        colour[rows] = albedo(material, surface.local_m[rows], surface.uv[rows])
    return colour


def background(environment: Environment, rays: Rays, hits: Hits) -> NDArray[np.float32]:
    """Radiance (n, 3) of the environment where rays hit nothing, 0 elsewhere."""
    light = np.zeros((len(rays), 3), np.float32)
    missed = np.flatnonzero(hits.body < 0)
    light[missed] = environment.radiance(rays.directions[missed, 2])
    return light


def by_material(
    spec: SceneSpec, surface: Surface, body: NDArray[np.int32]
) -> Iterator[tuple[int, NDArray[np.intp], Material]]:
    """Hit points of each material: the body's index, their rows, and the material."""
    for index, rows in rows_of_bodies(body, len(spec.bodies)):
        materials = spec.bodies[index].materials
        part = surface.part[rows]
        for number, material in enumerate(materials):
            chosen = rows if len(materials) == 1 else rows[part == number]
            if len(chosen):
                yield index, chosen, material


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
    u, v = uv[:, 0] % 1, (1 - uv[:, 1]) % 1
    return look_up(pixels, u * width - 0.5, v * height - 0.5, cv2.BORDER_WRAP)


def look_up(
    picture: NDArray[np.float32], x: NDArray[np.floating], y: NDArray[np.floating], border: int
) -> NDArray[np.float32]:
    """Bilinear values (k, 3) of a picture (H, W, 3) at pixel coordinates (k,)."""
    # OpenCV's remap holds at most 32767 rows: fold the points into a block.
    rows = -(-len(x) // FOLD)
    at = np.zeros((2, rows * FOLD), np.float32)
    at[0, : len(x)], at[1, : len(x)] = x, y
    across, down = at.reshape(2, rows, FOLD)
    found = cv2.remap(picture, across, down, cv2.INTER_LINEAR, borderMode=border)
    return np.asarray(found, np.float32).reshape(-1, 3)[: len(x)]


def noise_weight(texture: NoiseTexture, local_m: Points) -> NDArray[np.float32]:
    """Share (k,) of the second colour at points (k, 3), 0 to 1."""
    noise = _octaves(local_m / texture.scale_m, texture.octaves, texture.seed)
    levels = _quantiles(texture.octaves)
    edge = np.interp(1 - texture.coverage, np.linspace(0, 1, len(levels)), levels)
    return np.clip((noise - edge) / texture.softness + 0.5, 0, 1).astype(np.float32)


def _octaves(cells: Points, octaves: int, seed: int) -> Points:
    """Sum of value noise at each scale, weighted to [0, 1]."""
    total = np.zeros(len(cells))
    for octave in range(octaves):
        total += 0.5**octave * _value_noise(cells * 2**octave, seed + octave)
    return total / (2 - 0.5 ** (octaves - 1))


@lru_cache(maxsize=16)
def _quantiles(octaves: int) -> NDArray[np.float64]:
    """Quantiles of the noise, from many cells: what level leaves which share above it."""
    n = 1 << 16
    points = np.arange(n)[:, None] * np.array(
        [0.8191725133961645, 0.6710436067037893, 0.5497004779019703]
    )
    return np.quantile(_octaves(points % 64, octaves, 0), np.linspace(0, 1, 257))


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
