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
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from evaluation.attribution import ClassShare, Difference, attribute, compare_classes
from evaluation.captures import CaptureSet
from evaluation.convention import BoxConvention
from evaluation.distances import Distances, Stage, embed, extractors, measure, silent
from evaluation.downstream import Arm, Estimate, compare
from evaluation.feature_map import FeatureMap, feature_map
from evaluation.gap_options import FEWEST, GapOptions
from evaluation.gap_task import are_labelled, require_reference, run_task
from evaluation.parts import REFERENCE, Chosen, choose
from evaluation.statistics import collect
from evaluation.synthetic import load_any, only_classes
from simgen.errors import CaptureError, MissingExtraError
from simgen.rng import Key

__all__ = ["Gap", "GapOptions", "measure_gap"]


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
    if are_labelled(made, taken, notes):
        if task := options.task:
            require_reference(taken, chosen)
        made = _as_labelled_there(made, taken, options.boxes, notes)
    else:
        task = False
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
            arms = run_task(made, chosen, options, key / "task", folder, stage, notes)
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
        notes=tuple(note.replace(" real ", f" {options.real_word} ") for note in notes),
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


def _as_labelled_there(
    made: CaptureSet, taken: CaptureSet, boxes: BoxConvention, notes: list[str]
) -> CaptureSet:
    """The synthetic captures with the classes, and by the box convention, of the real ones."""
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
    if boxes != BoxConvention():
        notes.append(f"Synthetic boxes were redrawn by the convention {boxes}.")
    return boxes.apply(kept)


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
