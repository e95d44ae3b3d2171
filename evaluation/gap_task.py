"""The downstream task as part of the gap: what is trained on what, and whether it may be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.captures import CaptureSet
from evaluation.distances import Stage
from evaluation.downstream import (
    Arm,
    load_models,
    require_trained_on,
    score_arm,
    train_models,
    trained_on_exactly,
)
from evaluation.gap_options import GapOptions
from evaluation.parts import REFERENCE, Chosen, require_disjoint
from simgen.errors import CaptureError
from simgen.rng import Key

if TYPE_CHECKING:
    from evaluation.tasks.model import Model


def are_labelled(made: CaptureSet, taken: CaptureSet, notes: list[str]) -> bool:
    """Whether both sides have labels; if not, a note says what is missing without them."""
    for side, captures in (("real", taken), ("synthetic", made)):
        if not captures.labelled:
            notes.append(
                f"The {side} captures have no labels: there are distances between pictures, "
                "but no statistics of labels and no downstream task."
            )
            return False
    return True


def require_reference(taken: CaptureSet, chosen: Chosen) -> None:
    """CaptureError unless there is a reference part that the chosen part does not meet."""
    if chosen.split is None:
        raise CaptureError(
            "the task needs a split of the real captures by time",
            "captures without capture times",
            "state `date_captured` in the COCO file, or leave the task out with --no-task",
            str(taken.root),
        )
    require_disjoint(chosen.name)


def run_task(
    made: CaptureSet,
    chosen: Chosen,
    options: GapOptions,
    key: Key,
    folder: Path,
    stage: Stage,
    notes: list[str],
) -> tuple[Arm, ...]:
    """Train, or load, and score both arms: "synthetic", then "real".

    Args:
        made: The synthetic captures.
        chosen: The real ones; see `require_reference`.
        options: Budget, seeds, models trained earlier.
        key: Source of the bootstrap's draws.
        folder: Models and detections are kept here.
        stage: Shows progress.
        notes: What a reader must know is added here.
    """
    assert chosen.split is not None  # noqa: S101 - the caller has asked `require_reference`
    reference = chosen.split.parts[REFERENCE]
    arms = []
    plan = (
        ("synthetic", made, options.synthetic_models, f"{len(made.images)} synthetic pictures"),
        (
            "real",
            reference,
            options.real_models,
            f"{len(reference.images)} {options.real_word} pictures",
        ),
    )
    for name, captures, given, what in plan:
        if given:
            models = load_models(given)
            if name == "real":
                require_trained_on(models, captures, "reference part")
            else:
                what = _stated(models, captures, what, notes)  # noqa: PLW2901
        else:
            models = train_models(
                captures,
                options.seeds,
                options.config,
                folder=folder / "models",
                arm=name,
                stage=stage,
            )
        arms.append(
            score_arm(
                name,
                what,
                models,
                chosen.captures,
                key=key,
                views=options.views,
                stage=stage,
                folder=folder / "detections",
            )
        )
    _note_budgets(arms, notes)
    return tuple(arms)


def _stated(models: list[Model], captures: CaptureSet, what: str, notes: list[str]) -> str:
    if all(trained_on_exactly(model, captures) for model in models):
        return what
    counts = sorted({model.provenance.get("images", "an unknown number of") for model in models})
    notes.append(
        "The synthetic-trained models were trained on other pictures than those shown here "
        f"({' and '.join(counts)} of them)."
    )
    return f"{' and '.join(counts)} synthetic pictures, not those shown"


def _note_budgets(arms: list[Arm], notes: list[str]) -> None:
    budgets = {replace(config, cache_mib=0) for arm in arms for config in arm.config}
    if len(budgets) > 1:
        notes.append(
            "The two arms were not trained with the same recipe and budget: "
            "their difference is not one of the data alone."
        )
    fewest = min(len(arm.scores) for arm in arms)
    if fewest < 3:
        notes.append(
            f"Only {fewest} training seed{'s' if fewest > 1 else ''} of an arm: "
            + (
                "the spread between trainings is not known, and no interval includes it."
                if fewest == 1
                else "the spread between trainings is known poorly."
            )
            + " Results to be quoted need at least 3."
        )
