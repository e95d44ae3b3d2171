"""A gate that has been looked at once, or not at all: there is nothing to compare yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.alarm.folder import loop_folder
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.state import State

LEAST = 2
"""Looks at a gate from which on there is something to compare."""


@dataclass(frozen=True)
class TooEarly:
    """Where a run stands whose gate cannot be judged yet.

    Attributes:
        gate: That is asked now, from 1.
        looks: At it so far.
        stops: (gate, look) of each earlier stop that the loop went back from.
        voided: Why this gate's protocol was voided; empty where it was kept.
    """

    gate: int
    looks: int
    stops: tuple[tuple[int, int], ...]
    voided: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """In words."""
        seen = "has been looked at once" if self.looks else "has not been looked at"
        before = [f" Gate {gate} said stop at look {look}." for gate, look in self.stops]
        return f"There is nothing to compare yet: gate {self.gate} {seen}.{''.join(before)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON, with names as in `Verdict.to_dict`."""
        return {
            "verdict": self.title,
            "gate_asked": self.gate,
            "checkpoints": self.looks,
            "earlier_stops": [list(each) for each in self.stops],
            "voided": list(self.voided),
        }


def too_early(path: Path) -> TooEarly | None:
    """Where a run of ours stands; None where it can be judged, or is of another loop.

    Args:
        path: A loop's folder, or a file of another loop; see `loop_folder`.

    Raises:
        ConfigError: There is no ledger.
        StoreError: The ledger was edited.
    """
    folder = loop_folder(path)
    return None if folder is None else early(Ledger(folder).state())


def early(state: State) -> TooEarly | None:
    """The same of a state."""
    looks = len(state.standing(state.epoch))
    if looks >= LEAST:
        return None
    return TooEarly(state.epoch, looks, state.went_back, state.void_now)
