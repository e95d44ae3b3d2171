"""Procedural pictures for surfaces: they repeat without a seam.

All return (size, size, 3) uint8, sRGB. Colours are linear RGB, as in materials.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgen.colour import linear_to_srgb
from simgen.errors import AssetError
from simgen.rng import Key
from simgen.spec import RGB

Array = NDArray[np.float64]
Pattern = Literal["checker", "cloth", "clouds", "speckle", "wood"]


def noise(key: Key, size: int, cells: tuple[int, int]) -> Array:
    """Periodic value noise (size, size) in [0, 1], of `cells` random values down and across.

    Values between the lattice's are blended by the quintic step of Perlin (2002).
    """
    lattice = key.generator().random(cells)
    return _spread(size, cells[0]) @ lattice @ _spread(size, cells[1]).T


def fbm(key: Key, size: int, cells: tuple[int, int] = (4, 4), octaves: int = 5) -> Array:
    """Fractal noise (size, size): octaves of half the cell and half the weight, in [0, 1]."""
    total = np.zeros((size, size))
    for k in range(octaves):
        total += 0.5**k * noise(key / k, size, (cells[0] << k, cells[1] << k))
    return total / (2 - 0.5 ** (octaves - 1))


def pattern(kind: Pattern, first: RGB, second: RGB, key: Key, size: int = 256) -> NDArray[np.uint8]:
    """Draw one of the patterns in two colours.

    Args:
        kind: Which one.
        first: Its main colour, linear RGB.
        second: Its other colour, linear RGB.
        key: Stream of its noise.
        size: Edge in pixels.

    Raises:
        AssetError: For a size under 16, or a pattern that is not known.
    """
    if size < 16:
        raise AssetError("`size >= 16` must hold", size, "give the edge in pixels", "texture")
    if kind not in _WEIGHTS:
        raise AssetError(
            f"a pattern must be one of {', '.join(sorted(_WEIGHTS))}", kind, "", "texture"
        )
    return _blend(_WEIGHTS[kind](key, size), first, second)


def _checker(_key: Key, size: int) -> Array:
    return _squares(size, 8)


def _squares(size: int, squares: int) -> Array:
    at = np.arange(size) * squares // size
    return ((at[:, None] + at[None, :]) % 2).astype(np.float64)


def _wood(key: Key, size: int) -> Array:
    """Rings cut lengthwise: noise that is long along x bends bands, with fine grain on top."""
    across = np.arange(size)[:, None] / size
    bend = fbm(key / "bend", size, (2, 1), 4)
    bands = 0.5 + 0.5 * np.sin(2 * np.pi * (6 * across + 3 * bend))
    grain = noise(key / "grain", size, (size // 2, 8))
    return 0.6 * bands + 0.4 * grain


def _speckle(key: Key, size: int) -> Array:
    """Small blots on about a fifth of the surface."""
    value = fbm(key, size, (size // 8, size // 8), 2)
    edge = np.quantile(value, 0.8)
    return np.clip((value - edge) / 0.05 + 0.5, 0, 1)


def _cloth(key: Key, size: int) -> Array:
    """Plain weave of size / 8 threads: each crossing shows warp or weft, shaded round."""
    threads = max(2, 2 * (size // 16))
    turn = np.arange(size) * threads / size
    round_off = 0.5 + 0.5 * np.abs(np.sin(np.pi * turn))
    over = _squares(size, threads)
    weave = over * round_off[:, None] + (1 - over) * round_off[None, :]
    uneven = noise(key, size, (threads, threads))
    return np.clip(1.2 * (1 - weave) + 0.4 * over * uneven, 0, 1)


def _clouds(key: Key, size: int) -> Array:
    value = fbm(key, size)
    low, high = value.min(), value.max()
    scaled: Array = (value - low) / (high - low)
    return scaled


_WEIGHTS: dict[Pattern, Callable[[Key, int], Array]] = {
    "checker": _checker,
    "cloth": _cloth,
    "clouds": _clouds,
    "speckle": _speckle,
    "wood": _wood,
}


def _spread(size: int, cells: int) -> Array:
    """(size, cells) weights of the lattice's values at each pixel; rows sum to one."""
    at = np.arange(size) * cells / size
    low = np.floor(at).astype(np.int64)
    t = at - low
    t = t**3 * (t * (6 * t - 15) + 10)
    weights = np.zeros((size, cells))
    rows = np.arange(size)
    np.add.at(weights, (rows, low % cells), 1 - t)
    np.add.at(weights, (rows, (low + 1) % cells), t)
    return weights


def _blend(weight: Array, first: RGB, second: RGB) -> NDArray[np.uint8]:
    # 256 shades are enough for 8 bits, and the transfer curve is slow.
    shade = np.linspace(0, 1, 256)[:, None]
    colours = linear_to_srgb((1 - shade) * np.asarray(first) + shade * np.asarray(second))
    table = np.round(np.clip(colours, 0, 1) * 255).astype(np.uint8)
    picture: NDArray[np.uint8] = table[np.round(weight * 255).astype(np.intp)]
    return picture
