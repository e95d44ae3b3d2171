"""The alarm's eyes: a detector trained on a checkpoint's pictures, scored on each gate picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet
from evaluation.convention import TIGHT, BoxConvention
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.downstream import known_classes
from evaluation.synthetic import captures_of, only_classes
from evaluation.tasks import load_task
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.matching import match_detections, resolve
from evaluation.trainings import train_at_once
from evaluation.tune.confirm import render
from evaluation.tune.evidence import LookEvidence
from evaluation.tune.ledger_watch import Gate
from evaluation.tune.watch import Checkpoint
from evaluation.tune.weights import Array
from simgen.config import Config

IOU = 0.5
THRESHOLDS = tuple(round(0.1 * step, 1) for step in range(1, 10))


def picture_scores(detections: Sequence[Mapping[str, Any]], captures: CaptureSet) -> Array:
    """(n,) F1 of each picture at IoU 0.5, mean over score thresholds from 0.1 to 0.9.

    A picture without objects scores 1 at thresholds where nothing is detected in it.

    Args:
        detections: Of one model; see `evaluation.tasks.matching.resolve`.
        captures: The truth.
    """
    found = match_detections(resolve(detections, captures), captures, (IOU,))
    count = len(captures.images)
    objects = np.sum([each.positives for each in found.values()], axis=0)
    total = np.zeros(count)
    for threshold in THRESHOLDS:
        right, wrong = np.zeros(count), np.zeros(count)
        for each in found.values():
            told = each.scores >= threshold
            hit = each.hits[0] & told
            false = ~each.hits[0] & ~each.void[0] & told
            right += np.bincount(each.images[hit], minlength=count)
            wrong += np.bincount(each.images[false], minlength=count)
        below = right + wrong + objects  # 2 TP + FP + FN = TP + FP + objects
        total += np.where(below > 0, 2 * right / np.maximum(below, 1), 1.0)
    scores: Array = total / len(THRESHOLDS)
    return scores


def picture_precision(detections: Sequence[Mapping[str, Any]], captures: CaptureSet) -> Array:
    """(n,) average precision of each picture at IoU 0.5, its classes together.

    The mean over a picture's objects of the precision at the detection that found it, 0 for
    those that none found; a picture without objects scores 1 less its strongest detection. No
    threshold stands in it, so a detector that is little trained, and sure of nothing, is
    judged by its order: a gate sees more of such than by F1.

    Args:
        detections: Of one model; see `evaluation.tasks.matching.resolve`.
        captures: The truth.
    """
    found = match_detections(resolve(detections, captures), captures, (IOU,)).values()
    count = len(captures.images)
    objects = np.sum([each.positives for each in found], axis=0)
    image = np.concatenate([each.images for each in found])
    score = np.concatenate([each.scores for each in found])
    hit = np.concatenate([each.hits[0] for each in found])
    kept = ~np.concatenate([each.void[0] for each in found])
    order = np.lexsort((-score, image))
    order = order[kept[order]]
    image, score, hit = image[order], score[order], hit[order]
    begins = np.searchsorted(image, np.arange(count))
    rank = 1 + np.arange(len(image)) - begins[image]
    right = np.cumsum(hit)
    right -= (right - hit)[begins[image]]  # those of earlier pictures
    total = np.bincount(image, np.where(hit, right / rank, 0.0), minlength=count)
    strongest = np.zeros(count)
    np.maximum.at(strongest, image, score)
    scores: Array = np.where(objects > 0, total / np.maximum(objects, 1), 1.0 - strongest)
    return scores


def detector_gate(
    gate: CaptureSet,
    folder: Path,
    *,
    images: int,
    seeds: int,
    recipe: TrainConfig,
    boxes: BoxConvention = TIGHT,
    evidence: LookEvidence | None = None,
    workers: int = 1,
    show: Show = silent,
) -> Gate:
    """Train on a checkpoint's pictures, from several seeds, and score the gate.

    Args:
        gate: Labelled captures that the loop never sees.
        folder: Of datasets and models; a look that was killed goes on.
        images: Samples of a training set.
        seeds: Trainings, at least 2: without their spread no error rate holds.
        recipe: Budget of a training.
        boxes: How the gate's annotators draw boxes; the rendered ones are redrawn so.
        evidence: Takes what the other flags look at; None for gate scores alone.
        workers: Processes that render and train.
        show: Shows progress.
    """

    def place_of(config: Config) -> Path:
        return folder / f"look-{config.digest()[:16]}"

    def pictures(config: Config) -> tuple[CaptureSet, CaptureSet]:
        """The training set, and the first frame of each of its samples."""
        dataset = render(config, place_of(config) / "data", images, workers)
        made = boxes.apply(only_classes(captures_of(dataset), gate.categories.values()))
        ends = np.cumsum([len(record.frames) for record in dataset])
        first = tuple(made.images[row] for row in (0, *ends[:-1]))
        return made, replace(made, images=first)

    def look(checkpoint: Checkpoint) -> Mapping[str, NDArray[Any]]:
        made, first = pictures(checkpoint.config)
        place = place_of(checkpoint.config)
        models = train_at_once(
            made, seeds, recipe, folder=place, arm="checkpoint", workers=workers, stage=show
        )
        task = load_task("detection")
        ids = {name: number for number, name in gate.categories.items()}
        rows = []
        for model in models:
            numbers = {name: ids.get(name, -1) for name in model.categories}
            raw = task.predict(model, gate.images, category_ids=numbers)
            rows.append(picture_precision(known_classes(raw, gate)[0], gate))
        arrays: dict[str, NDArray[Any]] = {"scores": np.stack(rows)}
        if evidence is not None:
            _, start = pictures(evidence.vector.config)
            arrays |= evidence.of_look(checkpoint.config, first, start, gate)
        return arrays

    return look
