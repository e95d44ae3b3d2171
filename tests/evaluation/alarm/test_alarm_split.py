"""Splits for a loop: whole sessions, no overlap, a manifest that cannot be edited."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from evaluation.alarm.split import Shares, load_split, part_names, require_apart, split_for_loop
from evaluation.captures import load_captures
from evaluation.splits import sessions
from simgen.cli import app
from simgen.errors import CaptureError, ConfigError


def folder(root, days=8, a_day=5, copy=None):
    root.mkdir()
    rng = np.random.default_rng(1)
    for day in range(days):
        for number in range(a_day):
            pixels = rng.integers(0, 255, (12, 12, 3), dtype=np.uint8)
            image = Image.fromarray(pixels).resize((48, 48), Image.Resampling.BILINEAR)
            image.save(root / f"IMG_202001{day + 1:02d}_10{number:02d}00.png")
    if copy is not None:
        name, other = copy
        (root / other).write_bytes((root / name).read_bytes())
    return root


def test_whole_sessions_go_to_parts(tmp_path):
    captures = load_captures(folder(tmp_path / "set"))
    found = split_for_loop(captures, Shares(epochs=2))
    assert tuple(found.parts) == part_names(2)
    owner = {image.name: part for part, each in found.parts.items() for image in each.images}
    assert len(owner) == 40
    for session in sessions(captures):
        assert len({owner[image.name] for image in session}) == 1
    assert len(found.parts["reference"].images) >= 10


def test_copies_between_parts_are_taken_out(tmp_path):
    root = folder(tmp_path / "set")
    for day in range(2, 9):
        (root / f"IMG_202001{day:02d}_105900.png").write_bytes(
            (root / "IMG_20200101_100000.png").read_bytes()
        )
    found = split_for_loop(load_captures(root), Shares())
    assert len(found.duplicates) >= 3
    hashes = [d for names in found.to_dict()["parts"].values() for d in set(names.values())]
    assert len(hashes) == len(set(hashes))


def test_near_copies_by_features_are_counted(tmp_path):
    captures = load_captures(folder(tmp_path / "set"))
    twin = np.random.default_rng(2).standard_normal((40, 6))

    def features(part):
        return twin[: len(part.images)]

    found = split_for_loop(captures, Shares(), features=features)
    assert found.copies["tuning"] == 1.0


def test_too_few_sessions_are_refused(tmp_path):
    captures = load_captures(folder(tmp_path / "set", days=3))
    with pytest.raises(
        CaptureError, match=r"a capture session for each part; got 3 sessions for 4"
    ):
        split_for_loop(captures, Shares())
    assert len(split_for_loop(captures, Shares(), by_session=False).parts) == 4


def test_shares_must_mean_something():
    with pytest.raises(ConfigError, match="shares must be positive and sum to 1"):
        Shares(reference=0.5).fractions()
    with pytest.raises(ConfigError, match="`epochs >= 1` must hold; got 0"):
        Shares(epochs=0).fractions()


def test_overlapping_parts_are_refused():
    with pytest.raises(
        CaptureError, match=r"parts must not overlap; got a\.png in tuning and in gate-1"
    ):
        require_apart({"tuning": {"a.png": "1"}, "gate-1": {"a.png": "2"}}, "x")
    with pytest.raises(CaptureError, match=r"b.png of tuning is c.png of gate-1, byte for byte"):
        require_apart({"tuning": {"b.png": "1"}, "gate-1": {"c.png": "1"}}, "x")


def test_a_manifest_is_read_back_and_no_edit_passes(tmp_path):
    root, path = folder(tmp_path / "set"), tmp_path / "split.json"
    done = CliRunner().invoke(
        app, ["split", str(root), "--out", str(path), "--gates", "2", "--json"]
    )
    assert done.exit_code == 0, done.output
    captures = load_captures(root)
    parts = load_split(path, captures)
    facts = json.loads(done.stdout)
    assert {name: len(part.images) for name, part in parts.items()} == {
        name: facts[name] for name in part_names(2)
    }
    plain = json.loads(path.read_text())
    moved = json.loads(json.dumps(plain))
    name, digest = moved["parts"]["gate-1"].popitem()
    moved["parts"]["tuning"][name] = digest
    path.write_text(json.dumps(moved))
    with pytest.raises(CaptureError, match="a split must not be edited"):
        load_split(path, captures)
    plain["parts"]["tuning"][name] = digest
    path.write_text(json.dumps(plain))
    with pytest.raises(CaptureError, match="parts must not overlap"):
        load_split(path, captures)


def test_a_changed_picture_is_found(tmp_path):
    root, path = folder(tmp_path / "set"), tmp_path / "split.json"
    CliRunner().invoke(app, ["split", str(root), "--out", str(path)])
    Image.new("RGB", (48, 48)).save(root / "IMG_20200101_100000.png")
    with pytest.raises(CaptureError, match=r"there unchanged; got IMG_20200101_100000.png"):
        load_split(path, load_captures(root))
