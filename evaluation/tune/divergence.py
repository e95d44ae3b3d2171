"""How far one config's law has moved from another's: Kullback-Leibler divergence, in nats.

The joint density is a product of conditional ones, so the divergence of two configs is a
sum over distributions as written: how often each is drawn, times its own divergence (the
chain rule). The root of it is the pressure that a tuning loop has put on its ranges.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats import qmc

from simgen.distributions import (
    Bernoulli,
    Choice,
    Distribution,
    Integer,
    LogUniform,
    Normal,
    Uniform,
)

NODES = 64
POINTS = 1024
_EDGE = 2.0**-40
_WIDTHS: dict[type[Distribution], Callable[[Any], float]] = {
    Uniform: lambda one: one.high - one.low,
    LogUniform: lambda one: math.log(one.high / one.low),
    Integer: lambda one: one.high - one.low + 1,
}


@dataclass(frozen=True)
class Pressure:
    """How far a config has moved.

    Attributes:
        value: Root of the divergence; infinite where the start could not have drawn it.
        divergence: In nats.
        by_leaf: The part of each distribution that moved, by where it is written.
    """

    value: float
    divergence: float
    by_leaf: Mapping[str, float]


def pressure(
    moved: Mapping[str, Distribution],
    start: Mapping[str, Distribution],
    counts: Mapping[str, float],
) -> Pressure:
    """The pressure from the distributions of both configs.

    Args:
        moved: By where each is written; see `Pool.leaves` or `leaves`.
        start: The same of the start.
        counts: How often each is drawn in a sample of the moved config, on average.
    """
    parts = {
        name: counts[name] * divergence(one, start[name])
        for name, one in moved.items()
        if one != start[name] and counts[name] > 0
    }
    total = math.fsum(parts.values())
    return Pressure(math.sqrt(max(total, 0.0)), total, parts)


@lru_cache(maxsize=4096)
def divergence(p: Distribution, q: Distribution) -> float:
    """KL(p || q): infinite where p can draw what q cannot.

    Closed forms for uniform, log-uniform, integer, bernoulli, choice and normal (cut off or
    not), and for boxes of colours, whose densities are constant; quadrature over the unit
    numbers that a draw takes for the rest (64 Gauss-Legendre nodes in one dimension, 1,024
    Sobol points in several, which are exact where the ratio of densities is constant).
    """
    if p == q:
        return 0.0
    for kind, width in _WIDTHS.items():
        if isinstance(p, kind) and isinstance(q, kind):
            inside = q.low <= p.low and p.high <= q.high  # type: ignore[attr-defined]
            return math.log(width(q) / width(p)) if inside else math.inf
    if isinstance(p, Bernoulli | Choice):
        options = (False, True) if isinstance(p, Bernoulli) else dict.fromkeys(p.options)
        return _sum([(p.log_density(value), q.log_density(value)) for value in options])
    if isinstance(p, Normal) and isinstance(q, Normal):
        return _normal(p, q)
    return _quadrature(p, q)


def covers(q: Distribution, p: Distribution) -> bool:
    """Whether q can draw all that p can."""
    return math.isfinite(divergence(p, q))


def _sum(pairs: list[tuple[float, float]]) -> float:
    return math.fsum(math.exp(a) * (a - b) for a, b in pairs if math.isfinite(a))


def _normal(p: Normal, q: Normal) -> float:
    """E_p[log p - log q]: both are quadratic inside their ends, so two moments do."""
    ends = [-math.inf if x.low is None else x.low for x in (p, q)]
    tops = [math.inf if x.high is None else x.high for x in (p, q)]
    if ends[0] < ends[1] or tops[0] > tops[1]:
        return math.inf
    law = stats.truncnorm((ends[0] - p.mean) / p.std, (tops[0] - p.mean) / p.std, p.mean, p.std)
    mean, variance = (float(x) for x in law.stats("mv"))

    def expected(one: Normal) -> float:
        # At the middle of p's mass both densities are finite; the quadratic does the rest.
        z = (mean - one.mean) / one.std
        return one.log_density(mean) + 0.5 * z**2 - 0.5 * (z**2 + variance / one.std**2)

    return expected(p) - expected(q)


def _quadrature(p: Distribution, q: Distribution) -> float:
    corners = np.array(list(product((_EDGE, 1 - _EDGE), repeat=p.dim)))
    for u in corners:
        value = p.from_unit(u.tolist())
        if not math.isfinite(q.log_density(value)):
            return math.inf
    if p.dim == 1:
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        points, weights = (nodes[:, None] + 1) / 2, weights / 2
    else:
        points = qmc.Sobol(p.dim, scramble=False).random(POINTS) + 0.5 / POINTS
        weights = np.full(POINTS, 1 / POINTS)
    terms = []
    for u, weight in zip(points, weights, strict=True):
        value = p.from_unit(u.tolist())
        terms.append(float(weight) * (p.log_density(value) - q.log_density(value)))
    return math.fsum(terms)
