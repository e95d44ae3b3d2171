"""A detector that is trained on from round to round, as what holds or does not."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evaluation.captures import CaptureSet
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.parts import content_digest
from evaluation.synthetic import captures_of, only_classes
from evaluation.tasks import load_task
from evaluation.tasks.config import TrainConfig
from evaluation.tune.automatic_run import Judge
from evaluation.tune.confirm import render
from evaluation.tune.randomize import picture_f1
from simgen.config import Config
from simgen.rng import Key

if TYPE_CHECKING:
    from evaluation.tasks.model import Model

LINEAGE = "lineage sha256"
"""What a model and all that it was trained on from have seen."""


@dataclass(frozen=True)
class DetectorTrainer:
    """Trains a detector on each round's pictures, from the last round's model on.

    Pictures and models stay in the folder, so that a round that was killed goes on.

    Attributes:
        folder: Of the run.
        images: Samples of a round.
        pictures: Samples that an end is tried on.
        recipe: Budget of a round.
        workers: Processes that render.
        show: Shows progress.
    """

    folder: Path
    images: int
    pictures: int
    recipe: TrainConfig
    workers: int = 1
    show: Show = silent

    @property
    def about(self) -> Mapping[str, Any]:
        """Sizes and recipe."""
        return {
            "what": "detection", "images": self.images, "pictures": self.pictures,
            "recipe": asdict(self.recipe),
        }  # fmt: skip

    def __call__(self, config: Config, number: int, key: Key) -> Judge:
        """Train; the score is the mean F1 of pictures, see `looks.picture_scores`."""
        made = self._rendered(config, f"round-{number:03d}", self.images, key / "render")
        model = self._trained(made, number, key / "train")

        def judge(config: Config, number: int, key: Key) -> float:
            made = self._rendered(config, f"try-{number:05d}", self.pictures, key / "render")
            return float(picture_f1(model, only_classes(made, model.categories)).mean())

        return judge

    def _rendered(self, config: Config, name: str, count: int, key: Key) -> CaptureSet:
        fresh = config.model_copy(update={"seed": key.entropy() % 2**63})
        return captures_of(render(fresh, self.folder / name, count, self.workers))

    def _trained(self, captures: CaptureSet, number: int, key: Key) -> Model:
        task = load_task("detection")
        path, before = self._model(number), self._model(number - 1)
        start = task.load(before) if number else None
        seen = {
            "before": start.provenance[LINEAGE] if start else "",
            "captures": content_digest(captures),
            "recipe": asdict(self.recipe),
            "key": [key.seed, *key.path],
        }
        lineage = hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
        kept: Model | None = task.load(path) if path.is_file() else None
        if kept is not None and kept.provenance.get(LINEAGE) == lineage:
            return kept
        with self.show(f"training, round {number + 1}") as update:
            made: Model = task.train(
                captures, key=key, config=self.recipe, start=start,
                progress=lambda step, steps, _loss: update(step, steps),
            )  # fmt: skip
        made = replace(made, provenance={**made.provenance, LINEAGE: lineage})
        task.save(made, path)
        return made

    def _model(self, number: int) -> Path:
        return self.folder / f"model-{number:03d}.pt"
