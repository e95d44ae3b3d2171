"""Studies that are killed, shared or damaged."""

from __future__ import annotations

import json
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
OPTIONS = TuneOptions(budget=26, every=5, on_stop="continue")
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


class Book:
    """A ledger of looks: one line each, on the disk before it is answered."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def look(self, checkpoint: Checkpoint) -> str:
        line = json.dumps([checkpoint.number, checkpoint.trials, checkpoint.proxy])
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        if checkpoint.number < len(lines):
            assert lines[checkpoint.number] == line, "the same look must be the same"
        else:
            partial = self.path.with_suffix(".partial")
            partial.write_text("\n".join([*lines, line]))
            partial.replace(self.path)
        return "stop" if checkpoint.number == 3 else "continue"


def run(folder: Path, pause_s: float = 0.0) -> None:
    tune(VECTOR, Noisy(pause_s=pause_s), OPTIONS, folder, watch=Book(folder / "book.jsonl"))


def recorded(database: Path) -> int:
    """Trials in a database, by SQLite itself."""
    if not database.exists():
        return -1
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute("SELECT COUNT(*) FROM trials").fetchone()[0])


def test_a_study_killed_20_times_has_the_same_trials_and_the_same_ledger(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    expected = tune(VECTOR, Noisy(), OPTIONS, whole, watch=Book(whole / "book.jsonl"))
    generator = (Key(5) / "kills").generator()
    kills, longest, reached = 0, 0.15, set()
    while kills < 20:
        child = FORK.Process(target=run, args=(parts, 0.002))
        child.start()
        child.join(float(generator.uniform(0.0, longest)))
        if child.exitcode is None:
            os.kill(child.pid or 0, signal.SIGKILL)
            kills += 1
            reached.add(recorded(parts / "study.db"))
        elif child.exitcode == 0:
            longest /= 2  # done too soon: the next kills come early, in opening what is done
        child.join()
        assert child.exitcode in {0, -signal.SIGKILL}
        child.close()
    assert len(reached) > 3  # they did hit it on the way
    found = tune(VECTOR, Noisy(), OPTIONS, parts, watch=Book(parts / "book.jsonl"))
    assert found.trials == expected.trials
    assert found.answers == expected.answers
    assert found.best == expected.best
    assert (parts / "book.jsonl").read_bytes() == (whole / "book.jsonl").read_bytes()


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
    assert len(tune(VECTOR, Noisy(), OPTIONS, tmp_path).trials) == 26
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
