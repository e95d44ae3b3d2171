"""Active randomization with a detector: its losses on a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.convention import TIGHT, BoxConvention
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.downstream import trained_on_exactly
from evaluation.synthetic import captures_of, only_classes
from evaluation.tasks import load_task
from evaluation.tune.active_run import ActiveOptions, Leaning, lean
from evaluation.tune.pool import open_pool
from evaluation.tune.randomize import picture_f1
from evaluation.tune.weights import Array
from simgen.dataset import Dataset
from simgen.errors import CaptureError
from simgen.rng import Key


def active(
    dataset: Path,
    model: Path,
    options: ActiveOptions,
    *,
    boxes: BoxConvention = TIGHT,
    key: Key,
    show: Show = silent,
) -> Leaning:
    """Lean a dataset's config towards what a detector is weak on.

    Args:
        dataset: A dataset with labels.
        model: A detector that `simgen task train` wrote.
        options: How far.
        boxes: How the detector was taught to draw boxes.
        key: Source of all that is drawn.
        show: Shows progress.

    Raises:
        CaptureError: See `detector_losses`.
        ConfigError: There are too few samples.
        StoreError: The dataset is damaged, or was made by another version.
    """
    opened = Dataset.open(dataset)
    pool, config = open_pool(opened)
    with show(f"detecting on {len(opened)} samples"):
        losses = detector_losses(opened, model, boxes)
    return lean(config, pool, losses, options, key=key)


def detector_losses(dataset: Dataset, model: Path, boxes: BoxConvention = TIGHT) -> Array:
    """(n,) 1 - F1 of a detector on each sample; the mean over the frames of a sequence.

    Objects of classes that the detector has not learnt count neither for nor against.

    Args:
        dataset: Pictures that it was not trained on.
        model: Its file.
        boxes: How it was taught to draw boxes.

    Raises:
        CaptureError: It was trained on these very pictures, or shares no class with them.
    """
    trained = load_task("detection").load(model)
    captures = boxes.apply(only_classes(captures_of(dataset), trained.categories))
    if trained_on_exactly(trained, captures):
        raise CaptureError(
            "a detector must be judged on pictures that it was not trained on",
            "its training set",
            "generate another dataset with `--set seed=...`",
            str(dataset.path),
        )
    losses = 1.0 - picture_f1(trained, captures)
    owner = np.array([record.index for record in dataset for _ in record.frames], np.int64)
    found: Array = np.bincount(owner, losses) / np.bincount(owner)
    return found
