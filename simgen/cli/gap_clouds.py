"""`simgen gap` between clouds: what it prints, and which options it does not take."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.table import Table

from simgen.cli.console import err, progress, result
from simgen.cli.options import writing
from simgen.errors import ConfigError

if TYPE_CHECKING:
    from evaluation.clouds.gap import CloudGap, CloudOptions
    from evaluation.metrics import Result

BANDS = typer.Option(
    None, "--bands", help="Published figures of real scans: kitti, or a YAML file of bands."
)
CLOUDS = {
    "synthetic", "real_captures", "out", "bands", "max_scans", "simulated", "seed", "as_json"
}  # fmt: skip
"""Parameters of `gap` that clouds take; the others are for pictures."""

ONLY_CLOUDS = {"bands", "max_scans"}
_SHORT = {"w1": "Wasserstein", "js": "Jensen-Shannon", "ks": "Kolmogorov-Smirnov"}


def refuse_strangers(context: typer.Context, *, clouds: bool) -> None:
    """ConfigError for an option that was given and means nothing here."""
    for parameter in context.command.params:
        name = parameter.name or ""
        strange = name not in CLOUDS if clouds else name in ONLY_CLOUDS
        source = context.get_parameter_source(name)
        if strange and source is not None and source.name == "COMMANDLINE":
            raise ConfigError(
                f"a gap between {'clouds' if clouds else 'pictures'} must be asked for with its "
                "own options",
                parameter.opts[0],
                "leave it out, or give other captures to --real",
            )


def measure(
    synthetic: Path, real: Path | None, out: Path, options: CloudOptions, *, as_json: bool
) -> None:
    """Measure, write the report and print the figures."""
    from evaluation.clouds.gap import measure_cloud_gap
    from evaluation.clouds.report import write_cloud_report

    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    found = measure_cloud_gap(synthetic, real, options, stage=progress)
    page, record = write_cloud_report(found, out)
    _report(found, page, record, as_json=as_json)


def _report(found: CloudGap, page: Path, record: Path, *, as_json: bool) -> None:
    from evaluation.clouds.verdict import cloud_verdict, differing, judged

    for note in found.notes:
        err.print(f"note: {note}", markup=False, highlight=False)
    if not as_json:
        if found.comparison is not None:
            err.print(_figures(found))
        if found.checks:
            err.print(_bands(found))
    facts: dict[str, object] = {
        "verdict": cloud_verdict(found).title,
        "simulated": found.options.simulated,
        "report": str(page),
        "record": str(record),
    }
    if found.checks:
        facts["bands"] = f"{sum(one.passes for one in found.checks)} of {len(found.checks)} pass"
    if as_json:
        facts["kind"] = "clouds"
        facts["differing"] = differing(judged(found))
        facts["figures"] = {each.name: [each.value, each.low, each.high] for each in judged(found)}
        if found.telling is not None:
            facts["auc"] = {
                "everything": found.telling.everything.value, "sensor": found.telling.sensor.value
            }  # fmt: skip
        if found.checks:
            facts["checks"] = {
                one.name: {"mean": one.mean.value, "passes": one.passes} for one in found.checks
            }
    result(facts, as_json=as_json)


def _figures(found: CloudGap) -> Table:
    real = found.options.real_word
    table = Table("measured", "synthetic", real, "difference", "95 % interval", "p", box=None)

    def add(name: str, one: Result, synthetic: str = "", real: str = "") -> None:
        table.add_row(
            name, synthetic, real, f"{one.value:.4g}", f"{one.low:.4g} to {one.high:.4g}",
            f"{one.p_value:.3f}",
        )  # fmt: skip

    if found.telling is not None:
        add("classifier, AUC", found.telling.everything)
        add("classifier by sensor's traits, AUC", found.telling.sensor)
    if found.comparison is not None:
        for spread in found.comparison.spreads:
            for kind, one in spread.distances.items():
                add(f"{spread.name}, {_SHORT[kind]}", one)
        for each in found.comparison.figures:
            add(each.name, each.difference, f"{each.synthetic.value:.4g}", f"{each.real.value:.4g}")
    return table


def _bands(found: CloudGap) -> Table:
    table = Table("figure", "band", "synthetic mean", "95 % interval", "scans inside", "", box=None)
    for one in found.checks:
        table.add_row(
            one.about, str(one.band), f"{one.mean.value:.5g}",
            f"{one.mean.low:.5g} to {one.mean.high:.5g}", f"{one.inside:.0%}",
            "pass" if one.passes else "MISS",
        )  # fmt: skip
    return table
