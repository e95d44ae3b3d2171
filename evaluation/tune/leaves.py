"""The distributions of a space by where they are written, and the pressure between two spaces."""

from __future__ import annotations

import math
from collections import defaultdict

from evaluation.tune.divergence import Pressure, pressure
from simgen.distributions import DISTRIBUTIONS, Distribution
from simgen.errors import ConfigError
from simgen.rng import Key
from simgen.space import Source, Space, dotted, is_special, tokens
from simgen.space.nodes import Leaf

DRAWS = 512
NUMBERS = DISTRIBUTIONS.keys() - {"choice", "constant"}
Leaves = dict[str, Distribution | None]


def name_of(source: Source) -> str:
    """Where a distribution stands, without its own name: the same for every kind of it."""
    return dotted(source[:-1])


def leaves(space: Space) -> Leaves:
    """Every distribution, by where it is written; None where its parameters are random."""
    nodes = (place.node for place in space.analysis.places.values())
    return {name_of(node.source): node.ready for node in nodes if isinstance(node, Leaf)}


def changed(moved: Space, start: Space) -> tuple[str, ...]:
    """The distributions that differ, by where they are written.

    Raises:
        ConfigError: The spaces differ in more than the numbers of their distributions.
    """
    ours, theirs = leaves(moved), leaves(start)
    if ours.keys() != theirs.keys():
        raise ConfigError(
            "two configs must have the same distributions to be weighed against each other",
            min(ours.keys() ^ theirs.keys()),
            "use the config that the pool was made from, other numbers alone",
        )
    if (stray := _difference(moved.tree, start.tree, "")) is not None:
        raise ConfigError(
            "two configs must have the same constants to be weighed against each other",
            stray,
            "change distributions alone, or render a pool of its own",
        )
    return tuple(
        name
        for name, one in ours.items()
        if one != theirs[name] or (one is None and written(moved, name) != written(start, name))
    )


def written(space: Space, name: str) -> object:
    """What stands at a place of the tree."""
    tree: object = space.tree
    for part in tokens(name):
        tree = tree[part]  # type: ignore[index]
    return tree


def pressure_between(moved: Space, start: Space, *, key: Key, draws: int = DRAWS) -> Pressure:
    """The pressure between two configs, without a pool.

    How often a distribution is drawn in a sample, and the terms of those with random
    parameters, are means over draws of the moved config; all else is in closed form.

    Args:
        moved: The tuned config's space.
        start: The first config's space, of the same structure.
        key: Source of the draws.
        draws: How many.
    """
    names = changed(moved, start)
    counts: defaultdict[str, float] = defaultdict(float)
    random: defaultdict[str, float] = defaultdict(float)
    ours, theirs = leaves(moved), leaves(start)
    for number in range(draws if names else 0):
        values = {f.name: f.value for f in moved.draw(key / number).factors}
        for a, b in zip(moved.given(values), start.given(values), strict=True):
            name = name_of(a.source)
            counts[name] += 1 / draws
            if ours[name] is None or theirs[name] is None:
                random[name] += (a.factor.log_density - b.factor.log_density) / draws
    fixed = pressure(
        {n: d for n in names if (d := ours[n]) is not None and theirs[n] is not None},
        {n: d for n in names if (d := theirs[n]) is not None},
        counts,
    )
    total = fixed.divergence + math.fsum(random.values())
    return Pressure(math.sqrt(max(total, 0.0)), total, {**fixed.by_leaf, **random})


def _difference(a: object, b: object, at: str) -> str | None:
    """The first place where two trees differ and no distribution does it."""
    if _drawn(a) and _drawn(b):
        return None
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return at or "the sections"
        keys = a.keys() - {"weights"}
        pairs = [(f"{at}.{key}".lstrip("."), a[key], b[key]) for key in sorted(keys)]
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        pairs = [(f"{at}[{i}]", x, y) for i, (x, y) in enumerate(zip(a, b, strict=True))]
    else:
        return None if a == b else at
    found = (_difference(x, y, name) for name, x, y in pairs)
    return next((name for name in found if name is not None), None)


def _drawn(tree: object) -> bool:
    """Whether it is a distribution of numbers; options and references hold constants too."""
    return is_special(tree) and isinstance(tree, dict) and next(iter(tree)) in NUMBERS
