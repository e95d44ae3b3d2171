"""Candidates rendered into a folder, of which the features are kept and the pictures are not."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from evaluation.synthetic import captures_of
from evaluation.tune.anew import Rows
from evaluation.tune.confirm import Embed, render
from simgen.config import Config
from simgen.dataset.files import storing, write_atomic
from simgen.dataset.writer import writing
from simgen.errors import SimgenError, StoreError
from simgen.generate import Source

SHARD = 100
"""Samples of a shard, as `render` makes them."""


@dataclass(frozen=True, eq=False)
class Renders:
    """Renders configs one after another; a dataset goes when the next one begins.

    Its pictures follow from its config, which the study records, so that nothing is lost. A
    config that was broken off goes on with its dataset, and samples whose features are kept are
    not rendered again.

    Attributes:
        folder: Of features, and of the dataset at work; of one study alone.
        embed: Features of captures.
        workers: Processes that render.
    """

    folder: Path
    embed: Embed
    workers: int = 1

    def __call__(self, config: Config, count: int) -> Rows:
        """Features of the first samples of a config.

        Raises:
            SimgenError: The config cannot be rendered.
            StoreError: The folder cannot be written, or what it holds is damaged.
        """
        name = config.digest()[:16]
        kept = self.folder / f"{name}.npz"
        before = _load(kept) if kept.exists() else None
        if before is not None and before.samples >= count:
            return before.first(count)
        self.clear(but=name)
        try:
            dataset = render(config, self.folder / name, count, self.workers)
        except StoreError:
            raise  # of the machine, not of these ranges
        except SimgenError:
            self._note(config, count)
            raise
        captures = captures_of(dataset)
        done = 0 if before is None else len(before.owner)
        features = self.embed(replace(captures, images=captures.images[done:]))
        if before is not None:
            features = np.concatenate([before.features, features])
        owner = [record.index for record in dataset for _ in record.frames]
        rows = Rows(features, np.array(owner, np.int64))
        _save(kept, rows)
        return rows

    def clear(self, but: str = "") -> None:
        """Remove the datasets, but one of this name."""
        with storing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in self.folder.iterdir():
                if path.is_dir() and path.name != but:
                    shutil.rmtree(path)

    @property
    def pictures(self) -> int:
        """How many were rendered, those of configs that failed on the way included."""
        found = {path.stem: len(_load(path).owner) for path in self.folder.glob("*.npz")}
        for path in self.folder.glob("*.json"):  # has those of its first part as well
            found[path.stem] = int(json.loads(path.read_text(encoding="utf-8"))["pictures"])
        return sum(found.values())

    def _note(self, config: Config, count: int) -> None:
        """Write down how many pictures there are of a config that failed, lost frames included."""
        name = config.digest()[:16]
        if not (self.folder / name).is_dir():
            return  # refused before the first
        source = Source(config.model_copy(update={"count": count}))
        with writing(
            self.folder / name, config=source.config, digest=source.digest, seed=source.seed,
            count=count, shard_size=SHARD,
        ) as plan:  # fmt: skip
            made = count - len(plan.missing)
        told = {"samples": made, "pictures": made * config.frames.count}
        write_atomic(self.folder / f"{name}.json", json.dumps(told).encode())


def _save(path: Path, rows: Rows) -> None:
    data = io.BytesIO()
    np.savez(data, features=rows.features, owner=rows.owner)
    write_atomic(path, data.getvalue())


def _load(path: Path) -> Rows:
    try:
        with np.load(path, allow_pickle=False) as data:
            return Rows(data["features"], data["owner"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(
            "kept features must be readable", str(error), "delete this file", str(path)
        ) from error
