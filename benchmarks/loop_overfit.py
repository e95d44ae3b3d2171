"""A loop on real captures that over-optimises on purpose, so that the alarm can be seen to act.

It does what a hurried user might do who believes that hard pictures teach more. One detector is
trained once, on the start's pictures, and never again: a frozen judge. The loop's score is how
badly that judge does on the loop's own pictures, together with the Frechet distance (plain
statistics of pictures) to those of them on which it does worst: no photograph takes part at all.

    python benchmarks/loop_overfit.py CONFIG --real DIR --out DIR --pool DATASET [--pool DATASET]

The alarm watches as in `simgen tune --alarm`, on gate photographs that the loop never sees; the
loop is told to go on after a stop. Judge it by `simgen alarm OUT/alarm`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evaluation.captures import CaptureSet
from evaluation.convention import BoxConvention
from evaluation.downstream import train_models
from evaluation.metrics.result import Result
from evaluation.parts import TUNING
from evaluation.synthetic import captures_of, load_any
from evaluation.tasks import load_task
from evaluation.tasks.config import TrainConfig
from evaluation.tune.confirm import render
from evaluation.tune.described import description
from evaluation.tune.evidence import LookEvidence
from evaluation.tune.gate import RealParts, watch_detector
from evaluation.tune.looks import picture_scores
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.objective import PoolObjective
from evaluation.tune.pool import Pool
from evaluation.tune.vector import Vector
from evaluation.tune.weights import Array, Weights
from evaluation.tune.write import Evidence, write
from simgen.cli.console import progress
from simgen.config import Config, config_from_plain, load_config
from simgen.dataset import Dataset
from simgen.rng import Key

HARD = 0.2
"""Share of the loop's own pictures that it would be like."""


@dataclass(frozen=True, eq=False)
class Ease:
    """The judge's mean score of the weighted pictures; lower is harder.

    Attributes:
        scores: (n,) F1 of the judge on each picture.
    """

    scores: Array

    def __call__(self, weights: Weights) -> Result:
        """The mean with its error."""
        mean = float(weights.shares @ self.scores)
        error = float(np.sqrt(weights.shares**2 @ (self.scores - mean) ** 2))
        return Result(
            "ease", mean, mean - 2 * error, mean + 2 * error, 0.95, n_x=len(self.scores), n_y=1,
            details={"error": error},
        )  # fmt: skip


def judged(
    config: Config, made: CaptureSet, folder: Path, boxes: BoxConvention, images: int,
    recipe: TrainConfig,
) -> Array:  # fmt: skip
    """(n,) F1 of a detector that is trained on the start, on each picture; kept in the folder."""
    kept = folder / "scores.npy"
    if kept.exists():
        scores: Array = np.load(kept)
        return scores
    start = boxes.apply(captures_of(render(config, folder / "data", images)))
    (judge,) = train_models(start, 1, recipe, folder=folder, arm="judge", stage=progress)
    numbers = {name: number for number, name in made.categories.items()}
    ids = {name: numbers.get(name, -1) for name in judge.categories}
    raw = load_task("detection").predict(judge, made.images, category_ids=ids, views=1)
    scores = picture_scores(raw, made)
    np.save(kept, scores)
    return scores


def pooled(paths: list[Path], first: int | None) -> tuple[Pool, CaptureSet, list[int], list[int]]:
    """Pools of datasets joined, their pictures, the sample of each, and samples by dataset."""
    pool, images, owner, sizes = None, [], [], []
    for path in paths:
        dataset = Dataset.open(path)
        records = [record for record in dataset if first is None or record.index < first]
        space = config_from_plain(dataset.manifest.config).space()
        refused = sum(sum(record.record["rejections"].values()) for record in records)
        one = Pool.of(space, (record.factors for record in records), refused=refused)
        owner += [sum(sizes) + n for n, record in enumerate(records) for _ in record.frames]
        sizes.append(len(one))
        pool = one if pool is None else pool.joined(one)
        captures = captures_of(dataset)
        images += captures.images[: sum(len(record.frames) for record in records)]
    assert pool is not None  # the parser asks for one at least
    numbered = tuple(replace(image, id=n) for n, image in enumerate(images, start=1))
    return pool, replace(captures, images=numbered), owner, sizes


def main() -> None:
    """Run the loop; it goes on where it was stopped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("config")
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--pool", type=Path, action="append", required=True, help="the widest first"
    )
    parser.add_argument("--first", type=int, help="take so many samples of each pool")
    parser.add_argument("--move", action="append", default=[])
    parser.add_argument("--boxes", type=BoxConvention.parse, default=BoxConvention())
    parser.add_argument("--budget", type=int, default=121)
    parser.add_argument("--every", type=int, default=30)
    parser.add_argument("--floor", type=float, default=50.0)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--iterations", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--drop", type=float, default=0.1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    loop = TuneOptions(budget=args.budget, every=args.every, on_stop="continue", seed=args.seed)
    key = Key(args.seed) / "overfit"
    start = load_config(args.config)
    vector = Vector.of(start, tuple(args.move))
    parted = RealParts.of(load_any(args.real), TUNING, None, alarm=True)
    recipe = replace(TrainConfig.quick(), iterations=args.iterations)
    pool, made, owner, sizes = pooled(args.pool, args.first)
    made = args.boxes.apply(made)
    scores = judged(start, made, args.out / "judge", args.boxes, args.images, recipe)
    described = description("statistics", replace(parted.tuning, labelled=False))
    rows = described(made)
    hard = rows[np.argsort(scores, kind="stable")[: round(HARD * len(rows))]]
    objective = PoolObjective.of(
        pool, rows, owner, hard, names=["fd"], key=key, floor=args.floor, batches=sizes
    )
    halves = {}
    for stage, half in objective.halves.items():
        mine = np.flatnonzero(np.isin(owner, half.samples))
        targets = {"ease to a frozen judge": Ease(scores[mine]), "fd to itself": half.targets["fd"]}
        halves[stage] = replace(half, targets=targets)
    objective = replace(objective, halves=halves, names=tuple(targets))
    watch = watch_detector(
        parted, args.out / "alarm", loop, images=args.images, seeds=args.seeds, recipe=recipe,
        drop=args.drop, boxes=args.boxes,
        evidence=LookEvidence(
            vector, parted.tuning, described, args.out / "alarm" / "features", key / "evidence",
            progress,
        ),
        workers=args.workers, show=progress,
    )  # fmt: skip
    outcome = tune(vector, objective, loop, args.out, watch=watch)
    evidence = Evidence.of(outcome, key=key / "pressure", rendered=len(made.images))
    print(*write(evidence, args.out), sep="\n")


if __name__ == "__main__":
    main()
