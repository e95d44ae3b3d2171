"""What the commands which measure have in common."""
# ruff: noqa: PLC0415 - evaluation and what it needs are imported when a command runs, so that
# generating starts quickly and needs none of it

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from simgen.errors import StoreError

if TYPE_CHECKING:
    from evaluation.captures import CaptureSet
    from evaluation.tasks.config import TrainConfig

DIR = typer.Argument(..., help="A dataset that simgen generated, or a COCO or plain folder.")
REAL = typer.Option(..., "--real", help="Real captures: a COCO folder or file, or a plain folder.")
OUT = typer.Option(..., "--out", help="What to write.")
QUICK = typer.Option(False, "--quick", help="A smaller training budget: a first look.")
ITERATIONS = typer.Option(None, "--iterations", min=1, help="Training steps, instead.")
PART = typer.Option(None, "--part", help="Part of the real captures: reference, tuning, gate, all.")
BOXES = typer.Option(
    "tight", "--boxes", help="Redraw synthetic boxes as annotators do: square, square:1.16, ..."
)
TASK = typer.Option("detection", "--task", help="The task.")
JSON = typer.Option(False, "--json", help="Print the result as one JSON object.")


def training_config(quick: bool, iterations: int | None) -> TrainConfig:
    """The recipe and budget that the options ask for."""
    from evaluation.tasks.config import TrainConfig

    config = TrainConfig.quick() if quick else TrainConfig()
    if iterations is None:
        return config
    return replace(config, iterations=iterations, warmup=min(config.warmup, iterations // 5))


def part_only(captures: CaptureSet, part: str | None) -> CaptureSet:
    """The pictures of a part; all of them where no part is asked for."""
    from evaluation.parts import part_of

    return captures if part is None else part_of(captures, part)


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn what the system says of a place that cannot be written into one clear error."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            "the result must be written",
            str(error),
            "free space, or choose another --out",
            str(out),
        ) from error
