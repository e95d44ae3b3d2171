"""What is registered before the loop starts; nothing of it may change afterwards."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from simgen.errors import ConfigError, did_you_mean


@dataclass(frozen=True)
class Rule:
    """Tolerances and error rates of an alarm.

    Attributes:
        checkpoints: Checkpoints at which a gate is asked, planned.
        epochs: Gates, one after the other, that may be asked; they share the error rates.
        delta: Fall of the real score, from any earlier checkpoint, that is tolerated.
        epsilon: Gain of the proxy below which nothing is asked of the real score.
        kappa: Share of the proxy's gain that the real score must follow.
        outside: Share of the own judge's gain that outside judges must see.
        alpha: Chance of a false REVERSAL or STAGNATION over the whole run.
        alpha_diagnosis: Chance of any false flag among the other four over the whole run.
        narrowing: Share of the gate that coverage may lose before COLLAPSE.
        amplification: Growth of the excess association that is tolerated.
        drop: Real fall beyond `delta` that the gate must be able to see.
        power: With this chance.
    """

    checkpoints: int = 10
    epochs: int = 1
    delta: float = 0.02
    epsilon: float = 0.03
    kappa: float = 0.25
    outside: float = 0.25
    alpha: float = 0.03
    alpha_diagnosis: float = 0.02
    narrowing: float = 0.05
    amplification: float = 0.05
    drop: float = 0.1
    power: float = 0.8

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if self.checkpoints < 2:
            raise ConfigError("`checkpoints >= 2` must hold", self.checkpoints)
        if self.epochs < 1:
            raise ConfigError("`epochs >= 1` must hold", self.epochs)
        for name in ("alpha", "alpha_diagnosis", "power"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"`0 < {name} < 1` must hold", getattr(self, name))
        for name in ("delta", "epsilon", "kappa", "outside", "narrowing", "amplification"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"`{name} >= 0` must hold", getattr(self, name))
        if not self.drop > 0:
            raise ConfigError("`drop > 0` must hold", self.drop)

    def at_epoch(self, epoch: int) -> Rule:
        """The rule with what the e-th gate may spend: `6 alpha / (pi^2 e^2)`, or all of one."""
        if self.epochs == 1:
            return self
        share = 6 / (math.pi**2 * epoch**2)
        return replace(self, alpha=self.alpha * share, alpha_diagnosis=self.alpha_diagnosis * share)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any], where: str = "rule") -> Rule:
        """Back from plain data; unknown names are refused."""
        known = {each.name for each in fields(cls)}
        for name in plain:
            if name not in known:
                raise ConfigError("a rule must be known", name, did_you_mean(name, known), where)
        return cls(**plain)
