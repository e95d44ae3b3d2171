"""The objects that come with PyBullet, found without importing it.

Their licences are mostly not stated one by one: PyBullet as a whole is under the
zlib licence, but its objects were collected from many places. So each asset says
"unknown" unless a licence file lies beside it.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from simgen.assets.folders import AssetRef
from simgen.errors import AssetError, MissingExtraError, did_you_mean

PACKAGE = "pybullet_data"
RANDOM = "random_urdfs"
OBJECTS = "objects"

# Name, file and factor to the size of the thing it depicts.
_OBJECTS: dict[str, tuple[str, float]] = {
    "block": ("block.urdf", 1.0),
    "cube": ("cube_small.urdf", 1.0),
    "domino": ("domino/domino.urdf", 1.0),
    "duck": ("duck_vhacd.urdf", 1.0),
    "jenga": ("jenga/jenga.urdf", 1.0),
    "lego": ("lego/lego.urdf", 1.0),
    "mug": ("objects/mug.urdf", 1.0),
    "soccerball": ("soccerball.urdf", 0.1),
    "sphere": ("sphere_small.urdf", 1.0),
    "teddy": ("teddy_vhacd.urdf", 1.0),
}
# Number 168 of the random objects has vertices that are no numbers.
_BROKEN = frozenset({"168"})


@cache
def data_folder() -> Path:
    """The folder of PyBullet's data.

    Raises:
        MissingExtraError: When PyBullet is not installed.
    """
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError(
            "bundled objects need the package pybullet", "not installed", "pip install pybullet"
        )
    return Path(found.origin).parent


@cache
def bundled_set(name: str) -> tuple[AssetRef, ...]:
    """The references of one set, sorted by name.

    Args:
        name: "random_urdfs" (999 shapes of convex parts, class "blob") or
            "objects" (ten household things and toys, each a class).

    Raises:
        AssetError: For any other name.
    """
    root = data_folder()
    if name == OBJECTS:
        return tuple(
            AssetRef(thing, root / file, thing, f"{PACKAGE}/{file}", scale)
            for thing, (file, scale) in sorted(_OBJECTS.items())
        )
    if name == RANDOM:
        return tuple(
            AssetRef(
                f"{RANDOM}/{path.stem}",
                path,
                "blob",
                f"{PACKAGE}/{path.relative_to(root).as_posix()}",
            )
            for path in sorted((root / RANDOM).glob("[0-9][0-9][0-9]/*.urdf"))
            if path.stem not in _BROKEN
        )
    raise AssetError(
        "the set of bundled objects must be known", name, did_you_mean(name, (OBJECTS, RANDOM))
    )


def bundled_names(name: str = OBJECTS) -> tuple[str, ...]:
    """Names of the objects in a set, sorted.

    Raises:
        AssetError: When there is no such set.
    """
    return tuple(ref.name for ref in bundled_set(name))


def bundled(name: str) -> AssetRef:
    """One bundled object by name, such as "duck" or "random_urdfs/007".

    Raises:
        AssetError: When there is none of that name.
    """
    chosen = RANDOM if name.startswith(f"{RANDOM}/") else OBJECTS
    for ref in bundled_set(chosen):
        if ref.name == name:
            return ref
    raise AssetError(
        "the bundled object must be known", name, did_you_mean(name, bundled_names(chosen))
    )
