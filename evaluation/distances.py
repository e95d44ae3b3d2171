"""Distances between synthetic and real pictures, each called by its features.

Beside every distance stands the same distance between two parts of the real
captures: it is what a perfect generator would be measured at.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from evaluation import metrics
from evaluation.captures import CaptureSet
from evaluation.features import Extractor, Features, colour_and_edges, efficientnet_lite0, extract
from evaluation.metrics.frechet import ROWS_PER_COMPONENT
from simgen.rng import Key

Update = Callable[[int, int], None]
Stage = Callable[[str], AbstractContextManager[Update]]

LABELS = {
    "fd": "Fréchet distance (FD)",
    "kid": "Kernel distance (KID)",
    "mmd": "MMD², Gaussian kernels",
    "auc": "Domain classifier, AUC",
}
"""What the distances are called."""


@dataclass(frozen=True)
class Distances:
    """Distances under one extractor.

    Attributes:
        extractor: What embedded the pictures.
        results: Synthetic to real, by the keys of `LABELS`.
        floor: Another part of the real captures to the same part; empty without a split.
        tells_synthetic: Synthetic pictures that give themselves away, the clearest first (names).
        tells_real: The same of the real ones.
    """

    extractor: Extractor
    results: dict[str, metrics.Result]
    floor: dict[str, metrics.Result]
    tells_synthetic: tuple[str, ...]
    tells_real: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "features": self.extractor.name,
            "settings": self.extractor.settings,
            "dimension": self.extractor.dimension,
            "synthetic_to_real": {name: r.to_dict() for name, r in self.results.items()},
            "real_to_real": {name: r.to_dict() for name, r in self.floor.items()},
            "tells_synthetic": list(self.tells_synthetic),
            "tells_real": list(self.tells_real),
        }


def extractors() -> tuple[Extractor, ...]:
    """EfficientNet-Lite0, and the guard against its bias."""
    return efficientnet_lite0(), colour_and_edges()


def silent(_: str) -> AbstractContextManager[Update]:
    """A `Stage` that shows nothing."""
    return nullcontext(lambda _done, _total: None)


def embed(captures: CaptureSet, extractor: Extractor, what: str, stage: Stage) -> Features:
    """Features of all pictures, with progress."""
    total = len(captures.images)
    with stage(f"{extractor.name}: {what}") as update:
        return extract(captures.images, extractor, progress=lambda done: update(done, total))


def measure(synthetic: Features, real: Features, other: Features | None, key: Key) -> Distances:
    """All distances under one extractor.

    Args:
        synthetic: Features of the synthetic pictures.
        real: Features of the real part that is judged against.
        other: Features of real pictures outside this part, for the floor.
        key: Source of folds and permutations.
    """
    rows = min(len(each.array) for each in (synthetic, real, other) if each is not None)
    components = min(real.array.shape[1], max(1, rows // ROWS_PER_COMPONENT))
    results, found = _all(synthetic, real, components, key)
    floor = _all(other, real, components, key)[0] if other is not None else {}
    return Distances(
        extractor=real.extractor,
        results=results,
        floor=floor,
        tells_synthetic=tuple(synthetic.names[row] for row in found.tells_x),
        tells_real=tuple(real.names[row] for row in found.tells_y),
    )


def _all(
    x: Features, y: Features, components: int, key: Key
) -> tuple[dict[str, metrics.Result], metrics.DomainClassifier]:
    found = metrics.domain_classifier(x.array, y.array, key=key / "classifier")
    return {
        "fd": metrics.frechet(x.array, y.array, key=key / "frechet", components=components),
        "kid": metrics.kid(x.array, y.array, key=key / "kid"),
        "mmd": metrics.mmd(x.array, y.array, key=key / "mmd"),
        "auc": found.auc,
    }, found
