"""Kills, rivals and edits: a ledger tells, and goes on where it can."""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from evaluation.alarm import chain
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import ScoreError
from simgen.errors import ConfigError, StoreError

NOW = "2030-01-01T00:00:00+00:00"


def filled(path, lines=4):
    for number in range(lines):
        chain.append(path, "note", {"number": number, "text": "x" * 40}, now=NOW)
    return path


def started(tmp_path, **changes):
    ledger = Ledger(tmp_path / "loop", lambda: NOW)
    ledger.start(Rule(**changes), split="abc", gate={}, about={"what": "test"})
    return ledger


def scores(seed=0, seeds=3, pictures=20):
    return np.random.default_rng(seed).random((seeds, pictures))


def test_what_was_written_is_read(tmp_path):
    path = filled(tmp_path / "ledger.jsonl")
    found = chain.read(path)
    assert [each.body["number"] for each in found.entries] == [0, 1, 2, 3]
    assert found.torn == b""


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize(
    ("old", "new"), [(b'"text":"x', b'"text":"y'), (b"2030", b"2031"), (b'"note"', b'"void"')]
)
def test_an_edit_of_any_line_is_found(tmp_path, line, old, new):
    path = filled(tmp_path / "ledger.jsonl")
    lines = path.read_bytes().split(b"\n")
    lines[line] = lines[line].replace(old, new, 1)
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(StoreError, match=f"must not be edited; got line {line + 1}: its hash"):
        chain.read(path)


def test_an_edit_with_its_own_hash_made_good_is_found(tmp_path):
    path = filled(tmp_path / "ledger.jsonl")
    entries = list(chain.read(path).entries)
    entries[1] = chain.make(1, "note", {"number": 99}, NOW, entries[0].hash)
    path.write_bytes(b"".join(each.line() for each in entries))
    with pytest.raises(StoreError, match="line 3: it does not follow the line before"):
        chain.read(path)


def test_a_whole_forged_chain_is_found_by_its_head(tmp_path):
    path = filled(tmp_path / "ledger.jsonl", 2)
    first = chain.make(0, "note", {}, NOW, chain.ROOT)
    second = chain.make(1, "note", {}, NOW, first.hash)
    path.write_bytes(first.line() + second.line())
    with pytest.raises(StoreError, match="line 2: the head file names another"):
        chain.read(path)


@pytest.mark.parametrize("drop", [1, 2, 4])
def test_lines_taken_off_the_end_are_found(tmp_path, drop):
    path = filled(tmp_path / "ledger.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: len(lines) - drop]))
    with pytest.raises(StoreError, match=f"got {drop} of 4 confirmed lines missing at the end"):
        chain.read(path)


def test_a_missing_head_is_found(tmp_path):
    path = filled(tmp_path / "ledger.jsonl")
    chain.head_path(path).unlink()
    with pytest.raises(StoreError, match=r"ledger.jsonl.head is missing"):
        chain.read(path)


@pytest.mark.parametrize("cut", [1, 30, 150])
def test_a_torn_last_line_is_dropped_reported_and_recorded(tmp_path, cut):
    path = filled(tmp_path / "ledger.jsonl")
    whole = path.read_bytes()
    torn = chain.make(4, "note", {"n": 1}, NOW, chain.read(path).entries[-1].hash).line()[:cut]
    path.write_bytes(whole + torn)
    found = chain.read(path)
    assert len(found.entries) == 4
    assert found.torn == torn
    chain.append(path, "note", {"after": True}, now=NOW)
    after = chain.read(path)
    assert [each.kind for each in after.entries[4:]] == ["recovered", "note"]
    assert after.entries[4].body["bytes"] == cut
    assert path.read_bytes().startswith(whole)


def test_a_kill_between_the_line_and_its_head_loses_nothing(tmp_path):
    path = filled(tmp_path / "ledger.jsonl", 3)
    head = chain.head_path(path).read_bytes()
    chain.append(path, "note", {"last": True}, now=NOW)
    chain.head_path(path).write_bytes(head)
    assert chain.read(path).entries[-1].body == {"last": True}


def rival(path, name, count):
    for number in range(count):
        chain.append(path, "note", {"who": name, "number": number}, now=NOW)


def test_processes_that_append_together_lose_and_mix_nothing(tmp_path):
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("fork")
    rivals = [context.Process(target=rival, args=(path, name, 25)) for name in range(3)]
    for each in rivals:
        each.start()
    for each in rivals:
        each.join(60)
        assert each.exitcode == 0
    found = chain.read(path).entries
    assert len(found) == 75
    for name in range(3):
        own = [each.body["number"] for each in found if each.body["who"] == name]
        assert own == list(range(25))


APPENDER = """
import sys
from pathlib import Path
from evaluation.alarm import chain
path = Path(sys.argv[1])
number = len(chain.read(path).entries) if path.exists() else 0
print("ready", flush=True)
while True:
    chain.append(path, "note", {"number": number, "text": "y" * 3000}, now="2030")
    print(number, flush=True)
    number += 1
"""


def test_killed_appenders_leave_a_ledger_that_holds_all_they_confirmed(tmp_path):
    path, rng, confirmed = tmp_path / "ledger.jsonl", random.Random(3), 0
    for _ in range(4):
        run = subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert run.stdout.readline() == "ready\n"
        run.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.05))
        run.send_signal(signal.SIGKILL)
        said = [int(line) for line in run.stdout.read().splitlines()]
        run.wait()
        found = chain.read(path)
        assert len(found.entries) >= confirmed + len(said) + 1
        confirmed = len(found.entries)
    assert confirmed >= 4


