"""The commands `randomize active` and `randomize automatic`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli.console import err, progress, result
from simgen.cli.options import JSON

if TYPE_CHECKING:
    from evaluation.tune.active_run import Leaning, Mean
    from evaluation.tune.automatic_run import Widened

DATASET = typer.Argument(..., help="A dataset that simgen generated, not the training set.")
CONFIG = typer.Argument(..., help="A config file or a preset: the ranges to start from.")
MODEL = typer.Option(..., "--model", help="A detector that `simgen task train` wrote.")
LEFT = typer.Option(..., "--out", help="Folder for the config, its diff and the record.")
OUT = typer.Option(..., "--out", help="Folder of the run; the same command goes on in it.")
MOVE = typer.Option(
    [], "--move", help="Pattern of parameters that may move; without one, those with limits."
)
SET = typer.Option([], "--set", help="Override a value of the config: KEY=VALUE.")
SEED = typer.Option(0, "--seed", help="Root of all that is drawn.")
MOST = 8
"""Factors in the table."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        help="Where a model is weak, and how wide its ranges may be.", no_args_is_help=True
    )
    group.command("active")(active)
    group.command("automatic")(automatic)
    app.add_typer(group, name="randomize")


def active(
    dataset: Path = DATASET,
    model: Path = MODEL,
    out: Path = LEFT,
    worth: float = typer.Option(
        0.5, "--worth", help="Least effective share of the samples; nearer to 0 leans more."
    ),
    keep: float = typer.Option(0.2, "--keep", help="Share of each range that stays as it was."),
    bins: int = typer.Option(4, "--bins", help="Parts that a range is cut into."),
    level: float = typer.Option(
        0.05, "--level", help="Chance that any factor leans though none goes with the loss."
    ),
    boxes: str = typer.Option(
        "tight", "--boxes", help="As in `task train`, where the detector was trained so."
    ),
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Find where a detector is weak; write a config that draws more of that."""
    from evaluation.convention import BoxConvention
    from evaluation.tune.active_detector import active as run
    from evaluation.tune.active_run import ActiveOptions
    from evaluation.tune.randomize import write
    from simgen.rng import Key

    options = ActiveOptions(worth, keep, bins, level)
    drawn = BoxConvention.parse(boxes)
    key = Key(seed) / "active"
    found = run(dataset, model, options, boxes=drawn, key=key, show=progress)
    files = write("active", found.start, found.config, found.to_dict(), out)
    if not as_json:
        _show_weak(found)
    facts: dict[str, object] = {
        "leans": list(found.leans) if as_json else ", ".join(found.leans) or "nothing",
        "cannot lean": list(found.stiff) if as_json else ", ".join(found.stiff) or "nothing",
        "samples": found.samples,
        "loss before": _mean(found.before, as_json=as_json),
        "loss after": _mean(found.after, as_json=as_json),
        "gain": _mean(found.gain, as_json=as_json),
        "effective samples": round(found.ess, 1),
        "config": str(files[0]),
        "difference": str(files[1]),
        "record": str(files[2]),
    }
    result(facts, as_json=as_json)


def automatic(
    config: str = CONFIG,
    out: Path = OUT,
    rounds: int = typer.Option(10, "--rounds", min=1, help="Trainings; more extend a run."),
    widen_at: float = typer.Option(
        ..., "--widen-at", help="Mean F1 at an end from which on it moves outwards."
    ),
    narrow_at: float = typer.Option(
        ..., "--narrow-at", help="Mean F1 at an end below which it moves inwards."
    ),
    step: float = typer.Option(0.1, "--step", help="By how much, as a share of the limits."),
    scores: int = typer.Option(1, "--scores", help="Tries of an end before it may move."),
    tries: int = typer.Option(8, "--tries", min=1, help="Ends that are tried in a round."),
    images: int = typer.Option(100, "--images", min=1, help="Samples of a training."),
    pictures: int = typer.Option(20, "--pictures", min=1, help="Samples that an end is tried on."),
    iterations: int = typer.Option(100, "--iterations", min=1, help="Steps of a training."),
    move: list[str] = MOVE,
    workers: int = typer.Option(1, "--workers", min=1, help="Processes that render."),
    assignments: list[str] = SET,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Widen ranges while a detector that is trained on them holds at their ends."""
    from evaluation.tune.automatic import WidenRule
    from evaluation.tune.automatic_detector import DetectorTrainer
    from evaluation.tune.automatic_run import AutomaticOptions, widen
    from evaluation.tune.randomize import write
    from evaluation.tune.vector import Vector
    from simgen.cli.options import training_config
    from simgen.config import load_config

    options = AutomaticOptions(WidenRule(widen_at, narrow_at, step, scores), rounds, tries, seed)
    vector = Vector.of(load_config(config, assignments), move)
    trainer = DetectorTrainer(
        out, images, pictures, training_config(True, iterations), workers, progress
    )
    with progress("tries") as update:
        found = widen(vector, trainer, options, out, progress=update)
    files = write("automatic", vector.config, found.config, found.to_dict(), out)
    if not as_json:
        _show_ends(found)
    facts: dict[str, object] = {
        "breadth before": round(found.breadth[0], 4),
        "breadth after": round(found.breadth[-1], 4),
        "tries": len(found.tries),
        "config": str(files[0]),
        "difference": str(files[1]),
        "record": str(files[2]),
    }
    result(facts, as_json=as_json)


def _show_weak(found: Leaning) -> None:
    table = Table(box=None)
    table.add_column("factor", overflow="fold")
    for title in ("p", "worst where", "loss there", "95 %", "loss elsewhere"):
        table.add_column(title, overflow="fold")
    for each in found.weak[:MOST]:
        worst = each.worst
        others = [spot.loss for spot in each.spots if spot is not worst]
        table.add_row(
            each.name, f"{each.p_value:.2g}", worst.label, f"{worst.loss:.3f}",
            f"{worst.low:.3f} to {worst.high:.3f}", f"{min(others):.3f} to {max(others):.3f}",
        )  # fmt: skip
    err.print(table)
    err.print(
        f"Found on {len(found.tilted.weights.shares)} samples, which tilted are worth "
        f"{found.tilted.weights.ess:.0f}; losses and gain below are of the others.",
        highlight=False,
    )


def _show_ends(found: Widened) -> None:
    table = Table("end", "limits", "start", "now", "last score", box=None)
    for path, end in found.to_dict()["ends"].items():
        low, high = end["limits"]
        last = f"{end['tries'][-1]['score']:.3f}" if end["tries"] else "not tried"
        table.add_row(
            path, f"{low:g} to {high:g}", f"{end['start']:g}", f"{end['now']:g}", last
        )  # fmt: skip
    err.print(table)


def _mean(mean: Mean, *, as_json: bool) -> object:
    if as_json:
        return [mean.value, mean.low, mean.high]
    return f"{mean.value:.4f} ({mean.low:.4f} to {mean.high:.4f})"
