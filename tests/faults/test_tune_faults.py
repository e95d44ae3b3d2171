"""Studies that are killed, shared or damaged."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.lock import only_process
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.trial import Evaluation, Stage
from evaluation.tune.vector import Vector
from evaluation.tune.watch import Checkpoint
from simgen.config import Config, config_from_plain
from simgen.errors import StoreError
from simgen.rng import Key

pytest.importorskip("optuna")
CONFIG = config_from_plain({"scene": {"family": "x", "a": {"uniform": [0, 1, [0, 1]]}}})
VECTOR = Vector.of(CONFIG)
OPTIONS = TuneOptions(budget=41, every=8)
ON = TuneOptions(budget=41, every=8, on_stop="next-gate")
FORK = multiprocessing.get_context("fork")


@dataclass
class Noisy:
    names: tuple[str, ...] = ("noisy",)
    pause_s: float = 0.0

    @property
    def about(self) -> dict[str, Any]:
        return {"world": "noisy"}

    def __call__(self, config: Config, *, stage: Stage, key: Key) -> Iterator[Evaluation]:
        time.sleep(self.pause_s)
        ends = np.array([t.value for t in config.space().tunables()])
        draw = (key / str(ends.tolist())).generator().standard_normal()
        yield Evaluation({"noisy": float(np.sum((ends - [0.2, 0.5]) ** 2)) + 0.1 * draw})


HARD = (Key(2) / "pictures").generator().standard_normal(300) * 0.2


def gate(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Scores of gate pictures that follow the loop."""
    noise = (Key(2) / checkpoint.number).generator().standard_normal((2, 300))
    return {"scores": 0.6 + 0.2 * checkpoint.proxy + HARD + 0.02 * noise}


def watch(folder: Path) -> LedgerWatch:
    """A ledger whose entries bear no date, so that its bytes can be compared."""
    ledger = Ledger(folder, clock=lambda: "2026-01-01T00:00:00+00:00")
    ledger.start(Rule(checkpoints=6, kappa=0.0), split="0" * 64, gate={}, about={"what": "noisy"})
    return LedgerWatch(ledger, gate, Key(2) / "alarm")


def falling(checkpoint: Checkpoint) -> dict[str, np.ndarray]:
    """Scores that fall as the loop believes to gain."""
    found = gate(checkpoint)["scores"] - 0.6 * (1 + checkpoint.proxy)
    return {"scores": found}


def two_gates(folder: Path) -> LedgerWatch:
    """A ledger whose first gate says stop."""
    ledger = Ledger(folder, clock=lambda: "2026-01-01T00:00:00+00:00")
    rule = Rule(checkpoints=6, kappa=0.0, epochs=2)
    ledger.start(rule, split="0" * 64, gate=[{}, {}], about={"what": "noisy"})
    return LedgerWatch(ledger, falling, Key(2) / "alarm", (gate,))


def run(folder: Path, pause_s: float = 0.0) -> None:
    tune(VECTOR, Noisy(pause_s=pause_s), OPTIONS, folder, watch=watch(folder / "alarm"))


def run_on(folder: Path, pause_s: float = 0.0) -> None:
    tune(VECTOR, Noisy(pause_s=pause_s), ON, folder, watch=two_gates(folder / "alarm"))


def recorded(database: Path) -> int:
    """Trials in a database, by SQLite itself."""
    if not database.exists():
        return -1
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM trials").fetchone()[0])