class Crash:
    """Ends this process at the n-th thing it does to a file of a folder."""

    def __init__(self, root, at):
        self.root, self.left = str(root), at

    def __call__(self, event, args):
        if event in ("open", "os.rename") and str(args[0]).startswith(self.root):
            self.left -= 1
            if self.left < 0:
                os._exit(9)


def test_a_look_that_crashes_at_any_file_operation_can_be_taken_again(tmp_path):
    for at in range(40):
        ledger = started(tmp_path / str(at))
        child = os.fork()
        if child == 0:
            sys.addaudithook(Crash(tmp_path / str(at), at))
            ledger.look(0, 0.5, setting="a", arrays={"scores": scores()})
            ledger.answer(0, "continue")
            os._exit(0)
        crashed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        ledger.look(0, 0.5, setting="a", arrays={"scores": scores()})
        ledger.answer(0, "continue")
        assert ledger.answers() == ("continue",)
        assert len(ledger.state().looks) == 1
        assert np.array_equal(ledger.side(ledger.state().looks[0])["scores"], scores())
        if not crashed:
            break
    assert at > 5
    assert not crashed


def test_an_exchanged_gate_score_is_found(tmp_path):
    ledger = started(tmp_path)
    look = ledger.look(0, 0.5, setting="a", arrays={"scores": scores()})
    np.savez(ledger.folder / "gate" / look.side, scores=scores(1))
    with pytest.raises(StoreError, match=r"that the ledger names; got 00000\.npz has"):
        ledger.side(look)


def test_the_ledger_itself_holds_no_gate_score(tmp_path):
    ledger = started(tmp_path)
    ledger.look(0, 0.5, setting="a", arrays={"scores": scores()})
    text = ledger.path.read_text()
    assert set(json.loads(text.splitlines()[1])["body"]) == {
        "checkpoint", "epoch", "proxy", "pressure", "setting", "side", "sha256",
    }  # fmt: skip
    assert f"{scores().mean():.6f}"[2:] not in text


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_scores_and_proxies_that_are_not_finite_are_refused(tmp_path, bad):
    ledger = started(tmp_path)
    wrong = scores()
    wrong[1, 7] = bad
    with pytest.raises(
        ScoreError, match=r"scores must be finite; got .* at seed 1, picture 7, 1 in"
    ):
        ledger.look(0, 0.5, setting="a", arrays={"scores": wrong})
    with pytest.raises(ConfigError, match="the proxy must be finite"):
        ledger.look(0, bad, setting="a", arrays={"scores": scores()})
    assert ledger.state().looks == ()


def test_one_training_seed_is_refused(tmp_path):
    with pytest.raises(ScoreError, match=r"at least 2 seeds; got 1; train again"):
        started(tmp_path).look(0, 0.5, setting="a", arrays={"scores": scores(seeds=1)})


def test_the_order_of_looks_and_the_end_of_a_gate_are_held(tmp_path):
    ledger = started(tmp_path, epochs=2)

    def look(number, seed=0):
        return ledger.look(number, 0.5, setting="a", arrays={"scores": scores(seed)})

    with pytest.raises(StoreError, match="looks must follow one another; got checkpoint 1 after 0"):
        look(1)
    look(0)
    with pytest.raises(StoreError, match="must not be taken again with another result"):
        look(0, seed=5)
    ledger.answer(0, "continue")
    ledger.answer(0, "continue")
    with pytest.raises(StoreError, match="a look has one answer; got 'stop' after 'continue'"):
        ledger.answer(0, "stop")
    look(1)
    ledger.answer(1, "stop")
    with pytest.raises(StoreError, match="open for another look; got epoch 1: it said stop"):
        look(2)
    assert ledger.next_epoch("flag", after=1) == 2
    look(2)
    ledger.void("gate scores were on a dashboard")
    with pytest.raises(StoreError, match="epoch 2: its protocol was voided"):
        look(3)
    with pytest.raises(StoreError, match="2 registered, all opened"):
        ledger.next_epoch("more", after=2)
    assert ledger.state().voided == ((2, "gate scores were on a dashboard"),)


