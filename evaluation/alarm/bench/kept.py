"""Cells that are done, kept while the benchmark runs, so that a kill costs one cell at most."""

from __future__ import annotations

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.alarm.bench.judged import Scored
from evaluation.alarm.bench.measure import Measured
from simgen.dataset.files import storing, write_atomic

_FACTS = ("world", "cell", "honest", "own", "duplicates", "seconds")
_ARRAYS = ("scores", "first", "null")


def store(found: Measured, path: Path, order: str) -> None:
    """Write a cell; the file appears whole or not at all.

    Args:
        found: What was found in it.
        path: Where.
        order: What was asked for; `load` gives the cell back for the same alone.
    """
    one = next(iter(found.scored.values()))
    facts = {name: getattr(found, name) for name in _FACTS} | {"order": order}
    arrays = {"facts": np.array(json.dumps(facts)), "onset": one.onset, "rounds": one.rounds}
    arrays |= {f"scores/{name}": each.scores for name, each in found.scored.items()}
    arrays |= {f"first/{name}": each for name, each in found.first.items()}
    arrays |= {f"null/{name}": each for name, each in found.null.items()}
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content.getvalue())


def load(path: Path, order: str) -> Measured | None:
    """Read a cell; None where there is none, or where something else was asked for then."""
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as file:
        facts = json.loads(str(file["facts"]))
        if facts.pop("order") != order:
            return None
        parts: dict[str, dict[str, Any]] = {kind: {} for kind in _ARRAYS}
        for each in file.files:
            kind, _, name = each.partition("/")
            if name:
                parts[kind][name] = file[each]
        onset, rounds = file["onset"], file["rounds"]
    facts["own"] = tuple(facts["own"])
    scored = {name: Scored(each, onset, rounds) for name, each in parts["scores"].items()}
    return Measured(scored=scored, first=parts["first"], null=parts["null"], **facts)


def digest(plain: dict[str, Any]) -> str:
    """SHA-256 of plain data."""
    return sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
