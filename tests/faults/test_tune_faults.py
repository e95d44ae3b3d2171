"""Studies that are killed, shared or damaged."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
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


def run(folder: Path, pause_s: float = 0.0) -> None:
    tune(VECTOR, Noisy(pause_s=pause_s), OPTIONS, folder, watch=watch(folder / "alarm"))


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
    for file in (whole / "alarm").rglob("*"):
        if file.is_file():
            twin = parts / "alarm" / file.relative_to(whole / "alarm")
            assert twin.read_bytes() == file.read_bytes(), file.name


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
