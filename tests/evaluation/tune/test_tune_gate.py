"""What the alarm sees of a checkpoint."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sklearn.metrics import average_precision_score

from evaluation.alarm.scores import ScoreError
from evaluation.alarm.split import Shares, split_for_loop
from evaluation.captures import CaptureSet, LabelledImage
from evaluation.tasks.config import TrainConfig
from evaluation.tune.gate import GatePart, RealParts, watch_detector
from evaluation.tune.ledger_watch import LedgerWatch
from evaluation.tune.looks import picture_precision, picture_scores
from evaluation.tune.loop import TuneOptions
from evaluation.tune.run import taken_as_independent
from simgen.errors import CaptureError, ConfigError


def image(number: int, boxes: int, captured: str | None = None) -> LabelledImage:
    return LabelledImage(
        number, f"{number}.png", 100, 100, Path(f"{number}.png"), None,
        np.array([[10.0 * n, 10.0, 8.0, 8.0] for n in range(boxes)]).reshape(-1, 4),
        np.ones(boxes, np.int64), np.zeros(boxes, np.bool_), captured,
    )  # fmt: skip


TRUTH = CaptureSet(Path("x"), (image(1, 2), image(2, 0), image(3, 1)), {1: "die"}, labelled=True)


def detection(number: int, x: float, score: float) -> dict[str, object]:
    return {"image_id": number, "category_id": 1, "bbox": [x, 10.0, 8.0, 8.0], "score": score}


def test_a_picture_has_the_f1_of_its_detections() -> None:
    found = [
        detection(1, 0.0, 0.95), detection(1, 10.0, 0.55),  # both, the second up to 0.5
        detection(2, 0.0, 0.35),  # nothing is there: wrong up to 0.3
        detection(3, 60.0, 0.95),  # elsewhere: always wrong
    ]  # fmt: skip
    expected = [(5 * 1 + 4 * 2 / 3) / 9, 6 / 9, 0.0]
    assert picture_scores(found, TRUTH) == pytest.approx(expected)
    assert picture_scores([], TRUTH) == pytest.approx([0, 1, 0])


def test_a_picture_has_the_average_precision_of_its_detections() -> None:
    found = [
        detection(1, 60.0, 0.9), detection(1, 0.0, 0.02), detection(1, 10.0, 0.01),
        detection(2, 0.0, 0.35),
        detection(3, 60.0, 0.95),
    ]  # fmt: skip
    assert picture_precision(found, TRUTH) == pytest.approx([(1 / 2 + 2 / 3) / 2, 0.65, 0.0])
    assert picture_precision([], TRUTH) == pytest.approx([0, 1, 0])


@given(st.integers(0, 10_000))
def test_average_precision_is_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = CaptureSet(
        Path("x"), tuple(image(n, 1 + n % 4) for n in range(1, 6)), {1: "die"}, labelled=True
    )
    found = [
        detection(n, 10.0 * k if right else 60.0 + k, float(rng.random()))
        for n in range(1, 6)
        for k in range(4)
        for right in (bool(rng.integers(2)),)
    ]
    expected = []
    for one in truth.images:
        mine = [each for each in found if each["image_id"] == one.id]
        hit = [each["bbox"][0] in one.boxes[:, 0] for each in mine]  # type: ignore[index]
        share = np.sum(hit) / len(one.boxes)
        score = [each["score"] for each in mine]
        expected.append(share * average_precision_score(hit, score) if any(hit) else 0.0)
    assert picture_precision(found, truth) == pytest.approx(expected)


RECIPE = TrainConfig(iterations=1, batch=1, crop_px=32, warmup=0, cache_mib=1)


def timed(folder: Path, count: int = 72, days: int = 4) -> CaptureSet:
    """Captures on the disk, of some sessions."""
    images = []
    for number in range(count):
        day, minute = 1 + number % days, number // days
        picture = np.random.default_rng(number).integers(0, 255, (100, 100, 3), np.uint8)
        made = image(number, 1, f"202401{day:02d}_10{minute:02d}00")
        made = replace(made, source=folder / made.name)
        Image.fromarray(picture).save(made.source)
        images.append(made)
    return CaptureSet(folder, tuple(images), {1: "die"}, labelled=True)


def test_the_loop_and_its_alarm_see_different_parts(tmp_path: Path) -> None:
    real = timed(tmp_path)
    manifest = tmp_path / "split.json"
    found = split_for_loop(real, Shares())
    manifest.write_text(json.dumps(found.to_dict()))
    for split in (None, manifest):
        parts = RealParts.of(real, "tuning", split, alarm=True)
        assert parts.gate is not None
        seen, unseen = ({x.name for x in each.images} for each in (parts.tuning, parts.gate))
        assert seen
        assert unseen
        assert not seen & unseen
        assert len(parts.sessions) == len(unseen)
    assert parts.digest == found.to_dict()["sha256"]
    watch = watch_detector(
        parts, tmp_path / "book", TuneOptions(budget=41), images=2, seeds=2, recipe=RECIPE
    )
    state = watch.ledger.state()
    assert (state.rule.checkpoints, state.rule.kappa) == (3, 0.0)
    assert state.opened["split"] == parts.digest
    assert "groups" not in watch.ledger.gate(1)
    many = replace(parts, sessions=tuple(range(8)))
    watch = watch_detector(
        many, tmp_path / "by", TuneOptions(), images=2, seeds=2, recipe=RECIPE, by_session=True
    )
    assert watch.ledger.gate(1)["groups"].tolist() == list(many.sessions)
    with pytest.raises(ConfigError, match="by sessions must have at least 8; got 2"):
        watch_detector(
            replace(parts, sessions=(1, 2, 2)), tmp_path / "few", TuneOptions(), images=2,
            seeds=2, recipe=RECIPE, by_session=True,
        )  # fmt: skip
    assert RealParts.of(real, "all", None, alarm=False).gate is None


def watched(parts: RealParts, folder: Path, on_stop: str = "rollback", **asked: Any) -> LedgerWatch:
    loop = TuneOptions(budget=41, on_stop=on_stop)
    return watch_detector(parts, folder, loop, images=2, seeds=2, recipe=RECIPE, **asked)


@pytest.mark.parametrize(("budget", "every"), [(20, 30), (20, 20), (1, 1)])
def test_an_alarm_of_one_look_is_refused(tmp_path: Path, budget: int, every: int) -> None:
    parts = RealParts.of(timed(tmp_path), "tuning", None, alarm=True)
    asked: dict[str, Any] = {"images": 2, "seeds": 2, "recipe": RECIPE}
    with pytest.raises(ConfigError) as refused:
        watch_detector(parts, tmp_path / "one", TuneOptions(budget=budget, every=every), **asked)
    assert str(refused.value) == (
        f"--every: an alarm needs two looks at least; got every {every} of {budget} trials; "
        "--every at most BUDGET - 1"
    )
    assert not (tmp_path / "one").exists()
    two = watch_detector(parts, tmp_path / "two", TuneOptions(budget=20, every=19), **asked)
    assert two.ledger.state().rule.checkpoints == 2


def test_all_gates_are_registered_for_a_loop_that_may_come_to_them(tmp_path: Path) -> None:
    real = timed(tmp_path, 80, days=6)
    manifest = tmp_path / "split.json"
    found = split_for_loop(real, Shares(epochs=2))
    manifest.write_text(json.dumps(found.to_dict()))
    parts = RealParts.of(real, "tuning", manifest, alarm=True)
    names = [{image.name for image in part.captures.images} for part in parts.gates]
    assert names == [{i.name for i in found.parts[f"gate-{n}"].images} for n in (1, 2)]
    many = replace(
        parts,
        sessions=tuple(range(len(names[0]))),
        later=(GatePart(parts.later[0].captures, tuple(range(100, 100 + len(names[1])))),),
    )
    watch = watched(many, tmp_path / "two", "next-gate", by_session=True, drop=0.3, flags=2)
    state = watch.ledger.state()
    assert (state.rule.epochs, state.rule.flags, watch.gates, watch.flags) == (2, 2, 2, 2)
    assert len(watch.later) == 1
    for epoch, part in enumerate(many.gates, start=1):
        assert watch.ledger.gate(epoch)["groups"].tolist() == list(part.sessions)
    assert taken_as_independent(many.gates[: watch.gates]).endswith(
        f"Capture sessions by gate: {len(names[0])}, {len(names[1])}."
    )
    one = watched(parts, tmp_path / "one", drop=0.3).ledger.state()
    assert (one.rule.epochs, one.rule.at_epoch(1)) == (1, one.rule)
    with pytest.raises(ConfigError, match=r"gate-2: a gate that is .* by sessions .* got 1; take"):
        watched(replace(many, later=(GatePart(parts.later[0].captures, (1,)),)), tmp_path / "few",
                "next-gate", by_session=True, drop=0.3)  # fmt: skip


def test_a_hopeless_gate_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    real = timed(tmp_path, 80, days=6)
    parts = RealParts.of(real, "tuning", None, alarm=True)
    assert parts.gate is not None
    few = replace(parts, gate=parts.gate.subset([i.id for i in parts.gate.images[:12]]))
    with pytest.raises(
        ScoreError,
        match=r"gate-1: a gate must be able to see a fall of 0\.12; got 12 pictures, which would "
        r"find it 44 times in 100 even if scores differed by 0\.2 \(standard deviation\) from "
        r"picture to picture and all trainings agreed; use 30 gate pictures or more, or state a "
        r"larger --drop than 0\.1: a fall of 0\.02 is tolerated beside it",
    ):
        watched(few, tmp_path / "book")
    assert not (tmp_path / "book").exists()
    watched(few, tmp_path / "book", drop=0.2)
    few = replace(parts, gate=parts.gate.subset([i.id for i in parts.gate.images[:7]]))
    with pytest.raises(ScoreError, match=r"must hold at least 8 pictures; got 7; take more"):
        watched(few, tmp_path / "tiny", drop=0.9)
    # the second gate has less of the error rate, and needs more
    later = GatePart(parts.gate.subset([i.id for i in parts.gate.images[:20]]), (0,) * 20)
    both = replace(parts, gate=later.captures, sessions=later.sessions, later=(later,))
    with pytest.raises(ScoreError, match=r"gate-2: .* got 20 pictures, .* use 48 gate"):
        watched(both, tmp_path / "second", "next-gate")
    watched(both, tmp_path / "first")


def test_what_a_loop_cannot_do_after_a_stop_is_refused(tmp_path: Path) -> None:
    parts = RealParts.of(timed(tmp_path), "tuning", None, alarm=True)
    with pytest.raises(ConfigError, match=r"--on-stop: .* next gate needs a split with two .* 1;"):
        watched(parts, tmp_path / "a", "next-gate")
    with pytest.raises(
        ConfigError, match=r"--flags: .* went back alone; got 2 flags with on_stop st"
    ):
        watched(parts, tmp_path / "b", "stop", flags=2)


def test_refusals(tmp_path: Path) -> None:
    real = timed(tmp_path)
    with pytest.raises(ConfigError, match="--part: a loop with an alarm must not see the gate"):
        RealParts.of(real, "all", None, alarm=True)
    with pytest.raises(CaptureError, match="capture time"):
        RealParts.of(TRUTH, "tuning", None, alarm=True)
    parts = RealParts.of(real, "tuning", None, alarm=True)
    with pytest.raises(ConfigError, match="at least two trainings of a look; got 1"):
        watch_detector(parts, tmp_path / "a", TuneOptions(), images=2, seeds=1, recipe=RECIPE)
    bare = replace(parts, gate=replace(real, labelled=False))
    with pytest.raises(CaptureError, match="a gate of labelled captures"):
        watch_detector(bare, tmp_path / "b", TuneOptions(), images=2, seeds=2, recipe=RECIPE)
    manifest = tmp_path / "split.json"
    manifest.write_text(json.dumps(split_for_loop(real, Shares()).to_dict()))
    with pytest.raises(ConfigError, match="the split must have the part; got tunin"):
        RealParts.of(real, "tunin", manifest, alarm=False)
