"""Splits for a loop: whole sessions, no overlap, a manifest that cannot be edited."""

import io
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from evaluation.alarm.neighbours import least_distance, nearer, purge_neighbours
from evaluation.alarm.split import Shares, load_split, part_names, require_apart, split_for_loop
from evaluation.captures import CaptureSet, LabelledImage, load_captures
from evaluation.splits import sessions
from simgen.cli import app
from simgen.errors import CaptureError, ConfigError, StoreError


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


def scene(number):
    """A picture like no other: shapes of any colour on a shaded ground."""
    rng = np.random.default_rng(number)
    pixels = np.empty((96, 128, 3), np.uint8)
    pixels[:] = np.linspace(rng.integers(60, 200, 3), rng.integers(60, 200, 3), 128)[None]
    for _ in range(6):
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        at = (int(rng.integers(0, 128)), int(rng.integers(0, 96)))
        size = int(rng.integers(8, 30))
        if rng.random() < 0.5:
            cv2.circle(pixels, at, size, colour, -1)
        else:
            cv2.rectangle(pixels, at, (at[0] + size, at[1] + 2 * size), colour, -1)
    return Image.fromarray(pixels)


def cropped(image, day):
    edge = 2 * day
    box = (edge, 2, 128 - 2, 96 - edge)
    return image.crop(box).resize((128, 96), Image.Resampling.BILINEAR)


def brighter(image):
    return Image.fromarray(np.clip(np.asarray(image) * 1.25, 0, 255).astype(np.uint8))


def recoded(image):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=30)
    return Image.open(data)


def sessions_with_copies(root):
    """Five distinct pictures on each of eight days; crops of the first day's on the next five,
    a brighter and a re-encoded one after."""
    root.mkdir()
    for day in range(8):
        for number in range(5):
            scene(10 * day + number).save(root / f"IMG_202001{day + 1:02d}_10{number:02d}00.png")
    copies = {day: (day - 1, cropped(scene(day - 1), day)) for day in range(1, 6)}
    copies |= {6: (0, brighter(scene(0))), 7: (1, recoded(scene(1)))}
    for day, (number, copy) in copies.items():
        copy.save(root / f"IMG_202001{day + 1:02d}_11{number:02d}00.png")
    return root


def test_crops_are_found_by_features_and_other_copies_by_the_hash(tmp_path):
    pytest.importorskip("torch")
    root, path = sessions_with_copies(tmp_path / "set"), tmp_path / "split.json"
    words = ["split", str(root), "--out", str(path), "--json"]
    facts = json.loads(CliRunner().invoke(app, words).stdout)
    assert facts["neighbours removed"] == "not looked for"
    torn = split_scenes(json.loads(path.read_text()))
    assert len(torn) >= 3  # the hash leaves crops in

    path = tmp_path / "apart.json"
    words[3] = str(path)
    done = CliRunner().invoke(app, [*words, "--neighbours"])
    assert done.exit_code == 0, done.output
    manifest = json.loads(path.read_text())
    assert split_scenes(manifest) == set()
    gone = manifest["neighbours_removed"]
    assert json.loads(done.stdout)["neighbours removed"] == len(gone)
    assert all(0 < each["distance"] < manifest["least_feature_distance"] for each in gone)
    assert {source_of(each["name"]) for each in gone} >= torn
    wrong = [each for each in gone if source_of(each["name"]) != source_of(each["kept_name"])]
    assert len(wrong) <= 2  # of 40: one in twenty, if days were no less alike than one day
    load_split(path, load_captures(root))


def split_scenes(manifest):
    """Scenes that two parts show."""
    parts = {}
    for part, images in manifest["parts"].items():
        for name in images:
            parts.setdefault(source_of(name), set()).add(part)
    return {number for number, each in parts.items() if len(each) > 1}


def source_of(name):
    """Number of the scene that a file shows."""
    day, kind, number = int(name[10:12]) - 1, name[13:15], int(name[15:17])
    return number if kind == "11" else 10 * day + number


def test_neighbours_by_hand():
    """Distances within parts are 3, 3, 4 and 4: with a level of a quarter one may be below 4."""
    parts = [np.array([[0.0, 0], [3, 0]]), np.array([[0, 9], [0, 13.0]])]
    assert least_distance(parts) == 3
    assert least_distance(parts, 0.25) == 3
    assert least_distance(parts, 0.5) == 4
    other = np.array([[0, 2.9], [3, -3.0], [50, 50]])
    assert [*nearer(parts[0], other, 3.0)] == [(0, 0, pytest.approx(2.9))]
    with pytest.raises(CaptureError, match="some part must have two pictures"):
        least_distance([np.zeros((1, 2))])


@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(2, 12), min_size=2, max_size=4))
def test_about_the_level_is_nearer_within_parts(seed, sizes):
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((n, 4)) for n in sizes]
    least = least_distance(parts, 0.1)
    nearest = [
        min(np.linalg.norm(one - two) for j, two in enumerate(part) if j != i)
        for part in parts
        for i, one in enumerate(part)
    ]
    below = sum(d < least - 1e-9 for d in nearest)
    assert below <= 0.1 * sum(sizes) < sum(d <= least + 1e-9 for d in nearest)


def test_a_part_of_nothing_but_copies_is_refused():
    one = CaptureSet(Path("x"), (picture(1), picture(2)), {}, labelled=False)
    two = CaptureSet(Path("x"), (picture(3), picture(4)), {}, labelled=False)
    with pytest.raises(CaptureError, match=r"all 2 of a have near neighbours in later parts"):
        purge_neighbours({"a": one, "b": two}, lambda _: np.array([[0.0], [1.0]]))


def picture(number):
    none = np.zeros(0)
    return LabelledImage(
        number, f"{number}.png", 8, 8, Path("x"), None, none.reshape(0, 4), none, none, None
    )


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


def test_a_manifest_is_not_overwritten_by_another(tmp_path):
    root, path = folder(tmp_path / "set"), tmp_path / "split.json"
    words = ["split", str(root), "--out", str(path)]
    assert CliRunner().invoke(app, words).exit_code == 0
    before = path.read_bytes()
    assert CliRunner().invoke(app, words).exit_code == 0
    done = CliRunner().invoke(app, [*words, "--gates", "2"])
    assert isinstance(done.exception, StoreError)
    assert str(done.exception) == (
        f"{path}: a manifest must not be overwritten by another; got a file of other content; "
        "a loop may be registered with it; choose another --out"
    )
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no such file"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[]", "JSON of another form"),
        (b"{}", "JSON of another form"),
    ],
)
def test_what_is_no_manifest_is_named(tmp_path, content, said):
    path = tmp_path / "split.json"
    if content is not None:
        path.write_bytes(content)
    none = CaptureSet(tmp_path, (), {}, labelled=False)
    with pytest.raises(CaptureError) as refused:
        load_split(path, none)
    due = f"{path}: a split must be a manifest of `simgen split`; got {said}"
    assert str(refused.value) == due
