"""Full disks, foreign folders, other configs, second writers: one clear error, nothing lost."""

import errno
import os
import resource
import subprocess
import sys

import pytest

from simgen.dataset import Dataset, files, verify
from simgen.dataset.locks import worker_lock, writer_lock
from simgen.dataset.toy import ToySource
from simgen.dataset.writer import versions
from simgen.engine import generate_dataset
from simgen.errors import StoreError


def tree(root):
    return {p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def make(root, count=6, source=ToySource(), **options):  # noqa: B008
    return generate_dataset(source, root, count=count, **{"shard_size": 3} | options)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults") / "set"
    make(root)
    return tree(root)


FULL = r"the disk must have room; got .*; make room and run the same command again"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("at", [0, 1, 5, 9, 10, 11, 17])
def test_a_full_disk_is_one_clear_error(code, at, reference, tmp_path, monkeypatch):
    left = [at]
    whole = files.write_all

    def write_all(handle, data):
        left[0] -= 1
        if left[0] < 0:
            os.write(handle, data[: len(data) // 2])
            raise OSError(code, os.strerror(code))
        whole(handle, data)

    monkeypatch.setattr(files, "write_all", write_all)
    with pytest.raises(StoreError, match=FULL):
        make(tmp_path / "set")
    assert not list(tmp_path.rglob("*.tmp"))  # the half-written file gives its room back
    monkeypatch.undo()
    make(tmp_path / "set")
    assert tree(tmp_path / "set") == reference


def test_a_real_limit_on_file_size(reference, tmp_path):
    """The kernel refuses here, in a process whose files may not grow beyond 40 kB."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from simgen.dataset.toy import ToySource; from simgen.engine import generate_dataset\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))\n"
        "generate_dataset(ToySource(), Path(sys.argv[1]), count=6, shard_size=3)\n"
    )
    assert resource.RLIMIT_FSIZE is not None
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 1
    assert "StoreError: the disk must have room; got " in run.stderr
    outcome = make(tmp_path / "set")
    assert outcome.made == 3  # the first shard's samples were kept
    assert tree(tmp_path / "set") == reference


def test_a_really_full_disk(reference, tmp_path):
    """A file system of 200 kB; needs the right to mount."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(place)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting a small file system needs root")
    try:
        with pytest.raises(StoreError, match=FULL):
            make(place / "set")
        kept = len(list((place / "set" / ".parts").iterdir()))
        subprocess.run(["mount", "-o", "remount,size=4m", str(place)], check=True)
        outcome = make(place / "set")
        assert outcome.made <= 6 - kept
        assert tree(place / "set") == reference
    finally:
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="must be readable and writable"):
        make(tmp_path / "set")


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "set").write_text("mine")
    with pytest.raises(StoreError, match=r"readable and writable; got .*File exists"):
        make(tmp_path / "set")


def test_a_foreign_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match=r"must go into an empty folder; got .*'thesis\.tex'"):
        make(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"source": ToySource(bodies=4)}, "with the config that began it; got digest toy-0-1-4"),
        ({"shard_size": 4}, "with the config that began it; got shard_size 4, where .* has 3"),
        ({"count": 5}, "a dataset never shrinks; got count 5, where the dataset has 6"),
    ],
)
def test_another_dataset_is_refused_and_left_alone(options, text, tmp_path, reference):
    make(tmp_path / "set")
    with pytest.raises(StoreError, match=text):
        make(tmp_path / "set", **options)
    assert tree(tmp_path / "set") == reference


def test_other_versions_are_refused(tmp_path, reference, monkeypatch):
    make(tmp_path / "set")
    other = versions() | {"numpy": "1.0"}
    monkeypatch.setattr("simgen.dataset.writer.versions", lambda: other)
    with pytest.raises(StoreError, match=r"versions that began it; got numpy 1\.0, where"):
        make(tmp_path / "set", count=7)
    assert tree(tmp_path / "set") == reference


def test_two_writers_are_refused(tmp_path):
    root = tmp_path / "set"
    make(root, count=2)
    with writer_lock(root), pytest.raises(StoreError, match="one writer at a time"):
        make(root, count=6)
    assert make(root, count=6).made == 4


def test_a_writer_waits_for_the_workers_of_a_killed_one(tmp_path, monkeypatch):
    root = tmp_path / "set"
    make(root, count=2)
    monkeypatch.setattr("simgen.dataset.locks.PATIENCE_S", 0.1)
    with worker_lock(root), pytest.raises(StoreError, match="one writer at a time"):
        make(root, count=6)
    with worker_lock(root), worker_lock(root):  # workers share
        pass
    assert make(root, count=6).made == 4


def test_an_unfinished_dataset_is_not_used(tmp_path, monkeypatch):
    def full(handle, data):
        raise OSError(errno.ENOSPC, "full")

    root = tmp_path / "set"
    make(root, count=2)
    monkeypatch.setattr(files, "write_all", full)
    with pytest.raises(StoreError):
        make(root, count=6)
    assert len(Dataset.open(root)) == 2  # nothing was begun yet
    monkeypatch.undo()
    left = [3]
    whole = files.write_all

    def later(handle, data):
        left[0] -= 1
        full(handle, data) if left[0] < 0 else whole(handle, data)

    monkeypatch.setattr(files, "write_all", later)
    with pytest.raises(StoreError):
        make(root, count=6)
    with pytest.raises(StoreError, match="must be finished before it is used; got one whose gen"):
        Dataset.open(root)


def test_rubbish_of_a_killed_run_is_swept_up(tmp_path, reference):
    root = tmp_path / "set"
    root.mkdir()
    (root / ".manifest.json.tmp").write_bytes(b"{")  # killed at its very first write
    make(root, count=2)
    (root / ".parts").mkdir()
    (root / ".shard-000001.tar.tmp").write_bytes(b"x" * 99)
    (root / ".parts" / ".00000004-aa.tar.tmp").write_bytes(b"x")
    (root / ".parts" / ("00000005-" + "0" * 24 + ".tar")).write_bytes(b"torn by a power cut")
    make(root)
    assert tree(root) == reference
    assert verify(root).ok


def test_an_edited_manifest_is_refused(tmp_path):
    root = tmp_path / "set"
    make(root, count=2)
    text = (root / "manifest.json").read_text()
    (root / "manifest.json").write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(StoreError, match="the manifest must be as it was written"):
        make(root)
