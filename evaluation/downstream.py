"""The task that the data is for: the same detector, trained on synthetic and on real pictures.

Both arms have one recipe and one budget, and are scored on the same real
pictures, which neither has seen. Each arm is trained from several seeds, since
the spread between trainings is often as large as what is to be measured.

A trained model is kept with the digest of what it was trained on, so a run
that was stopped goes on from the models it has, and from no others.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.distances import Stage, silent
from evaluation.parts import content_digest
from evaluation.tasks import load_task
from evaluation.tasks.average_precision import bootstrap_ap
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.matching import match_detections, resolve
from evaluation.tasks.scoring import DEFAULT_IOU, STRICT_IOU, DetectionScore, score
from simgen.errors import CaptureError
from simgen.rng import Key

if TYPE_CHECKING:
    from evaluation.tasks.model import Model

FIGURES = {"ap30": "AP, IoU 0.3", "ap50": "AP, IoU 0.5", "ap": "AP, IoU 0.5 to 0.95"}
"""The figures of the task, and what they are called."""

CONTENT = "content sha256"
RESAMPLES = 300
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure with its error.

    Attributes:
        value: Mean over training seeds.
        deviation: Standard deviation over seeds (n - 1); NaN for one seed.
        low: Lower end of the 95 % interval, of pictures and, from two seeds on, of seeds.
        high: Upper end of it.
        values: One a seed.
    """

    value: float
    deviation: float
    low: float
    high: float
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Arm:
    """One training set, several seeds, scored on the same pictures.

    Attributes:
        name: "synthetic" or "real".
        trained_on: What the models were trained on, for readers.
        scores: One a seed.
        estimates: The figures of `FIGURES`.
        draws: Figure to (seeds, resamples), under the same draws of pictures for all arms.
        provenance: One a seed: what the model's file states.
        config: How each was trained.
    """

    name: str
    trained_on: str
    scores: tuple[DetectionScore, ...]
    estimates: Mapping[str, Estimate]
    draws: Mapping[str, NDArray[np.float64]]
    provenance: tuple[Mapping[str, str], ...]
    config: tuple[TrainConfig, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, without curves and draws."""
        return {
            "trained_on": self.trained_on,
            "seeds": len(self.scores),
            "figures": {name: dataclasses.asdict(one) for name, one in self.estimates.items()},
            "scores": [each.to_dict() for each in self.scores],
            "provenance": [dict(each) for each in self.provenance],
            "config": [dataclasses.asdict(each) for each in self.config],
        }


def train_key(seed: int) -> Key:
    """The stream of a training seed, the same for every command."""
    return Key(seed) / "task" / "detection"


def train_models(
    captures: CaptureSet,
    seeds: int | range,
    config: TrainConfig,
    *,
    folder: Path,
    arm: str,
    stage: Stage = silent,
) -> list[Model]:
    """Train a model a seed, or take the one that an earlier run left in `folder`.

    Args:
        captures: The training set.
        seeds: Which, or a number of them: 0, 1, ...
        config: Recipe and budget.
        folder: Where models are kept.
        arm: Name of the arm, for file names and progress.
        stage: Shows progress.
    """
    task = load_task("detection")
    digest = content_digest(captures)
    models = []
    for seed in range(seeds) if isinstance(seeds, int) else seeds:
        path = folder / f"{arm}-seed{seed}.pt"
        kept = task.load(path) if path.is_file() else None
        if kept is None or not _same(kept, digest, seed, config):
            with stage(f"training on {arm}, seed {seed}") as update:
                made = task.train(
                    captures,
                    key=train_key(seed),
                    config=config,
                    progress=lambda step, steps, _loss: update(step, steps),
                )
            kept = dataclasses.replace(made, provenance={**made.provenance, CONTENT: digest})
            task.save(kept, path)
        models.append(kept)
    return models


def load_models(paths: Sequence[Path]) -> list[Model]:
    """Models trained earlier."""
    task = load_task("detection")
    return [task.load(path) for path in paths]


def trained_on_exactly(model: Model, captures: CaptureSet) -> bool:
    """Whether a model states that it was trained on exactly these captures.

    By the digest of names, pictures and labels; a model without one is
    recognised by the digest of the names alone.
    """
    stated = model.provenance
    if CONTENT in stated:
        return stated[CONTENT] == content_digest(captures)
    names = "\0".join(image.name for image in captures.images)
    return stated.get("image names sha256") == hashlib.sha256(names.encode()).hexdigest()


def require_trained_on(models: Sequence[Model], captures: CaptureSet, what: str) -> None:
    """CaptureError unless each model states that it was trained on exactly these captures."""
    for number, model in enumerate(models, start=1):
        if not trained_on_exactly(model, captures):
            stated = model.provenance
            raise CaptureError(
                f"a reference model must have been trained on the {what}, and on nothing else",
                f"model {number}, trained on {stated.get('images', 'an unknown number of')} images",
                "train it with `simgen task train DIR --real --part reference`",
                "--real-model",
            )


def score_arm(
    name: str,
    trained_on: str,
    models: Sequence[Model],
    real: CaptureSet,
    *,
    key: Key,
    views: int = 2,
    stage: Stage = silent,
    folder: Path | None = None,
) -> Arm:
    """Predict and score with each model.

    Args:
        name: Name of the arm.
        trained_on: What the models were trained on.
        models: One a seed.
        real: The pictures that are judged on.
        key: Source of the bootstrap's draws; give all arms the same.
        views: Mirrored copies that a prediction is averaged over.
        stage: Shows progress.
        folder: Where the detections are written, if anywhere.
    """
    task = load_task("detection")
    ids = {category: number for number, category in real.categories.items()}
    scores, draws = [], []
    for seed, model in enumerate(models):
        numbers = {c: ids.get(c, -1) for c in model.categories}
        with stage(f"detecting, trained on {name}, seed {seed}") as update:
            raw = task.predict(
                model, _counted(real.images, update), category_ids=numbers, views=views
            )
        detections, _ = known_classes(raw, real)
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}-seed{seed}.json").write_text(
                json.dumps(detections), encoding="utf-8"
            )
        scores.append(score(detections, real, key=key, resamples=0))
        draws.append(_figures(DEFAULT_IOU, _drawn(detections, real, key)))
    by_figure = {figure: np.stack([each[figure] for each in draws]) for figure in FIGURES}
    values = {figure: np.array([s.headline[figure] for s in scores]) for figure in FIGURES}
    return Arm(
        name=name,
        trained_on=trained_on,
        scores=tuple(scores),
        estimates={figure: estimate(values[figure], by_figure[figure]) for figure in FIGURES},
        draws=by_figure,
        provenance=tuple(model.provenance for model in models),
        config=tuple(model.config for model in models),
    )


def known_classes(
    detections: Sequence[Mapping[str, Any]], captures: CaptureSet
) -> tuple[list[Mapping[str, Any]], int]:
    """The detections whose class the captures have, and the number of the others.

    A model may know classes that the captures lack (a die that leans); what
    it says of those is no statement about the classes that are scored.

    Raises:
        CaptureError: There are detections, and none has a class of the captures.
    """
    names = set(captures.categories.values())
    kept = [entry for entry in detections if entry.get("category", None) in {None, *names}]
    if detections and not kept:
        raise CaptureError(
            "detections must have classes of the captures",
            sorted({str(entry["category"]) for entry in detections}),
            f"the captures have: {', '.join(sorted(names))}",
            str(captures.root),
        )
    return kept, len(detections) - len(kept)


def compare(first: Arm, second: Arm) -> dict[str, Estimate]:
    """First minus second, by figure; the same pictures are drawn for both."""
    found = {}
    for figure in FIGURES:
        a, b = first.estimates[figure], second.estimates[figure]
        drawn = first.draws[figure].mean(axis=0) - second.draws[figure].mean(axis=0)
        value = a.value - b.value
        low, high = _reach(value, drawn, (a.values, b.values))
        found[figure] = Estimate(value, math.nan, max(low, -1.0), min(high, 1.0), ())
    return found


def estimate(values: NDArray[np.float64], draws: NDArray[np.float64]) -> Estimate:
    """Mean over seeds, its interval over pictures and seeds.

    Args:
        values: (K,) one a seed.
        draws: (K, R) the same under R draws of the pictures.
    """
    value = float(values.mean())
    each = tuple(float(v) for v in values)
    low, high = _reach(value, draws.mean(axis=0), (each,))
    deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    return Estimate(value, deviation, max(low, 0.0), min(high, 1.0), each)


def _reach(
    value: float, drawn: NDArray[np.float64], seeds: Sequence[Sequence[float]]
) -> tuple[float, float]:
    """Interval of `value` with SE^2 = s_pictures^2 + sum of v_seed / K, and Satterthwaite's df.

    A group of a single seed adds nothing: its spread is not known.
    """
    finite = drawn[np.isfinite(drawn)]
    pictures = float(finite.var(ddof=1)) if len(finite) > 1 else 0.0
    spread = [(float(np.var(v, ddof=1)) / len(v), len(v) - 1) for v in seeds if len(v) > 1]
    variance = pictures + sum(v for v, _ in spread)
    weight = sum(v**2 / df for v, df in spread)
    df = variance**2 / weight if weight > 0 else math.inf
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, max(df, 1.0))) * math.sqrt(variance)
    return value - reach, value + reach


def _same(model: Model, digest: str, seed: int, config: TrainConfig) -> bool:
    stated = model.provenance
    key = train_key(seed)
    return (
        stated.get(CONTENT) == digest
        and stated.get("seed") == str(seed)
        and stated.get("stream") == "/".join(key.path)
        and model.config == config
    )


def _drawn(
    detections: Sequence[Mapping[str, Any]], real: CaptureSet, key: Key
) -> NDArray[np.float64]:
    """(resamples, T) mean AP; one key and one set of pictures give the same draws."""
    found = match_detections(resolve(detections, real), real, DEFAULT_IOU)
    matches = [found[number] for number in sorted(real.categories)]
    return bootstrap_ap(matches, RESAMPLES, (key / "bootstrap").generator())


def _figures(iou: Sequence[float], ap: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    wanted = {"ap30": (0.3,), "ap50": (0.5,), "ap": STRICT_IOU}
    return {
        name: ap[..., [iou.index(value) for value in each]].mean(axis=-1)
        for name, each in wanted.items()
    }


def _counted(images: Sequence[LabelledImage], update: Any) -> Iterator[LabelledImage]:
    for done, image in enumerate(images, start=1):
        yield image
        update(done, len(images))
