"""What a loop does after a stop: roll back, and go on under a fresh gate or on the same one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from evaluation.alarm.early import too_early
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.report.page import render
from evaluation.alarm.rule import Rule
from evaluation.alarm.trajectory import from_ledger
from evaluation.alarm.verdict import judge
from evaluation.tune.course import Course
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.loop import Outcome, TuneOptions, tune
from evaluation.tune.report.page import verdict as page_verdict
from evaluation.tune.study import open_study
from evaluation.tune.trial import Evaluation, Stage, Trial, incumbent
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Checkpoint
from evaluation.tune.write import Evidence
from simgen.cli import app
from simgen.config import Config, config_from_plain
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

pytest.importorskip("optuna")
CONFIG = config_from_plain({"scene": {"family": "x", "a": {"uniform": [0, 1, [0, 1]]}}})
VECTOR = Vector.of(CONFIG)
GOAL = np.array([0.3, 0.6])


def distance(config: Config) -> float:
    return float(np.sum((np.array([t.value for t in config.space().tunables()]) - GOAL) ** 2))


@dataclass(frozen=True)
class Bowl:
    """Squared distance of two ends to known ones."""

    names: tuple[str, ...] = ("bowl",)

    @property
    def about(self) -> Mapping[str, Any]:
        return {"world": "bowl"}

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        yield Evaluation({"bowl": distance(config)})


class Script:
    """An alarm that says what was written down, and "continue" after that."""

    def __init__(self, says: Sequence[str], gates: int = 1, flags: int = 1) -> None:
        self.says, self.gates, self.flags = says, gates, flags
        self.seen: list[Checkpoint] = []

    def look(self, checkpoint: Checkpoint) -> str:
        assert checkpoint.number == len(self.seen)
        self.seen.append(checkpoint)
        return self.says[checkpoint.number] if checkpoint.number < len(self.says) else "continue"


GO, STOP = "continue", "stop"
OPTIONS = TuneOptions(budget=41, every=8, on_stop="next-gate")


def after(
    answers: Sequence[str], gates: int = 1, flags: int = 1, on_stop: str = "next-gate"
) -> Course:
    found = Course()
    for answer in answers:
        found = found.after(answer, 8, on_stop, gates=gates, flags=flags)
    return found


def test_a_course_is_what_the_answers_make_of_it() -> None:
    assert after([]) == Course(look_at=1)
    assert after([GO, GO]) == Course(look_at=17, passed_at=9)
    # another gate is asked at once; the same one in its turn
    stop = after([GO, GO, STOP], gates=2)
    assert (stop.look_at, stop.fresh, stop.over, stop.barred) == (17, True, False, ((9, 17),))
    again = after([GO, GO, STOP], flags=2)
    assert (again.look_at, again.fresh, again.over, again.barred) == (25, False, False, ((9, 17),))
    # the last stop ends the loop, and bars whatever a study holds beyond it
    last = after([GO, GO, STOP, GO, STOP], gates=2)
    assert (last.over, last.stops, last.barred) == (True, 2, ((9, 17), (17, None)))
    assert [last.bars(number) for number in (0, 8, 9, 16, 17, 99)] == [False, False, *[True] * 4]
    assert after([GO, STOP, GO, STOP], gates=2, flags=2).over is False
    assert after([STOP], on_stop="stop") == Course(over=True)
    assert after([GO, STOP, STOP], on_stop="continue").barred == ()


@given(st.lists(st.sampled_from([GO, STOP]), max_size=14), st.integers(1, 3), st.integers(1, 3))
def test_a_course_is_never_caught_in_its_own_past(says: list[str], gates: int, flags: int) -> None:
    """By a slow reading: which numbers lie between a look that passed and a stop."""
    found, barred, passed, at = Course(), set[int](), 1, 1
    for answer in says:
        if found.over:
            break
        assert found.look_at == at
        found = found.after(answer, 8, "rollback", gates=gates, flags=flags)
        if answer == STOP:
            barred |= set(range(passed, at))
        passed = at
        at = found.look_at
    if not found.over:
        assert {n for n in range(at) if found.bars(n)} == barred
        assert not any(found.bars(n) for n in range(at, at + 50))
    assert found.bars(0) is False
    assert found.over == (found.stops == gates * flags)
    assert found.stops <= gates * flags


@given(st.lists(st.sampled_from([GO, STOP]), max_size=30), st.integers(1, 3), st.integers(1, 3))
def test_no_gate_is_asked_more_often_than_is_registered(
    says: list[str], gates: int, flags: int
) -> None:
    found, looks = Course(), [0] * gates
    for number, answer in enumerate(says):
        if found.over or found.look_at > 41:
            break
        looks[found.stops // flags] += 1
        # a ledger never stops at the first look of all, nor at the first at another gate
        answer = GO if number == 0 or found.fresh else answer  # noqa: PLW2901
        found = found.after(answer, 8, "next-gate", gates=gates, flags=flags)
    assert max(looks) <= 1 + (41 - 1) // 8


def test_a_fresh_gate_is_asked_at_once_and_the_refused_are_not_the_best_again(
    tmp_path: Path,
) -> None:
    script = Script([GO, GO, STOP], gates=2)
    found = tune(VECTOR, Bowl(), OPTIONS, tmp_path / "a", watch=script)
    assert [c.trials for c in script.seen] == [1, 9, 17, 17, 25, 33, 41]
    assert found.answers == (GO, GO, STOP, GO, GO, GO, GO)
    assert len(found.trials) == 41
    passed, refused, baseline = script.seen[1:4]
    assert refused.incumbent > 8  # the loop had found something better than at the look before
    assert baseline == Checkpoint(
        3, 17, passed.incumbent, passed.proxy, passed.pressure, passed.config
    )
    ahead = [t for t in found.trials if t.expected is not None and t.number not in range(9, 17)]
    assert found.best == min(ahead, key=lambda t: t.expected)  # type: ignore[arg-type, return-value]
    for checkpoint in script.seen[3:]:
        assert checkpoint.incumbent not in range(9, 17)
    # the page's line of the best goes back at the stop
    line = [found.course.best_at(found.trials[:done]) for done in (9, 17, 18)]
    assert [trial.number for trial in line if trial][:2] == [passed.incumbent, refused.incumbent]
    assert line[2] in (line[0], found.trials[17])
    # what was refused no longer sets the bar: a trial that beats what passed is confirmed
    bar = found.trials[passed.incumbent]
    later = next(t for t in found.trials[17:] if t.total is not None and t.total < bar.total)  # type: ignore[operator]
    assert later.confirmed
    # the same call again asks the same and finds the same
    again = Script([GO, GO, STOP], gates=2)
    assert tune(VECTOR, Bowl(), OPTIONS, tmp_path / "a", watch=again).best == found.best
    assert again.seen == script.seen


def test_the_sampler_is_not_drawn_to_what_was_refused(tmp_path: Path) -> None:
    script = Script([GO, GO, GO, STOP], gates=2)
    found = tune(VECTOR, Bowl(), OPTIONS, tmp_path / "a", watch=script)
    blind = tune(VECTOR, Bowl(), OPTIONS, tmp_path / "b", watch=Script([]))
    assert found.trials[:25] == blind.trials[:25]
    assert [t.units for t in found.trials[25:]] != [t.units for t in blind.trials[25:]]
    # the record keeps what the trials were, as each was complete when it ended
    about = {"x": 1}
    with open_study(tmp_path / "c", about, ("u",), sampler="tpe", key=Key(1)) as study:
        for number in range(30):
            units = study.propose({"u": 0.5})
            score = (units["u"] - 0.9) ** 2
            study.record(Trial(number, units, {}, "complete", score))
        near = [t.number for t in study.trials if t.units["u"] > 0.6]
        free = study.propose({"u": 0.5})
        study.bar(near)
        assert study.propose({"u": 0.5})["u"] < 0.6 < free["u"]
        assert all(t.state == "complete" for t in study.trials)
        study.bar([])
        assert study.propose({"u": 0.5}) == free


def test_the_last_stop_ends_the_loop(tmp_path: Path) -> None:
    script = Script([GO, GO, STOP, GO, STOP], gates=2)
    found = tune(VECTOR, Bowl(), OPTIONS, tmp_path, watch=script)
    assert (len(found.trials), found.course.over) == (25, True)
    assert found.best.number == script.seen[1].incumbent


def test_a_second_flag_goes_on_on_the_same_gate(tmp_path: Path) -> None:
    script = Script([GO, STOP, GO, STOP, GO], flags=2)
    found = tune(VECTOR, Bowl(), TuneOptions(budget=41, every=8), tmp_path, watch=script)
    assert [c.trials for c in script.seen] == [1, 9, 17, 25]
    assert found.course.over
    assert found.best.number == script.seen[2].incumbent


def test_a_gate_is_not_opened_when_nothing_is_left_to_be_judged(tmp_path: Path) -> None:
    script = Script([GO, GO, STOP], gates=2)
    short = TuneOptions(budget=17, every=8, on_stop="next-gate")
    found = tune(VECTOR, Bowl(), short, tmp_path, watch=script)
    assert len(script.seen) == 3
    assert found.best.number == script.seen[1].incumbent
    title, tone, sentences = page_verdict(Evidence.of(found, key=Key(0)))
    assert title.startswith("The alarm said stop at look 2: ")
    assert tone == "behind"
    assert sentences[-2:] == [
        "The alarm said stop at look 2; the loop went back to the best setting that had passed.",
        "No look since then had anything to compare with.",
    ]
    # so it is where another gate was looked at once, and the loop went on
    once = TuneOptions(budget=20, every=8, on_stop="next-gate")
    found = tune(VECTOR, Bowl(), once, tmp_path / "b", watch=Script([GO, GO, STOP], gates=2))
    assert len(found.answers) == 4
    title, _, sentences = page_verdict(Evidence.of(found, key=Key(0)))
    assert title.startswith("The alarm said stop at look 2: ")
    assert sentences[-2].endswith("had passed, and went on.")
    assert sentences[-1] == "No look since then had anything to compare with."
    # a larger budget opens it
    more = Script([GO, GO, STOP], gates=2)
    whole = tune(VECTOR, Bowl(), OPTIONS, tmp_path, watch=more)
    assert [c.trials for c in more.seen] == [1, 9, 17, 17, 25, 33, 41]
    assert incumbent(whole.course.may_be_best(whole.trials)) == whole.best


HARD = (Key(3) / "pictures").generator().standard_normal((2, 400)) * 0.2


def gate(number: int, slope: float, asked: list[tuple[int, int]]) -> Any:
    """Scores on a gate that move with what the loop believes to have gained."""

    def scores(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
        asked.append((number, checkpoint.number))
        generator = (Key(3) / checkpoint.config.digest() / number).generator()
        noise = 0.01 * generator.standard_normal((3, 400))
        return {"scores": 0.6 + slope * (1 + checkpoint.proxy) + HARD[number - 1] + noise}

    return scores


def watching(
    folder: Path, slopes: tuple[float, ...], asked: list[tuple[int, int]], **rule: Any
) -> LedgerWatch:
    ledger = Ledger(folder, clock=lambda: "2030-01-01T00:00:00+00:00")
    given = Rule(checkpoints=6, kappa=0.0, epochs=len(slopes), **rule)
    about = {"what": "a bowl"}
    ledger.start(given, split="0" * 64, gate=[{}] * len(slopes), about=about)
    first, *later = [gate(n, slope, asked) for n, slope in enumerate(slopes, start=1)]
    return LedgerWatch(ledger, first, Key(0) / "alarm", tuple(later))


def tuned(folder: Path, watch: LedgerWatch) -> Outcome:
    return tune(VECTOR, Bowl(), OPTIONS, folder, watch=watch)


def test_the_ledger_moves_to_the_next_gate_and_judges_it_alone(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []
    watch = watching(tmp_path / "book", (-0.3, 0.3), asked)
    found = tuned(tmp_path / "study", watch)
    stop = found.answers.index(STOP)
    assert found.answers.count(STOP) == 1
    assert len(found.trials) == 41
    state = watch.ledger.state()
    assert [look.epoch for look in state.looks] == [1] * (stop + 1) + [2] * (
        len(found.answers) - stop - 1
    )
    assert asked == [(look.epoch, look.checkpoint) for look in state.looks]
    # the first look at the new gate is that of the setting that had passed
    assert state.looks[stop + 1].setting == state.looks[stop - 1].setting
    run = from_ledger(watch.ledger)
    assert (run.epoch, run.stops) == (2, ((1, stop),))
    assert len(run.proxy) == len(found.answers) - stop - 1
    assert run.rule.alpha == pytest.approx(0.03 * 6 / np.pi**2 / 4)
    kept = ", ".join(str(number) for number in range(stop + 1, len(found.answers)))
    [note] = run.notes
    assert note == (
        f"Gate 1 said stop at look {stop}, and the loop went back. Judged here is gate 2; its "
        f"checkpoints are the ledger's looks {kept}."
    )
    verdict = judge(run, key=Key(0))
    assert verdict.title.startswith("No over-optimisation was detected since the loop went back;")
    plain = verdict.to_dict()
    assert (plain["gate_asked"], plain["earlier_stops"]) == (2, [[1, stop]])
    assert (plain["rule"]["alpha"], plain["rule_of_all_gates"]["alpha"]) == (run.rule.alpha, 0.03)
    told = " ".join(render(verdict).split())
    assert "at most 0.03, of any of the other four 0.02, gates: 2, stops of each: 1;" in told
    assert "after the stops that there were, spend 0.0046 and 0.003 of it." in told
    _, tone, sentences = page_verdict(Evidence.of(found, key=Key(0)))
    assert tone == "ahead"
    assert sentences[-2] == (
        f"The alarm said stop at look {stop}; the loop went back to the best setting that had "
        "passed, and went on."
    )
    assert sentences[-1] == (
        f"At the {len(found.answers) - stop - 1} looks since then no flag was raised: nothing was "
        "detected, which does not mean that there is nothing."
    )
    # the same call asks no gate again
    before = list(asked)
    assert tuned(tmp_path / "study", watch).best == found.best
    assert asked == before


def test_when_no_gate_is_left_the_loop_ends(tmp_path: Path) -> None:
    watch = watching(tmp_path / "book", (-0.3, -0.6), [])
    found = tuned(tmp_path / "study", watch)
    assert found.answers.count(STOP) == 2
    assert found.course.over
    state = watch.ledger.state()
    assert (state.epoch, state.stopped) == (2, True)
    baseline = [look.setting for look in state.looks if look.epoch == 2][-2]
    assert VECTOR.apply(found.best.values).digest() == baseline
    title, tone, sentences = page_verdict(Evidence.of(found, key=Key(0)))
    first, last = (n for n, answer in enumerate(found.answers) if answer == STOP)
    assert title.startswith(f"The alarm said stop at look {last}: ")
    assert tone == "behind"
    assert sentences[-2].startswith(f"The alarm said stop at look {first}; the loop went back")
    assert sentences[-1] == "No gate may be asked again: the loop ended there."


def test_a_run_of_flags_leaves_refused_looks_out_of_its_past(tmp_path: Path) -> None:
    watch = watching(tmp_path / "book", (-0.3,), [], flags=2)
    found = tuned(tmp_path / "study", watch)
    first, second = (n for n, answer in enumerate(found.answers) if answer == STOP)
    run = from_ledger(watch.ledger)
    assert run.stops == ((1, first),)
    assert len(run.proxy) == second  # all looks up to the second stop, but for the first stop
    assert run.rule.alpha == pytest.approx(0.03 * 5 / (5 + 10))
    # what one course of stops may spend is not the chance of a false flag over the whole run
    assert "whole run at most 0.03," in " ".join(render(judge(run, key=Key(0))).split())
    with pytest.raises(StoreError, match="epoch 1: it said stop 2 times"):
        watch.ledger.look(second + 1, 0.0, setting="a", arrays={"scores": np.zeros((2, 400))})


def test_a_gate_of_one_look_cannot_be_judged_yet(tmp_path: Path) -> None:
    watch = watching(tmp_path / "book", (-1.0, 0.3), [])
    short = TuneOptions(budget=10, every=8, on_stop="next-gate")
    found = tune(VECTOR, Bowl(), short, tmp_path / "study", watch=watch)
    assert found.answers == (GO, STOP, GO)
    told = (
        "There is nothing to compare yet: gate 2 has been looked at once. "
        "Gate 1 said stop at look 1."
    )
    with pytest.raises(StoreError, match=f"must have been looked at twice .*; got {told}"):
        from_ledger(watch.ledger)
    page = ["--out", str(tmp_path / "report")]
    for path in (tmp_path / "book", tmp_path / "book" / "ledger.jsonl"):
        got = CliRunner().invoke(app, ["alarm", str(path), *page], catch_exceptions=False)
        assert got.exit_code == 0
        assert told in " ".join(got.stdout.split())
    assert not (tmp_path / "report").exists()
    got = CliRunner().invoke(app, ["alarm", str(tmp_path / "book"), "--json"])
    assert json.loads(got.stdout) == {
        "verdict": told, "gate_asked": 2, "checkpoints": 1, "earlier_stops": [[1, 1]],
        "voided": [],
    }  # fmt: skip


def test_a_loop_without_a_look_has_nothing_to_compare(tmp_path: Path) -> None:
    watching(tmp_path, (-1.0,), [])
    waits = too_early(tmp_path)
    assert waits is not None
    assert waits.title == "There is nothing to compare yet: gate 1 has not been looked at."


def test_a_watch_must_be_able_to_ask_every_gate(tmp_path: Path) -> None:
    watch = watching(tmp_path / "book", (-0.3, 0.3), [])
    with pytest.raises(ConfigError, match=r"that was registered must be .* be asked; got 1 of 2"):
        LedgerWatch(watch.ledger, watch.gate, watch.key)
    with pytest.raises(ConfigError, match="got next-gat; did you mean 'next-gate'"):
        TuneOptions(on_stop="next-gat")
