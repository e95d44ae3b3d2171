import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from evaluation.captures import CaptureSet, LabelledImage, load_captures
from evaluation.splits import (
    FRACTIONS,
    difference_hash,
    manifest,
    purge_near_duplicates,
    sessions,
    split_by_time,
)
from simgen.errors import CaptureError

DICE = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real")) / "dice"


def picture(number, captured, source=Path("absent.png")):
    return LabelledImage(
        id=number,
        name=f"{number:03d}.png",
        width=8,
        height=8,
        source=source,
        span=None,
        boxes=np.zeros((0, 4)),
        categories=np.zeros(0, np.int64),
        ignore=np.zeros(0, np.bool_),
        captured=captured,
    )


def captures(times):
    images = tuple(picture(number, time) for number, time in enumerate(times, 1))
    return CaptureSet(Path("set"), images, {}, labelled=False)


def times_of(part):
    return [image.captured for image in part.images]


def test_blocks_of_one_session_follow_each_other():
    times = [f"20200101_12{minute:02d}00" for minute in range(20)]
    shuffled = [times[i] for i in np.random.default_rng(0).permutation(20)]
    parts = split_by_time(captures(shuffled))
    assert times_of(parts["reference"]) == times[:10]
    assert times_of(parts["tuning"]) == times[10:14]
    assert times_of(parts["gate"]) == times[14:]


def test_every_session_is_cut_in_the_same_order():
    days = [f"2020010{day}_12{minute:02d}00" for day in (1, 2) for minute in range(10)]
    parts = split_by_time(captures(days))
    assert times_of(parts["gate"]) == days[7:10] + days[17:20]


def test_a_long_gap_and_a_new_day_start_sessions():
    times = ["20200101_100000", "20200101_105900", "20200101_230000", "20200102_000100"]
    cut = sessions(captures(times), session_gap_h=2.0)
    assert [[image.captured for image in session] for session in cut] == [
        times[:2],
        times[2:3],
        times[3:],
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 6), min_size=30, max_size=60))
def test_parts_are_disjoint_whole_and_within_one_of_their_share(days):
    times = sorted(f"202001{day + 1:02d}_10{i % 60:02d}00" for i, day in enumerate(days))
    parts = split_by_time(captures(times))
    ids = [image.id for part in parts.values() for image in part.images]
    assert sorted(ids) == list(range(1, len(days) + 1))
    running = np.cumsum([len(part.images) for part in parts.values()])
    wanted = np.cumsum(list(FRACTIONS.values())) * len(days)
    assert np.all(np.abs(running - wanted) <= 0.5 + 1e-9)


def test_rounding_does_not_starve_a_part_over_many_small_sessions():
    times = [f"2020{month:02d}{day:02d}_100000" for month in (1, 2) for day in range(1, 21)]
    counts = {name: len(part.images) for name, part in split_by_time(captures(times)).items()}
    assert counts == {"reference": 20, "tuning": 8, "gate": 12}


def test_missing_times_are_refused_by_name():
    with pytest.raises(CaptureError, match=r"1 of 2 without: 002\.png.*date_captured"):
        split_by_time(captures(["20200101_100000", None]))


@pytest.mark.parametrize("fractions", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_wrong_fractions_are_refused(fractions):
    with pytest.raises(CaptureError, match="positive and sum to 1"):
        split_by_time(captures(["20200101_100000"]), fractions)


def test_an_empty_part_is_refused():
    with pytest.raises(CaptureError, match="every part must hold images; got tuning empty"):
        split_by_time(captures(["20200101_100000", "20200101_100001"]), FRACTIONS)


def scene(seed):
    """Smooth random blobs: a picture with structure at every scale."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (12, 12, 3)).astype(np.float32)
    return cv2.resize(coarse, (96, 96), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def written(folder, name, pixels, **options):
    path = folder / name
    Image.fromarray(pixels).save(path, **options)
    return path


def test_a_repeated_picture_leaves_the_earlier_part_and_is_reported(tmp_path):
    early = tmp_path / "early"
    late = tmp_path / "late"
    early.mkdir()
    late.mkdir()
    for number in range(4):
        written(early, f"e{number}.png", scene(number))
    darker = (scene(2) * 0.8 + 10).astype(np.uint8)
    written(late, "copy.jpg", darker, quality=60)
    written(late, "own.png", scene(9))
    parts = {"reference": load_captures(early), "gate": load_captures(late)}
    kept, removed = purge_near_duplicates(parts)
    assert [image.name for image in kept["reference"].images] == ["e0.png", "e1.png", "e3.png"]
    assert len(kept["gate"].images) == 2
    assert [(d.part, d.name, d.kept_part, d.kept_name) for d in removed] == [
        ("reference", "e2.png", "gate", "copy.jpg")
    ]
    assert removed[0].correlation > 0.98


def test_duplicates_inside_one_part_stay(tmp_path):
    for number in range(2):
        written(tmp_path, f"{number}.png", scene(1))
    kept, removed = purge_near_duplicates({"reference": load_captures(tmp_path)})
    assert len(kept["reference"].images) == 2
    assert removed == ()


def test_a_part_of_duplicates_only_is_refused(tmp_path):
    written(tmp_path, "a.png", scene(1))
    part = load_captures(tmp_path)
    with pytest.raises(CaptureError, match="all 1 of reference are near-duplicates"):
        purge_near_duplicates({"reference": part, "gate": part})


def test_difference_hash_reads_gradients():
    ramp = np.broadcast_to(np.arange(170, dtype=np.uint8)[None, :, None], (160, 170, 3))
    assert np.all(difference_hash(np.ascontiguousarray(ramp)) == 255)
    assert np.all(difference_hash(np.ascontiguousarray(ramp[:, ::-1])) == 0)


def test_manifest_changes_with_a_picture_and_with_the_split(tmp_path):
    for number in range(2):
        written(tmp_path, f"{number}.png", scene(number))
    part = load_captures(tmp_path)
    digest = manifest({"a": part})["sha256"]
    assert digest == manifest({"a": part})["sha256"]
    assert digest != manifest({"b": part})["sha256"]
    written(tmp_path, "1.png", scene(7))
    assert digest != manifest({"a": part})["sha256"]


@pytest.mark.skipif(not DICE.is_dir(), reason=f"real captures absent: {DICE}")
def test_the_dice_photographs_split_without_repeats():
    parts = split_by_time(load_captures(DICE))
    assert {name: len(part.images) for name, part in parts.items()} == {
        "reference": 100,
        "tuning": 40,
        "gate": 60,
    }
    _, removed = purge_near_duplicates(parts)
    assert removed == ()