def test_a_study_killed_20_times_has_the_same_trials_and_the_same_ledger(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = tune(VECTOR, Noisy(), OPTIONS, whole, watch=watch(whole / "alarm"))
    generator = (Key(5) / "kills").generator()
    kills, done, reached = 0, False, set[int]()
    while kills < 20:
        before = recorded(parts / "study.db")
        child = FORK.Process(target=run, args=(parts, 0.002))
        child.start()
        # Two of three kills wait for a new trial, so that the study gets on; the others come
        # while it is being made or opened. Then anywhere in a trial, its record or its look.
        until = time.monotonic() + 60
        while kills % 3 and not done and child.is_alive() and time.monotonic() < until:
            if recorded(parts / "study.db") > before:
                break
            time.sleep(0.002)
        child.join(float(generator.uniform(0.0, 0.03 if done else 0.1)))
        if child.exitcode is None:
            os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        assert child.exitcode in {0, -signal.SIGKILL}
        kills += 1 if child.exitcode else 0
        reached.add(recorded(parts / "study.db"))
        done = done or child.exitcode == 0
        child.close()
    assert len(reached) > 3  # they did hit it on the way
    found = tune(VECTOR, Noisy(), OPTIONS, parts, watch=watch(parts / "alarm"))
    assert found.trials == expected.trials
    assert found.answers == expected.answers
    assert found.best == expected.best
    assert len(found.answers) == 6
    assert_same_ledger(whole / "alarm", parts / "alarm")


def assert_same_ledger(whole: Path, parts: Path) -> None:
    """Byte for byte, with its side files."""
    for file in whole.rglob("*"):
        if file.is_file():
            assert (parts / file.relative_to(whole)).read_bytes() == file.read_bytes(), file.name


def test_a_study_that_goes_on_under_a_next_gate_is_the_same_after_kills(tmp_path: Path) -> None:
    """Killed where the ledger moves: before, between and after each thing it writes."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    expected = tune(VECTOR, Noisy(), ON, whole, watch=two_gates(whole / "alarm"))
    assert expected.answers.count("stop") == 1
    assert len(expected.trials) == 41
    generator = (Key(6) / "kills").generator()
    stop = expected.course.barred[0][1]
    assert stop is not None
    for kill in range(8):
        child = FORK.Process(target=run_on, args=(parts, 0.002))
        child.start()
        until = time.monotonic() + 60
        while kill < 4 and child.is_alive() and time.monotonic() < until:
            if recorded(parts / "study.db") >= stop - 1 + kill:
                break
            time.sleep(0.002)
        child.join(float(generator.uniform(0.0, 0.1)))
        if child.exitcode is None:
            os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        assert child.exitcode in {0, -signal.SIGKILL}
        child.close()
    found = tune(VECTOR, Noisy(), ON, parts, watch=two_gates(parts / "alarm"))
    assert (found.trials, found.answers, found.best) == (
        expected.trials, expected.answers, expected.best,
    )  # fmt: skip
    assert_same_ledger(whole / "alarm", parts / "alarm")


class Crash:
    """Ends this process at the n-th thing it does to a file of a folder."""

    def __init__(self, root: Path, at: int) -> None:
        self.root, self.left = str(root), at

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event in {"open", "os.rename"} and str(args[0]).startswith(self.root):
            self.left -= 1
            if self.left < 0:
                os._exit(9)


def test_a_move_to_the_next_gate_may_crash_at_any_file_operation(tmp_path: Path) -> None:
    def moved(folder: Path) -> LedgerWatch:
        made = two_gates(folder)
        for number, fall in enumerate([0.0, 0.0, 0.5, 0.0]):
            proxy = -1 + 0.01 * number if number < 3 else -0.99
            point = Checkpoint(number, 1, 0, proxy + fall, None, CONFIG)
            made.look(point)
        return made

    whole = moved(tmp_path / "whole")
    assert whole.ledger.answers() == ("continue", "continue", "stop", "continue")
    assert [look.epoch for look in whole.ledger.state().looks] == [1, 1, 1, 2]
    for at in range(0, 200, 7):
        folder = tmp_path / str(at)
        child = os.fork()
        if child == 0:
            sys.addaudithook(Crash(folder, at))
            moved(folder)
            os._exit(0)
        crashed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        moved(folder)
        assert_same_ledger(tmp_path / "whole", folder)
        if not crashed:
            break
    assert at > 30
    assert not crashed


def test_a_second_process_is_refused_and_does_no_harm(tmp_path: Path) -> None:
    child = FORK.Process(target=run, args=(tmp_path, 0.05))
    child.start()
    until = time.monotonic() + 60
    while not (tmp_path / "study.db").exists() and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(StoreError, match=r"must have one process at a time; got .* is being tuned"):
        run(tmp_path)
    child.join(60)
    assert child.exitcode == 0
    assert len(tune(VECTOR, Noisy(), OPTIONS, tmp_path).trials) == 41
    with only_process(tmp_path):
        pass  # the lock went with the process


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match=r"a study's database must be readable; .*restore it"):
        tune(VECTOR, Noisy(), OPTIONS, tmp_path)


def test_a_kill_while_the_database_is_made_leaves_none(tmp_path: Path) -> None:
    (tmp_path / ".study.db.partial").write_bytes(b"half a database")
    assert len(tune(VECTOR, Noisy(), TuneOptions(budget=2), tmp_path).trials) == 2
    assert not (tmp_path / ".study.db.partial").exists()
