"""What lies where in a dataset's folder, and the two records that describe it.

`manifest.json` describes the dataset; `shard-000000.json` beside each shard describes
the shard. Neither holds a date, a host or a duration: they are the same on every machine.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import cv2

from simgen.dataset.encode import decode_json, encode_json
from simgen.dataset.files import FileSum, storing
from simgen.dataset.tables import SCHEMAS
from simgen.dataset.tar import Member
from simgen.errors import StoreError

SCHEMA: Final = 1
MANIFEST: Final = "manifest.json"
PARTS: Final = ".parts"
LOCKS: Final = (".lock", ".lock-workers")
_LIBRARIES = ("simgen", "numpy", "scipy", "pillow", "pyarrow", "pybullet", "embreex", "trimesh")


@dataclass(frozen=True)
class Layout:
    """How a dataset is cut into shards.

    Attributes:
        root: Its folder.
        count: Samples.
        shard_size: Samples of a full shard; the last one may hold fewer.
    """

    root: Path
    count: int
    shard_size: int

    @property
    def shards(self) -> range:
        """Numbers of the shards."""
        return range(-(-self.count // self.shard_size))

    def samples(self, shard: int) -> range:
        """Indices of a shard's samples."""
        first = shard * self.shard_size
        return range(first, min(first + self.shard_size, self.count))

    def tar(self, shard: int) -> Path:
        """The shard's archive."""
        return self.root / f"shard-{shard:06d}.tar"

    def table(self, name: str, shard: int) -> Path:
        """One of the shard's tables."""
        return self.root / f"{name}-{shard:06d}.parquet"

    def sidecar(self, shard: int) -> Path:
        """The record that makes the shard complete; it is written last."""
        return self.root / f"shard-{shard:06d}.json"

    def data_files(self, shard: int) -> tuple[Path, ...]:
        """Archive and tables of a shard."""
        return (self.tar(shard), *(self.table(name, shard) for name in SCHEMAS))

    @property
    def parts(self) -> Path:
        """Folder of finished samples whose shard is not finished."""
        return self.root / PARTS


@dataclass(frozen=True)
class Sidecar:
    """What a finished shard is.

    Attributes:
        first: Index of its first sample.
        files: Digest and size of its archive and tables, by name.
        categories: Class names.
        assets: Every asset seen: digest, name, source, licence; sorted.
        rejections: Refused draws, by reason.
        index: Per sample, per frame: members by name.
    """

    first: int
    files: Mapping[str, FileSum]
    categories: tuple[str, ...]
    assets: tuple[Mapping[str, str], ...]
    rejections: Mapping[str, int]
    index: tuple[tuple[Mapping[str, Member], ...], ...]

    def encode(self) -> bytes:
        """Its file."""
        plain = {
            "first": self.first,
            "samples": len(self.index),
            "files": {n: {"sha256": f.sha256, "size": f.size} for n, f in self.files.items()},
            "categories": self.categories,
            "assets": self.assets,
            "rejections": self.rejections,
            "index": [
                [{n: [m.offset, m.size, m.crc32] for n, m in frame.items()} for frame in sample]
                for sample in self.index
            ],
        }
        return encode_json(plain, "sidecar") + b"\n"

    @classmethod
    def load(cls, path: Path) -> Sidecar:
        """Read it.

        Raises:
            StoreError: When it is missing or damaged.
        """
        with storing(path):
            plain = decode_json(path.read_bytes(), str(path))
        try:
            return cls(
                first=plain["first"],
                files={n: FileSum(f["sha256"], f["size"]) for n, f in plain["files"].items()},
                categories=tuple(plain["categories"]),
                assets=tuple(plain["assets"]),
                rejections=plain["rejections"],
                index=tuple(
                    tuple({n: Member(*m) for n, m in frame.items()} for frame in sample)
                    for sample in plain["index"]
                ),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                "a shard's record must be as it was written",
                f"{type(error).__name__}: {error}",
                f"delete {path.name} and generate again: the shard is made anew",
                str(path),
            ) from error


@dataclass(frozen=True)
class Manifest:
    """What a dataset is.

    Attributes:
        complete: Whether generation has finished; until then only the fields above
            `categories` mean anything.
        count: Samples.
        shard_size: Samples of a full shard.
        seed: Root of all randomness.
        digest: Of the config.
        config: The resolved config, plain data.
        versions: Of everything that the bytes depend on.
        categories: Class names; ids are positions plus one.
        assets: Ledger: digest, name, source and licence of each asset used.
        rejections: Refused draws, by reason.
        shards: Per shard its first sample, its number of samples and its files.
    """

    complete: bool
    count: int
    shard_size: int
    seed: int
    digest: str
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    categories: tuple[str, ...] = ()
    assets: tuple[Mapping[str, str], ...] = ()
    rejections: Mapping[str, int] | None = None
    shards: tuple[Mapping[str, Any], ...] = ()

    def encode(self) -> bytes:
        """Its file: readable JSON that ends with the digest of everything else in it."""
        plain = json.loads(encode_json({"schema": SCHEMA, **self.__dict__}, MANIFEST))
        plain["manifest_sha256"] = _digest(plain)
        return (json.dumps(plain, indent=1, ensure_ascii=False) + "\n").encode()

    @classmethod
    def load(cls, root: Path) -> Manifest:
        """Read the manifest of the dataset in `root`.

        Raises:
            StoreError: When there is none, or not as it was written.
        """
        path = root / MANIFEST
        if not path.is_file():
            raise StoreError(
                f"a dataset must have a {MANIFEST}", "none", "check the path", str(root)
            )
        with storing(path):
            plain = decode_json(path.read_bytes(), str(path))
        if plain.get("schema") != SCHEMA:
            raise StoreError(
                f"the manifest's schema must be {SCHEMA}",
                plain.get("schema", "none"),
                "use the version of simgen that wrote it",
                str(path),
            )
        written = plain.pop("manifest_sha256", None)
        if written != _digest(plain):
            raise StoreError(
                "the manifest must be as it was written",
                "content that its manifest_sha256 does not fit",
                "restore it from a copy, or generate into a new folder",
                str(path),
            )
        plain.pop("schema")
        for name in ("categories", "assets", "shards"):
            plain[name] = tuple(plain[name])
        return cls(**plain)


def versions() -> dict[str, str]:
    """Versions of everything that the bytes of a dataset depend on."""
    found = {"python": platform.python_version(), "opencv": cv2.__version__}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _digest(plain: Mapping[str, Any]) -> str:
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
