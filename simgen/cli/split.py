"""The command that splits real captures for a loop."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from simgen.cli.console import err, progress, result
from simgen.cli.options import JSON, writing
from simgen.errors import ConfigError, StoreError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluation.captures import CaptureSet

CAPTURES = typer.Argument(..., help="Real captures with capture times.")
FILE = typer.Option(..., "--out", help="Manifest to write, JSON.")
NEIGHBOURS = typer.Option(
    False,
    "--neighbours",
    help="Take out near copies by EfficientNet features too; needs the extra `eval`.",
)
WAYS = ("session", "time")


def split(
    captures: Path = CAPTURES,
    out: Path = FILE,
    gates: int = typer.Option(1, min=1, help="Gates, asked one after the other."),
    by: str = typer.Option("session", help="Whole sessions, or blocks in time within each."),
    reference: float = typer.Option(0.3, help="Share for training beside synthetic pictures."),
    tuning: float = typer.Option(0.2, help="Share that the loop looks at."),
    gate: float = typer.Option(0.3, help="Share of all gates together."),
    sealed: float = typer.Option(0.2, help="Share that is opened once, at the end."),
    neighbours: bool = NEIGHBOURS,
    as_json: bool = JSON,
) -> None:
    """Split captures into reference, tuning, gates and a sealed part; write a hashed manifest."""
    from evaluation.alarm.split import Shares, sizes, split_for_loop
    from evaluation.captures import load_captures

    if by not in WAYS:
        raise ConfigError("a way to split must be known", by, did_you_mean(by, WAYS), "--by")
    shares = Shares(reference, tuning, gate, sealed, gates)
    found = split_for_loop(
        load_captures(captures),
        shares,
        by_session=by == "session",
        features=_features if neighbours else None,
    )
    plain = found.to_dict()
    with writing(out):
        _write(out, (json.dumps(plain, indent=1) + "\n").encode())
    small = [name for name, count in sizes(found.parts).items() if count < 100 and "gate" in name]
    if small:
        err.print(
            f"note: {', '.join(small)} hold fewer than 100 pictures: only large falls can be seen",
            highlight=False,
        )
    result(
        {
            "split": str(out),
            **sizes(found.parts),
            "near-duplicates removed": len(found.duplicates),
            "neighbours removed": "not looked for"
            if found.neighbours is None
            else len(found.neighbours),
            "sha256": plain["sha256"],
        },
        as_json=as_json,
    )


def _write(out: Path, manifest: bytes) -> None:
    """Write a manifest where there is none; the same once more is no error."""
    if out.exists() and out.read_bytes() != manifest:
        raise StoreError(
            "a manifest must not be overwritten by another",
            "a file of other content",
            "a loop may be registered with it; choose another --out",
            str(out),
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(manifest)


def _features(captures: CaptureSet) -> NDArray[np.float64]:
    from evaluation.features import efficientnet_lite0, extract

    images = captures.images
    with progress(f"features of {len(images)} pictures") as update:
        found = extract(
            images, efficientnet_lite0(), progress=lambda done: update(done, len(images))
        )
    return found.array.astype("float64")
