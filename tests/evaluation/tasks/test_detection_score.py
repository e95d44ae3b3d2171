import contextlib
import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from evaluation.tasks.average_precision import precision_at_recalls
from evaluation.tasks.matching import ClassMatches, read_detections
from evaluation.tasks.mistakes import box_iou
from evaluation.tasks.scoring import DEFAULT_IOU, score, summarise
from simgen.errors import CaptureError
from simgen.rng import Key

KEY = Key(5)
BOX = [10, 10, 20, 20]
FAR = [60, 60, 20, 20]


def seen(image, category, box, confidence):
    return {"image_id": image, "category_id": category, "bbox": box, "score": confidence}


def random_scene(rng, make_image, make_set, crowds):
    images, detections = [], []
    for number in range(1, 13):
        count = int(rng.integers(0, 6))
        boxes = np.column_stack([rng.uniform(0, 60, (count, 2)), rng.uniform(10, 35, (count, 2))])
        categories = rng.integers(1, 4, count)
        ignore = rng.random(count) < (0.2 if crowds else 0.0)
        images.append(make_image(number, boxes, categories, ignore))
        for box, category in zip(boxes, categories, strict=True):
            for _ in range(int(rng.integers(0, 3))):
                said = int(category if rng.random() < 0.8 else rng.integers(1, 4))
                moved = (box + rng.normal(0, 2.5, 4)).tolist()
                detections.append(seen(number, said, moved, float(rng.random())))
        for _ in range(int(rng.integers(0, 3))):
            box = [*rng.uniform(0, 60, 2), *rng.uniform(10, 35, 2)]
            detections.append(seen(number, int(rng.integers(1, 4)), box, float(rng.random())))
    return make_set(images), detections


def coco(captures, detections):
    base = {"images": [{"id": i.id} for i in captures.images]}
    base["categories"] = [{"id": n, "name": name} for n, name in captures.categories.items()]
    truth = [
        {"image_id": i.id, "category_id": int(c), "bbox": list(map(float, b)), "iscrowd": int(g)}
        for i in captures.images
        for b, c, g in zip(i.boxes, i.categories, i.ignore, strict=True)
    ]
    for number, entry in enumerate(truth, 1):
        entry |= {"id": number, "area": entry["bbox"][2] * entry["bbox"][3]}
    return base | {"annotations": truth}, detections


def library_ap(captures, detections, api, evaluator, iou):
    dataset, results = coco(captures, detections)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = api()
        truth.dataset = dataset
        truth.createIndex()
        run = evaluator(truth, truth.loadRes(results), "bbox")
        run.params.iouThrs = np.array(iou)
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, 2]  # T, R, K; all areas; 100 detections
    return np.array([row[row > -1].mean() for row in precision])


@pytest.mark.parametrize("crowds", [False, True])
def test_ap_is_that_of_pycocotools_and_faster_coco_eval(make_image, make_set, crowds):
    faster = pytest.importorskip("faster_coco_eval")
    for seed in range(4):
        rng = np.random.default_rng(seed)
        captures, detections = random_scene(rng, make_image, make_set, crowds)
        ours = score(detections, captures, key=KEY, resamples=0).ap
        assert 0 < ours[0] < 1
        for api, evaluator in ((COCO, COCOeval), (faster.COCO, faster.COCOeval_faster)):
            theirs = library_ap(captures, detections, api, evaluator, DEFAULT_IOU)
            np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_ap_by_hand(make_image, make_set):
    # falling score: right, wrong, right; 2 objects: recall .5 at precision 1, recall 1 at 2/3
    captures = make_set([make_image(1, [BOX, FAR], [1, 1])])
    detections = [seen(1, 1, BOX, 0.9), seen(1, 1, [40, 5, 20, 20], 0.8), seen(1, 1, FAR, 0.7)]
    result = score(detections, captures, key=KEY, resamples=0)
    assert result.ap[0] == pytest.approx((51 * 1 + 50 * 2 / 3) / 101, abs=1e-12)
    assert np.isnan(result.per_class["green"]).all()  # no such object: not a zero


def test_a_shifted_box_counts_at_its_iou_and_not_above(make_image, make_set):
    captures = make_set([make_image(1, [BOX], [1])])
    result = score([seen(1, 1, [15, 10, 20, 20], 0.9)], captures, key=KEY)  # IoU 15/25
    assert result.ap.tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert result.headline == pytest.approx({"ap30": 1.0, "ap50": 1.0, "ap": 0.3})


