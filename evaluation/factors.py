"""What was asked for beside what was realised: refusals bend distributions, and this shows how.

The requested law is sampled afresh from the config's space, refusing nothing; what the
dataset recorded is held against it, factor by factor.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np
from scipy import stats

from simgen.config import config_from_plain
from simgen.dataset import Dataset
from simgen.rng import Key

REQUESTED = 1000
"""Draws of the requested law."""


@dataclass(frozen=True)
class Realised:
    """One factor, asked for and realised.

    Attributes:
        name: Its name; `[]` stands for every element of a repetition.
        requested: Median and 5 % and 95 % quantiles asked for, or shares of the values.
        realised: The same, recorded.
        n: Recorded draws.
        p_value: Of a two-sample Kolmogorov-Smirnov test (numbers) or a chi-square test of
            homogeneity (names), after Holm's correction over all factors.
    """

    name: str
    requested: str
    realised: str
    n: int
    p_value: float


@dataclass(frozen=True)
class Acceptance:
    """How often draws were refused.

    Attributes:
        samples: Accepted.
        refusals: Refused draws, by reason.
    """

    samples: int
    refusals: dict[str, int]

    @property
    def rate(self) -> float:
        """Accepted share of all draws."""
        return self.samples / (self.samples + sum(self.refusals.values()))


Values = dict[str, list[float] | list[str]]


def realised(dataset: Dataset, *, key: Key, draws: int = REQUESTED) -> tuple[Realised, ...]:
    """Hold each recorded factor against a fresh sample of what was asked for.

    Args:
        dataset: A dataset.
        key: Stream of the fresh sample.
        draws: Its size.

    Returns:
        By p-value, least first. Under the requested law a small p-value is rare; draws
        that belong to one scene may depend on each other, which the tests leave aside.
    """
    space = config_from_plain(dataset.manifest.config).space()
    asked: Values = defaultdict(list)
    for number in range(draws):
        for factor in space.draw(key / number).factors:
            _note(asked, factor.name, factor.value)
    got: Values = defaultdict(list)
    for row in dataset.table("factors").to_pylist():
        value = row["vector"] if row["vector"] is not None else row["text"]
        _note(got, row["name"], row["number"] if value is None else value)
    tested = [(name, _p_value(asked[name], got[name])) for name in sorted(asked) if name in got]
    tested.sort(key=lambda each: each[1])
    floor, found = 0.0, []
    for rank, (name, p) in enumerate(tested):
        floor = max(floor, min(1.0, p * (len(tested) - rank)))
        found.append(
            Realised(name, _describe(asked[name]), _describe(got[name]), len(got[name]), floor)
        )
    return tuple(found)


def acceptance(dataset: Dataset) -> Acceptance:
    """Refused draws of a dataset, by reason."""
    return Acceptance(dataset.manifest.count, dict(dataset.manifest.rejections or {}))


def _note(values: Values, name: str, value: object) -> None:
    """File a value under its name with element numbers left out; vectors by component."""
    name = re.sub(r"\[\d+\]", "[]", name)
    if isinstance(value, list | tuple):
        for axis, component in enumerate(value):
            values[f"{name}.{axis}"].append(float(component))  # type: ignore[arg-type]
    elif isinstance(value, str):
        values[name].append(value)  # type: ignore[arg-type]
    else:
        values[name].append(float(value))  # type: ignore[arg-type]


def _p_value(asked: list[float] | list[str], got: list[float] | list[str]) -> float:
    kinds = sorted(set(asked) | set(got), key=str)
    if len(kinds) == 1:
        return 1.0
    if isinstance(asked[0], str) or len(kinds) <= 20:
        first, second = Counter(asked), Counter(got)
        table = np.array([[first[k] for k in kinds], [second[k] for k in kinds]])
        return float(stats.chi2_contingency(table)[1])
    return float(stats.ks_2samp(asked, got)[1])


def _describe(values: list[float] | list[str]) -> str:
    if isinstance(values[0], str):
        shares = Counter(values).most_common(4)
        return ", ".join(f"{name} {count / len(values):.0%}" for name, count in shares)
    low, middle, high = np.quantile(np.asarray(values, float), [0.05, 0.5, 0.95])
    return f"{middle:.3g} [{low:.3g}, {high:.3g}]"
