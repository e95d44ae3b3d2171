"""The gap end to end on coloured squares, and the pieces its numbers are made of."""

import dataclasses
import json
import math

import numpy as np
import pytest
from scipy import stats

from evaluation import downstream
from evaluation.captures import load_captures
from evaluation.distances import LABELS, silent
from evaluation.downstream import Estimate, compare, estimate, known_classes, trained_on_exactly
from evaluation.gap import GapOptions, measure_gap
from evaluation.gap_task import run_task
from evaluation.parts import choose, content_digest, part_of, split_real
from evaluation.report import gap_record
from evaluation.splits import split_by_time
from evaluation.tasks import load_task
from evaluation.verdict import smallest_seen, verdict
from simgen.errors import CaptureError, ConfigError, MissingExtraError
from simgen.rng import Key

SHIFT = 0.2


def measured(value, low=None, high=None):
    return Estimate(value, 0.0, value if low is None else low, value if high is None else high, ())


# The whole


def test_every_number_is_there(tiny_gap):
    for each in tiny_gap.distances:
        assert set(each.results) == set(LABELS) == set(each.floor)
    names = [each.extractor.name for each in tiny_gap.distances]
    assert names == ["EfficientNet-Lite0", "colour and edges"]
    assert [arm.name for arm in tiny_gap.arms] == ["synthetic", "real"]
    assert all(len(arm.scores) == 2 for arm in tiny_gap.arms)
    assert tiny_gap.chosen.name == "gate"
    assert len(tiny_gap.real.images) == 12
    assert len(tiny_gap.map.places) == 16 + 12 + 20


def test_what_differs_is_found_and_what_does_not_is_not(tiny_gap):
    """The synthetic squares lie on a brighter ground; nothing else of the picture was changed."""
    found = {one.statistic.name: one for one in tiny_gap.differences}
    assert tiny_gap.differences[0].statistic.name == "brightness"
    assert found["brightness"].d > 3
    assert found["brightness"].sure
    assert not found["box size"].sure
    assert "brighter" in " ".join(verdict(tiny_gap).sentences)


def test_the_floor_is_below_the_gap(tiny_gap):
    for each in tiny_gap.distances:
        assert each.floor["kid"].value < each.results["kid"].value
        assert each.results["auc"].value > 0.8
        assert each.floor["auc"].value < each.results["auc"].value


def test_a_class_that_the_real_captures_lack_is_ignored_and_said(tiny_gap):
    assert "yellow" not in tiny_gap.synthetic.categories.values()
    assert any("yellow" in note for note in tiny_gap.notes)
    assert any(image.ignore.any() for image in tiny_gap.synthetic.images)
    for model in tiny_gap.arms[0].provenance:
        assert model["images"] == "16"
    assert tiny_gap.arms[1].provenance[0]["images"] == "20"


def test_few_seeds_are_said(tiny_gap):
    assert any("2 training seeds" in note and "at least 3" in note for note in tiny_gap.notes)


def test_trained_models_are_taken_up_again(tiny_gap, simulated_gap):
    """The second run, which was not allowed to train, has the same numbers to the last digit."""
    for name in ("distances", "differences", "classes", "task", "synthetic_minus_real"):
        first, second = gap_record(tiny_gap)[name], gap_record(simulated_gap)[name]
        assert json.dumps(first) == json.dumps(second).replace(
            "simulated \\u201creal\\u201d", "real"
        )


def task_again(gap, options, folder):
    key = Key(options.seed) / "gap" / "task"
    return run_task(gap.synthetic, gap.chosen, options, key, folder, silent, [])


def test_models_of_another_budget_are_not(tiny_gap, tiny_options, gap_folder, no_training):
    config = dataclasses.replace(tiny_options.config, iterations=3)
    options = dataclasses.replace(tiny_options, config=config)
    with no_training(), pytest.raises(AssertionError, match="trained again"):
        task_again(tiny_gap, options, gap_folder)


def test_models_can_be_given(tiny_gap, tiny_options, gap_folder, tmp_path):
    models = {arm: gap_folder / "models" / f"{arm}-seed1.pt" for arm in ("synthetic", "real")}
    options = dataclasses.replace(
        tiny_options,
        synthetic_models=(models["synthetic"],),
        real_models=(models["real"],),
    )
    arms = task_again(tiny_gap, options, tmp_path)
    for arm, before in zip(arms, tiny_gap.arms, strict=True):
        assert arm.estimates["ap30"].values == before.estimates["ap30"].values[1:]
    leaked = dataclasses.replace(options, real_models=(models["synthetic"],))
    with pytest.raises(CaptureError, match="trained on the reference part, and on nothing else"):
        task_again(tiny_gap, leaked, tmp_path)


