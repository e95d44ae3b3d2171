import dataclasses

import numpy as np
import pytest
import torch

from evaluation.captures import CaptureSet
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.labels import require_same_classes
from evaluation.tasks.model import Model, load_model, save_model
from evaluation.tasks.prediction import predict
from evaluation.tasks.scoring import score
from evaluation.tasks.training import train
from simgen.errors import CaptureError
from simgen.rng import Key

SMALL = TrainConfig(
    iterations=60, batch=4, crop_px=96, warmup=5, ema=0.9, turn_deg=0.0, colour=0.1, degrade=0.1
)
TINY = dataclasses.replace(SMALL, iterations=3, batch=2, crop_px=64)


def weights(model):
    return list(model.detector.state_dict().values())


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


def ap50(model, captures):
    found = predict(model, captures.images, views=1)
    return score(found, captures, key=Key(0), resamples=0).headline["ap50"]


@pytest.fixture(scope="module")
def trained(squares):
    losses = []
    model = train(squares, key=Key(1), config=SMALL, progress=lambda *report: losses.append(report))
    return model, losses


@pytest.fixture(scope="module")
def untrained(squares):
    config = dataclasses.replace(TINY, iterations=1, learning_rate=1e-12)
    return train(squares, key=Key(1), config=config)


def test_it_learns_what_it_is_shown(trained, untrained, squares):
    model, losses = trained
    assert [step for step, _, _ in losses] == list(range(1, 61))
    first, last = (np.mean([loss for _, _, loss in part]) for part in (losses[:5], losses[-5:]))
    assert last < first / 4
    assert ap50(model, squares) > 0.9
    assert ap50(untrained, squares) < 0.05


def test_it_learns_nothing_from_wrong_classes(trained, squares):
    turned = tuple(
        dataclasses.replace(image, categories=np.roll(image.categories, 1))
        for image in squares.images
    )
    assert ap50(trained[0], dataclasses.replace(squares, images=turned)) < 0.05


def test_the_same_key_gives_the_same_bits(squares):
    torch.manual_seed(1)
    one = train(squares, key=Key(2), config=TINY)
    torch.manual_seed(99)  # the global generator must not matter, nor be moved
    state = torch.random.get_rng_state()
    two = train(squares, key=Key(2), config=TINY)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert same(one, two)
    assert not same(one, train(squares, key=Key(3), config=TINY))


def test_the_size_of_the_cache_changes_nothing(squares):
    one, two = (
        train(squares, key=Key(2), config=dataclasses.replace(TINY, cache_mib=size))
        for size in (0, 100)
    )
    assert same(one, two)


def test_frozen_layers_stay(squares, untrained):
    model = train(squares, key=Key(1), config=dataclasses.replace(TINY, frozen_layers=3))
    old, new = untrained.detector.backbone, model.detector.backbone
    assert torch.equal(old.stem.weight, new.stem.weight)
    assert torch.equal(old.blocks[1].project.weight, new.blocks[1].project.weight)
    assert not torch.equal(old.blocks[2].project.weight, new.blocks[2].project.weight)


def test_a_model_survives_its_file(trained, squares, tmp_path):
    save_model(trained[0], tmp_path / "deep" / "model.pt")
    back = load_model(tmp_path / "deep" / "model.pt")
    assert back.categories == ("red", "green", "blue")
    assert back.config == SMALL
    assert back.provenance == trained[0].provenance
    assert back.provenance["seed"] == "1"
    assert predict(back, squares.images[:1]) == predict(trained[0], squares.images[:1])
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["model.pt"]


def test_fine_tuning_starts_from_the_model(trained, squares):
    steps = dataclasses.replace(TINY, iterations=1, learning_rate=1e-12)
    again = train(squares, key=Key(5), config=steps, start=trained[0])
    for a, b in zip(weights(again), weights(trained[0]), strict=True):
        torch.testing.assert_close(a, b)
    names = dict(zip(squares.categories, ("red", "green", "violet"), strict=True))
    with pytest.raises(CaptureError, match="got blue; known: green, red, violet"):
        train(
            dataclasses.replace(squares, categories=names),
            key=Key(5),
            config=steps,
            start=trained[0],
        )


def test_detections_carry_the_captures_numbers_and_names(trained, squares):
    ids = {"red": 30, "green": 20, "blue": 10}
    found = predict(trained[0], squares.images[:2], category_ids=ids, min_score=0.2)
    assert {entry["image_id"] for entry in found} == {1, 2}
    assert all(entry["category_id"] == ids[entry["category"]] for entry in found)
    assert all(entry["score"] >= 0.2 for entry in found)
    assert all(entry["file_name"] == f"{entry['image_id']:03d}.png" for entry in found)


def test_class_names_must_agree(squares):
    assert require_same_classes(("blue", "red", "green"), squares) == {
        "blue": 3,
        "red": 1,
        "green": 2,
    }
    with pytest.raises(CaptureError, match="got gren; did you mean 'green'"):
        require_same_classes(("red", "gren", "blue"), squares)
    with pytest.raises(CaptureError, match="every category of the captures"):
        require_same_classes(("red", "green"), squares)


def test_there_must_be_something_to_learn(squares):
    bare = [dataclasses.replace(i, boxes=np.zeros((0, 4)), categories=np.zeros(0, np.int64),
                                ignore=np.zeros(0, np.bool_)) for i in squares.images]  # fmt: skip
    for images, names, stated, message in (
        ((), squares.categories, True, "training needs images"),
        (squares.images, {}, False, "training needs labelled captures"),
        (tuple(bare), squares.categories, True, "at least one box"),
    ):
        captures = CaptureSet(squares.root, images, names, stated)
        with pytest.raises(CaptureError, match=message):
            train(captures, key=Key(1), config=TINY)


def test_an_unreadable_picture_stops_the_training(squares, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not a picture")
    images = tuple(dataclasses.replace(image, source=broken) for image in squares.images)
    with pytest.raises(CaptureError, match=r"broken\.png"):
        train(dataclasses.replace(squares, images=images), key=Key(1), config=TINY)


def test_other_files_are_not_models(tmp_path, untrained):
    with pytest.raises(CaptureError, match="must exist"):
        load_model(tmp_path / "none.pt")
    file = tmp_path / "model.pt"
    for content in (
        b"",
        b"hello",
        b"PK\x03\x04 nothing",
        b"seed: 3\n",
        b"assets: a\n",
        bytes(range(9)),
    ):
        file.write_bytes(content)
        with pytest.raises(CaptureError, match="must be one that simgen wrote"):
            load_model(file)
    torch.save({"weights": torch.zeros(3)}, file)
    with pytest.raises(CaptureError, match="simgen detection model"):
        load_model(file)
    other = Model(untrained.detector, ("red", "green"), untrained.config, {})
    save_model(other, file)  # three classes of weights under two names
    with pytest.raises(CaptureError, match="must be one that simgen wrote"):
        load_model(file)
