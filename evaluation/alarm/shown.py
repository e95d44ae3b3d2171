"""What a reader is shown of checkpoints beside numbers: settings and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.alarm.flags import bias_amplification as bias
from evaluation.alarm.flags import fools_one_model
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.scores import Array

Sides = Sequence[Mapping[str, NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class SeenLook:
    """A look as its loop may be told of it afterwards: no score of the gate.

    Attributes:
        number: Of the look.
        answer: What the gate said.
        values: Of what moves, by path.
        sheet: JPEG of a few pictures.
    """

    number: int
    answer: str
    values: Mapping[str, float]
    sheet: bytes


def seen_looks(ledger: Ledger) -> tuple[SeenLook, ...]:
    """The answered looks of a tuning; none of another loop."""
    state = ledger.state()
    evidence = state.opened["about"].get("evidence")
    if evidence is None:
        return ()
    paths = [str(path) for path, _, _ in evidence["parameters"]]
    found = []
    for look in state.looks:
        if look.answer is not None:
            side = ledger.side(look)
            values = dict(zip(paths, side["parameters"].tolist(), strict=True))
            found.append(SeenLook(look.checkpoint, look.answer, values, side["sheet"].tobytes()))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class Shown:
    """Settings and pictures of the checkpoints of a tuning.

    Attributes:
        paths: (p,) names of what moves.
        limits: (p, 2) within which.
        values: (m, p) by checkpoint.
        sheets: (m,) JPEGs of a few pictures.
        missing: Flag to the reason why it was not run.
    """

    paths: tuple[str, ...]
    limits: Array
    values: Array
    sheets: tuple[bytes, ...]
    missing: Mapping[str, str]

    @classmethod
    def of(cls, about: Mapping[str, Any], sides: Sides) -> Shown | None:
        """From a ledger's registration and its looks; None where it is not of a tuning.

        Args:
            about: What was registered.
            sides: Side file of each look.
        """
        evidence = about.get("evidence")
        if evidence is None or not all({"parameters", "sheet"} <= set(side) for side in sides):
            return None
        rows = evidence["parameters"]
        missing = {}
        if not all("judge" in side for side in sides):
            missing[fools_one_model.NAME] = (
                "the start was not clearly apart from the captures, by what the loop sees or by "
                "all that it does not see"
            )
        if not all("table" in side for side in sides):
            missing[bias.NAME] = (
                "the captures have one category"
                if len(evidence["table"]["categories"]) < 2
                else "a look had no object"
            )
        return cls(
            tuple(str(path) for path, _, _ in rows),
            np.array([[low, high] for _, low, high in rows], float).reshape(-1, 2),
            np.array([side["parameters"] for side in sides], float),
            tuple(side["sheet"].tobytes() for side in sides),
            missing,
        )