def test_perfect_and_no_detections(make_image, make_set):
    captures = make_set([make_image(n, [BOX, FAR], [1, 2]) for n in (1, 2)])
    perfect = [seen(n, c, b, 0.9) for n in (1, 2) for b, c in ((BOX, 1), (FAR, 2))]
    full, empty = (score(found, captures, key=KEY, resamples=20) for found in (perfect, []))
    assert full.headline == {"ap30": 1.0, "ap50": 1.0, "ap": 1.0}
    assert full.intervals["ap"] == (1.0, 1.0)
    assert full.reading.mistakes == ()
    assert empty.headline == {"ap30": 0.0, "ap50": 0.0, "ap": 0.0}
    assert [m.kind for m in empty.reading.mistakes] == ["missed"] * 4


def test_detections_with_wrong_classes_score_nothing(make_image, make_set):
    captures = make_set([make_image(n, [BOX, FAR], [1, 2]) for n in (1, 2)])
    swapped = [seen(n, c, b, 0.9) for n in (1, 2) for b, c in ((BOX, 2), (FAR, 1))]
    result = score(swapped, captures, key=KEY, resamples=0)
    assert result.headline["ap30"] == 0.0
    assert {m.kind for m in result.reading.mistakes} == {"misread"}
    assert result.reading.confusion[:2, :2].tolist() == [[0, 2], [2, 0]]


def test_ignored_boxes_count_neither_way(make_image, make_set):
    captures = make_set([make_image(1, [BOX, FAR], [1, 1], ignore=[False, True])])
    both = [seen(1, 1, FAR, 0.95), seen(1, 1, BOX, 0.9)]
    assert score(both, captures, key=KEY).headline["ap"] == 1.0
    result = score(both[1:], captures, key=KEY)
    assert result.headline["ap"] == 1.0
    assert result.objects == 1
    assert result.reading.mistakes == ()


def test_only_the_hundred_strongest_of_an_image_count(make_image, make_set):
    captures = make_set([make_image(1, [BOX], [1])])
    wrong = [seen(1, 1, FAR, 0.9)] * 99
    assert score([*wrong, seen(1, 1, BOX, 0.1)], captures, key=KEY, resamples=0).ap[0] > 0
    wrong = [seen(1, 1, FAR, 0.9)] * 100
    assert score([*wrong, seen(1, 1, BOX, 0.1)], captures, key=KEY, resamples=0).ap[0] == 0


def test_mistakes_are_named_and_the_worst_comes_first(make_image, make_set):
    images = [
        make_image(1, [BOX], [1]),  # read as 2
        make_image(2, [BOX], [1]),  # missed
        make_image(3, [BOX], [2]),  # right, and a false one
    ]
    detections = [
        seen(1, 2, BOX, 0.6),
        seen(3, 2, BOX, 0.9),
        seen(3, 2, [12, 10, 20, 20], 0.5),  # the same place again: not a mistake
        seen(3, 3, FAR, 0.7),
    ]
    result = score(detections, make_set(images), key=KEY, resamples=0)
    assert result.reading.operating_score == 0.9  # F1 is greatest with the right one alone
    from evaluation.tasks.mistakes import read_mistakes  # noqa: PLC0415

    reading = read_mistakes(detections, make_set(images), 0.3, 0.4)
    told = [(m.kind, m.image_id, m.truth, m.read, m.severity) for m in reading.mistakes]
    assert told == [
        ("missed", 2, "red", None, 1.0),
        ("false", 3, None, "blue", 0.7),
        ("misread", 1, "red", "green", 0.6),
    ]
    assert reading.confusion.tolist() == [[0, 1, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6))
