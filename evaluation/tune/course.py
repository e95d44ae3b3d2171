"""What the answers of an alarm make of a loop: what is barred, when it looks next, if it ends.

Pure: it follows from the answers, so a loop that was killed is on the same course again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluation.tune.trial import Trial, incumbent
from evaluation.tune.watch import STOP

ON_STOP = ("rollback", "next-gate", "stop", "continue")


@dataclass(frozen=True)
class Course:
    """Where a loop stands with its alarm.

    Attributes:
        look_at: Trials done when the next look is due.
        passed_at: Trials done at the last look that the loop stands by.
        barred: (first, end) numbers of trials between a look that passed and a stop: none of
            them may be the best again. None as an end bars all that come.
        stops: Stops after which the loop went back.
        fresh: Whether the next look is the first at another gate.
        over: Whether the loop ends.
    """

    look_at: int = 1
    passed_at: int = 1
    barred: tuple[tuple[int, int | None], ...] = ()
    stops: int = 0
    fresh: bool = False
    over: bool = False

    def may_be_best(self, trials: Sequence[Trial]) -> list[Trial]:
        """Those of some trials that no stop has barred."""
        return [trial for trial in trials if not self.bars(trial.number)]

    def best_at(self, trials: Sequence[Trial]) -> Trial | None:
        """The best when the last of these had just ended, by what was barred until then."""
        return self.best_known(trials, len(trials) - 1)

    def best_known(self, trials: Sequence[Trial], done: int) -> Trial | None:
        """The best of these when so many were done and a look then due had been answered.

        A stop that came later changes nothing, so that it is the same again after a kill.
        """
        known = [(first, end) for first, end in self.barred if end is not None and end <= done]
        return incumbent(replace(self, barred=tuple(known)).may_be_best(trials))

    def bars(self, number: int) -> bool:
        """Whether a stop has barred a trial."""
        return any(first <= number and (end is None or number < end) for first, end in self.barred)

    def after(self, answer: str, every: int, on_stop: str, gates: int, flags: int) -> Course:
        """The course after the next look.

        Args:
            answer: What it said.
            every: Trials between two looks.
            on_stop: One of `ON_STOP`.
            gates: Gates that may be asked one after the other.
            flags: Stops of one gate before it is left.
        """
        here = self.look_at
        if answer != STOP or on_stop == "continue":
            return replace(self, look_at=here + every, passed_at=here, fresh=False)
        if on_stop == "stop":
            return replace(self, over=True)
        stops = self.stops + 1
        if stops == gates * flags:
            barred = (*self.barred, (self.passed_at, None))
            return replace(self, barred=barred, stops=stops, over=True)
        # A fresh gate is asked at once: what passed before is what it compares with.
        fresh = stops % flags == 0
        return Course(
            look_at=here if fresh else here + every,
            passed_at=here,
            barred=(*self.barred, (self.passed_at, here)),
            stops=stops,
            fresh=fresh,
        )
