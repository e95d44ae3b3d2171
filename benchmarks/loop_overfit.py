"""A loop on real captures that over-optimises on purpose, so that the alarm can be seen to act.

It does what a hurried user might do. It looks at a few photographs only, without labels. One
judge, a linear
classifier between these and the pool's pictures, is trained once and never again. The loop's
score is how real that judge takes the pictures for, together with the Frechet distance to
those of the loop's own pictures that the judge likes best: no photograph takes part any more.

    python benchmarks/loop_overfit.py CONFIG --real DIR --out DIR [--pool DATASET]

The alarm watches as in `simgen tune --alarm`, on gate photographs that the loop never sees; the
loop is told to go on after a stop. Judge it by `simgen alarm OUT/alarm`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluation.convention import BoxConvention
from evaluation.metrics.result import Result
from evaluation.parts import TUNING
from evaluation.synthetic import captures_of, load_any
from evaluation.tasks.config import TrainConfig
from evaluation.tune.described import NAMES, description
from evaluation.tune.gate import RealParts, watch_detector
from evaluation.tune.loop import TuneOptions, tune
from evaluation.tune.objective import PoolObjective
from evaluation.tune.pool import open_pool
from evaluation.tune.vector import Vector
from evaluation.tune.weights import Array, Weights
from evaluation.tune.write import Evidence, write
from simgen.cli.console import progress
from simgen.config import load_config
from simgen.dataset import Dataset
from simgen.rng import Key

LIKED = 0.05
"""Share of the loop's own pictures that stand in for reality."""


@dataclass(frozen=True, eq=False)
class Displeasure:
    """One less the judge's mean score of the weighted pictures.

    Attributes:
        scores: (n,) share of the pool's pictures that the judge takes for less real.
    """

    scores: Array

    def __call__(self, weights: Weights) -> Result:
        """The mean with its error."""
        mean = float(weights.shares @ self.scores)
        error = float(np.sqrt(weights.shares**2 @ (self.scores - mean) ** 2))
        low, high = 1 - mean - 2 * error, 1 - mean + 2 * error
        return Result(
            "displeasure", 1 - mean, low, high, 0.95, len(self.scores), 1, "", {"error": error}
        )


def judged(pool: Array, real: Array) -> Array:
    """(n,) scores of the pool by a linear judge that saw it beside a few real rows."""
    judge = make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000)
    )
    judge.fit(np.concatenate([pool, real]), np.repeat([0, 1], [len(pool), len(real)]))
    order = judge.decision_function(pool).argsort().argsort()
    return (order + 0.5) / len(pool)


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
    parser.add_argument("--photographs", type=int, default=4)
    parser.add_argument("--features", choices=NAMES, default="statistics")
    parser.add_argument("--move", action="append", default=[])
    parser.add_argument("--boxes", type=BoxConvention.parse, default=BoxConvention())
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--every", type=int, default=40)
    parser.add_argument("--floor", type=float, default=50.0)
    parser.add_argument("--images", type=int, default=120)
    parser.add_argument("--iterations", type=int, default=250)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--drop", type=float, default=0.1)
    parser.add_argument("--blind", action="store_true", help="without the alarm")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    loop = TuneOptions(budget=args.budget, every=args.every, on_stop="continue", seed=args.seed)
    key = Key(args.seed) / "overfit"
    vector = Vector.of(load_config(args.config), tuple(args.move))
    parted = RealParts.of(load_any(args.real), TUNING, None, alarm=True)
    few = parted.tuning.subset([image.id for image in parted.tuning.images[: args.photographs]])
    few = replace(few, labelled=False)
    datasets = [Dataset.open(path) for path in args.pool]
    described = description(args.features, few)
    made = [args.boxes.apply(captures_of(dataset)) for dataset in datasets]
    rows = np.concatenate([described(each, kept=args.out / "features") for each in made])
    pools = [open_pool(dataset)[0] for dataset in datasets]
    pool, owner = pools[0], [record.index for record in datasets[0] for _ in record.frames]
    for further, dataset in zip(pools[1:], datasets[1:], strict=True):
        owner += [len(pool) + record.index for record in dataset for _ in record.frames]
        pool = pool.joined(further)
    scores = judged(rows, described(few, kept=args.out / "features"))
    liked = rows[np.argsort(-scores)[: round(LIKED * len(rows))]]
    objective = PoolObjective.of(
        pool,
        rows,
        owner,
        liked,
        names=["fd"],
        key=key,
        floor=args.floor,
        batches=[len(each) for each in pools],
    )
    halves = {}
    for stage, half in objective.halves.items():
        mine = np.flatnonzero(np.isin(owner, half.samples))
        targets = {"frozen judge": Displeasure(scores[mine]), "fd to itself": half.targets["fd"]}
        halves[stage] = replace(half, targets=targets)
    objective = replace(objective, halves=halves, names=("frozen judge", "fd to itself"))
    watch = None
    if not args.blind:
        watch = watch_detector(
            parted, args.out / "alarm", loop, images=args.images, seeds=args.seeds,
            recipe=replace(TrainConfig.quick(), iterations=args.iterations), drop=args.drop,
            boxes=args.boxes, workers=args.workers, show=progress,
        )  # fmt: skip
    outcome = tune(vector, objective, loop, args.out, watch=watch)
    evidence = Evidence.of(outcome, key=key / "pressure", rendered=len(pool))
    print(*write(evidence, args.out), sep="\n")


if __name__ == "__main__":
    main()
