"""The engine: same bytes however it is run, and clear words when it fails."""

import os

import cv2
import pytest
from engine_sources import DyingSource, FailingSource, InterruptedSource, ProcessSource

from simgen.dataset.layout import Layout
from simgen.dataset.toy import ToySource
from simgen.dataset.writer import Plan
from simgen.engine import SampleError, generate_dataset
from simgen.engine.tasks import Schedule, Task
from simgen.errors import ConfigError

COUNT = 9


def tree(root):
    return {p.name: p.read_bytes() for p in root.iterdir()}


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    root = tmp_path_factory.mktemp("engine") / "set"
    generate_dataset(ToySource(), root, count=COUNT, shard_size=4)
    return tree(root)


def test_two_workers_and_recycling_change_no_byte(reference, tmp_path):
    notes = tmp_path / "notes"
    notes.mkdir()
    source = ProcessSource(notes=notes)
    said = []
    outcome = generate_dataset(
        source, tmp_path / "set", count=COUNT, workers=2, shard_size=4, recycle=4,
        progress=lambda done, total: said.append((done, total)),
    )  # fmt: skip
    assert tree(tmp_path / "set") == reference
    assert outcome.made == COUNT
    assert outcome.deaths == ()
    assert said == [(n, COUNT) for n in range(COUNT + 1)]
    noted = [path.name.split("-") for path in notes.iterdir()]
    assert sorted(int(index) for index, _, _ in noted) == list(range(COUNT))
    processes = {pid for _, pid, _ in noted}
    assert str(os.getpid()) not in processes
    assert len(processes) >= 3  # 9 samples and 3 shards, 4 tasks a process
    assert {threads for _, _, threads in noted} == {"1"}


def test_one_worker_works_here_on_one_thread(tmp_path):
    before = cv2.getNumThreads()
    generate_dataset(ProcessSource(notes=tmp_path), tmp_path / "set", count=2)
    names = {p.name for p in tmp_path.iterdir()} - {"set"}
    assert names == {f"{index}-{os.getpid()}-1" for index in range(2)}
    assert cv2.getNumThreads() == before


def test_a_worker_that_dies_is_replaced_and_reported(reference, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    outcome = generate_dataset(
        DyingSource(marks=marks), tmp_path / "set", count=COUNT, workers=2, shard_size=4
    )
    assert outcome.deaths == ("sample 3 (seed 0) ended its worker by SIGKILL; it was done again",)
    assert tree(tmp_path / "set") == reference


def test_a_sample_that_kills_twice_ends_the_run_and_loses_nothing(reference, tmp_path):
    marks = tmp_path / "marks"
    marks.mkdir()
    with pytest.raises(SampleError) as caught:
        generate_dataset(
            DyingSource(marks=marks, deaths=2), tmp_path / "set", count=COUNT, workers=2,
            shard_size=4,
        )  # fmt: skip
    assert str(caught.value) == (
        "sample 3 (seed 0): a task must not end its worker process; "
        "got two processes ended, the last by SIGKILL; "
        "where memory ran out (SIGKILL), use fewer workers"
    )
    outcome = generate_dataset(ToySource(), tmp_path / "set", count=COUNT, shard_size=4)
    assert outcome.made < COUNT - 2
    assert tree(tmp_path / "set") == reference


@pytest.mark.parametrize("workers", [1, 2])
def test_a_broken_rule_names_sample_and_seed(workers, reference, tmp_path):
    with pytest.raises(ConfigError) as caught:
        generate_dataset(
            FailingSource(), tmp_path / "set", count=COUNT, workers=workers, shard_size=4
        )
    assert str(caught.value) == (
        "sample 3 (seed 0): scene.size: `low <= high` must hold; got {'low': 2}; swap them"
    )
    outcome = generate_dataset(ToySource(), tmp_path / "set", count=COUNT, shard_size=4)
    assert outcome.made <= COUNT - 3
    assert tree(tmp_path / "set") == reference


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fault_in_code_names_sample_and_seed_and_keeps_its_traceback(workers, tmp_path):
    with pytest.raises(SampleError) as caught:
        generate_dataset(
            FailingSource(rule=False), tmp_path / "set", count=4, workers=workers, shard_size=2
        )
    assert str(caught.value).startswith(
        "sample 3 (seed 0): making a sample must not fail in code; got ZeroDivisionError: "
    )
    if workers == 1:
        assert isinstance(caught.value.__cause__, ZeroDivisionError)
    else:
        assert "return 1 // 0" in "".join(caught.value.__notes__)


def test_an_interrupt_loses_nothing(reference, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        generate_dataset(InterruptedSource(), tmp_path / "set", count=COUNT, shard_size=4)
    assert not list(tmp_path.rglob("*.tmp"))
    said = []
    outcome = generate_dataset(
        ToySource(), tmp_path / "set", count=COUNT, shard_size=4,
        progress=lambda done, _: said.append(done),
    )  # fmt: skip
    assert (said[0], outcome.made) == (3, COUNT - 3)
    assert tree(tmp_path / "set") == reference


def test_a_finished_dataset_is_left_alone(reference, tmp_path):
    root = tmp_path / "set"
    generate_dataset(ToySource(), root, count=COUNT, shard_size=4)
    before = {p.name: p.stat().st_mtime_ns for p in root.iterdir()}
    said = []
    outcome = generate_dataset(
        ToySource(), root, count=COUNT, shard_size=4, workers=2,
        progress=lambda *done: said.append(done),
    )  # fmt: skip
    assert outcome.made == 0
    assert said == [(COUNT, COUNT)]
    assert {p.name: p.stat().st_mtime_ns for p in root.iterdir()} == before


@pytest.mark.parametrize("counts", [(1, COUNT), (4, COUNT), (6, 7, COUNT)])
def test_extending_ends_as_if_made_at_once(counts, reference, tmp_path):
    made = [
        generate_dataset(ToySource(), tmp_path / "set", count=n, shard_size=4).made for n in counts
    ]
    assert sum(made) == COUNT
    assert tree(tmp_path / "set") == reference


def test_bad_numbers_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="`workers` and `recycle` must be at least 1; got 0 and"):
        generate_dataset(ToySource(), tmp_path / "set", count=1, workers=0)


def test_a_shard_is_joined_as_soon_as_its_samples_are_there(tmp_path):
    plan = Plan(Layout(tmp_path, 5, 2), missing=(1, 2, 3, 4), unfinished=(0, 1, 2))
    schedule = Schedule(plan, None)
    first, second, third = (schedule.next() for _ in range(3))
    assert [t.number for t in (first, second, third)] == [1, 2, 3]
    schedule.done(third)
    schedule.done(first)
    assert schedule.next() == Task("shard", 0)
    assert schedule.next() == Task("sample", 4)
    assert schedule.next() is None
    assert not schedule.finished
    for task in (Task("sample", 4), second, Task("shard", 0)):
        schedule.done(task)
    assert {schedule.next(), schedule.next()} == {Task("shard", 1), Task("shard", 2)}
    schedule.done(Task("shard", 1))
    schedule.done(Task("shard", 2))
    assert schedule.finished
