"""Trainings at once are those that follow one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.tasks.config import TrainConfig
from evaluation.trainings import one_thread, train_at_once
from simgen.errors import CaptureError

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")
RECIPE = TrainConfig(iterations=2, batch=2, crop_px=64, warmup=0, cache_mib=8)


def captures(folder: Path, count: int = 3) -> CaptureSet:
    images = []
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (96, 96, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        images.append(
            LabelledImage(
                number, f"{number}.png", 96, 96, folder / f"{number}.png", None,
                np.array([[20.0, 30.0, 24.0, 24.0]]), np.ones(1, np.int64), np.zeros(1, np.bool_),
                None,
            )
        )  # fmt: skip
    return CaptureSet(folder, tuple(images), {1: "die"}, labelled=True)


def weights(model: object) -> dict[str, np.ndarray]:
    return {k: v.numpy() for k, v in model.detector.state_dict().items()}  # type: ignore[attr-defined]


def test_the_weights_are_the_same_bits_for_any_number_of_workers(tmp_path: Path) -> None:
    made, told = captures(tmp_path), list[str]()

    @contextmanager
    def stage(what: str) -> Iterator[object]:
        told.append(what)
        yield lambda _done, _total: None

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        one, many = (
            train_at_once(
                made, 2, RECIPE, folder=tmp_path / str(workers), arm="a", workers=workers,
                stage=stage,  # type: ignore[arg-type]
            )
            for workers in (1, 2)
        )  # fmt: skip
        assert torch.get_num_threads() == 2  # as the caller had it
    finally:
        torch.set_num_threads(before)
    assert told == ["training on a, seed 0", "training on a, seed 1", "training on a, 2 seeds"]
    for a, b in zip(one, many, strict=True):
        assert a.provenance == b.provenance
        for name, value in weights(a).items():
            assert np.array_equal(value, weights(b)[name]), name
    assert not all(np.array_equal(v, weights(one[1])[k]) for k, v in weights(one[0]).items())
    # What is kept is not trained again, whatever the workers.
    stamps = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.pt")}
    train_at_once(made, 2, RECIPE, folder=tmp_path / "1", arm="a", workers=2)
    assert stamps == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.pt")}


def test_an_error_of_a_training_comes_through(tmp_path: Path) -> None:
    made = captures(tmp_path)
    (tmp_path / "1.png").write_bytes(b"none")
    with pytest.raises(CaptureError, match=r"1\.png"):
        train_at_once(made, 2, RECIPE, folder=tmp_path / "m", arm="a", workers=2)
    assert not list((tmp_path / "m").glob("*.partial"))


def test_torch_has_one_thread_within() -> None:
    before = torch.get_num_threads()
    with one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
