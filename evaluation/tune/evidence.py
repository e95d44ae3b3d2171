"""What a look records beside its gate scores, so that all six flags are run.

* "features": EfficientNet-Lite0 of the look's pictures and of the gate, for SELF-REFERENCE
  and COLLAPSE.
* "judge" and "panel": `evidence_gap.closed`, for FOOLS ONE MODEL. The judge has the features
  and the captures that the loop has; the panel has every other set of features, and the gate.
* "table": category and size class of one object a picture, for BIAS AMPLIFICATION, where the
  gate has two categories. One a picture, since objects of one picture are not independent.
* "parameters" and "sheet": what moved, and how it looks, for the reader.

The pictures are the first frames of the look's training set, the same number at each look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.distances import Stage as Show
from evaluation.distances import silent
from evaluation.features import (
    Extractor,
    colour_and_edges,
    efficientnet_lite0,
    extract,
    random_filters,
)
from evaluation.report.pictures import contact_sheet
from evaluation.tune.evidence_gap import closed, start_gap
from evaluation.tune.vector import Vector
from evaluation.tune.weights import Array
from simgen.config import Config
from simgen.rng import Key

SIZES_PX = (32, 96)
"""Where COCO's small, medium and large meet: sides of squares of the box's area."""
SHOWN = 8


@dataclass(frozen=True, eq=False)
class LookEvidence:
    """Takes the evidence of looks.

    Attributes:
        vector: What moves, from where.
        tuning: The captures that the loop sees.
        own: The features that the loop sees.
        cache: Folder of features.
        key: Picks the objects of the table.
        show: Shows progress.
    """

    vector: Vector
    tuning: CaptureSet
    own: Extractor
    cache: Path
    key: Key
    show: Show = silent
    _real: dict[tuple[CaptureSet, str], NDArray[np.float32]] = field(
        default_factory=dict, repr=False
    )

    @property
    def panel(self) -> tuple[Extractor, ...]:
        """The features that the loop does not see."""
        known = (efficientnet_lite0(), colour_and_edges(), random_filters())
        return tuple(each for each in known if each.name != self.own.name)

    def about(self, gate: CaptureSet) -> dict[str, Any]:
        """What is registered before the first look."""
        return {
            "features": efficientnet_lite0().name,
            "judge": self.own.name,
            "panel": [each.name for each in self.panel],
            "table": [_names(gate), f"small, medium, large: {SIZES_PX} px"]
            if len(_names(gate)) > 1
            else "none: the gate has one category",
            "parameters": [[item.path, item.low, item.high] for item in self.vector.items],
        }

    def of_gate(self, gate: CaptureSet) -> dict[str, NDArray[Any]]:
        """Arrays of the gate itself; see `Ledger.start`."""
        found = {"features": self._captures(gate, efficientnet_lite0())}
        return found | self._table(gate.images, gate.categories, gate)

    def of_look(
        self,
        config: Config,
        pictures: Sequence[LabelledImage],
        categories: Mapping[int, str],
        start: Sequence[LabelledImage],
        gate: CaptureSet,
    ) -> dict[str, NDArray[Any]]:
        """Arrays of a look; see `Ledger.look`.

        Args:
            config: The checkpoint's.
            pictures: Of it, at least 3.
            categories: Their categories by id.
            start: Pictures of the start, as many.
            gate: The gate that is asked.
        """
        values = {item.path: item.value for item in config.space().tunables()}
        found: dict[str, NDArray[Any]] = {
            "features": self._embed(pictures, efficientnet_lite0()),
            "parameters": np.array([values[item.path] for item in self.vector.items]),
            "sheet": np.frombuffer(contact_sheet(pictures[:SHOWN]), np.uint8),
        }
        judge = self._judge(pictures, start, self.tuning, self.own)
        seen = [self._judge(pictures, start, gate, each) for each in self.panel]
        panel = [each for each in seen if each is not None]
        if judge is not None and panel:
            found |= {"judge": judge, "panel": np.stack(panel)}
        return found | self._table(pictures, categories, gate)

    def _judge(
        self,
        pictures: Sequence[LabelledImage],
        start: Sequence[LabelledImage],
        captures: CaptureSet,
        extractor: Extractor,
    ) -> Array | None:
        """(n,) scores, or None where the start is not clearly apart from the captures."""
        real = self._captures(captures, extractor).astype(np.float64)
        gap = start_gap(self._embed(start, extractor).astype(np.float64), real)
        if gap is None:
            return None
        return closed(self._embed(pictures, extractor).astype(np.float64), real, gap)

    def _captures(self, captures: CaptureSet, extractor: Extractor) -> NDArray[np.float32]:
        """Features of real pictures, which are large: read once."""
        which = (captures, extractor.name)
        if which not in self._real:
            self._real[which] = self._embed(captures.images, extractor)
        return self._real[which]

    def _embed(self, images: Sequence[LabelledImage], extractor: Extractor) -> NDArray[np.float32]:
        with self.show(f"{extractor.name} of {len(images)} pictures") as update:
            return extract(
                images, extractor, cache=self.cache,
                progress=lambda done: update(done, len(images)),
            ).array  # fmt: skip

    def _table(
        self, images: Sequence[LabelledImage], categories: Mapping[int, str], gate: CaptureSet
    ) -> dict[str, NDArray[Any]]:
        """Rows of category and size class; empty where there is nothing to tie."""
        names = _names(gate)
        if len(names) < 2:
            return {}
        rows = []
        for place, image in enumerate(images):
            known = [
                number
                for number in np.flatnonzero(~image.ignore)
                if categories[int(image.categories[number])] in names
            ]
            if known:
                pick = known[int((self.key / "object" / place).generator().integers(len(known)))]
                side = float(np.sqrt(image.boxes[pick, 2] * image.boxes[pick, 3]))
                name = categories[int(image.categories[pick])]
                rows.append((names.index(name), int(np.searchsorted(SIZES_PX, side, "right"))))
        return {"table": np.array(rows, np.int64)} if rows else {}


def _names(captures: CaptureSet) -> list[str]:
    """Categories of which the captures have an object."""
    seen = {int(n) for image in captures.images for n in image.categories[~image.ignore]}
    return sorted(captures.categories[number] for number in seen)
