"""What a loop leaves behind: the tuned config, its difference, its evidence."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml

from evaluation.alarm.shown import SeenLook
from evaluation.tune.confirm import Confirmation
from evaluation.tune.disagreement import Disagreement, disagreements
from evaluation.tune.leaves import pressure_between
from evaluation.tune.loop import Outcome
from simgen.config import Config
from simgen.dataset.files import storing, write_atomic
from simgen.rng import Key

TUNED, DIFF, RECORD, PAGE = "tuned.yaml", "tuned.diff", "tune.json", "tune.html"


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything that the report shows.

    Attributes:
        outcome: The loop's.
        tuned: The config that is given out.
        moved: Pressure from the user's start to it; infinite where it left the start's ranges.
        disagreement: Of several objectives.
        confirmation: Fresh renders; None where none were asked for.
        rendered: Pictures that were rendered for the loop.
        notes: What a reader must know.
        looks: Of the alarm, without the gate's scores.
    """

    outcome: Outcome
    tuned: Config
    moved: float
    disagreement: tuple[Disagreement, ...]
    confirmation: Confirmation | None
    rendered: int
    notes: tuple[str, ...] = ()
    looks: tuple[SeenLook, ...] = ()

    @classmethod
    def of(
        cls,
        outcome: Outcome,
        *,
        key: Key,
        confirmation: Confirmation | None = None,
        rendered: int = 0,
        notes: tuple[str, ...] = (),
        looks: tuple[SeenLook, ...] = (),
    ) -> Evidence:
        """Gather what follows from a loop.

        Args:
            outcome: The loop's.
            key: Of the draws behind the pressure.
            confirmation: Fresh renders.
            rendered: Pictures that were rendered for the loop.
            notes: What a reader must know.
            looks: Of the alarm.
        """
        tuned = outcome.vector.apply(outcome.best.values)
        moved = pressure_between(tuned.space(), outcome.vector.config.space(), key=key).value
        found = disagreements(outcome.trials, outcome.scales)
        return cls(outcome, tuned, moved, found, confirmation, rendered, notes, looks)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON; numbers that are not finite are texts."""
        outcome, fresh = self.outcome, self.confirmation
        plain: dict[str, Any] = {
            "start": outcome.vector.config.digest(),
            "tuned": self.tuned.digest(),
            "best": asdict(outcome.best),
            "parameters": {
                item.path: {
                    "start": item.value,
                    "tuned": outcome.best.values[item.path],
                    "limits": [item.low, item.high],
                }
                for item in outcome.vector.items
            },
            "scales": dict(outcome.scales),
            "pressure_from_start": self.moved,
            "answers": list(outcome.answers),
            "disagreement": [asdict(each) for each in self.disagreement],
            "rendered": self.rendered,
            "notes": list(self.notes),
            "trials": [asdict(trial) for trial in outcome.trials],
        }
        if fresh is not None:
            plain["confirmation"] = {
                "samples": fresh.count,
                "start": {name: one.to_dict() for name, one in fresh.start.items()},
                "tuned": {name: one.to_dict() for name, one in fresh.tuned.items()},
            }
        safe: dict[str, Any] = _finite(plain)
        return safe


def write(evidence: Evidence, folder: Path) -> tuple[Path, Path, Path, Path]:
    """Write `tuned.yaml`, `tuned.diff`, `tune.json` and `tune.html`; each whole or not at all.

    Raises:
        StoreError: The folder cannot be written.
    """
    from evaluation.tune.report.page import render  # noqa: PLC0415 - it shows what is above

    before, after = as_yaml(evidence.outcome.vector.config), as_yaml(evidence.tuned)
    with storing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    texts = {
        TUNED: after,
        DIFF: difference(before, after),
        RECORD: json.dumps(evidence.to_dict(), indent=1, allow_nan=False) + "\n",
        PAGE: render(evidence, difference(before, after)),
    }
    for name, text in texts.items():
        write_atomic(folder / name, text.encode())
    return folder / TUNED, folder / DIFF, folder / RECORD, folder / PAGE


def as_yaml(config: Config) -> str:
    """A config as a file that stands alone."""
    data = {name: value for name, value in config.resolved().items() if value is not None}
    return yaml.safe_dump(data, sort_keys=False, default_flow_style=None, width=100)


def difference(before: str, after: str, name: str = "tuned") -> str:
    """A unified diff of two configs as text, the second called `name`; empty where none is."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), "start", name, n=1
    )
    return "".join(lines)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0:  # infinite or NaN
        return str(value)
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value
