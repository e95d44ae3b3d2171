"""Find the assets in a folder, name them, hash them and hold some out."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from simgen.assets import mesh_file
from simgen.assets.licence import licence_near
from simgen.assets.load import LoadedAsset, dependencies, load_asset
from simgen.assets.urdf import mesh_references
from simgen.errors import AssetError

_CONTACT = ("collision", "collider", "_col", "vhacd", "convex_hull")


@dataclass(frozen=True)
class AssetRef:
    """An asset that can be loaded.

    Attributes:
        name: Unique in its set; does not depend on where the folder is.
        path: File to load.
        category: Class name.
        source: What its asset says of its origin, the same on every machine.
        scale: Factor to metres.
    """

    name: str
    path: Path
    category: str
    source: str
    scale: float = 1.0

    def load(self, max_texture_px: int = 1024) -> LoadedAsset:
        """Load it, from the cache where it is there.

        Raises:
            AssetError: As `load_asset` does.
        """
        return load_asset(
            self.path,
            self.scale,
            name=self.name,
            source=self.source,
            max_texture_px=max_texture_px,
        )

    @cached_property
    def licence(self) -> str:
        """SPDX identifier of the nearest licence file, or "unknown"."""
        return licence_near(self.path)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bytes of the file and of all that it refers to."""
        whole = hashlib.sha256()
        for file in dependencies(self.path):
            whole.update(hashlib.sha256(file.read_bytes()).digest())
        return whole.hexdigest()


def scan(folder: str | Path, scale: float = 1.0) -> tuple[AssetRef, ...]:
    """List the assets in a folder and below.

    Each URDF file is an asset. So is each mesh file, unless a URDF lies in its folder
    or in one above it, a URDF refers to it, or its name says that it is for contact
    (collision, _col, vhacd ...). The class is the first folder below `folder`, or the
    name of a file that lies in `folder` itself.

    Args:
        folder: Where to look.
        scale: Factor to metres for all.

    Returns:
        References sorted by name, the same on every machine.

    Raises:
        AssetError: When the folder is missing or holds no asset.
    """
    root = Path(folder)
    if not root.is_dir():
        raise AssetError("a folder of assets must exist", str(root), "check the path")
    files = [p for p in root.rglob("*") if p.is_file()]
    urdfs = [p for p in files if p.suffix.lower() == ".urdf"]
    owned = {p.parent for p in urdfs}
    referenced = {m for p in urdfs for m in mesh_references(p)}
    meshes = [
        p
        for p in files
        if p.suffix.lower() in mesh_file.SUFFIXES
        and p.resolve() not in referenced
        and not owned.intersection(p.parents)
        and not any(sign in p.stem.lower() for sign in _CONTACT)
    ]
    beside = Counter(p.parent for p in urdfs)
    refs = []
    for path in sorted([*urdfs, *meshes]):
        inner = path.relative_to(root)
        # A folder made for one asset names it better than "model.urdf" does.
        alone = beside[path.parent] == 1 and path.parent != root
        name = inner.parent.as_posix() if alone else inner.with_suffix("").as_posix()
        refs.append(AssetRef(name, path, Path(name).parts[0], inner.as_posix(), scale))
    if not refs:
        raise AssetError(
            "a folder of assets must hold some",
            f"{root} has none",
            f"add files that end in .urdf, {', '.join(mesh_file.SUFFIXES)}",
        )
    return _distinct(refs)


def _distinct(refs: Sequence[AssetRef]) -> tuple[AssetRef, ...]:
    """Sort by name; files that differ in their suffix alone keep it."""
    count = Counter(ref.name for ref in refs)
    kept = [
        ref if count[ref.name] == 1 else dataclasses.replace(ref, name=ref.source) for ref in refs
    ]
    return tuple(sorted(kept, key=lambda ref: ref.name))


def categorise(own: Mapping[str, str], rules: Mapping[str, str]) -> dict[str, str]:
    """Rename classes: the first pattern (as in `glob`) that fits an asset's name counts.

    Args:
        own: Class by name of asset; what fits no pattern keeps it.
        rules: New class by pattern.

    Raises:
        AssetError: For a pattern that fits nothing, which is most likely mistyped.
    """
    for pattern in rules:
        if not any(fnmatchcase(name, pattern) for name in own):
            raise AssetError(
                "a category pattern must fit the name of some asset",
                pattern,
                f"names are like {next(iter(own), 'none')!r}",
            )
    return {
        name: next((new for p, new in rules.items() if fnmatchcase(name, p)), old)
        for name, old in own.items()
    }


def held_out(name: str, share: float) -> bool:
    """Tell whether an asset is kept for testing, by the hash of its name.

    The answer depends on nothing else, so adding assets moves none.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return number < share * 2.0**64


def split(
    refs: Iterable[AssetRef], share: float
) -> tuple[tuple[AssetRef, ...], tuple[AssetRef, ...]]:
    """Divide assets into those to train on and about `share` of them held out."""
    refs = tuple(refs)
    train = tuple(ref for ref in refs if not held_out(ref.name, share))
    test = tuple(ref for ref in refs if held_out(ref.name, share))
    return train, test
