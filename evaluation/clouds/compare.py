"""Two sets of scans held against one another, each number with its interval.

Intervals are bootstraps over the units of `evaluation.clouds.units`; p-values exchange
scenes, or sectors, between the sets. A distance of two samples is above that of what they are
drawn from, and above 0 where that is 0; its interval is the basic bootstrap's, which reflects
the draws about the distance and so takes their bias off, held at 0 from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.clouds.measures import QUANTITIES, SHARES, Counts, Measured
from evaluation.clouds.scan import Array
from evaluation.clouds.units import Exchange, exchange, weights
from evaluation.metrics import Result
from evaluation.statistics import Values
from simgen.errors import CaptureError
from simgen.rng import Key

CONFIDENCE = 0.95
DRAWS = 400
WAYS = 499
EDGES = 1024
JS_BINS = 50
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DISTANCES = {
    "w1": "Wasserstein distance",
    "js": "Jensen-Shannon divergence, bits",
    "ks": "largest difference of distribution functions",
}
_BIASED = "above 0 also for equal distributions: see p, and real to real"


@dataclass(frozen=True)
class Estimate:
    """A number of one set with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Figure:
    """One number of both sets.

    Attributes:
        name: What it is.
        unit: "" for shares.
        synthetic: Of the synthetic scans.
        real: Of the real ones.
        difference: Synthetic minus real.
    """

    name: str
    unit: str
    synthetic: Estimate
    real: Estimate
    difference: Result


@dataclass(frozen=True, eq=False)
class Spread:
    """One quantity of both sets.

    Attributes:
        name: Its name in `QUANTITIES`.
        unit: Its unit.
        distances: By the keys of `DISTANCES`.
        bins: (k + 1,) edges of the histograms.
        synthetic: (k,) shares of the synthetic values.
        real: (k,) shares of the real ones.
    """

    name: str
    unit: str
    distances: dict[str, Result]
    bins: Array
    synthetic: Array
    real: Array


@dataclass(frozen=True)
class Comparison:
    """Everything that was compared.

    Attributes:
        level: What was exchanged for p-values, "scene" or "sector".
        least_p: Smallest p-value that there can be.
        spreads: Distributions.
        figures: Quantiles and shares.
        rings: "return rate" and "edges" of each ring, the lowest first.
        missing: Names of quantities and shares that a set has nothing of.
    """

    level: str
    least_p: float
    spreads: tuple[Spread, ...]
    figures: tuple[Figure, ...]
    rings: dict[str, tuple[Figure, ...]]
    missing: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Sets:
    x: Measured
    y: Measured
    weight_x: Array
    weight_y: Array
    ways: Exchange


def compare(synthetic: Measured, real: Measured, *, key: Key) -> Comparison:
    """Compare two sets of scans of one kind of sensor.

    Raises:
        CaptureError: One of the sets has no return at all.
    """
    for side, one in (("synthetic", synthetic), ("real", real)):
        if not len(one.values["range"].values):
            raise CaptureError(
                "scans must have a return", "none", "look at these scans", f"{side} scans"
            )
    sets = _Sets(
        synthetic,
        real,
        weights(synthetic.units, DRAWS, key / "synthetic"),
        weights(real.units, DRAWS, key / "real"),
        exchange(synthetic.units, real.units, WAYS, key / "exchange"),
    )
    spreads, figures, missing = [], [], []
    for each in QUANTITIES:
        a, b = synthetic.values[each.name], real.values[each.name]
        if not (len(a.values) and len(b.values)):
            missing.append(each.name)
            continue
        spread, more = _spread(each.name, each.unit, a, b, sets)
        spreads.append(spread)
        figures += more
    for share in SHARES:
        first, second = synthetic.shares[share.name], real.shares[share.name]
        if first.whole.sum() and second.whole.sum():
            figures.append(_share(share.name, first, second, sets))
        else:
            missing.append(share.name)
    rings = {}
    for name, first in synthetic.rings.items():
        second = real.rings[name]
        rings[name] = tuple(
            _share(f"{name}, ring {r}", _ring(first, r), _ring(second, r), sets)
            for r in range(first.whole.shape[1])
            if first.whole[:, r].sum() and second.whole[:, r].sum()
        )
    least = 1 / min(sets.ways.possible, WAYS + 1)
    return Comparison(sets.ways.level, least, tuple(spreads), tuple(figures), rings, tuple(missing))


