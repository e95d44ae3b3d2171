"""What the commands of the alarm take, refuse and leave with."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.alarm.trajectory import load
from simgen.cli import app
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

KEY = Key(17)
NO_LEDGER = (
    "a loop's folder must hold ledger.jsonl; got none; "
    "give the ledger's folder (DIR/alarm of `simgen tune --out DIR`)"
)


def alarm(*words):
    return CliRunner().invoke(app, ["alarm", *map(str, words)])


def refused(*words, kind=ConfigError):
    done = alarm(*words)
    assert isinstance(done.exception, kind), done.output
    return str(done.exception)


def loop_in(folder, looks=3, *, worse=False):
    """A registered run whose looks get better, or worse."""
    ledger = Ledger(folder, lambda: "2030")
    ledger.start(Rule(checkpoints=4), split="abc", gate={}, about={})
    rng = KEY.generator()
    ease = rng.standard_normal(400)
    for look in range(looks):
        drawn = ease + 0.3 * rng.standard_normal((3, 400))
        array = (drawn < 0.5 + (-0.3 if worse else 0.1) * look).astype(float)
        ledger.look(look, 0.7 + 0.05 * look, setting=f"s{look}", arrays={"scores": array})
    return ledger


@pytest.mark.parametrize(
    "words", [["run"], ["null"], ["void", "--why", "x"], ["sealed", "--scores", "s.json"]]
)
def test_a_folder_without_a_ledger_is_refused_and_stays_as_it_was(tmp_path, words):
    assert refused(words[0], tmp_path, *words[1:]) == f"{tmp_path}: {NO_LEDGER}"
    assert list(tmp_path.iterdir()) == []
    gone = tmp_path / "gone"
    assert f"a ledger must exist; got {gone}" in refused(words[0], gone, *words[1:])


def test_a_ledger_without_a_registration_is_not_voided(tmp_path):
    (tmp_path / "ledger.jsonl").touch()
    for run in (lambda: Ledger(tmp_path).void("x"), lambda: Ledger(tmp_path / "no").void("x")):
        with pytest.raises(StoreError):
            run()
    said = refused("void", tmp_path, "--why", "x", kind=StoreError)
    assert "a ledger must begin with a registration" in said
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("why", ["", "  "])
def test_a_void_says_what_happened(tmp_path, why):
    ledger = loop_in(tmp_path, looks=0)
    said = refused("void", tmp_path, "--why", why)
    assert said == f"why: a void must say what happened; got {why!r}"
    assert ledger.state().voided == ()


def test_the_folder_of_a_tuning_means_its_alarm(tmp_path):
    ledger = loop_in(tmp_path / "alarm")
    for words in (["run", tmp_path], [tmp_path], ["null", tmp_path, "--times", 20]):
        assert alarm(*words).exit_code == 0, alarm(*words).exception
    assert alarm("void", tmp_path, "--why", "seen").exit_code == 0
    assert ledger.state().voided == ((1, "seen"),)
    scores = np.random.default_rng(0).random((2, 3, 40)).tolist()
    path = tmp_path / "sealed.json"
    path.write_text(f'{{"first": {scores[0]}, "last": {scores[1]}}}')
    done = alarm("sealed", tmp_path, "--scores", path)
    assert done.exit_code == 0, done.exception
    assert ledger.state().sealed is not None


def test_a_plain_file_has_no_ledger(tmp_path):
    path = tmp_path / "loop.csv"
    path.touch()
    for words in (["void", path, "--why", "x"], ["sealed", path, "--scores", path]):
        assert refused(*words) == (
            "a plain file has no ledger: only a loop's folder can be voided or unsealed; "
            f"got {path}"
        )


def plain_file(path, encoding):
    """A loop of two checkpoints and 40 pictures with an umlaut in their names."""
    rows = [
        f"{at},0.{6 + at},{seed},ä{image}.jpg,{(image + seed + at) % 2}"
        for at in range(2)
        for seed in range(2)
        for image in range(40)
    ]
    path.write_text("\n".join(["checkpoint,proxy,seed,image,score", *rows]), encoding=encoding)
    return path


def test_a_csv_is_utf8_with_or_without_a_mark(tmp_path):
    marked, other = plain_file(tmp_path / "excel.csv", "utf-8-sig"), tmp_path / "latin1.csv"
    assert marked.read_bytes().startswith(b"\xef\xbb\xbf")
    assert load(marked).pictures == 40
    said = refused(plain_file(other, "latin1"))
    assert said == f"{other}: a CSV must be UTF-8; got byte 0xe4; save it as UTF-8"
    other.write_bytes(b"\x89PNG\r\n\x1a\n")
    assert "a CSV must be UTF-8; got byte 0x89" in refused(other)
    other.write_bytes(b"checkpoint,proxy,seed,image,score\n" + b"0" * 200_000)
    assert "a CSV must be one of text; got field larger than field limit" in refused(other)


@pytest.mark.parametrize("looks", [0, 1, 3])
def test_a_void_has_an_exit_code_and_says_nothing_else(tmp_path, looks):
    ledger = loop_in(tmp_path, looks)
    assert alarm(tmp_path).exit_code == 0
    ledger.void("gate scores\nwere seen")
    ledger.void("twice")
    done = alarm(tmp_path)
    assert done.exit_code == 11
    assert "voided: gate scores\nwere seen; twice" in done.stdout
    for word in ("flag", "power", "detectable", "would find"):
        assert word not in done.output
    done = alarm(tmp_path, "--json")
    assert done.exit_code == 11
    assert json.loads(done.stdout)["voided"] == ["gate scores\nwere seen", "twice"]


def test_a_void_goes_before_a_flag_and_is_told_with_the_relabelled(tmp_path):
    ledger = loop_in(tmp_path, 3, worse=True)
    assert alarm(tmp_path).exit_code == 10
    assert "voided" not in alarm("null", tmp_path, "--times", 20).stdout
    ledger.void("seen")
    assert alarm(tmp_path).exit_code == 11
    done = alarm("null", tmp_path, "--times", 20)
    assert done.exit_code == 0
    assert "voided: seen" in done.stdout
    assert json.loads(alarm("null", tmp_path, "--times", 20, "--json").stdout)["voided"] == "seen"


def test_the_sealed_part_is_said_to_be_open_only_once_it_is(tmp_path):
    ledger, path = loop_in(tmp_path), tmp_path / "sealed.json"
    path.write_text("{")
    done = alarm("sealed", tmp_path, "--scores", path)
    assert "sealed scores must be JSON" in str(done.exception)
    assert done.output == ""
    assert ledger.state().sealed is None
    path.write_text(json.dumps(dict.fromkeys(("first", "last"), np.eye(3, 40).tolist())))
    assert "opens once: what was found stands" in alarm("sealed", tmp_path, "--scores", path).output
    done = alarm("sealed", tmp_path, "--scores", path)
    assert "the sealed part opens once; got it was opened before" in str(done.exception)
    assert done.output == ""
