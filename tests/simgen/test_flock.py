"""The lock on a file: whom it keeps out, whom it lets in, and in whose words it refuses."""

import threading
import time

import pytest

from evaluation.alarm import chain
from simgen.dataset.flock import locked
from simgen.errors import StoreError

BUSY = StoreError("only one may be here", "two")


def test_one_holds_it_alone_and_several_share_it(tmp_path):
    path = tmp_path / "lock"
    refused = pytest.raises(StoreError, match="only one may be here; got two")
    with locked(path, BUSY), refused, locked(path, BUSY, shared=True):
        pass
    shared = locked(path, BUSY, shared=True)
    with shared, locked(path, BUSY, shared=True), refused, locked(path, BUSY):
        pass
    with locked(path, BUSY):  # all have let go, the refused ones too
        pass


def test_who_waits_gets_it(tmp_path):
    path, held = tmp_path / "lock", threading.Event()

    def hold():
        with locked(path, BUSY):
            held.set()
            time.sleep(0.05)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    with locked(path, BUSY, patience_s=5):
        pass
    holder.join()


def test_a_reader_makes_no_file(tmp_path):
    absent = locked(tmp_path / "none", BUSY, create=False)
    with pytest.raises(StoreError, match="No such file"), absent:
        pass
    assert not list(tmp_path.iterdir())


def test_a_ledger_that_is_held_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(chain, "PATIENCE_S", 0.05)
    path = tmp_path / "ledger"
    chain.append(path, "look", {}, now="2026-01-01T00:00:00+00:00")
    with chain.exclusive(path):
        with pytest.raises(StoreError, match=r"ledger has been held by another process for 0 s"):
            chain.append(path, "look", {}, now="2026-01-01T00:00:00+00:00")
        with pytest.raises(StoreError, match="a ledger must have one writer at a time"):
            chain.read(path)
    assert len(chain.read(path).entries) == 1
