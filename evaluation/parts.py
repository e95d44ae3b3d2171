"""Which part of the real captures a number is taken on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluation.captures import CaptureSet
from evaluation.splits import Duplicate, manifest, purge_near_duplicates, split_by_time
from simgen.errors import CaptureError, ConfigError, did_you_mean

REFERENCE, TUNING, GATE, ALL = "reference", "tuning", "gate", "all"
PARTS = (REFERENCE, TUNING, GATE, ALL)


@dataclass(frozen=True)
class Split:
    """Real captures, split by capture time.

    Attributes:
        parts: "reference", "tuning", "gate"; near-duplicates of later parts taken out.
        duplicates: What was taken out.
        sha256: Digest over the parts and their pictures.
    """

    parts: Mapping[str, CaptureSet]
    duplicates: tuple[Duplicate, ...]
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Sizes, digest and what was taken out, ready for JSON."""
        return {
            "images": {name: len(part.images) for name, part in self.parts.items()},
            "near_duplicates_removed": len(self.duplicates),
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class Chosen:
    """The captures that are judged against.

    Attributes:
        name: One of `PARTS`.
        captures: That part.
        split: The whole split; None where no split is possible.
        notes: What a reader must know about the choice.
    """

    name: str
    captures: CaptureSet
    split: Split | None
    notes: tuple[str, ...] = field(default=())


def split_real(captures: CaptureSet) -> Split:
    """Split by capture time, without near-duplicates between the parts.

    Raises:
        CaptureError: A capture time is missing, or there are too few pictures.
    """
    parts, duplicates = purge_near_duplicates(split_by_time(captures))
    return Split(parts, duplicates, str(manifest(parts)["sha256"]))


def choose(captures: CaptureSet, part: str | None) -> Chosen:
    """The named part of real captures.

    Without a name it is the gate, or everything where capture times are
    missing, which is then noted.

    Raises:
        ConfigError: There is no such part.
        CaptureError: The part is named and the captures cannot be split.
    """
    if part is not None and part not in PARTS:
        raise ConfigError("a part must be a known one", part, did_you_mean(part, PARTS), "--part")
    timed = all(image.captured is not None for image in captures.images)
    if part is None and not timed:
        note = (
            "Some real captures state no capture time, so they could not be split: "
            "all of them are used."
        )
        return Chosen(ALL, captures, None, (note,))
    name = part or GATE
    if name == ALL:
        return Chosen(ALL, captures, split_real(captures) if timed else None)
    split = split_real(captures)
    return Chosen(name, split.parts[name], split)


def part_of(captures: CaptureSet, part: str) -> CaptureSet:
    """The pictures of a part; "all" asks for no capture times."""
    return captures if part == ALL else choose(captures, part).captures


def content_digest(captures: CaptureSet) -> str:
    """SHA-256 over the names, pictures and labels: what a model was trained on."""
    digest = hashlib.sha256()
    for image in captures.images:
        content = hashlib.sha256(image.encoded()).hexdigest()
        names = [captures.categories.get(int(number), "") for number in image.categories]
        digest.update(f"{image.name}\0{content}\0{names}\0".encode())
        digest.update(np.ascontiguousarray(image.boxes).tobytes())
        digest.update(np.ascontiguousarray(image.ignore).tobytes())
    return digest.hexdigest()


def require_disjoint(part: str) -> None:
    """CaptureError unless models trained on the reference part have not seen `part`."""
    if part in {REFERENCE, ALL}:
        raise CaptureError(
            "the task must be scored on pictures that no reference model was trained on",
            part,
            "choose --part gate or --part tuning, or leave the task out with --no-task",
            "--part",
        )
