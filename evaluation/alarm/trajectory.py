"""A run as the alarm sees it, from our ledger or from a plain file of any other loop.

A CSV has one line a score: `checkpoint, proxy, seed, image, score`, and optionally `pressure`
and `group`. A JSON has the same by checkpoint, and what the flags of diagnosis look at; see
`docs/alarm.md`.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.alarm.diagnosis import Evidence
from evaluation.alarm.early import early
from evaluation.alarm.folder import loop_folder
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import Array, GateSummary, ScoreError, checked, summarise
from evaluation.alarm.shown import Shown
from simgen.errors import ConfigError, StoreError, did_you_mean

COLUMNS = ("checkpoint", "proxy", "seed", "image", "score")
OPTIONAL = ("pressure", "group")
KEYS = ("proxy", "scores", "pressure", "judge", "panel", "features", "table")


@dataclass(frozen=True, eq=False)
class Trajectory:
    """One run.

    Attributes:
        source: Where it was read from.
        rule: Tolerances, and the error rates that this run of looks may spend.
        registered: Whether the rule was registered in a ledger before the first look.
        proxy: (m,) the score that the loop saw.
        gate: Summary of the gate scores.
        pictures: Gate pictures, n.
        pressure: (m,) square root of the KL divergence from the start; None where not stated.
        evidence: What the flags of diagnosis look at.
        settings: Name of each checkpoint's setting.
        voided: Why the protocol was voided; empty where it was kept.
        notes: What a reader must know.
        sealed: What opening the sealed part found; None while it is shut.
        shown: Settings and pictures of a tuning; None of another loop.
        epoch: Gate that the scores are of, from 1.
        stops: (gate, checkpoint in the ledger) of each earlier stop that the loop went back
            from; such a checkpoint is not part of this run.
        scores: For each checkpoint (K, n) gate scores: training seeds by pictures.
        groups: (n,) group of each gate picture; None where every picture stands for itself.
        whole: The rule with the error rates of all gates and flags together; None where there
            are no others.
    """

    source: str
    rule: Rule
    registered: bool
    proxy: Array
    gate: GateSummary
    pictures: int
    pressure: Array | None
    evidence: Evidence
    settings: tuple[str, ...]
    voided: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sealed: Mapping[str, Any] | None = None
    shown: Shown | None = None
    epoch: int = 1
    stops: tuple[tuple[int, int], ...] = ()
    scores: tuple[Array, ...] = ()
    groups: ArrayLike | None = None
    whole: Rule | None = None


def load(path: Path, rule: Rule | None = None) -> Trajectory:
    """Read a run.

    Args:
        path: A loop's folder, or a `.csv` or `.json` of another loop; see `loop_folder`.
        rule: For plain files; by default that of `Rule`, with as many checkpoints as there are.

    Raises:
        StoreError: The ledger was edited, or holds no look.
        ScoreError: Scores cannot be used.
        ConfigError: There is no ledger, or a plain file breaks the format.
    """
    path = Path(path)
    if (folder := loop_folder(path)) is not None:
        return from_ledger(Ledger(folder))
    if path.suffix.lower() == ".csv":
        return _from_csv(path, rule)
    if path.suffix.lower() == ".json":
        return _from_json(path, rule)
    raise ConfigError(
        "a run must be a loop's folder, a .csv or a .json", path.name, "see docs/alarm.md"
    )


def from_ledger(ledger: Ledger) -> Trajectory:
    """The looks at the gate that is asked now, with their side files.

    Looks that the loop went back from are left out: they are no part of its past.
    """
    state = ledger.state()
    looks = state.standing(state.epoch)
    stops = state.went_back
    before = [f"gate {gate} said stop at look {number}" for gate, number in stops]
    if (waits := early(state)) is not None:
        raise StoreError(
            "a gate must have been looked at twice to be judged", waits.title,
            "go on with the loop", str(ledger.path),
        )  # fmt: skip
    sides = [ledger.side(each) for each in looks]
    gate = ledger.gate(state.epoch)
    notes = []
    if ledger.torn_bytes:
        notes.append(
            f"The ledger's last line was cut short ({ledger.torn_bytes} bytes) and dropped."
        )
    if stops:
        kept = ", ".join(str(each.checkpoint) for each in looks)
        notes.append(
            f"{'; '.join(before).capitalize()}, and the loop went back. Judged here is gate "
            f"{state.epoch}; its checkpoints are the ledger's looks {kept}."
        )
    pressure = [each.pressure for each in looks]
    found = _trajectory(
        str(ledger.folder),
        state.rule.at_epoch(state.epoch),
        [each.proxy for each in looks],
        [side["scores"] for side in sides],
        gate.get("groups"),
        pressure,
        _evidence(gate, sides),
        tuple(each.setting for each in looks),
        registered=True,
        voided=state.void_now,
        notes=tuple(notes),
        sealed=state.sealed,
    )
    shown = Shown.of(state.opened["about"], sides)
    several = state.rule.epochs > 1 or state.rule.flags > 1
    whole = state.rule if several else None
    return replace(found, shown=shown, epoch=state.epoch, stops=stops, whole=whole)


def _trajectory(
    source: str,
    rule: Rule | None,
    proxy: Sequence[float],
    scores: Sequence[ArrayLike],
    groups: ArrayLike | None,
    pressure: Sequence[float | None],
    evidence: Evidence,
    settings: tuple[str, ...],
    *,
    registered: bool = False,
    voided: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    sealed: Mapping[str, Any] | None = None,
) -> Trajectory:
    arrays = checked(scores, source)
    if len(arrays) < 2:
        raise ScoreError("the alarm needs at least 2 checkpoints", len(arrays), where=source)
    if not np.isfinite(np.array(proxy, dtype=float)).all():
        raise ScoreError("the proxy must be finite", list(proxy), where=source)
    same = float(arrays[0].flat[0])
    if all(bool((each == same).all()) for each in arrays):
        told = (
            f"Every gate score is {same:g}: such a gate tells nothing, whatever is said of power."
        )
        notes = (*notes, told)
    stated = [each for each in pressure if each is not None]
    return Trajectory(
        source,
        rule or Rule(checkpoints=max(len(arrays), 2)),
        registered,
        np.array(proxy, dtype=float),
        summarise(arrays, groups),
        arrays[0].shape[1],
        np.array(stated) if len(stated) == len(arrays) else None,
        evidence,
        settings,
        voided,
        notes,
        sealed,
        scores=arrays,
        groups=groups,
    )


def _evidence(gate: Mapping[str, Any], sides: Sequence[Mapping[str, Any]]) -> Evidence:
    """What every checkpoint has; what only some have is left out."""

    def each(name: str, kind: type) -> list[Any] | None:
        if not all(side.get(name) is not None for side in sides):
            return None
        arrays: list[NDArray[Any]] = [np.asarray(side[name], dtype=kind) for side in sides]
        for number, array in enumerate(arrays):
            if not np.isfinite(array).all():
                raise ScoreError(f"`{name}` must be finite", "NaN", where=f"checkpoint {number}")
        return arrays

    def of_gate(name: str, kind: type) -> Any:
        return None if gate.get(name) is None else np.asarray(gate[name], dtype=kind)

    return Evidence(
        each("judge", float),
        each("panel", float),
        of_gate("features", float),
        each("features", float),
        of_gate("table", int),
        each("table", int),
    )


def _require_columns(names: Sequence[str], path: Path) -> None:
    """Refuse columns that are unknown or missing."""
    for name in names:
        if name not in (*COLUMNS, *OPTIONAL):
            known = (*COLUMNS, *OPTIONAL)
            raise ConfigError("a column must be known", name, did_you_mean(name, known), str(path))
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise ConfigError(
            "a column must be there", missing, f"columns: {', '.join(COLUMNS)}", str(path)
        )


def _lines(path: Path) -> list[dict[str, str]]:
    """Lines of a CSV by column, with or without the mark that Excel puts first."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            _require_columns(tuple(reader.fieldnames or ()), path)
            return list(reader)
    except UnicodeDecodeError as error:
        raise ConfigError(
            "a CSV must be UTF-8",
            f"byte 0x{error.object[error.start]:02x}",
            "save it as UTF-8",
            str(path),
        ) from error
    except csv.Error as error:
        raise ConfigError("a CSV must be one of text", str(error), where=str(path)) from error


