"""The command `tune`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli.console import err, progress, result
from simgen.cli.options import BOXES, JSON, REAL, writing

if TYPE_CHECKING:
    from evaluation.tune.write import Evidence

CONFIG = typer.Argument(..., help="A config file or a preset: the start.")
OUT = typer.Option(..., "--out", help="Folder of the study; the same command goes on in it.")
BUDGET = typer.Option(200, "--budget", min=1, help="Trials, the start included.")
MOVE = typer.Option(
    [], "--move", help="Pattern of parameters that may move; without one, those with limits."
)
OBJECTIVE = typer.Option(["fd"], "--objective", help="fd, kid, mmd, energy, auc; may be repeated.")
POOL = typer.Option(None, "--pool", help="A dataset to re-weight, instead of rendering one.")
SIZE = typer.Option(
    None, "--pool-size", min=4, help="Samples of the pool that is rendered. [default: 1000]"
)
REFRESH = typer.Option(
    0, "--refresh", min=0, help="Add as many samples of the best ranges after so many trials each."
)
FLOOR = typer.Option(
    None, "--floor", min=4, help="Least effective sample size of half a pool. [default: 50]"
)
ANEW = typer.Option(
    0, "--anew", min=0, help="Render this many samples of each candidate, instead of a pool."
)
PART = typer.Option("tuning", "--part", help="Part of the real captures that the loop sees.")
SPLIT = typer.Option(None, "--split", help="A manifest of `simgen split`, instead of by time.")
FEATURES = typer.Option(
    "efficientnet", "--features", help="efficientnet, colour, statistics, or some joined by +."
)
SAMPLER = typer.Option("tpe", "--sampler", help="tpe, cmaes or random.")
CONFIRM = typer.Option(
    0, "--confirm", min=0, help="Render this many samples of the start and the result anew."
)
TASK = typer.Option(False, "--task", help="Tune on the loss of a detector as well: slow.")
TASK_IMAGES = typer.Option(200, "--task-images", min=1, help="Samples of training sets.")
TASK_SEEDS = typer.Option(3, "--task-seeds", min=1, help="Trainings of each candidate or look.")
ALARM = typer.Option(
    False, "--alarm", help="Train detectors at checkpoints and ask the gate part: one bit a look."
)
EVERY = typer.Option(20, "--every", min=1, help="Trials between two looks.")
KAPPA = typer.Option(
    0.0, "--kappa", min=0, help="Gain of the gate score that a gain of one in the loop must bring."
)
DROP = typer.Option(
    0.1, "--drop", min=0.001, help="Fall of the gate score that the alarm must be able to see."
)
BY_SESSION = typer.Option(
    False,
    "--by-session",
    help="The alarm takes capture sessions, not pictures, as independent: 8 a gate or more.",
)
ON_STOP = typer.Option(
    "rollback",
    "--on-stop",
    help="When the alarm says stop: rollback, next-gate (roll back and go on), stop or continue.",
)
FLAGS = typer.Option(
    1, "--flags", min=1, help="How often one gate may say stop before it is left; costs power."
)
ITERATIONS = typer.Option(None, "--iterations", min=1, help="Training steps of the detector.")
WORKERS = typer.Option(1, "--workers", min=1, help="Processes that render and train.")
SET = typer.Option([], "--set", help="Override a value of the config: KEY=VALUE.")
SEED = typer.Option(0, "--seed", help="Root of all that is drawn.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tune")(tune)


def tune(
    config: str = CONFIG,
    real: Path = REAL,
    out: Path = OUT,
    budget: int = BUDGET,
    objective: list[str] = OBJECTIVE,
    move: list[str] = MOVE,
    pool: Path | None = POOL,
    pool_size: int | None = SIZE,
    refresh: int = REFRESH,
    floor: float | None = FLOOR,
    anew: int = ANEW,
    part: str = PART,
    split: Path | None = SPLIT,
    features: str = FEATURES,
    boxes: str = BOXES,
    sampler: str = SAMPLER,
    fresh: int = CONFIRM,
    task: bool = TASK,
    task_images: int = TASK_IMAGES,
    task_seeds: int = TASK_SEEDS,
    iterations: int | None = ITERATIONS,
    alarm: bool = ALARM,
    every: int = EVERY,
    kappa: float = KAPPA,
    drop: float = DROP,
    by_session: bool = BY_SESSION,
    on_stop: str = ON_STOP,
    flags: int = FLAGS,
    workers: int = WORKERS,
    assignments: list[str] = SET,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Tune the ranges of a config until its pictures are near to real ones."""
    from evaluation.convention import BoxConvention
    from evaluation.tune.loop import TuneOptions
    from evaluation.tune.run import RunOptions, run
    from evaluation.tune.weights import FLOOR as LEAST
    from evaluation.tune.write import write
    from simgen.cli.options import training_config
    from simgen.config import load_config
    from simgen.errors import ConfigError

    pooled = {
        "--pool": pool, "--pool-size": pool_size, "--refresh": refresh or None, "--floor": floor,
    }  # fmt: skip
    if anew and (given := [name for name, value in pooled.items() if value is not None]):
        raise ConfigError(
            "`--anew` renders each candidate and has no pool", ", ".join(given),
            "leave them out, or tune on a pool without --anew", "--anew",
        )  # fmt: skip
    asked = {
        "--kappa": kappa > 0, "--by-session": by_session, "--flags": flags > 1,
        "--on-stop": on_stop != TuneOptions.on_stop,
    }  # fmt: skip
    if not alarm and any(asked.values()):
        raise ConfigError(
            "some options are of `--alarm`", ", ".join(name for name in asked if asked[name]),
            "add --alarm, or leave them out", "--alarm",
        )  # fmt: skip
    options = RunOptions(
        objectives=tuple(objective),
        move=tuple(move),
        part=part,
        split=split,
        features=features,
        boxes=BoxConvention.parse(boxes),
        floor=LEAST if floor is None else floor,
        pool=pool,
        pool_size=1000 if pool_size is None else pool_size,
        refresh=refresh,
        anew=anew,
        confirm=fresh,
        workers=workers,
        task=task,
        task_images=task_images,
        task_seeds=task_seeds,
        recipe=training_config(True, iterations),
        alarm=alarm,
        kappa=kappa,
        drop=drop,
        by_session=by_session,
        flags=flags,
        loop=TuneOptions(budget=budget, sampler=sampler, every=every, on_stop=on_stop, seed=seed),
    )
    start = load_config(config, assignments)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    evidence = run(start, real, out, options, show=progress)
    _report(evidence, write(evidence, out), as_json=as_json)


def _report(evidence: Evidence, files: tuple[Path, ...], *, as_json: bool) -> None:
    from evaluation.tune.report.page import verdict

    title, _, sentences = verdict(evidence)
    best = evidence.outcome.best
    for note in evidence.notes:
        err.print(f"note: {note}", markup=False, highlight=False)
    if not as_json:
        table = Table("parameter", "limits", "start", "tuned", box=None)
        for item in evidence.outcome.vector.items:
            table.add_row(
                item.path, f"{item.low:g} to {item.high:g}", f"{item.value:g}",
                f"{best.values[item.path]:g}",
            )  # fmt: skip
        err.print(table)
        for sentence in sentences:
            err.print(sentence, markup=False, highlight=False)
    config, difference, record, page = (str(file) for file in files)
    facts: dict[str, object] = {
        "verdict": title,
        "config": config,
        "difference": difference,
        "report": page,
        "record": record,
    }
    if as_json:
        facts |= {
            "best": best.number,
            "expected": best.expected,
            "start": evidence.outcome.start.expected,
            "trials": len(evidence.outcome.trials),
            "rendered": evidence.rendered,
            "answers": list(evidence.outcome.answers),
        }
    result(facts, as_json=as_json)
