"""What active and automatic randomization share: F1 of pictures, and the files that are left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.captures import CaptureSet
from evaluation.downstream import known_classes
from evaluation.tasks import load_task
from evaluation.tune.looks import picture_scores
from evaluation.tune.weights import Array
from evaluation.tune.write import as_yaml, difference
from simgen.config import Config
from simgen.dataset.files import storing, write_atomic

if TYPE_CHECKING:
    from evaluation.tasks.model import Model


def picture_f1(model: Model, captures: CaptureSet) -> Array:
    """(n,) F1 of a detector on each picture; see `looks.picture_scores`."""
    ids = {name: number for number, name in captures.categories.items()}
    numbers = {name: ids.get(name, -1) for name in model.categories}
    raw = load_task("detection").predict(model, captures.images, category_ids=numbers)
    return picture_scores(known_classes(raw, captures)[0], captures)


def write(
    name: str, start: Config, config: Config, record: Mapping[str, Any], folder: Path
) -> tuple[Path, Path, Path]:
    """Write config, difference and record, each whole or not at all.

    Args:
        name: Of the files, without their ends.
        start: The first config.
        config: The one that is given out.
        record: Plain data.
        folder: Where; made when it is not there.

    Raises:
        StoreError: The folder cannot be written.
    """
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    before, after = as_yaml(start), as_yaml(config)
    texts = {
        "yaml": after,
        "diff": difference(before, after, name),
        "json": json.dumps(record, indent=1, allow_nan=False) + "\n",
    }
    files = {end: folder / f"{name}.{end}" for end in texts}
    for end, text in texts.items():
        write_atomic(files[end], text.encode())
    return files["yaml"], files["diff"], files["json"]
