"""Kills, interrupts and full disks: whatever happens, the dataset ends the same."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from simgen.dataset import verify
from simgen.dataset.toy import ToySource
from simgen.engine import generate_dataset

COUNT, SHARD = 40, 8
DRIVER = """
import sys
from pathlib import Path
from simgen.dataset.toy import ToySource
from simgen.engine import generate_dataset
generate_dataset(
    ToySource(pause_s=0.02), Path(sys.argv[1]), count=40, workers=int(sys.argv[2]), shard_size=8,
    progress=lambda done, total: print(done, flush=True),
)
"""


def tree(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def start(root, workers):
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(root), str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    root = tmp_path_factory.mktemp("kill") / "set"
    generate_dataset(ToySource(), root, count=COUNT, shard_size=SHARD)
    assert verify(root).ok
    return tree(root)


def test_five_kills_change_no_byte(reference, tmp_path):
    root = tmp_path / "set"
    rng = random.Random(2)
    done = 0
    for kill in range(5):
        run = start(root, 1 + kill % 2)
        for _ in range(rng.randint(2, 7)):  # the first line tells what is there already
            said = int(run.stdout.readline())
            assert said >= done, "a resumed run lost finished samples"
            done = said
        time.sleep(rng.uniform(0, 0.04))
        run.kill()
        run.communicate()
        assert run.returncode == -signal.SIGKILL
    assert 5 <= done < COUNT
    outcome = generate_dataset(ToySource(), root, count=COUNT, shard_size=SHARD)
    assert outcome.made <= COUNT - done
    assert tree(root) == reference


def test_ctrl_c_stops_workers_without_noise_and_loses_nothing(reference, tmp_path):
    root = tmp_path / "set"
    run = start(root, 2)
    done = [int(run.stdout.readline()) for _ in range(5)][-1]
    os.killpg(run.pid, signal.SIGINT)  # a terminal tells the whole group
    _, err = run.communicate(timeout=30)  # returns when nobody, no worker either, holds stderr
    assert run.returncode == -signal.SIGINT
    assert err.count("Traceback") == 1
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert not list(root.rglob("*.tmp"))
    outcome = generate_dataset(ToySource(), root, count=COUNT, shard_size=SHARD)
    assert outcome.made <= COUNT - done
    assert tree(root) == reference


class Crash:
    """Ends this process at the n-th thing it does to a file below `root`."""

    EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")

    def __init__(self, root, at):
        self.root, self.left = str(root), at

    def __call__(self, event, args):
        if event in self.EVENTS and str(args[0]).startswith(self.root):
            self.left -= 1
            if self.left < 0:
                os._exit(9)


def crashes(root, at, count):
    """Generate in a forked process that dies at its n-th file operation; tell whether it did."""
    child = os.fork()
    if child == 0:
        sys.addaudithook(Crash(root, at))
        try:
            generate_dataset(ToySource(size=(24, 16)), root, count=count, shard_size=2)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize(("begun", "count"), [(0, 3), (1, 2)])
def test_a_crash_at_any_file_operation_changes_no_byte(begun, count, tmp_path):
    """Exhaustive: also in the middle of joining a shard, of growing one, of cleaning up."""
    source = ToySource(size=(24, 16))
    start_of_it = tmp_path / "begun"
    if begun:
        generate_dataset(source, start_of_it, count=begun, shard_size=2)
    else:
        start_of_it.mkdir()
    generate_dataset(source, tmp_path / "whole", count=count, shard_size=2)
    expected = tree(tmp_path / "whole")
    at = 0
    while crashes(root := shutil.copytree(start_of_it, tmp_path / f"{at}"), at, count):
        generate_dataset(source, root, count=count, shard_size=2)
        assert tree(root) == expected, f"after a crash at file operation {at}"
        at += 1
    assert at > 25
    assert tree(root) == expected
