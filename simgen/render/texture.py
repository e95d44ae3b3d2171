"""Albedo at surface points: pictures, solid noise and spots over a material's colour."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simgen.colour import srgb_to_linear
from simgen.compiled import compiled
from simgen.rays import Hits, Rays
from simgen.render.noise import fractal_noise, noise_quantiles
from simgen.spec import Environment, ImageTexture, Material, NoiseTexture, SceneSpec
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


@lru_cache(maxsize=16)
def _linear(pixels: _Pixels) -> NDArray[np.float32]:
    return _LINEAR[pixels.pixels]


def surface_albedo(spec: SceneSpec, surface: Surface) -> NDArray[np.float32]:
    """Diffuse reflectance (k, 3), linear RGB, at hit points."""
    colour = np.empty((len(surface.ray), 3), np.float32)
    for _, rows, material in by_material(spec, surface):
        paint(material, surface, rows, colour)
    return colour


def paint(
    material: Material, surface: Surface, rows: NDArray[np.intp], colour: NDArray[np.float32]
) -> None:
    """Write the diffuse reflectance of a material into `rows` of `colour` (k, 3), linear RGB."""
    base = np.asarray(material.albedo, np.float32)
    texture = material.texture
    if isinstance(texture, ImageTexture):
        pixels = _linear(_Pixels(texture.pixels))
        if texture.mapping == "uv":
            tile(pixels, surface.uv, rows, 1.0, base, colour)
        else:
            tile(pixels, surface.local_m, rows, texture.size_m, base, colour)
    elif isinstance(texture, NoiseTexture):
        second = np.asarray(texture.colour, np.float32)
        marble(
            *(surface.local_m, rows, texture.scale_m, texture.octaves, texture.seed),
            *(_edge(texture), texture.softness, base, second, colour),
        )
    else:
        colour[rows] = base
    if material.spots is not None:
        spots = material.spots
        dot(
            *(surface.local_m, rows, spots.centres_m, spots.radius_m),
            *(np.asarray(spots.colour, np.float32), colour),
        )


def background(environment: Environment, rays: Rays, hits: Hits) -> NDArray[np.float32]:
    """Radiance (n, 3) of the environment where rays hit nothing, 0 elsewhere."""
    light = np.zeros((len(rays), 3), np.float32)
    missed = np.flatnonzero(hits.body < 0)
    if len(missed):
        light[missed] = environment.radiance(rays.directions[missed, 2])
    return light


def by_material(
    spec: SceneSpec, surface: Surface
) -> Iterator[tuple[int, NDArray[np.intp], Material]]:
    """Hit points of each material: the body's index, their rows, and the material."""
    for index, rows in surface.rows.items():
        materials = spec.bodies[index].materials
        if len(materials) == 1:
            yield index, rows, materials[0]
            continue
        part = surface.part[rows]
        for number, material in enumerate(materials):
            chosen = rows[part == number]
            if len(chosen):
                yield index, chosen, material


@compiled
def look_up(
    picture: NDArray[np.float32], x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Bilinear values (k, 3) of a picture (H, W, 3) at pixel coordinates (k,), edges held."""
    height, width = picture.shape[:2]
    found = np.empty((len(x), 3), np.float32)
    for k in range(len(x)):
        across = min(max(x[k], 0.0), width - 1.0)
        down = min(max(y[k], 0.0), height - 1.0)
        i, j = int(across), int(down)
        u, v = across - i, down - j
        right, below = min(i + 1, width - 1), min(j + 1, height - 1)
        for c in range(3):
            upper = picture[j, i, c] * (1 - u) + picture[j, right, c] * u
            lower = picture[below, i, c] * (1 - u) + picture[below, right, c] * u
            found[k, c] = upper * (1 - v) + lower * v
    return found


@compiled
def tile(
    picture: NDArray[np.float32],
    at: NDArray[np.floating],
    rows: NDArray[np.intp],
    size: float,
    base: NDArray[np.float32],
    colour: NDArray[np.float32],
) -> None:
    """Write a picture (H, W, 3), repeated, times `base` (3,) into `rows` of `colour` (k, 3).

    Bilinear between pixel centres. `at` (k, 2 or more) over `size` counts repetitions;
    the first runs right, the second up.
    """
    height, width = picture.shape[:2]
    for row in rows:
        across, down = at[row, 0] / size, -at[row, 1] / size
        across = (across - np.floor(across)) * width + (width - 0.5)
        down = (down - np.floor(down)) * height + (height - 0.5)
        left, above = int(across), int(down)
        u, v = np.float32(across - left), np.float32(down - above)
        left -= width if left >= width else 0
        above -= height if above >= height else 0
        right = left + 1 if left + 1 < width else 0
        below = above + 1 if above + 1 < height else 0
        for c in range(3):
            upper = picture[above, left, c]
            upper += (picture[above, right, c] - upper) * u
            lower = picture[below, left, c]
            lower += (picture[below, right, c] - lower) * u
            colour[row, c] = (upper + (lower - upper) * v) * base[c]


@compiled
def dot(
    local_m: Points,
    rows: NDArray[np.intp],
    centres_m: Points,
    radius_m: float,
    paint: NDArray[np.float32],
    colour: NDArray[np.float32],
) -> None:
    """Write `paint` (3,) into those `rows` of `colour` (k, 3) that lie in a spot."""
    for row in rows:
        if nearest_spot(local_m[row], centres_m, radius_m) >= 0:
            for c in range(3):
                colour[row, c] = paint[c]


@compiled
def nearest_spot(point_m: Points, centres_m: Points, radius_m: float) -> int:
    """The nearest of the centres (s, 3) if a point (3,) lies within its radius, or -1."""
    best, least = -1, radius_m * radius_m
    for spot in range(len(centres_m)):
        x = point_m[0] - centres_m[spot, 0]
        y = point_m[1] - centres_m[spot, 1]
        z = point_m[2] - centres_m[spot, 2]
        square = x * x + y * y + z * z
        if square < least:
            best, least = spot, square
    return best


@compiled
def marble(
    local_m: Points,
    rows: NDArray[np.intp],
    scale_m: float,
    octaves: int,
    seed: int,
    edge: float,
    softness: float,
    base: NDArray[np.float32],
    second: NDArray[np.float32],
    colour: NDArray[np.float32],
) -> None:
    """Write a blend of two colours (3,) by solid noise into `rows` of `colour` (k, 3)."""
    for row in rows:
        noise = fractal_noise(
            local_m[row, 0] / scale_m,
            local_m[row, 1] / scale_m,
            local_m[row, 2] / scale_m,
            octaves,
            seed,
        )
        weight = min(max((noise - edge) / softness + 0.5, 0.0), 1.0)
        for c in range(3):
            colour[row, c] = base[c] + (second[c] - base[c]) * weight


def _edge(texture: NoiseTexture) -> float:
    """The level of noise that leaves the texture's coverage above it."""
    levels = noise_quantiles(texture.octaves)
    return float(np.interp(1 - texture.coverage, np.linspace(0, 1, len(levels)), levels))