def test_weights_equal_repeated_images(seed):
    rng = np.random.default_rng(seed)
    images, count = 5, 20
    scores = np.sort(rng.permutation(1000)[:count] / 1000.0)[::-1]
    at, hits = rng.integers(0, images, count), rng.random((2, count)) < 0.6
    void = np.zeros_like(hits)
    positives = np.bincount(at[hits.any(axis=0)], minlength=images) + 1
    weights = rng.integers(0, 3, images)
    repeat = weights[at]
    again = ClassMatches(
        np.repeat(scores, repeat),
        np.repeat(at, repeat),
        np.repeat(hits, repeat, axis=1),
        np.repeat(void, repeat, axis=1),
        positives * weights,
    )
    once = ClassMatches(scores, at, hits, void, positives)
    np.testing.assert_allclose(
        precision_at_recalls(once, weights.astype(float)), precision_at_recalls(again), atol=1e-12
    )


def test_the_interval_holds_the_estimate_and_depends_on_the_key_alone(make_image, make_set):
    captures, detections = random_scene(np.random.default_rng(3), make_image, make_set, False)
    one, same, other = (
        score(detections, captures, key=key, resamples=200) for key in (KEY, KEY, Key(6))
    )
    low, high = one.intervals["ap50"]
    assert low < one.headline["ap50"] < high
    assert one.intervals == same.intervals
    assert one.intervals != other.intervals


def test_names_go_before_numbers(make_image, make_set):
    captures = make_set([make_image(41, [BOX], [3])])
    entry = seen(1, 1, BOX, 0.9) | {"file_name": "041.png", "category": "blue"}
    assert score([entry], captures, key=KEY).headline["ap"] == 1.0


def test_iou_of_boxes():
    a, b = np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 1, 2, 2], [0, 0, 2, 2], [5, 5, 1, 1]])
    np.testing.assert_allclose(box_iou(a, b), [[1 / 7, 1, 0]])


def test_summary_over_seeds(make_image, make_set):
    captures = make_set([make_image(1, [BOX, FAR], [1, 1])])
    runs = [score(d, captures, key=KEY, resamples=0) for d in ([seen(1, 1, BOX, 0.9)], [])]
    half = 51 / 101
    spread = summarise(runs)["ap50"]
    assert spread.mean == pytest.approx(half / 2)
    assert spread.deviation == pytest.approx(half / np.sqrt(2))
    assert np.isnan(summarise(runs[:1])["ap50"].deviation)
    with pytest.raises(CaptureError, match="at least one score"):
        summarise([])


def test_the_score_is_json(make_image, make_set):
    result = score([], make_set([make_image(1, [BOX], [1])]), key=KEY, resamples=0)
    text = json.dumps(result.to_dict(), allow_nan=False)
    assert json.loads(text)["headline"] == {"ap30": 0.0, "ap50": 0.0, "ap": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 9}, "`image_id` must be one of the captures'; got 9"),
        ({"file_name": "01.png"}, "did you mean '001.png'?"),
        ({"category_id": 7}, "`category_id` must be one of the captures'"),
        ({"category": "gren"}, "did you mean 'green'?"),
        ({"bbox": [0, 0, 5]}, "`bbox` must be four finite numbers"),
        ({"bbox": [0, 0, 5, 0]}, "`bbox` must have a positive size"),
        ({"score": float("nan")}, "`score` must be a finite number"),
    ],
)
def test_bad_detections_are_refused(make_image, make_set, change, message):
    captures = make_set([make_image(1, [BOX], [1])])
    good = seen(1, 1, BOX, 0.5)
    with pytest.raises(CaptureError) as caught:
        score([good, good | change], captures, key=KEY)
    assert message in str(caught.value)
    assert "detection 1" in str(caught.value)


def test_bad_captures_are_refused(make_image, make_set):
    with pytest.raises(CaptureError, match="needs images"):
        score([], make_set([]), key=KEY)
    with pytest.raises(CaptureError, match="labelled captures"):
        score([], make_set([make_image(1, [], [])], names=()), key=KEY)
    with pytest.raises(CaptureError, match="at least one box"):
        score([], make_set([make_image(1, [BOX], [1], ignore=[True])]), key=KEY)
    with pytest.raises(ValueError, match="must rise"):
        score([], make_set([make_image(1, [BOX], [1])]), key=KEY, iou=(0.5, 0.3))


def test_detection_files_are_checked(tmp_path):
    file = tmp_path / "detections.json"
    with pytest.raises(CaptureError, match="readable JSON"):
        read_detections(file)
    file.write_text('{"images": []}')
    with pytest.raises(CaptureError, match="results list"):
        read_detections(file)
    file.write_text("[]")
    assert read_detections(file) == []
