"""What a look records beside its gate scores, so that all six flags are run.

* "features": EfficientNet-Lite0 of the look's pictures and of the gate, for SELF-REFERENCE
  and COLLAPSE.
* "judge" and "panel": `evidence_gap.closed`, for FOOLS ONE MODEL. The judge has the features
  and the captures that the loop has; the panel has other features, and the gate.
* "table": category and size class of one object a picture, for BIAS AMPLIFICATION, where the
  captures have two categories. One a picture: objects of one picture are not independent.
* "parameters" and "sheet": what moved, and how it looks, for the reader.

The pictures are the first frames of the look's training set, the same number at each look.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.features import Extractor, colour_and_edges, efficientnet_lite0, random_filters
from evaluation.report.pictures import contact_sheet
from evaluation.tune.described import Description, Vectors
from evaluation.tune.evidence_gap import closed, start_gap
from evaluation.tune.vector import Vector
from evaluation.tune.weights import Array
from simgen.config import Config
from simgen.rng import Key

Arrays = dict[str, NDArray[Any]]
OUTSIDE: tuple[Callable[[], Extractor], ...] = (
    efficientnet_lite0, colour_and_edges, random_filters,
)  # fmt: skip
SIZES_PX = (32, 96)
"""Where COCO's small, medium and large meet: sides of squares of the box's area."""
SHOWN = 8


@dataclass(frozen=True, eq=False)
class LookEvidence:
    """Takes the evidence of looks.

    Attributes:
        vector: What moves, from where.
        tuning: The captures that the loop sees.
        own: What the loop sees of a picture.
        folder: Features are kept here.
        key: Picks the objects of the table.
        show: Shows progress.
    """

    vector: Vector
    tuning: CaptureSet
    own: Description
    folder: Path
    key: Key
    show: Show = silent
    _real: dict[tuple[CaptureSet, str], Array] = field(default_factory=dict, repr=False)

    @cached_property
    def _outside(self) -> tuple[Vectors, ...]:
        """All features that a judge may have; the first are those of the flags that need some."""
        made = (build() for build in OUTSIDE)
        return tuple(Vectors(replace(each, build=cache(each.build))) for each in made)

    @property
    def panel(self) -> tuple[Vectors, ...]:
        """The features that the loop does not see."""
        return tuple(each for each in self._outside if each.name not in self.own.parts)

    @property
    def _names(self) -> list[str]:
        return sorted(self.tuning.categories.values())

    def about(self) -> dict[str, Any]:
        """What is registered before the first look."""
        return {
            "features": self._outside[0].name,
            "judge": self.own.name,
            "panel": [each.name for each in self.panel],
            "table": {"categories": self._names, "sizes_px": list(SIZES_PX)},
            "parameters": [[item.path, item.low, item.high] for item in self.vector.items],
        }

    def of_gate(self, gate: CaptureSet) -> Arrays:
        """Arrays of a gate itself; see `Ledger.start`."""
        found = self._captures(gate, self._outside[0])
        return {"features": found.astype(np.float32)} | self._table(gate)

    def of_look(
        self, config: Config, made: CaptureSet, start: CaptureSet, gate: CaptureSet
    ) -> Arrays:
        """Arrays of a look; see `Ledger.look`.

        Args:
            config: The checkpoint's.
            made: Pictures of it, at least 3.
            start: Pictures of the start, as many.
            gate: The gate that is asked.
        """
        values = {item.path: item.value for item in config.space().tunables()}
        found: Arrays = {
            "features": self._embed(made, self._outside[0]).astype(np.float32),
            "parameters": np.array([values[item.path] for item in self.vector.items]),
            "sheet": np.frombuffer(contact_sheet(made.images[:SHOWN]), np.uint8),
        }
        judge = self._judge(made, start, self.tuning, self.own)
        seen = [self._judge(made, start, gate, each) for each in self.panel]
        panel = [each for each in seen if each is not None]
        if judge is not None and panel:
            found |= {"judge": judge, "panel": np.stack(panel)}
        return found | self._table(made)

    def _judge(
        self, made: CaptureSet, start: CaptureSet, captures: CaptureSet, described: Description
    ) -> Array | None:
        """(n,) scores, or None where the start is not clearly apart from the captures."""
        real = self._captures(captures, described)
        gap = start_gap(self._embed(start, described), real)
        return None if gap is None else closed(self._embed(made, described), real, gap)

    def _captures(self, captures: CaptureSet, described: Description) -> Array:
        """Features of real pictures, which are large: read once."""
        which = (captures, described.name)
        if which not in self._real:
            self._real[which] = self._embed(captures, described)
        return self._real[which]

    def _embed(self, captures: CaptureSet, described: Description) -> Array:
        count = len(captures.images)
        with self.show(f"{described.name} of {count} pictures") as update:
            return described(captures, kept=self.folder, progress=lambda done: update(done, count))

    def _table(self, captures: CaptureSet) -> Arrays:
        """Rows of category and size class; none where there is nothing to tie."""
        rows = []
        for place, image in enumerate(captures.images):
            counted = np.flatnonzero(~image.ignore)
            if counted.size:
                pick = counted[(self.key / "object" / place).generator().integers(counted.size)]
                side = float(np.sqrt(image.boxes[pick, 2] * image.boxes[pick, 3]))
                name = captures.categories[int(image.categories[pick])]
                rows.append((self._names.index(name), int(np.digitize(side, SIZES_PX))))
        told = len(self._names) > 1 and rows
        return {"table": np.array(rows, np.int64)} if told else {}
