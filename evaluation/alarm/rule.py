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
        checkpoints: Checkpoints at which a gate is asked, planned; of each gate.
        epochs: Gates, one after the other, that may be asked; they share the error rates.
        flags: Times that one gate may say stop and be asked again, the last included.
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
        spread: Standard deviation over pictures that a difference of two checkpoints is taken
            to have at the very least, before any score is known.
    """

    checkpoints: int = 10
    epochs: int = 1
    flags: int = 1
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
    spread: float = 0.2

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if self.checkpoints < 2:
            raise ConfigError("`checkpoints >= 2` must hold", self.checkpoints)
        if self.epochs < 1:
            raise ConfigError("`epochs >= 1` must hold", self.epochs)
        if not 1 <= self.flags < self.checkpoints:
            raise ConfigError(
                "`1 <= flags < checkpoints` must hold", (self.flags, self.checkpoints),
                "the first look at a gate is never a flag",
            )  # fmt: skip
        for name in ("alpha", "alpha_diagnosis", "power"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"`0 < {name} < 1` must hold", getattr(self, name))
        for name in ("delta", "epsilon", "kappa", "outside", "narrowing", "amplification"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"`{name} >= 0` must hold", getattr(self, name))
        for name in ("drop", "spread"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"`{name} > 0` must hold", getattr(self, name))

    def at_epoch(self, epoch: int) -> Rule:
        """The rule with what one run of looks at the e-th gate may spend.

        A gate has `6 alpha / (pi^2 e^2)`, or all of alpha where there is one gate. With k flags
        and m looks after the first, what is asked at a look depends on where the gate has said
        stop before: there are `C(m, 1) + ... + C(m, k)` pairs of a look and a past with fewer
        than k stops. Each may spend the same, so a run of m looks spends m such parts.
        """
        share = 1.0 if self.epochs == 1 else 6 / (math.pi**2 * epoch**2)
        looks = self.checkpoints - 1
        share *= looks / sum(math.comb(looks, stops) for stops in range(1, self.flags + 1))
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
