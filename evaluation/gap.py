"""How far generated pictures are from real captures, and what that costs a task.

`measure_gap` takes every number; `evaluation.verdict` puts them into words and
`evaluation.report` onto a page. The distances and the task's scores are taken
on one part of the real captures, by default the gate; the models that the
synthetic ones are held against are trained on the reference part alone.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from evaluation.attribution import ClassShare, Difference, attribute, compare_classes
from evaluation.captures import CaptureSet
from evaluation.convention import BoxConvention
from evaluation.distances import Distances, Stage, embed, extractors, measure, silent
from evaluation.downstream import (
    Arm,
    Estimate,
    compare,
    load_models,
    require_trained_on,
    score_arm,
    train_models,
    trained_on_exactly,
)
from evaluation.feature_map import FeatureMap, feature_map
from evaluation.parts import REFERENCE, Chosen, choose, require_disjoint
from evaluation.statistics import collect
from evaluation.synthetic import load_any, only_classes
from evaluation.tasks.config import TrainConfig
from simgen.errors import CaptureError, ConfigError, MissingExtraError
from simgen.rng import Key

if TYPE_CHECKING:
    from evaluation.tasks.model import Model

FEWEST = 12
"""Fewest pictures on a side; below it no distance has a meaning."""


@dataclass(frozen=True)
class GapOptions:
    """What is measured, and with what effort.

    Attributes:
        part: Part of the real captures that is judged against; None for the gate, or
            for all of them where they cannot be split.
        task: Whether to train and score detectors.
        seeds: Training seeds of each arm.
        config: Training recipe and budget, the same for both arms.
        views: Mirrored copies that a prediction is averaged over.
        max_images: Synthetic pictures used for distances, statistics and the map.
        simulated: Whether the "real" captures are a stand-in made by a generator.
        map_method: "tsne" or "pca".
        boxes: How the real captures' annotators draw boxes; the synthetic ones are redrawn so.
        seed: Root of the draws of the measurement (not of the trainings).
        synthetic_models: Models trained earlier on synthetic pictures, instead of training.
        real_models: Models trained earlier on the reference part.
    """

    part: str | None = None
    task: bool = True
    seeds: int = 3
    config: TrainConfig = field(default_factory=TrainConfig)
    views: int = 2
    max_images: int = 300
    simulated: bool = False
    map_method: str = "tsne"
    boxes: BoxConvention = field(default_factory=BoxConvention)
    seed: int = 0
    synthetic_models: tuple[Path, ...] = ()
    real_models: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        """Refuse numbers that mean nothing."""
        if self.seeds < 1:
            raise ConfigError("`seeds >= 1` must hold", self.seeds, where="--seeds")
        if self.max_images < FEWEST:
            raise ConfigError(
                f"`max_images >= {FEWEST}` must hold", self.max_images, where="--max-images"
            )


@dataclass(frozen=True, eq=False)
class Gap:
    """Everything that was measured.

    Attributes:
        options: How.
        synthetic: The synthetic captures, with the real classes alone.
        sample: Those of them that the distances were taken of.
        chosen: The part of the real captures that was judged against.
        other: Real captures outside that part; None without a split.
        distances: One an extractor.
        differences: Simple statistics, the largest difference first.
        classes: Shares of the classes; empty without labels.
        map: Feature space in two dimensions.
        arms: "synthetic" and "real"; empty without the task.
        comparison: Synthetic minus real, by figure; empty without the task.
        notes: What a reader must know, sentences.
        seconds: Wall time by stage.
    """

    options: GapOptions
    synthetic: CaptureSet
    sample: CaptureSet
    chosen: Chosen
    other: CaptureSet | None
    distances: tuple[Distances, ...]
    differences: tuple[Difference, ...]
    classes: tuple[ClassShare, ...]
    map: FeatureMap
    arms: tuple[Arm, ...]
    comparison: Mapping[str, Estimate]
    notes: tuple[str, ...]
    seconds: Mapping[str, float]

    @property
    def real(self) -> CaptureSet:
        """The real captures that were judged against."""
        return self.chosen.captures


def measure_gap(
    synthetic: Path, real: Path, options: GapOptions, *, folder: Path, stage: Stage = silent
) -> Gap:
    """Measure.

    Args:
        synthetic: A generated dataset, a COCO folder or a plain folder.
        real: A COCO folder or a plain folder; of the latter there are distances only.
        options: What and how.
        folder: Models and detections are kept here; a second run takes up the models.
        stage: Shows progress.

    Raises:
        CaptureError: The captures cannot be used as asked.
        MissingExtraError: A library is not installed.
    """
    require_libraries(options)
    made, taken = load_any(synthetic), load_any(real)
    chosen = choose(taken, options.part)
    notes = list(chosen.notes)
    task = options.task and _can_train(made, taken, chosen, notes)
    if made.labelled and taken.labelled:
        made = options.boxes.apply(_with_real_classes(made, taken, notes))
        if options.boxes != BoxConvention():
            notes.append(f"Synthetic boxes were redrawn by the convention {options.boxes}.")
    for side, captures in (("synthetic", made), ("real", chosen.captures)):
        if len(captures.images) < FEWEST:
            raise CaptureError(
                f"a gap must be measured on at least {FEWEST} pictures a side",
                f"{len(captures.images)} {side} ones",
                "use more pictures, or another --part",
                str(captures.root),
            )
    clock: dict[str, float] = {}
    key = Key(options.seed) / "gap"
    sample = _sample(made, options.max_images, key / "sample")
    other = _outside(chosen)
    with _timed(clock, "distances"), _one_thread():
        distances, layout = _distances(sample, chosen.captures, other, options, key, stage)
    with _timed(clock, "statistics"):
        differences, classes = _statistics(sample, made, chosen.captures, key, stage)
    arms: tuple[Arm, ...] = ()
    if task:
        with _timed(clock, "task"):
            arms = _task(made, chosen, options, key / "task", folder, stage, notes)
    return Gap(
        options=options,
        synthetic=made,
        sample=sample,
        chosen=chosen,
        other=other,
        distances=distances,
        differences=differences,
        classes=classes,
        map=layout,
        arms=arms,
        comparison=compare(arms[0], arms[1]) if arms else {},
        notes=tuple(notes),
        seconds=clock,
    )


def require_libraries(options: GapOptions) -> None:
    """MissingExtraError, before any work is done, for what this measurement needs."""
    needed = {"torch": "torch", "sklearn": "scikit-learn"}
    if options.map_method == "tsne":
        needed["openTSNE"] = "openTSNE"
    for module, name in needed.items():
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(f"the gap needs {name}", remedy="pip install 'simgen[eval]'")


def _can_train(made: CaptureSet, taken: CaptureSet, chosen: Chosen, notes: list[str]) -> bool:
    for side, captures in (("real", taken), ("synthetic", made)):
        if not captures.labelled:
            notes.append(
                f"The {side} captures have no labels: there are distances between pictures, "
                "but no statistics of labels and no downstream task."
            )
            return False
    if chosen.split is None:
        raise CaptureError(
            "the task needs a split of the real captures by time",
            "captures without capture times",
            "state `date_captured` in the COCO file, or leave the task out with --no-task",
            str(taken.root),
        )
    require_disjoint(chosen.name)
    return True


def _with_real_classes(made: CaptureSet, taken: CaptureSet, notes: list[str]) -> CaptureSet:
    kept = only_classes(made, taken.categories.values())
    extra = sorted(set(made.categories.values()) - set(kept.categories.values()))
    lacking = sorted(set(taken.categories.values()) - set(kept.categories.values()))
    if extra:
        notes.append(
            f"Synthetic objects of classes that the real captures lack ({', '.join(extra)}) "
            "are ignored: neither object nor background."
        )
    if lacking:
        notes.append(
            f"The synthetic captures lack real classes ({', '.join(lacking)}): "
            "a model trained on them misses all of these objects."
        )
    return kept


def _sample(captures: CaptureSet, most: int, key: Key) -> CaptureSet:
    count = len(captures.images)
    if count <= most:
        return captures
    rows = np.sort(key.generator().permutation(count)[:most])
    return replace(captures, images=tuple(captures.images[row] for row in rows))


def _outside(chosen: Chosen) -> CaptureSet | None:
    """Real pictures of the other parts; None when there are too few to measure by."""
    if chosen.split is None or chosen.name not in chosen.split.parts:
        return None
    name = REFERENCE if chosen.name != REFERENCE else "gate"
    other = chosen.split.parts[name]
    return other if len(other.images) >= FEWEST else None


def _distances(
    sample: CaptureSet,
    real: CaptureSet,
    other: CaptureSet | None,
    options: GapOptions,
    key: Key,
    stage: Stage,
) -> tuple[tuple[Distances, ...], FeatureMap]:
    found = []
    layout: FeatureMap | None = None
    for extractor in extractors():
        sets = {
            "synthetic": embed(sample, extractor, "synthetic", stage),
            "real": embed(real, extractor, "real", stage),
        }
        if other is not None:
            sets["other real"] = embed(other, extractor, "other real", stage)
        found.append(
            measure(sets["synthetic"], sets["real"], sets.get("other real"), key / extractor.name)
        )
        if layout is None:
            layout = feature_map(sets, method=options.map_method, key=key / "map")
    assert layout is not None  # noqa: S101 - there is always an extractor
    return tuple(found), layout


def _statistics(
    sample: CaptureSet, made: CaptureSet, real: CaptureSet, key: Key, stage: Stage
) -> tuple[tuple[Difference, ...], tuple[ClassShare, ...]]:
    values = []
    for name, captures in (("synthetic", sample), ("real", real)):
        with stage(f"statistics: {name}") as update:
            total = len(captures.images)
            values.append(collect(captures, lambda done: update(done, total)))  # noqa: B023
    differences = attribute(values[0], values[1], key=key / "attribution")
    if not (made.labelled and real.labelled):
        return differences, ()
    return differences, compare_classes(made, real, key=key / "classes")


def _task(
    made: CaptureSet,
    chosen: Chosen,
    options: GapOptions,
    key: Key,
    folder: Path,
    stage: Stage,
    notes: list[str],
) -> tuple[Arm, ...]:
    assert chosen.split is not None  # noqa: S101 - `_can_train` has seen to it
    reference = chosen.split.parts[REFERENCE]
    arms = []
    plan = (
        ("synthetic", made, options.synthetic_models, f"{len(made.images)} synthetic pictures"),
        ("real", reference, options.real_models, f"{len(reference.images)} real pictures"),
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


@contextmanager
def _one_thread() -> Iterator[None]:
    """Single pictures are too little work for two threads, which wait for one another.

    Measured on two busy cores: 0.03 s a picture with one thread, 1.6 s with two.
    """
    importlib.import_module("torch")  # only libraries that are loaded already can be held back
    with threadpool_limits(limits=1):
        yield


@contextmanager
def _timed(clock: dict[str, float], name: str) -> Iterator[None]:
    started = perf_counter()
    yield
    clock[name] = round(perf_counter() - started, 2)