def test_without_labels_there_are_distances_alone(
    synthetic_folder, squares_folder, tiny_options, tmp_path
):
    plain = squares_folder("unlabelled", 14, seed=6, labels=False, times=False)
    found = measure_gap(synthetic_folder, plain, tiny_options, folder=tmp_path)
    assert found.arms == ()
    assert found.classes == ()
    assert found.chosen.name == "all"
    assert found.distances[0].floor == {}
    assert any("no labels" in note for note in found.notes)
    assert any("no capture time" in note for note in found.notes)
    assert verdict(found).tone == "distance"
    assert not any(each.statistic.group == "labels" for each in found.differences)


# What is refused


@pytest.mark.parametrize("part", ["reference", "all"])
def test_the_task_is_not_scored_on_what_the_reference_was_trained_on(
    part, synthetic_folder, real_folder, tiny_options, tmp_path
):
    options = dataclasses.replace(tiny_options, part=part)
    with pytest.raises(CaptureError, match="no reference model was trained on"):
        measure_gap(synthetic_folder, real_folder, options, folder=tmp_path)


def test_labels_without_times_need_no_task(synthetic_folder, squares_folder, tmp_path):
    untimed = squares_folder("untimed", 13, seed=7, times=False)
    with pytest.raises(CaptureError, match="leave the task out with --no-task"):
        measure_gap(synthetic_folder, untimed, GapOptions(), folder=tmp_path)
    with pytest.raises(CaptureError, match="capture time of every image"):
        choose(load_captures(untimed), "gate")


def test_too_few_pictures_are_refused(squares_folder, real_folder, tmp_path):
    few = squares_folder("few", 5, seed=8)
    with pytest.raises(CaptureError, match=r"at least 12 pictures a side.*5 synthetic ones"):
        measure_gap(few, real_folder, GapOptions(task=False), folder=tmp_path)


def test_a_missing_library_is_said_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'simgen\[eval\]'"):
        measure_gap(tmp_path / "no", tmp_path / "such", GapOptions(), folder=tmp_path)


@pytest.mark.parametrize("wrong", [{"seeds": 0}, {"max_images": 3}])
def test_options_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ConfigError, match="must hold"):
        GapOptions(**wrong)


# Parts


def test_parts_are_those_of_the_split(real_folder):
    captures = load_captures(real_folder)
    split = split_real(captures)
    names = {n: [i.name for i in part.images] for n, part in split_by_time(captures).items()}
    assert {n: [i.name for i in part.images] for n, part in split.parts.items()} == names
    assert choose(captures, None).name == "gate"
    assert len(part_of(captures, "all").images) == 40
    with pytest.raises(ConfigError, match="did you mean 'gate'"):
        choose(captures, "gat")


def test_the_digest_sees_pictures_and_labels(real_folder):
    captures = load_captures(real_folder)
    first = captures.images[0]
    changed = [
        dataclasses.replace(first, boxes=first.boxes + 0.5),
        dataclasses.replace(first, categories=first.categories[::-1] % 3 + 1),
        dataclasses.replace(first, ignore=~first.ignore),
        dataclasses.replace(first, source=captures.images[1].source),
    ]
    digests = {content_digest(captures)}
    for image in changed:
        images = (image, *captures.images[1:])
        digests.add(content_digest(dataclasses.replace(captures, images=images)))
    assert len(digests) == 5


def test_a_model_without_a_digest_is_known_by_the_names_it_was_trained_on(real_folder):
    captures = load_captures(real_folder).subset([1, 2, 3])
    task = load_task("detection")
    config = task.config(iterations=1, batch=1, crop_px=64)
    model = task.train(captures, key=downstream.train_key(0), config=config)
    assert trained_on_exactly(model, captures)
    assert not trained_on_exactly(model, captures.subset([1, 2]))


# Estimates


def test_the_interval_of_one_seed_is_that_of_the_pictures():
    draws = np.random.default_rng(0).normal(0.6, 0.03, (1, 20_000))
    one = estimate(np.array([0.6]), draws)
    assert math.isnan(one.deviation)
    assert (one.low, one.high) == pytest.approx((0.6 - 1.96 * 0.03, 0.6 + 1.96 * 0.03), abs=0.001)


