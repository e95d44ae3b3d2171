"""What looks at a loop from outside: an alarm with real captures that the loop never sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from simgen.config import Config

CONTINUE, STOP = "continue", "stop"


@dataclass(frozen=True)
class Checkpoint:
    """Where a loop stands.

    Attributes:
        number: From 0.
        trials: Trials done.
        incumbent: Number of the best trial.
        proxy: What the loop believes of it: minus its expected total; higher is better.
        pressure: Root of the divergence from the first law; None where it is not known.
        config: The config of the best trial.
    """

    number: int
    trials: int
    incumbent: int
    proxy: float
    pressure: float | None
    config: Config


class Watch(Protocol):
    """An alarm; `evaluation.alarm` has one. It answers one bit, and no score reaches the loop."""

    @property
    def gates(self) -> int:
        """Gates that it may ask one after the other."""
        ...

    @property
    def flags(self) -> int:
        """How often it may say stop on one gate."""
        ...

    def look(self, checkpoint: Checkpoint) -> str:
        """Answer "continue" or "stop", the same again for the same checkpoint.

        A loop that is killed between a trial and its look asks again.
        """
        ...
