"""The alarm's ledger as a loop's watch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from numpy.typing import ArrayLike

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.verdict import answer
from evaluation.tune.watch import STOP, Checkpoint
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

Gate = Callable[[Checkpoint], Mapping[str, ArrayLike]]


@dataclass(frozen=True)
class LedgerWatch:
    """Looks at the gate, records each look, and passes one bit on.

    Attributes:
        ledger: A run that was registered with `Ledger.start`.
        gate: From a checkpoint to the arrays of `Ledger.look`: "scores" (K, n) of K training
            seeds on n gate pictures, and what else is known. Not asked twice for one look.
        key: Of the alarm's bootstraps.
        later: The same of the second gate and those after it, which are asked when the one
            before has said stop as often as it may.
    """

    ledger: Ledger
    gate: Gate
    key: Key
    later: tuple[Gate, ...] = ()

    def __post_init__(self) -> None:
        if self.gates != 1 + len(self.later):
            raise ConfigError(
                "each gate that was registered must be one that can be asked",
                f"{1 + len(self.later)} of {self.gates}",
                where=str(self.ledger.path),
            )

    @property
    def gates(self) -> int:
        """As many as were registered."""
        return self.ledger.state().rule.epochs

    @property
    def flags(self) -> int:
        """As many as were registered."""
        return self.ledger.state().rule.flags

    def look(self, checkpoint: Checkpoint) -> str:
        """The recorded answer, or a new one.

        A gate that has said stop as often as it may is asked nothing more: a loop that goes
        on is answered by the next gate, and gets "stop" where there is none.

        Raises:
            StoreError: The look was recorded with another setting, or the gate is used up.
        """
        state = self.ledger.state()
        setting = checkpoint.config.digest()
        if checkpoint.number < len(state.looks):
            before = state.looks[checkpoint.number]
            if before.setting != setting or before.proxy != checkpoint.proxy:
                raise StoreError(
                    "a look must be that which the ledger holds",
                    f"checkpoint {checkpoint.number} with another setting or proxy",
                    "keep a study and its ledger together",
                    str(self.ledger.path),
                )
            return before.answer or answer(self.ledger, key=self.key)
        epoch = state.epoch
        if state.stopped:
            if epoch == self.gates:
                return STOP
            epoch = self.ledger.next_epoch("the gate before said stop", after=epoch)
        known = checkpoint.pressure is not None and math.isfinite(checkpoint.pressure)
        self.ledger.look(
            checkpoint.number,
            checkpoint.proxy,
            setting=setting,
            arrays=(self.gate, *self.later)[epoch - 1](checkpoint),
            pressure=checkpoint.pressure if known else None,
        )
        return answer(self.ledger, key=self.key)
