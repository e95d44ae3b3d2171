"""What a loop sees of a picture: a network's vector, or statistics of it and its labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from evaluation.captures import CaptureSet
from evaluation.features import Extractor, colour_and_edges, efficientnet_lite0, extract
from evaluation.statistics import LABELS, PICTURE, label_values, picture_values
from evaluation.tune.weights import Array
from simgen.errors import CaptureError, ConfigError, did_you_mean

EXTRACTORS: dict[str, Callable[[], Extractor]] = {
    "efficientnet": efficientnet_lite0,
    "colour": colour_and_edges,
}
STATISTICS = "statistics"
RESOLUTION = {
    "brightness": 1.0, "contrast": 0.5, "saturation": 0.5, "warmth": 0.5, "tint": 0.5,
    "sharpness": 0.05, "noise": 0.05, "fine detail": 0.05,
    "objects": 0.5, "box size": 0.05, "box shape": 0.05, "position x": 0.02, "position y": 0.02,
    "crowding": 0.1,
}  # fmt: skip
"""The least spread that a statistic is measured by, in its unit: less is of no matter."""
NAMES = (*EXTRACTORS, STATISTICS)
Progress = Callable[[int], None]


class Description(Protocol):
    """Pictures as rows of numbers."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def parts(self) -> frozenset[str]:
        """Names of all that it looks at."""

    def __call__(
        self, captures: CaptureSet, *, kept: Path | None = None, progress: Progress | None = None
    ) -> Array:
        """(n, d) rows.

        Args:
            captures: n pictures.
            kept: Folder where rows that are dear are kept.
            progress: Called with the number of pictures done.
        """
        ...


def description(name: str, real: CaptureSet) -> Description:
    """A way to describe pictures.

    Args:
        name: One of `NAMES`, or several joined by "+".
        real: The captures that are tuned on, which give statistics their units.

    Raises:
        ConfigError: A name is unknown, or stands twice.
        CaptureError: Statistics are asked for, and there are fewer than two captures.
    """
    if "+" in name:
        names = name.split("+")
        if len(set(names)) < len(names):
            raise ConfigError("features must be named once each", name, where="--features")
        return Several.of([description(each, real) for each in names], real)
    if name not in NAMES:
        raise ConfigError("features must be known", name, did_you_mean(name, NAMES), "--features")
    if name == STATISTICS:
        return Statistics.of(real)
    extractor = EXTRACTORS[name]()
    return Vectors(replace(extractor, build=cache(extractor.build)))


@dataclass(frozen=True)
class Vectors:
    """By an extractor, which is loaded once."""

    extractor: Extractor

    @property
    def name(self) -> str:
        """The extractor's."""
        return self.extractor.name

    @property
    def parts(self) -> frozenset[str]:
        """Itself."""
        return frozenset([self.name])

    def __call__(
        self, captures: CaptureSet, *, kept: Path | None = None, progress: Progress | None = None
    ) -> Array:
        """See `Description`."""
        found = extract(captures.images, self.extractor, cache=kept, progress=progress)
        return np.asarray(found.array, np.float64)


@dataclass(frozen=True, eq=False)
class Statistics:
    """By `evaluation.statistics`: eight of the picture, and six of its labels where there are any.

    A statistic of objects is its mean over the objects of a picture. A picture that has no
    value, such as the box size of none, stands at the captures' mean there: what is odd about
    it is its number of objects. The unit is the captures' own spread, so that no statistic
    counts for more because of how it is written, and at least `RESOLUTION`: the boxes of an
    annotator who draws squares have no spread of shape at all.

    Attributes:
        centre: (d,) means over the captures that are tuned on.
        spread: (d,) their standard deviations, or the resolution where that is more.
        labelled: Whether labels are looked at.
    """

    centre: Array
    spread: Array
    labelled: bool
    name: str = "statistics"

    @property
    def parts(self) -> frozenset[str]:
        """Itself."""
        return frozenset([self.name])

    @classmethod
    def of(cls, real: CaptureSet) -> Statistics:
        """In units of these captures."""
        if len(real.images) < 2:
            raise CaptureError(
                "statistics need at least two captures", len(real.images), where=str(real.root)
            )
        rows = _rows(real, labelled=real.labelled)
        counts = np.isfinite(rows).sum(axis=0)
        if not counts.all():
            lacking = _names(labelled=True)[int(np.flatnonzero(counts == 0)[0])]
            raise CaptureError(
                "each statistic must have a value in some capture", f"none has `{lacking}`",
                "tune on captures with objects, or choose other --features", str(real.root),
            )  # fmt: skip
        least = [RESOLUTION[name] for name in _names(labelled=real.labelled)]
        spread = np.maximum(np.nanstd(rows, axis=0), least)
        return cls(np.nanmean(rows, axis=0), spread, real.labelled)

    def __call__(
        self, captures: CaptureSet, *, kept: Path | None = None, progress: Progress | None = None
    ) -> Array:
        """See `Description`; nothing is kept, since reading a picture costs as much."""
        del kept
        rows = (_rows(captures, self.labelled, progress) - self.centre) / self.spread
        return np.nan_to_num(rows, nan=0.0)


@dataclass(frozen=True, eq=False)
class Several:
    """Several descriptions side by side, each in units of the captures' total spread in it.

    What one is blind to another may see: a network hardly notices blur, statistics of pictures
    hardly the camera's height.

    Attributes:
        each: The descriptions.
        units: Root of the captures' total variance in each.
    """

    each: tuple[Description, ...]
    units: tuple[float, ...]

    @classmethod
    def of(cls, each: Sequence[Description], real: CaptureSet) -> Several:
        """In units of these captures; CaptureError where they are all alike."""
        units = [float(np.sqrt(one(real).var(axis=0).sum())) for one in each]
        for one, unit in zip(each, units, strict=True):
            if not unit > 0:
                raise CaptureError(
                    "captures must differ in what is looked at", one.name,
                    "tune on more captures", str(real.root),
                )  # fmt: skip
        return cls(tuple(each), tuple(units))

    @property
    def name(self) -> str:
        """All names."""
        return " + ".join(one.name for one in self.each)

    @property
    def parts(self) -> frozenset[str]:
        """Of all of them."""
        return frozenset[str]().union(*(one.parts for one in self.each))

    def __call__(
        self, captures: CaptureSet, *, kept: Path | None = None, progress: Progress | None = None
    ) -> Array:
        """See `Description`; progress is that of the last."""
        *others, last = self.each
        rows = [one(captures, kept=kept) for one in others]
        rows.append(last(captures, kept=kept, progress=progress))
        return np.hstack([a / unit for a, unit in zip(rows, self.units, strict=True)])


def _names(*, labelled: bool) -> tuple[str, ...]:
    return tuple(each.name for each in (*PICTURE, *(LABELS if labelled else ())))


def _rows(captures: CaptureSet, labelled: bool, progress: Progress | None = None) -> Array:
    """(n, d) statistics as they are; NaN where a picture has no value."""
    pictures = []
    for done, image in enumerate(captures.images, start=1):
        pictures.append(picture_values(image.read()))
        if progress is not None:
            progress(done)
    count = len(pictures)
    columns = [np.array(pictures).reshape(count, len(PICTURE))]
    if labelled:
        for values in label_values(captures.images).values():
            number = np.bincount(values.owner, minlength=count)
            total = np.bincount(values.owner, values.values, minlength=count)
            mean = np.full(count, np.nan)
            np.divide(total, number, out=mean, where=number > 0)
            columns.append(mean[:, None])
    return np.hstack(columns)