def test_a_gate_is_left_once_whoever_leaves_it(tmp_path):
    ledger = started(tmp_path, epochs=3)
    context = multiprocessing.get_context("fork")
    rivals = [
        context.Process(target=ledger.next_epoch, args=("stop",), kwargs={"after": 1})
        for _ in range(4)
    ]
    for each in rivals:
        each.start()
    for each in rivals:
        each.join(60)
        assert each.exitcode == 0
    assert ledger.state().epoch == 2
    assert ledger.next_epoch("stop", after=1) == 2
    with pytest.raises(StoreError, match="one after the other; got gate 3 left at gate 1"):
        started(tmp_path / "more", epochs=4).next_epoch("x", after=3)


def test_each_gate_has_arrays_of_its_own(tmp_path):
    ledger = Ledger(tmp_path / "loop", lambda: NOW)
    gates = [{"groups": np.arange(20)}, {"groups": np.arange(30)}]
    for _ in range(2):  # the same again is no error
        ledger.start(Rule(epochs=2), split="abc", gate=gates, about={})
    assert [len(ledger.gate(epoch)["groups"]) for epoch in (1, 2)] == [20, 30]
    np.savez(ledger.folder / "gate" / "gate-2.npz", groups=np.arange(31))
    with pytest.raises(StoreError, match=r"that the ledger names; got gate-2\.npz has another"):
        ledger.gate(2)
    with pytest.raises(StoreError, match="a folder must hold one run"):
        ledger.start(Rule(epochs=2), split="abc", gate=gates[::-1], about={})
    with pytest.raises(ConfigError, match="arrays of its own; got 1 for 2 gates"):
        Ledger(tmp_path / "few").start(Rule(epochs=2), split="abc", gate=gates[0], about={})
    with pytest.raises(ConfigError, match=r"a look must have 2e-05 .* register fewer checkpoints"):
        Ledger(tmp_path / "many").start(Rule(epochs=40), split="abc", gate={}, about={})
    assert not (tmp_path / "few").exists()
    assert not (tmp_path / "many").exists()


def test_a_registration_of_an_earlier_version_is_read_and_gone_on_with(tmp_path):
    """Written when a rule had no `flags` and no `spread`, byte for byte."""
    folder = tmp_path / "loop"
    (folder / "gate").mkdir(parents=True)
    data = (started(tmp_path / "new").folder / "gate" / "gate.npz").read_bytes()
    (folder / "gate" / "gate.npz").write_bytes(data)
    rule = {
        "checkpoints": 10, "epochs": 2, "delta": 0.02, "epsilon": 0.03, "kappa": 0.25,
        "alpha": 0.03, "alpha_diagnosis": 0.02, "narrowing": 0.05, "amplification": 0.05,
        "drop": 0.1, "power": 0.8,
    }  # fmt: skip
    body = {
        "rule": rule, "split": "abc", "gate_sha256": hashlib.sha256(data).hexdigest(),
        "about": {"what": "test"},
    }  # fmt: skip
    chain.append(folder / "ledger.jsonl", "open", body, now=NOW)
    ledger = started(tmp_path, epochs=2)
    assert ledger.state().rule == Rule(epochs=2)
    assert ledger.gate(1) == ledger.gate(2) == {}
    ledger.look(0, 0.5, setting="a", arrays={"scores": scores()})
    with pytest.raises(StoreError, match="a folder must hold one run"):
        started(tmp_path, epochs=2, flags=2)


def test_looks_beyond_those_registered_are_refused(tmp_path):
    ledger = started(tmp_path, checkpoints=2)
    for number in range(2):
        ledger.look(number, 0.5, setting="a", arrays={"scores": scores()})
    with pytest.raises(StoreError, match="all 2 looks that were registered are taken"):
        ledger.look(2, 0.5, setting="a", arrays={"scores": scores()})


def test_the_sealed_part_opens_once(tmp_path):
    ledger = started(tmp_path)
    ledger.open_sealed({"score": 0.5})
    with pytest.raises(StoreError, match="opens once; got it was opened before"):
        ledger.open_sealed({"score": 0.6})
    assert ledger.state().sealed == {"score": 0.5}


def test_another_registration_in_the_same_folder_is_refused(tmp_path):
    ledger = started(tmp_path)
    started(tmp_path)
    with pytest.raises(StoreError, match="a folder must hold one run"):
        ledger.start(Rule(delta=0.5), split="abc", gate={}, about={"what": "test"})


def test_an_unknown_array_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'scores'"):
        started(tmp_path).look(0, 0.5, setting="a", arrays={"scores": scores(), "score": scores()})
