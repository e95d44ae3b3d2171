"""The objects of a tabletop: from a folder, bundled, or simple shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from scenes.tabletop_params import Assets, Pick, Shape
from simgen.assets import primitives
from simgen.assets.bundled import bundled_set
from simgen.assets.folders import AssetRef, categorise, held_out, scan
from simgen.assets.load import LoadedAsset
from simgen.errors import AssetError, ConfigError
from simgen.spec import Asset, Material

SHAPES = ("box", "capsule", "cylinder", "rounded_box", "sphere")


@dataclass(frozen=True, eq=False)
class Solid:
    """An object, ready to be placed.

    Attributes:
        name: Of its asset.
        asset: Its shape, in metres.
        materials: Its own, one a part.
        category: Its class.
        volume_m3: Of what it encloses.
    """

    name: str
    asset: Asset
    materials: tuple[Material, ...]
    category: str
    volume_m3: float


@dataclass(frozen=True, eq=False)
class Pool:
    """What can be picked, and the classes of all of it.

    Attributes:
        sets: Assets with the weight of their set.
        category: Class by name, of all assets, held out or not, and of the shapes.
        max_texture_px: Larger pictures are reduced to this.
    """

    sets: tuple[tuple[float, tuple[AssetRef, ...]], ...]
    category: dict[str, str]
    max_texture_px: int

    @property
    def categories(self) -> tuple[str, ...]:
        """All classes, sorted: the same for every sample."""
        return tuple(sorted(set(self.category.values())))

    def ref(self, pick: float) -> AssetRef:
        """The asset at a place from 0 to 1: first by the weights of the sets, then evenly."""
        place = pick * sum(weight for weight, _ in self.sets)
        for weight, refs in self.sets[:-1]:
            if place < weight:
                return _at(refs, place / weight)
            place -= weight
        weight, refs = self.sets[-1]
        return _at(refs, place / weight)

    def solid(self, spec: Pick | Shape) -> Solid:
        """Load or make an object.

        Raises:
            AssetError: When a file cannot be used.
            ConfigError: For a shape where shapes have no classes.
        """
        if isinstance(spec, Shape):
            return self._shape(spec)
        ref = self.ref(spec.pick)
        loaded = ref.load(self.max_texture_px)
        longest = float(np.ptp(loaded.asset.bounds_m, axis=0).max())
        factor = spec.scale * (1.0 if spec.size_m is None else spec.size_m / longest)
        asset = scaled(loaded.asset, factor)
        volume = loaded.volume_m3 * factor**3
        return Solid(ref.name, asset, loaded.materials, self.category[ref.name], volume)

    def _shape(self, spec: Shape) -> Solid:
        name = f"shape/{spec.kind}"
        if name not in self.category:
            raise ConfigError(
                "simple shapes need `assets.shapes: true`", spec.kind, "set it, or pick assets"
            )
        made = replace(solid_shape(spec), name=name)
        material = (Material(),)
        volume = LoadedAsset(made, material).volume_m3
        return Solid(name, made, material, self.category[name], volume)


def pool(assets: Assets) -> Pool:
    """The pool that these settings describe; made once in a process.

    Raises:
        AssetError: When a folder or set has nothing to offer.
    """
    return _pool(assets.model_dump_json())


@lru_cache(maxsize=16)
def _pool(settings: str) -> Pool:
    assets = Assets.model_validate_json(settings)
    if assets.folder is not None:
        found = [(1.0, scan(assets.folder, assets.scale))]
    else:
        found = [(weight, bundled_set(name)) for name, weight in sorted(assets.bundled.items())]
    own = {ref.name: ref.category for _, refs in found for ref in refs}
    if assets.shapes:
        own |= {f"shape/{kind}": kind for kind in SHAPES}
    sets = [(weight, _split(refs, assets)) for weight, refs in found]
    sets = [(weight, refs) for weight, refs in sets if refs]
    if found and not sets:
        raise AssetError(
            f"the split {assets.split!r} must leave some assets",
            f"none of {sum(len(refs) for _, refs in found)} with holdout {assets.holdout}",
            "change `assets.holdout`, or add assets",
        )
    return Pool(tuple(sets), categorise(own, assets.categories), assets.max_texture_px)


def _split(refs: Sequence[AssetRef], assets: Assets) -> tuple[AssetRef, ...]:
    if assets.split == "all":
        return tuple(refs)
    wanted = assets.split == "test"
    return tuple(ref for ref in refs if held_out(ref.name, assets.holdout) == wanted)


def _at(refs: Sequence[AssetRef], place: float) -> AssetRef:
    # Place 1, the closed end of the interval, belongs to the last asset.
    return refs[min(int(place * len(refs)), len(refs) - 1)]


def scaled(asset: Asset, factor: float) -> Asset:
    """The same shape, larger; itself for a factor of 1."""
    if factor == 1.0:
        return asset
    keypoints = {
        name: (x * factor, y * factor, z * factor) for name, (x, y, z) in asset.keypoints.items()
    }
    return replace(asset, vertices_m=asset.vertices_m * factor, keypoints=keypoints)


def solid_shape(spec: Shape) -> Asset:
    """The mesh of a simple shape."""
    x, _, z = spec.size_m
    if spec.kind == "box":
        return primitives.box(spec.size_m)
    if spec.kind == "rounded_box":
        return primitives.rounded_box(spec.size_m, spec.edge_radius * min(spec.size_m))
    if spec.kind == "cylinder":
        return primitives.cylinder(x / 2, z)
    if spec.kind == "capsule":
        return primitives.capsule(x / 2, x + z)
    return primitives.sphere(x / 2)
