"""The split that a loop lives by: reference, tuning, gates one after the other, a sealed part.

Whole capture sessions go to a part, so that no part has seen the hour another is judged by.
Near-duplicates that remain are taken out of the earlier part, by perceptual hash (see
`evaluation.splits`) and, where features are given, by neighbours among them. The manifest
names every picture with the digest of its bytes, and has a digest of its own: the one that a
loop registers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.alarm.neighbours import Features, Neighbour, purge_neighbours
from evaluation.captures import CaptureSet, LabelledImage
from evaluation.splits import Duplicate, purge_near_duplicates, sessions, split_by_time
from simgen.errors import CaptureError, ConfigError

REFERENCE, TUNING, SEALED = "reference", "tuning", "sealed"


def part_names(epochs: int) -> tuple[str, ...]:
    """Names of the parts, the one that keeps a near-duplicate later."""
    return (REFERENCE, TUNING, *(f"gate-{number}" for number in range(1, epochs + 1)), SEALED)


@dataclass(frozen=True)
class Shares:
    """How captures are shared out.

    Attributes:
        reference: For training beside the generator's pictures, and for k-shot curves.
        tuning: For the loop to look at.
        gate: For all gates together.
        sealed: For the end.
        epochs: Gates.
    """

    reference: float = 0.3
    tuning: float = 0.2
    gate: float = 0.3
    sealed: float = 0.2
    epochs: int = 1

    def fractions(self) -> dict[str, float]:
        """Part to share.

        Raises:
            ConfigError: A share is not positive, they do not sum to 1, or there is no gate.
        """
        shares = (self.reference, self.tuning, self.gate, self.sealed)
        if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-9:
            raise ConfigError("shares must be positive and sum to 1", shares)
        if self.epochs < 1:
            raise ConfigError("`epochs >= 1` must hold", self.epochs)
        parts = [self.reference, self.tuning, *[self.gate / self.epochs] * self.epochs, self.sealed]
        return dict(zip(part_names(self.epochs), parts, strict=True))


def split_by_session(
    captures: CaptureSet, fractions: Mapping[str, float], *, session_gap_h: float = 3.0
) -> dict[str, CaptureSet]:
    """Deal whole sessions to parts, the largest first, each to the part that lacks most.

    Args:
        captures: Pictures with capture times.
        fractions: Part to share.
        session_gap_h: A longer pause starts a new session, hours.

    Raises:
        CaptureError: There are fewer sessions than parts, or times are missing.
    """
    found = sessions(captures, session_gap_h)
    if len(found) < len(fractions):
        raise CaptureError(
            "there must be a capture session for each part",
            f"{len(found)} sessions for {len(fractions)} parts",
            "take pictures at more times, use fewer gates, or cut sessions into blocks with "
            "--by time",
            str(captures.root),
        )
    total = sum(len(each) for each in found)
    lacking = {name: share * total for name, share in fractions.items()}
    dealt: dict[str, list[int]] = {name: [] for name in fractions}
    order = sorted(range(len(found)), key=lambda index: (-len(found[index]), index))
    for place, index in enumerate(order):
        empty = [name for name in fractions if not dealt[name]]
        # the last sessions go to parts that have none yet
        among = empty if len(order) - place <= len(empty) else list(fractions)
        name = max(among, key=lambda part: lacking[part])
        dealt[name].extend(image.id for image in found[index])
        lacking[name] -= len(found[index])
    return {name: captures.subset(ids) for name, ids in dealt.items()}


@dataclass(frozen=True)
class LoopSplit:
    """A split, ready to be written.

    Attributes:
        parts: Part to captures, without near-duplicates of later parts.
        duplicates: What was taken out by its hash.
        neighbours: What was taken out by its features; None where they were not looked at.
        least_distance: Between features of pictures of two parts; None likewise.
    """

    parts: Mapping[str, CaptureSet]
    duplicates: tuple[Duplicate, ...]
    neighbours: tuple[Neighbour, ...] | None = None
    least_distance: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """The manifest; "sha256" covers all the rest."""
        plain: dict[str, Any] = {
            "parts": {
                name: {image.name: _digest(image) for image in part.images}
                for name, part in self.parts.items()
            },
            "near_duplicates_removed": [
                {"part": d.part, "name": d.name, "kept_part": d.kept_part, "kept_name": d.kept_name}
                for d in self.duplicates
            ],
        }
        if self.neighbours is not None:
            plain["least_feature_distance"] = self.least_distance
            plain["neighbours_removed"] = [asdict(each) for each in self.neighbours]
        return plain | {"sha256": _sum(plain)}


def split_for_loop(
    captures: CaptureSet,
    shares: Shares,
    *,
    by_session: bool = True,
    features: Features | None = None,
) -> LoopSplit:
    """Split and purge.

    Args:
        captures: Real pictures with capture times.
        shares: How they are shared out.
        by_session: Whole sessions, or else blocks in time within each.
        features: Gives (n, d) features of captures, to purge neighbours among them too; None
            for none.

    Raises:
        CaptureError: Too few sessions or pictures, times missing, or parts that overlap.
    """
    fractions = shares.fractions()
    parts = (split_by_session if by_session else split_by_time)(captures, fractions)
    parts, duplicates = purge_near_duplicates(parts)
    require_apart({name: _table(part) for name, part in parts.items()}, str(captures.root))
    if features is None:
        return LoopSplit(parts, duplicates)
    parts, neighbours, least = purge_neighbours(parts, features)
    return LoopSplit(parts, duplicates, neighbours, least)


def require_apart(parts: Mapping[str, Mapping[str, str]], where: str) -> None:
    """CaptureError when two parts hold the same picture, by name or by its bytes.

    Args:
        parts: Part to (name to digest).
        where: Named in the error.
    """
    names: dict[str, str] = {}
    digests: dict[str, tuple[str, str]] = {}
    for part, images in parts.items():
        for name, digest in images.items():
            if name in names:
                raise _overlap(f"{name} in {names[name]} and in {part}", where)
            twin = digests.get(digest)
            if twin is not None and twin[0] != part:
                raise _overlap(f"{twin[1]} of {twin[0]} is {name} of {part}, byte for byte", where)
            names[name] = part
            digests[digest] = (part, name)


def load_split(path: Path, captures: CaptureSet) -> dict[str, CaptureSet]:
    """The parts that a manifest names, of captures that are still the same.

    Raises:
        CaptureError: The manifest was edited, its parts overlap, or a picture is missing or
            has changed.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        stated = plain.pop("sha256")
        parts = {str(k): dict(v) for k, v in plain["parts"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CaptureError(
            "a split must be a manifest of `simgen split`", _wrong(error), where=str(path)
        ) from error
    require_apart(parts, str(path))
    if _sum(plain) != stated:
        raise CaptureError(
            "a split must not be edited", "its digest differs", "split again", str(path)
        )
    by_name = {image.name: image for image in captures.images}
    for images in parts.values():
        for name, digest in images.items():
            if name not in by_name or _digest(by_name[name]) != digest:
                raise CaptureError(
                    "a picture of a split must be there unchanged",
                    name,
                    "take the captures that were split",
                    str(path),
                )
    return {
        part: captures.subset([by_name[name].id for name in images])
        for part, images in parts.items()
    }


def _wrong(error: Exception) -> str:
    """What is wrong with a file that is no manifest."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, OSError):
        return str(error.strerror)
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError)):
        return "not JSON"
    return "JSON of another form"


def _overlap(what: str, where: str) -> CaptureError:
    return CaptureError(
        "parts must not overlap", what, "split again: a shared picture voids the gate", where
    )


def _table(part: CaptureSet) -> dict[str, str]:
    return {image.name: _digest(image) for image in part.images}


def _digest(image: LabelledImage) -> str:
    return hashlib.sha256(image.encoded()).hexdigest()


def _sum(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sizes(parts: Mapping[str, CaptureSet]) -> dict[str, int]:
    """Part to number of pictures."""
    return {name: len(part.images) for name, part in parts.items()}


def session_of(captures: CaptureSet, images: Sequence[LabelledImage]) -> list[int]:
    """Number of the session that each picture belongs to: the groups of a gate's scores."""
    number = {image.id: place for place, each in enumerate(sessions(captures)) for image in each}
    return [number[image.id] for image in images]