def cumulative(sample: Values, edges: Array) -> Array:
    """(units, edges) how many values of each unit lie at or below each edge."""
    place = np.searchsorted(edges, sample.values)
    counts = np.bincount(sample.owner * len(edges) + place, minlength=sample.images * len(edges))
    return np.cumsum(counts.reshape(sample.images, len(edges)), axis=1).astype(np.float64)


def edges_of(x: Array, y: Array) -> Array:
    """Where distribution functions are looked at: at every value, or at `EDGES` twice.

    With more values than that, half of the edges hold equal shares of the values and half
    are equally far apart, so that neither the bulk nor the tail is coarse.
    """
    both = np.unique(np.concatenate([x, y]))
    if len(both) <= EDGES:
        return both
    shares = np.quantile(np.concatenate([x, y]), np.linspace(0, 1, EDGES), method="lower")
    return np.unique(np.concatenate([shares, np.linspace(both[0], both[-1], EDGES)]))


def distances(first: Array, second: Array, edges: Array) -> dict[str, Array]:
    """Distances of distribution functions.

    Args:
        first: (..., edges) distribution functions at the edges.
        second: The same shape.
        edges: (edges,) rising.

    Returns:
        (...) by the keys of `DISTANCES`.
    """
    apart = np.abs(first - second)
    bins = _coarse(len(edges))
    p, q = (np.diff(each[..., bins], axis=-1, prepend=0.0) for each in (first, second))
    middle = (p + q) / 2
    return {
        "w1": apart[..., :-1] @ np.diff(edges),
        "js": (_entropy(p, middle) + _entropy(q, middle)) / 2,
        "ks": apart.max(axis=-1),
    }


def _coarse(count: int) -> Any:
    if count <= JS_BINS:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, JS_BINS + 1).astype(np.intp)[1:])


def _entropy(p: Array, middle: Array) -> Array:
    ratio = np.divide(p, middle, out=np.ones_like(p), where=(p > 0) & (middle > 0))
    total: Array = np.sum(p * np.log2(ratio), axis=-1)
    return total


