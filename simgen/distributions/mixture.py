"""A mixture: a weighted choice of distributions, its component not recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from simgen.distributions.base import (
    Distribution,
    Limits,
    Support,
    Units,
    Value,
    check_weights,
    hull,
    log_or_minus_inf,
    pick,
)
from simgen.distributions.discrete import weight_limits
from simgen.errors import ConfigError


@dataclass(frozen=True)
class Mixture(Distribution):
    """A weighted mixture of distributions.

    Attributes:
        components: Distributions, all continuous or all discrete, so that they
            share one measure.
        weights: One for each component, not negative, not all zero; None for equal.
    """

    components: tuple[Distribution, ...]
    weights: tuple[float, ...] | None = None

    name: ClassVar[str] = "mixture"
    variadic: ClassVar[bool] = True
    widest: ClassVar[Support] = Support("mixed", ())

    def __post_init__(self) -> None:
        if not isinstance(self.components, list | tuple) or not self.components:
            raise ConfigError("`components` must be a list with at least one distribution")
        for item in self.components:
            if not isinstance(item, Distribution) or item.dim == 0:
                raise ConfigError(
                    "each component of a mixture must be a distribution",
                    item,
                    "mix constants with distributions by `choice`",
                )
        if len({(item.measure, _kind(item)) for item in self.components}) > 1:
            raise ConfigError(
                "the components of a mixture must all be of one kind",
                ", ".join(
                    f"{item.name} ({_kind(item)}, {item.measure})" for item in self.components
                ),
                "use `choice` to choose between different kinds",
            )
        check_weights(self.weights, len(self.components), "components")

    @property
    def measure(self) -> str:  # type: ignore[override]
        """That of its components."""
        return self.components[0].measure

    @property
    def dim(self) -> int:  # type: ignore[override]
        """One number to pick the component, and what the largest takes."""
        return 1 + max(item.dim for item in self.components)

    @cached_property
    def probabilities(self) -> tuple[float, ...]:
        """Weights over their sum."""
        return check_weights(self.weights, len(self.components), "components")

    def from_unit(self, u: Units) -> Value:
        """Pick the component by `u[0]` and draw from it by the rest."""
        chosen = self.components[pick(self.probabilities, float(u[0]))]
        return chosen.from_unit(u[1 : 1 + chosen.dim])

    def log_density(self, value: Value) -> float:
        """Log of the weighted sum of densities, summed in the log domain."""
        terms = [
            log_or_minus_inf(p) + item.log_density(value)
            for item, p in zip(self.components, self.probabilities, strict=True)
            if p > 0
        ]
        top = max(terms)
        if not math.isfinite(top):
            return top
        return top + math.log(math.fsum(math.exp(term - top) for term in terms))

    @property
    def support(self) -> Support:
        """The hull of intervals; else the extremes of all components."""
        return hull([item.support for item in self.components])

    @classmethod
    def parameter_limits(cls, parameters: Mapping[str, object]) -> dict[str, Limits]:
        """Weights may go from 0 to 1, or to the largest given."""
        return weight_limits(parameters)


def _kind(item: Distribution) -> str:
    support = item.support
    if support.kind != "vector":
        return support.kind
    first = support.extremes[0]
    return f"vector of {len(first)}" if isinstance(first, tuple) else "vector"
