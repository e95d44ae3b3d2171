"""A detector's loss on the tuning captures, as an objective."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from evaluation.captures import CaptureSet
from evaluation.convention import TIGHT, BoxConvention
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.downstream import score_arm
from evaluation.parts import content_digest
from evaluation.synthetic import captures_of, only_classes
from evaluation.tasks.config import TrainConfig
from evaluation.trainings import train_at_once
from evaluation.tune.confirm import render
from evaluation.tune.objective import TaskObjective
from evaluation.tune.trial import Stage
from simgen.config import Config
from simgen.rng import Key

FIGURE = "ap50"


def detection_loss(
    real: CaptureSet,
    folder: Path,
    *,
    images: int,
    seeds: int,
    recipe: TrainConfig,
    boxes: BoxConvention = TIGHT,
    workers: int = 1,
    show: Show = silent,
) -> TaskObjective:
    """1 - AP50 of a detector that is trained on the candidate's pictures.

    Each candidate is rendered anew, under another seed to search and to confirm. Datasets and
    models are kept in the folder, so that a trial that was killed goes on.

    Args:
        real: The tuning captures, labelled.
        folder: Of datasets and models.
        images: Samples of a training set.
        seeds: Trainings of each candidate.
        recipe: Budget of a training.
        boxes: How the captures' annotators draw boxes; the rendered ones are redrawn so.
        workers: Processes that render and train.
        show: Shows progress.
    """

    def judge(config: Config, stage: Stage, key: Key) -> Iterator[float]:
        seed = (key / "render").entropy() % 2**63
        fresh = config.model_copy(update={"seed": seed})
        place = folder / f"{stage}-{fresh.digest()[:16]}"
        made = captures_of(render(fresh, place / "data", images, workers))
        made = boxes.apply(only_classes(made, real.categories.values()))
        for number in range(seeds):
            begun = min(seeds, (number // workers + 1) * workers)  # with it, as many as can be
            models = train_at_once(
                made, begun, recipe, folder=place, arm="candidate", workers=workers, stage=show
            )
            one = models[number : number + 1]
            arm = score_arm("candidate", "a candidate", one, real, key=key, stage=show)
            yield 1.0 - arm.estimates[FIGURE].value

    about = {
        "real": content_digest(real), "images": images, "seeds": seeds, "recipe": repr(recipe),
        "boxes": str(boxes),
    }  # fmt: skip
    return TaskObjective("1 - AP50", judge, seeds, about)
