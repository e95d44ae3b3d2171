"""A picture of feature space: two dimensions in which neighbours stay neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.features import Features
from simgen.errors import ConfigError, MissingExtraError, did_you_mean
from simgen.rng import Key

METHODS = ("tsne", "pca")
_PCA_FIRST = 50


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Where each picture lies.

    Attributes:
        places: (n, 2), each axis within 0 to 1; distances across the map mean nothing.
        groups: (n,) "synthetic", "real" or "other real".
        names: (n,) names of the pictures.
        method: One of `METHODS`.
        features: Name of the extractor.
    """

    places: NDArray[np.float64]
    groups: tuple[str, ...]
    names: tuple[str, ...]
    method: str
    features: str


def feature_map(sets: dict[str, Features], *, method: str = "tsne", key: Key) -> FeatureMap:
    """Lay out the pictures of all groups together.

    t-SNE (van der Maaten and Hinton 2008; openTSNE) of the 50 leading principal
    components, begun from the first two; perplexity 30 or a third of the rows.

    Args:
        sets: Group to features, all of one extractor.
        method: "tsne" or "pca".
        key: Seeds the layout.

    Raises:
        ConfigError: No such method.
        MissingExtraError: openTSNE is not installed.
    """
    if method not in METHODS:
        raise ConfigError(
            "a map must be made by a known method", method, did_you_mean(method, METHODS), "--map"
        )
    rows = np.concatenate([each.array for each in sets.values()]).astype(np.float64)
    reduced = _principal(rows)
    if method == "tsne":
        reduced = _tsne(reduced, key)
    low, high = reduced[:, :2].min(axis=0), reduced[:, :2].max(axis=0)
    places = (reduced[:, :2] - low) / np.where(high > low, high - low, 1.0)
    return FeatureMap(
        places=places,
        groups=tuple(name for name, each in sets.items() for _ in each.names),
        names=tuple(name for each in sets.values() for name in each.names),
        method=method,
        features=next(iter(sets.values())).extractor.name,
    )


def _principal(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    left, values, axes = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    # the sign of an axis is arbitrary: let its largest loading be positive
    largest = np.abs(axes).argmax(axis=1)
    sign = np.sign(axes[np.arange(len(axes)), largest])
    found: NDArray[np.float64] = (left * values * sign)[:, :_PCA_FIRST]
    return found if found.shape[1] > 1 else np.column_stack([found, np.zeros(len(found))])


def _tsne(rows: NDArray[np.float64], key: Key) -> NDArray[np.float64]:
    try:
        import openTSNE  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError(
            "the feature map needs openTSNE",
            str(error),
            "pip install 'simgen[eval]', or ask for --map pca",
        ) from error
    layout = openTSNE.TSNE(
        perplexity=min(30.0, max(2.0, (len(rows) - 1) / 3)),
        initialization=rows[:, :2] / max(float(rows[:, 0].std()), 1e-12) * 1e-4,
        n_jobs=1,
        neighbors="exact",
        negative_gradient_method="bh",
        random_state=key.entropy() % 2**32,
    )
    return np.asarray(layout.fit(rows), dtype=np.float64)
