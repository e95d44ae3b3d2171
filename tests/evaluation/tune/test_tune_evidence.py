"""What a look records beside its gate scores, with tiny pictures."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.features import colour_and_edges, efficientnet_lite0, random_filters, resized
from evaluation.report.pictures import contact_sheet
from evaluation.tasks.config import TrainConfig
from evaluation.tune.described import Vectors, description
from evaluation.tune.evidence import LookEvidence
from evaluation.tune.gate import RealParts, watch_detector
from evaluation.tune.loop import TuneOptions
from evaluation.tune.vector import Vector
from simgen.config import config_from_plain
from simgen.errors import ConfigError
from simgen.rng import Key

pytest.importorskip("torch")
CONFIG = config_from_plain({"scene": {"family": "x", "a": {"uniform": [0.2, 1, [0, 1]]}}})


def captures(folder: Path, count: int, mean: float, names: tuple[str, ...] = ("die",)) -> Any:
    """Noise of a brightness, up to 3 objects of sides 20, 40 and 60 px, the last ignored."""
    folder.mkdir(parents=True)
    images = []
    for number in range(count):
        draw = (Key(6) / folder.name / number).generator()
        pixels = np.clip(draw.normal(mean, 30, (24, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        objects = number % 4
        sides = 20.0 * np.arange(1, objects + 1)
        images.append(
            LabelledImage(
                number, f"{number}.png", 32, 24, folder / f"{number}.png", None,
                np.stack([0 * sides, 0 * sides, sides, sides], axis=1),
                1 + np.arange(objects) % len(names), np.arange(objects) == 2, None,
            )
        )  # fmt: skip
    return CaptureSet(folder, tuple(images), dict(enumerate(names, start=1)), labelled=True)


def evidence(folder: Path, tuning: CaptureSet) -> LookEvidence:
    return LookEvidence(
        Vector.of(CONFIG), tuning, Vectors(colour_and_edges()), folder / "features", Key(1)
    )


def test_a_look_has_what_all_flags_look_at(tmp_path: Path) -> None:
    names = ("die", "coin")
    start, made, tuning, gate = (
        captures(tmp_path / name, count, mean, names)
        for name, count, mean in (
            ("start", 12, 30.0), ("made", 12, 115.0), ("tuning", 10, 120.0), ("gate", 16, 120.0)
        )
    )  # fmt: skip
    taker = evidence(tmp_path, tuning)
    before = taker.of_gate(gate)
    assert before["features"].shape == (16, efficientnet_lite0().dimension)
    found = taker.of_look(CONFIG, made, start, gate)
    assert found["features"].shape == (12, efficientnet_lite0().dimension)
    assert found["parameters"].tolist() == [0.2, 1.0]
    assert found["judge"].shape == (12,)
    assert found["panel"].shape == (2, 12)
    assert [each.name for each in taker.panel] == ["EfficientNet-Lite0", "random filters"]
    assert found["judge"].mean() > 0.8  # nearly as bright as the captures: the gap is closed
    assert (found["panel"].mean(axis=1) > 0.5).all()
    # One object a picture that has one which counts: "coin" is 0 and "die" 1, in order of name.
    for table, images in ((found["table"], made.images), (before["table"], gate.images)):
        assert len(table) == sum(len(image.boxes) > 0 for image in images)
        assert {tuple(row) for row in table.tolist()} <= {(1, 0), (0, 1)}
    again = evidence(tmp_path, tuning).of_look(CONFIG, made, start, gate)
    assert all(np.array_equal(found[name], again[name]) for name in found)
    taker = replace(taker, own=description("statistics", tuning))
    found = taker.of_look(CONFIG, made, start, gate)
    assert (found["judge"].shape, found["panel"].shape) == ((12,), (3, 12))


def test_what_is_registered_names_all_of_it(tmp_path: Path) -> None:
    about = evidence(tmp_path, captures(tmp_path / "tuning", 4, 120.0, ("die", "coin"))).about()
    assert about["table"] == {"categories": ["coin", "die"], "sizes_px": [32, 96]}
    assert about["judge"] == "colour and edges"
    assert about["parameters"] == [
        ["scene.a.uniform[0]", 0, 1], ["scene.a.uniform[1]", 0, 1]
    ]  # fmt: skip


def test_what_has_no_meaning_is_left_out(tmp_path: Path) -> None:
    made, tuning, gate = (
        captures(tmp_path / name, count, 120.0)
        for name, count in (("made", 12), ("tuning", 10), ("gate", 16))
    )
    taker = evidence(tmp_path, tuning)
    found = taker.of_look(CONFIG, made, made, gate)
    assert set(found) == {"features", "parameters", "sheet"}  # no gap to close, one category
    assert set(taker.of_gate(gate)) == {"features"}


def test_evidence_is_registered_and_needs_a_few_pictures(tmp_path: Path) -> None:
    gate, tuning = (captures(tmp_path / name, 16, 120.0) for name in ("gate", "tuning"))
    parts = RealParts(tuning, gate, tuple(range(16)), "0" * 64)
    recipe = TrainConfig(iterations=1, batch=1, crop_px=32, warmup=0, cache_mib=1)
    taker = evidence(tmp_path, tuning)
    book = watch_detector(
        parts, tmp_path / "book", TuneOptions(), images=8, seeds=2, recipe=recipe, evidence=taker
    ).ledger
    assert book.state().opened["about"]["evidence"] == json.loads(json.dumps(taker.about()))
    assert book.gate(1)["features"].shape[0] == 16
    with pytest.raises(ConfigError, match="--task-images: an alarm needs at least 8 samples of a"):
        watch_detector(
            parts, tmp_path / "few", TuneOptions(), images=7, seeds=2, recipe=recipe,
            evidence=taker,
        )  # fmt: skip


def test_random_filters_see_texture_and_not_brightness() -> None:
    embed, draw = random_filters().build(), (Key(2) / "pictures").generator()
    flat = np.full((96, 96, 3), 90, np.uint8)
    noise = draw.integers(0, 255, (96, 96, 3), np.uint8)
    assert np.abs(embed(flat)).max() < 1e-6  # of zero mean
    one, two = embed(noise), embed(noise)
    assert one.shape == (random_filters().dimension,)
    assert np.array_equal(one, two)
    # The mean size of an answer, by hand for the first filter and the upper left quarter.
    weights = (Key(0) / "random filters").generator().standard_normal((32, 7, 7, 3))[0]
    weights -= weights.mean()
    weights /= np.linalg.norm(weights)
    padded = np.pad(noise / 255.0, ((3, 3), (3, 3), (0, 0)), mode="reflect")
    answers = [
        abs(np.sum(padded[y : y + 7, x : x + 7] * weights)) for y in range(48) for x in range(48)
    ]
    assert one[0] == pytest.approx(np.mean(answers), rel=1e-4)
    assert resized(noise, 96).shape == (96, 96, 3)


def test_a_contact_sheet_shows_each_picture_in_its_shape(tmp_path: Path) -> None:
    images = captures(tmp_path / "made", 6, 200.0).images
    tall = replace(images[5], width=24, height=32, source=tmp_path / "tall.png")
    Image.fromarray(np.full((32, 24, 3), 255, np.uint8)).save(tall.source)
    with Image.open(io.BytesIO(contact_sheet((*images[:5], tall)))) as sheet:
        assert (sheet.format, sheet.size) == ("JPEG", (640, 240))
        pixels = np.asarray(sheet)
    assert pixels[60, 80].mean() > 150
    assert pixels[180, 240].mean() > 250  # the tall one, in the middle of its cell
    assert pixels[180, 170].mean() < 10  # and what it leaves free
    assert pixels[180, 500].mean() < 10  # no picture