def _from_csv(path: Path, rule: Rule | None) -> Trajectory:
    lines = _lines(path)
    proxy: dict[int, float] = {}
    pressure: dict[int, float] = {}
    table: dict[int, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    groups: dict[str, str] = {}
    for number, line in enumerate(lines, start=2):
        here = f"{path}, line {number}"
        try:
            at, value, score = int(line["checkpoint"]), float(line["proxy"]), float(line["score"])
            stated = line.get("pressure") or ""
            if stated:
                pressure[at] = float(stated)
        except (TypeError, ValueError) as error:
            raise ConfigError("a line must hold numbers", str(error), where=here) from error
        if proxy.setdefault(at, value) != value:
            raise ConfigError("a checkpoint has one proxy", (proxy[at], value), where=here)
        seed, image = line["seed"], line["image"]
        if image in table[at][seed]:
            raise ConfigError("a score must stand once", (at, seed, image), where=here)
        table[at][seed][image] = score
        if line.get("group"):
            groups[image] = line["group"]
    if not table:
        raise ConfigError("a run must hold scores", 0, where=str(path))
    order = sorted(table)
    first = table[order[0]]
    images = sorted(next(iter(first.values())))
    for at in order:
        for seed, row in table[at].items():
            if sorted(row) != images:
                odd = sorted(set(row) ^ set(images))[:3]
                raise ScoreError(
                    "every checkpoint and seed must be scored on the same pictures",
                    f"scores for some only of {', '.join(odd)}",
                    where=f"checkpoint {at}, seed {seed}",
                )
    scores = [
        np.array([[row[image] for image in images] for _, row in sorted(table[at].items())])
        for at in order
    ]
    return _trajectory(
        str(path),
        rule,
        [proxy[at] for at in order],
        scores,
        [groups[image] for image in images] if len(groups) == len(images) else None,
        [pressure.get(at) for at in order],
        Evidence(),
        tuple(str(at) for at in order),
    )


def _from_json(path: Path, rule: Rule | None) -> Trajectory:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        checkpoints = plain["checkpoints"]
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "a run must be JSON with `checkpoints`", repr(error), "see docs/alarm.md", str(path)
        ) from error
    for number, each in enumerate(checkpoints):
        here = f"{path}, checkpoint {number}"
        for name in each:
            if name not in (*KEYS, "setting"):
                raise ConfigError("a name must be known", name, did_you_mean(name, KEYS), here)
        for name in ("proxy", "scores"):
            if each.get(name) is None:
                raise ConfigError(f"a checkpoint must have `{name}`", sorted(each), where=here)
    gate = plain.get("gate", {})
    stated = plain.get("rule")
    return _trajectory(
        str(path),
        rule or (Rule.from_dict(stated, str(path)) if stated else None),
        [float(each["proxy"]) for each in checkpoints],
        [_floats(each["scores"]) for each in checkpoints],
        gate.get("groups"),
        [each.get("pressure") for each in checkpoints],
        _evidence(gate, checkpoints),
        tuple(str(each.get("setting", n)) for n, each in enumerate(checkpoints)),
    )


def _floats(rows: Any) -> Array:
    """Scores as floats; null is NaN, which is refused later with its place."""
    return np.array([[np.nan if x is None else x for x in row] for row in rows], dtype=float)
