"""What the entries of a ledger amount to; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.alarm.chain import Entry
from evaluation.alarm.rule import Rule
from simgen.errors import StoreError

OPEN, LOOK, ANSWER, EPOCH, VOID, SEALED, NOTE = (
    "open", "look", "answer", "epoch", "void", "sealed", "note",
)  # fmt: skip
CONTINUE, STOP = "continue", "stop"


@dataclass(frozen=True)
class Look:
    """One look at the gate.

    Attributes:
        checkpoint: Number of the checkpoint in the run, from 0.
        epoch: Gate that was asked, from 1.
        proxy: The score that the loop saw.
        pressure: Square root of the KL divergence from the start; None where not stated.
        setting: Digest or name of the setting.
        side: Name of the side file.
        sha256: Its digest.
        answer: "continue" or "stop"; None while it is not there yet.
    """

    checkpoint: int
    epoch: int
    proxy: float
    pressure: float | None
    setting: str
    side: str
    sha256: str
    answer: str | None


@dataclass(frozen=True)
class State:
    """Where a run stands.

    Attributes:
        opened: The registration.
        rule: What was registered.
        looks: All looks, in order.
        epoch: Gate that is asked now, from 1.
        voided: (epoch, why) of each breach of the protocol.
        sealed: What opening the sealed part found; None while it is shut.
    """

    opened: dict[str, Any]
    rule: Rule
    looks: tuple[Look, ...]
    epoch: int
    voided: tuple[tuple[int, str], ...]
    sealed: dict[str, Any] | None

    @property
    def stopped(self) -> bool:
        """Whether the gate that is asked now has said stop as often as it may."""
        said = [each.answer for each in self.looks if each.epoch == self.epoch]
        return said.count(STOP) >= self.rule.flags

    @property
    def void_now(self) -> tuple[str, ...]:
        """Why the protocol of the gate that is asked now was voided; empty where it was kept."""
        return tuple(why for epoch, why in self.voided if epoch == self.epoch)

    @property
    def spent(self) -> str | None:
        """Why the gate that is asked now answers nothing more; None while it does."""
        if self.void_now:
            return "its protocol was voided"
        here = [each for each in self.looks if each.epoch == self.epoch]
        if self.stopped:
            flags = self.rule.flags
            return "it said stop" if flags == 1 else f"it said stop {flags} times"
        if self.sealed is not None:
            return "the sealed part was opened"
        if len(here) >= self.rule.checkpoints:
            return f"all {self.rule.checkpoints} looks that were registered are taken"
        return None

    def standing(self, epoch: int) -> tuple[Look, ...]:
        """Looks at a gate that a loop's past is made of: not those that it went back from.

        The newest is among them whatever the gate said, as it is the one that is judged.
        """
        here = [each for each in self.looks if each.epoch == epoch]
        return tuple(each for each in here if each.answer != STOP or each is here[-1])

    @property
    def went_back(self) -> tuple[tuple[int, int], ...]:
        """(gate, checkpoint) of each stop that the loop went back from, on any gate so far."""
        standing = self.standing(self.epoch)
        left = [each for each in self.looks if each.answer == STOP and each not in standing]
        return tuple((each.epoch, each.checkpoint) for each in left)


def state_of(entries: Sequence[Entry], where: str) -> State:
    """Read the entries of a ledger; StoreError when it does not begin with a registration."""
    if not entries or entries[0].kind != OPEN:
        raise StoreError(
            "a ledger must begin with a registration", None, "register the run first", where
        )
    looks: list[dict[str, Any]] = []
    voided: list[tuple[int, str]] = []
    epoch, sealed = 1, None
    for each in entries[1:]:
        if each.kind == LOOK:
            looks.append({**each.body, "answer": None})
        elif each.kind == ANSWER:
            looks[int(each.body["checkpoint"])]["answer"] = each.body["answer"]
        elif each.kind == EPOCH:
            epoch += 1
        elif each.kind == VOID:
            voided.append((epoch, str(each.body["why"])))
        elif each.kind == SEALED:
            sealed = dict(each.body)
    opened = dict(entries[0].body)
    return State(
        opened,
        Rule.from_dict(opened["rule"], where),
        tuple(Look(**each) for each in looks),
        epoch,
        tuple(voided),
        sealed,
    )