def test_the_spread_between_seeds_widens_the_interval():
    draws = np.random.default_rng(0).normal(0, 0.03, (1, 20_000)).repeat(3, axis=0)
    values = np.array([0.55, 0.6, 0.65])
    one = estimate(values, draws + values[:, None])
    variance = 0.03**2 + 0.05**2 / 3
    df = variance**2 / ((0.05**2 / 3) ** 2 / 2)
    reach = stats.t.ppf(0.975, df) * math.sqrt(variance)
    assert one.deviation == pytest.approx(0.05)
    assert one.high - one.value == pytest.approx(reach, rel=0.02)


def test_intervals_cover_the_truth_over_new_pictures_and_new_seeds():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        seeds = rng.normal(0.5, 0.03, 3)
        pictures = rng.normal(0, 0.3, 80)
        values = seeds + pictures.mean()
        rows = rng.integers(80, size=(200, 80))
        draws = seeds[:, None] + pictures[rows].mean(axis=1)[None]
        one = estimate(values, draws)
        held += one.low <= 0.5 <= one.high
    assert 0.92 <= held / 400 <= 0.99


def test_a_difference_is_taken_over_the_same_pictures(tiny_gap):
    """Pictures that are hard for both arms cancel; drawn separately they would not."""
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 0.05, 3000)
    arms = []
    for value in (0.7, 0.7 + SHIFT):
        draws = dict.fromkeys(downstream.FIGURES, (value + hard)[None])
        one = estimate(np.array([value]), draws["ap30"])
        figures = dict.fromkeys(downstream.FIGURES, one)
        arms.append(dataclasses.replace(tiny_gap.arms[0], draws=draws, estimates=figures))
    found = compare(arms[1], arms[0])["ap30"]
    assert found.value == pytest.approx(SHIFT)
    assert found.high - found.low < 1e-6 < arms[0].estimates["ap30"].high - 0.7


def test_detections_of_other_classes_are_left_out(real_folder):
    captures = load_captures(real_folder)
    rows = [{"category": name, "image_id": 1} for name in ("red", "cocked", "blue")]
    kept, left_out = known_classes([*rows, {"category_id": 1, "image_id": 1}], captures)
    assert [entry.get("category") for entry in kept] == ["red", "blue", None]
    assert left_out == 1
    with pytest.raises(CaptureError, match="classes of the captures"):
        known_classes(rows[1:2], captures)


# Words


@pytest.mark.parametrize(
    ("made", "taken", "difference", "tone", "words"),
    [
        (0.6, 0.9, (-0.3, -0.4, -0.2), "behind", "reaches 67% of what real pictures teach it"),
        (0.9, 0.6, (0.3, 0.2, 0.4), "ahead", "teach the detector more than real ones do"),
        (0.8, 0.82, (-0.02, -0.07, 0.03), "level", "one below 0.07 AP would easily have been"),
        (0.8, 0.6, (0.2, -0.5, 0.9), "level", "Too little was measured"),
        (0.01, 0.0, (0.01, 0.0, 0.02), "level", "the budget was too small"),
    ],
)
def test_the_verdict_says_no_more_than_the_interval(tiny_gap, made, taken, difference, tone, words):
    arms = tuple(
        dataclasses.replace(arm, estimates=dict.fromkeys(downstream.FIGURES, measured(value)))
        for arm, value in zip(tiny_gap.arms, (made, taken), strict=True)
    )
    comparison = dict.fromkeys(downstream.FIGURES, measured(*difference))
    found = verdict(dataclasses.replace(tiny_gap, arms=arms, comparison=comparison))
    assert found.tone == tone
    assert words in found.title


def test_a_stand_in_is_never_called_real(simulated_gap):
    found = verdict(simulated_gap)
    assert simulated_gap.notes
    for sentence in (found.title, *found.sentences, *simulated_gap.notes):
        assert " real " not in sentence.replace("simulated “real” ", "")
    assert any("simulated “real”" in sentence for sentence in found.sentences)


def test_the_smallest_difference_seen_is_that_of_the_power_formula():
    assert smallest_seen(measured(0.0, -1.96 * 0.1, 1.96 * 0.1)) == pytest.approx(0.28)
