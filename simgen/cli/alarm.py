"""Commands of the alarm: `split`, and `alarm` with `run`, `null`, `bench`, `void`, `sealed`."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from simgen.cli.console import err, progress, result
from simgen.cli.options import JSON, writing
from simgen.cli.split import split
from simgen.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from evaluation.alarm.trajectory import Trajectory
    from evaluation.alarm.verdict import Verdict

RUN = typer.Argument(..., help="A loop's folder, or a CSV or JSON of another generator's loop.")
LOOP = typer.Argument(..., help="A loop's folder: with a ledger, or of `simgen tune`.")
WHY = typer.Option(..., "--why", help="What happened.")
PLANNED = typer.Option(
    None, "--planned", min=2, help="Checkpoints planned, for plain files: as many as there are."
)
DELTA = typer.Option(0.02, help="Fall that is tolerated; plain files only.")
EPSILON = typer.Option(0.03, help="Least gain of the proxy; plain files only.")
KAPPA = typer.Option(0.25, help="Share of it that must be real; plain files only.")
ALPHA = typer.Option(0.03, help="Error rate of the two main flags; plain files only.")
SEED = typer.Option(0, help="Of the bootstraps.")
TIMES = typer.Option(500, "--times", min=20, help="Relabelled runs.")
BENCH_OUT = typer.Option(
    ..., "--out", help="Folder for alarm.md, alarm.json and alarm.png; a killed run goes on there."
)
DIAGNOSED = typer.Option(150, min=0, help="Loops of each L1 cell that all six flags are run on.")
WORLDS = typer.Option(["L0", "L1", "L2"], "--world", help="May be repeated.")
SCORES = typer.Option(
    ..., "--scores", help="JSON: per-image `first` and `last`, seeds by pictures."
)
OUT = typer.Option(None, "--out", help="Folder for alarm.html and alarm.json.")
RAISED, VOIDED = 10, 11


class _Alarm(TyperGroup):
    """`simgen alarm LEDGER` means `simgen alarm run LEDGER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            if not Path(args[0]).exists() and get_close_matches(args[0], self.commands):
                raise ConfigError(
                    "a loop must exist, or be a command of the alarm",
                    args[0],
                    did_you_mean(args[0], self.commands),
                )
            args = ["run", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    alarm = typer.Typer(
        cls=_Alarm,
        no_args_is_help=True,
        help="Tell whether a loop that tunes a generator fools itself: simgen alarm LEDGER.",
    )
    alarm.command("run")(run)
    alarm.command("null")(null)
    alarm.command("bench")(bench)
    alarm.command("void")(void)
    alarm.command("sealed")(sealed)
    app.command("split")(split)
    app.add_typer(alarm, name="alarm")


def run(
    ledger: Path = RUN,
    out: Path | None = OUT,
    planned: int | None = PLANNED,
    delta: float = DELTA,
    epsilon: float = EPSILON,
    kappa: float = KAPPA,
    alpha: float = ALPHA,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Judge a run: verdict, flags with evidence, what the gate could see.

    Exit code 10: a flag was raised. 11: the protocol was voided, so nothing is proved either way.
    """
    from evaluation.alarm.early import too_early

    if (waits := too_early(ledger)) is not None:
        told: dict[str, object] = waits.to_dict()
        if not as_json:
            told = {"verdict": waits.title} | _voided(waits.voided)
        result(told | ({} if out is None else {"page": "not written yet"}), as_json=as_json)
        if waits.voided:
            raise typer.Exit(VOIDED)
        return
    from evaluation.alarm.report.page import write_page
    from evaluation.alarm.verdict import judge
    from simgen.rng import Key

    found = _load(ledger, planned, delta, epsilon, kappa, alpha)
    verdict = judge(found, key=Key(seed) / "alarm")
    facts = verdict.to_dict() if as_json else {"verdict": verdict.title} | _shown(verdict)
    if out is not None:
        page, numbers = write_page(verdict, out)
        facts |= {"page": str(page), "numbers": str(numbers)}
    result(facts, as_json=as_json)
    if found.voided:
        raise typer.Exit(VOIDED)
    if verdict.flags:
        raise typer.Exit(RAISED)


def _shown(verdict: Verdict) -> dict[str, object]:
    """Show what the page says first; gives the facts of the end."""
    from evaluation.alarm.report.page import sentences

    found = verdict.trajectory
    if found.voided:
        return _voided(found.voided)
    if verdict.flags:
        table = Table("flag", "checkpoint", "evidence", box=None)
        for each in verdict.flags:
            table.add_row(each.name, str(each.checkpoint), each.evidence)
        err.print(table)
    for sentence in [*sentences(verdict), *(f"note: {note}" for note in found.notes)]:
        err.print(sentence, highlight=False, markup=False)
    return {
        "flags": ", ".join(each.name for each in verdict.flags) or "none detected",
        "minimum detectable fall": f"{verdict.detectable:.4f}",
        f"power at a fall of {found.rule.delta + found.rule.drop:g}": f"{verdict.power:.2f}",
    }


def _voided(why: Sequence[str]) -> dict[str, object]:
    """What is said of a gate whose protocol was voided: no flags and no power, only why."""
    return {"voided": "; ".join(why)} if why else {}


def _load(
    ledger: Path,
    planned: int | None,
    delta: float,
    epsilon: float,
    kappa: float,
    alpha: float,
) -> Trajectory:
    """A run; what was registered, or stated in its file, stands before the options."""
    from evaluation.alarm.rule import Rule
    from evaluation.alarm.trajectory import load

    found = load(ledger)
    if found.registered or found.rule != Rule(checkpoints=len(found.proxy)):
        return found
    rule = Rule(
        checkpoints=planned or len(found.proxy),
        delta=delta,
        epsilon=epsilon,
        kappa=kappa,
        alpha=alpha,
    )
    return load(ledger, rule)


def null(
    ledger: Path = RUN,
    times: int = TIMES,
    planned: int | None = PLANNED,
    delta: float = DELTA,
    epsilon: float = EPSILON,
    kappa: float = KAPPA,
    alpha: float = ALPHA,
    seed: int = SEED,
    as_json: bool = JSON,
) -> None:
    """Relabel a run's trainings at random: how often REVERSAL or STAGNATION is then raised.

    Every such flag is false, so the share shows on your own scores whether the rate is as
    registered. For a run that has ended: it is made of gate scores.
    """
    from evaluation.alarm.null import null_rate, without_tolerance
    from simgen.rng import Key

    found = _load(ledger, planned, delta, epsilon, kappa, alpha)
    rates = {
        name: null_rate(
            found.scores, found.proxy, rule, times, key=Key(seed) / "null", groups=found.groups
        )
        for name, rule in (
            ("its rule", found.rule),
            ("no tolerance", without_tolerance(found.rule)),
        )
    }
    if as_json:
        facts: dict[str, object] = {
            name: {"times": each.times, "flagged": each.flagged, "rate": each.value}
            | {"interval": list(each.interval), "registered": each.registered}
            for name, each in rates.items()
        }
    else:
        facts = {
            f"flags under {name}": f"{each.flagged} of {each.times}, {each.value:.3f} "
            f"({each.interval[0]:.3f} to {each.interval[1]:.3f}); registered {each.registered:.3f}"
            + ("" if each.kept else ": MORE than registered")
            for name, each in rates.items()
        }
    result(facts | _voided(found.voided), as_json=as_json)


def bench(
    out: Path = BENCH_OUT,
    loops: int = typer.Option(500, min=10, help="Loops of each cell."),
    calibration: int = typer.Option(200, min=20, help="Honest loops that thresholds are tuned on."),
    diagnosed: int = DIAGNOSED,
    world: list[str] = WORLDS,
    gate: int = typer.Option(1500, min=100, help="Gate pictures."),
    seed: int = typer.Option(0, help="Of everything."),
    workers: int = typer.Option(1, min=1, help="Processes; results do not depend on them."),
    as_json: bool = JSON,
) -> None:
    """Run the planted benchmark: detectors on loops whose truth is known."""
    from evaluation.alarm.bench.measure import Plan
    from evaluation.alarm.bench.run import bench as run_bench
    from evaluation.alarm.bench.run import write
    from evaluation.alarm.bench.worlds.linear_loop import Shape
    from simgen.rng import Key

    plan = Plan(loops, calibration, diagnosed, Shape(gate=gate))
    with progress("running loops") as update, writing(out):
        plain = run_bench(world, plan, key=Key(seed), folder=out, workers=workers, progress=update)
    command = shlex.join(["simgen", *sys.argv[1:]])
    with writing(out):
        files = write(plain, out, command)
    best = [row for row in plain["rows"] if row["setting"] != "nominal"]
    facts: dict[str, object] = {
        row["detector"]: round(row["mean true"], 3) for row in best if "worst" in row["setting"]
    }
    result({**files, "true flags at a matched rate": facts}, as_json=as_json)


def void(
    ledger: Path = LOOP,
    why: str = WHY,
    as_json: bool = JSON,
) -> None:
    """Record that the protocol was broken, such as a look at gate scores: the gate is burnt."""
    from evaluation.alarm.folder import required_folder
    from evaluation.alarm.ledger import Ledger

    loop = Ledger(required_folder(ledger))
    loop.void(why)
    result({"voided": str(loop.folder), "why": why}, as_json=as_json)


def sealed(
    ledger: Path = LOOP,
    scores: Path = SCORES,
    as_json: bool = JSON,
) -> None:
    """Open the sealed part, once: one test of last against first setting, and the winner's curse.

    The file holds scores on the sealed part, `{"first": [[...]], "last": [[...]]}`.
    """
    from evaluation.alarm.folder import required_folder
    from evaluation.alarm.ledger import Ledger
    from evaluation.alarm.sealed import read_scores, sealed_test

    loop = Ledger(required_folder(ledger))
    facts = sealed_test(loop.state(), *read_scores(scores))
    loop.open_sealed(facts)
    err.print("The sealed part opens once: what was found stands in the ledger for good.")
    result(facts, as_json=as_json)
