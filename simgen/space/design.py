"""Points that fill the unit cube evenly, addressed by index: Sobol and Latin hypercube."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError
from simgen.rng import Key

Method = Literal["random", "sobol", "lhs"]
_BLOCK = 256
_SOBOL_DIMENSIONS = 21201  # `qmc.Sobol.MAXDIM`
_BITS = 32  # `fast_forward` of SciPy 1.17 fails above


def unit_numbers(
    method: Method,
    dimensions: Sequence[tuple[str, int]],
    key: Key,
    index: int,
    count: int,
) -> dict[str, NDArray[np.float64]]:
    """Unit numbers of sample `index` for the named dimensions.

    Args:
        method: "random" gives none: every draw then takes its own stream. "sobol"
            is a scrambled Sobol sequence (Owen 1998; Joe and Kuo 2008): the points
            up to an index do not depend on `count`. "lhs" is a Latin hypercube of
            `count` points (McKay et al. 1979), each dimension shuffled under its
            own name.
        dimensions: Name and dimension of each draw, as `Space.static_dimensions`.
        key: The dataset's stream.
        index: Of the sample, from 0.
        count: Of samples; used by "lhs" alone.

    Returns:
        Name -> numbers in [0, 1), shape (dim,).

    Raises:
        ConfigError: When the index is past the count of a Latin hypercube, or the
            space has more dimensions than the Sobol tables (21201).
    """
    total = sum(dim for _, dim in dimensions)
    if method == "random" or total == 0:
        return {}
    if method == "sobol":
        if total > _SOBOL_DIMENSIONS:
            raise ConfigError(
                f"a Sobol sequence has at most {_SOBOL_DIMENSIONS} dimensions",
                total,
                "use `sampling: {method: lhs}`",
            )
        block, row = divmod(index, _BLOCK)
        point = _sobol_block(total, (key / "sobol").entropy(), block)[row]
    else:
        if not 0 <= index < count:
            raise ConfigError(
                "a Latin hypercube has a point for each of `count` samples and no more",
                f"index {index}, count {count}",
                "use `sampling: {method: sobol}` to extend a dataset",
            )
        point = _latin_point(dimensions, key / "lhs", index, count)
    return _split(point, dimensions)


@lru_cache(maxsize=8)
def _sobol_block(total: int, seed: int, block: int) -> NDArray[np.float64]:
    """Rows `block * 256` on, shape (256, total)."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(seed)))
    from scipy.stats import qmc  # noqa: PLC0415 - takes a second, which few runs need

    engine = qmc.Sobol(total, scramble=True, bits=_BITS, seed=generator)
    if block:
        engine.fast_forward(block * _BLOCK)
    # Middles of the cells, so that no number is 0.
    points: NDArray[np.float64] = engine.random(_BLOCK) + 0.5 ** (_BITS + 1)
    points.setflags(write=False)
    return points


def _latin_point(
    dimensions: Sequence[tuple[str, int]], key: Key, index: int, count: int
) -> NDArray[np.float64]:
    numbers = []
    for name, dim in dimensions:
        within = (key / name / "within").units()(str(index), dim)
        for axis in range(dim):
            cell = _shuffled(key / name / axis, count)[index]
            numbers.append((float(cell) + within[axis]) / count)
    return np.array(numbers)


@lru_cache(maxsize=4096)
def _shuffled(key: Key, count: int) -> NDArray[np.int64]:
    cells = key.generator().permutation(count)
    cells.setflags(write=False)
    return cells


def _split(
    point: NDArray[np.float64], dimensions: Sequence[tuple[str, int]]
) -> dict[str, NDArray[np.float64]]:
    found: dict[str, NDArray[np.float64]] = {}
    at = 0
    for name, dim in dimensions:
        found[name] = point[at : at + dim]
        at += dim
    return found