def _spread(name: str, unit: str, x: Values, y: Values, sets: _Sets) -> tuple[Spread, list[Figure]]:
    edges = edges_of(x.values, y.values)
    tables = cumulative(x, edges), cumulative(y, edges)
    whole = [_function(table.sum(axis=0)) for table in tables]
    drawn = [
        _function(weight @ table)
        for weight, table in zip((sets.weight_x, sets.weight_y), tables, strict=True)
    ]
    first, second = _exchanged(tables[0], tables[1], sets.ways)
    parted = _function(first), _function(second)
    plain = distances(whole[0], whole[1], edges)
    boots, nulls = distances(drawn[0], drawn[1], edges), distances(*parted, edges)
    size: dict[str, Any] = {
        "confidence": CONFIDENCE, "n_x": len(x.values), "n_y": len(y.values)
    }  # fmt: skip
    found = {}
    for kind, label in DISTANCES.items():
        value, draws = float(plain[kind]), boots[kind][np.isfinite(boots[kind])]
        low, high = 2 * value - np.quantile(draws, [(1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2])
        found[kind] = Result(
            f"{name}: {label}", value, max(min(float(low), value), 0.0), max(float(high), value),
            p_value=p_value(nulls[kind]), note=_BIASED, **size,
        )  # fmt: skip
    bins = np.linspace(*_view(x.values, y.values), 61)
    return (
        Spread(name, unit, found, bins, _histogram(x.values, bins), _histogram(y.values, bins)),
        [
            _figure(
                f"{name}, {_percent(q)}", unit,
                [_quantile(each, edges, q) for each in (*whole, *drawn, *parted)], size,
            )
            for q in _quantiles(name)
        ],
    )  # fmt: skip


def _quantiles(name: str) -> tuple[float, ...]:
    return QUANTILES if name == "range" else (0.5,)


def _percent(q: float) -> str:
    return "median" if q == 0.5 else f"{100 * q:.0f} % quantile"


def _function(counts: Array) -> Array:
    """Distribution function of cumulative counts; NaN for none."""
    total = counts[..., -1:]
    found: Array = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    return found


def _quantile(function: Array, edges: Array, q: float) -> Array:
    place = np.argmax(function >= q - 1e-12, axis=-1)
    found: Array = np.where(np.isnan(function[..., -1]), np.nan, edges[place])
    return found


def _exchanged(first: Array, second: Array, ways: Exchange) -> tuple[Array, Array]:
    """Sums of the rows of both tables, parted in every way."""
    pooled = np.concatenate([first, second])
    groups = np.zeros((ways.first.shape[1], *pooled.shape[1:]))
    np.add.at(groups, ways.group, pooled)
    return ways.first @ groups, (1 - ways.first) @ groups


def _share(name: str, x: Counts, y: Counts, sets: _Sets) -> Figure:
    parted = zip(
        _exchanged(x.part, y.part, sets.ways), _exchanged(x.whole, y.whole, sets.ways), strict=True
    )
    rows = [
        _ratio(x.part.sum(), x.whole.sum()),
        _ratio(y.part.sum(), y.whole.sum()),
        _ratio(sets.weight_x @ x.part, sets.weight_x @ x.whole),
        _ratio(sets.weight_y @ y.part, sets.weight_y @ y.whole),
        *(_ratio(part, whole) for part, whole in parted),
    ]
    size = {
        "confidence": CONFIDENCE, "n_x": int(x.whole.sum()), "n_y": int(y.whole.sum())
    }  # fmt: skip
    return _figure(name, "", rows, size)


def _ring(counts: Counts, ring: int) -> Counts:
    return Counts(counts.part[:, ring], counts.whole[:, ring])


def _ratio(part: Any, whole: Any) -> Array:
    part, whole = np.asarray(part, float), np.asarray(whole, float)
    found: Array = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    return found


def _figure(name: str, unit: str, rows: list[Array], size: dict[str, Any]) -> Figure:
    """Of the values of both sets as they are, as drawn again, and as parted anew."""
    x, y = float(rows[0]), float(rows[1])
    drawn_x, drawn_y = rows[2], rows[3]
    difference = x - y
    low, high = _reach(drawn_x - drawn_y, difference)
    return Figure(
        name,
        unit,
        Estimate(x, *_reach(drawn_x, x)),
        Estimate(y, *_reach(drawn_y, y)),
        Result(
            name, difference, low, high, p_value=p_value(np.abs(rows[4] - rows[5])),
            note="synthetic minus real", **size,
        ),
    )  # fmt: skip


def _reach(draws: Array, value: float) -> tuple[float, float]:
    kept = draws[np.isfinite(draws)]
    if not len(kept):
        return value, value
    low, high = np.quantile(kept, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return min(float(low), value), max(float(high), value)


def p_value(statistic: Array) -> float:
    """Share of ways in which the sets are at least as far apart as they are (row 0)."""
    scale = 1e-12 * max(1.0, float(np.nanmax(np.abs(statistic))))
    # a way that leaves nothing to measure counts as far apart
    count = int(np.sum(~(statistic[1:] < statistic[0] - scale)))
    return (count + 1) / len(statistic)


def _view(x: Array, y: Array) -> tuple[float, float]:
    low, high = np.quantile(np.concatenate([x, y]), [0.002, 0.995])
    return (float(low), float(high)) if high > low else (float(low) - 0.5, float(low) + 0.5)


def _histogram(values: Array, bins: Array) -> Array:
    counts, _ = np.histogram(np.clip(values, bins[0], bins[-1]), bins)
    shares: Array = counts / max(len(values), 1)
    return shares
