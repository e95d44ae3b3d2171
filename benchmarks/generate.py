"""How fast simgen generates, beside a bare PyBullet camera loop of the same scenes.

Both run in one process on one thread, set up as a worker of the engine, turn by turn, so that
a busy machine slows both.
simgen: draw, settle, cast, shade, all labels, sensor noise, JPEG and writing to disk.
Bare: `getCameraImage` alone (TinyRenderer with shadow, 640x480) of scenes that are
already built and settled.

    python benchmarks/generate.py                 rates and their ratio
    python benchmarks/generate.py --memory 2000   growth of memory, on small frames
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from simgen.config import config_from_plain
from simgen.dataset.records import members
from simgen.engine import generate_dataset
from simgen.engine.tasks import one_thread
from simgen.generate import Source
from simgen.physics import settle
from simgen.render.bullet import Pinhole, prepare
from simgen.spec import SceneSpec

BODIES = 20


def config(width: int, height: int, seed: int) -> dict[str, object]:
    """Twenty dice on a table, hard shadow, one sample a pixel, every label."""
    each = {
        "place": [{"uniform": [-1, 1]}, {"uniform": [-1, 1]}],
        "turn": {"rotation": {}},
        "size_m": {"uniform": [0.012, 0.02]},
    }
    return {
        "simgen": 1,
        "seed": seed,
        "scene": {
            "family": "dice",
            "spread_m": 0.12,
            "dice": {"count": BODIES, "each": each},
            "light": {"strength": 0.5, "size_rad": 0},
        },
        "camera": {
            "width": width,
            "height": height,
            "fx_px": 600 * width / 640,
            "k1": -0.1,
            "samples_per_pixel": 1,
        },
        "render": {"name": "raycast", "light_samples": 1, "sky_samples": 0, "highlights": False},
    }


def scene(source: Source, index: int) -> SceneSpec:
    """The settled scene of a sample, as the generator makes it."""
    key = source.recipe.sample_key(index) / 0
    values = source.recipe.space().draw(key).values["scene"]
    params = source.family.Params.model_validate(values)
    return source.family.finish(settle(source.family.build(params, key / "build")))


def rates(images: int, seed: int) -> dict[str, object]:
    """Seconds an image, both ways, and the ratio of the rates with its quartiles."""
    source = Source(config_from_plain(config(640, 480, seed)))
    ours, bare = [], []
    view = Pinhole(
        np.array([0.0, 0.0, 0.35]),
        np.diag([1.0, -1.0, -1.0]),
        *(-320 / 600, 320 / 600, -240 / 600, 240 / 600),
        *(640, 480),
    )
    with tempfile.TemporaryDirectory() as folder:
        for index in range(images + 2):
            start = time.perf_counter()
            sample = source(index)
            for name, data in members(sample):
                (Path(folder) / name).write_bytes(data)
            middle = time.perf_counter()
            shoot = prepare(scene(source, index), view, 0.0, shadow=True, ambient=0.5, diffuse=0.5)
            ready = time.perf_counter()
            shoot()
            done = time.perf_counter()
            if index >= 2:  # the first two fill caches
                ours.append(middle - start)
                bare.append(done - ready)
    ratios = [b / o for o, b in zip(ours, bare, strict=True)]
    low, _, high = statistics.quantiles(ratios, n=4)
    return {
        "images": images,
        "seed": seed,
        "simgen_s": round(statistics.median(ours), 4),
        "getCameraImage_s": round(statistics.median(bare), 4),
        "ratio": round(sum(bare) / sum(ours), 3),
        "ratio_quartiles": [round(low, 3), round(high, 3)],
    }


def memory(images: int, seed: int) -> dict[str, object]:
    """Peak resident memory after 200 images and after all, in MB, on 160x120 frames."""
    source = Source(config_from_plain(config(160, 120, seed)))
    seen: dict[int, float] = {}

    def note(done: int, total: int) -> None:
        if done in {200, total}:
            seen[done] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    with tempfile.TemporaryDirectory() as folder:
        generate_dataset(source, Path(folder) / "set", count=images, workers=1, progress=note)
    return {
        "images": images,
        "at_200_mb": round(seen[200], 1),
        "at_end_mb": round(seen[images], 1),
        "growth_mb": round(seen[images] - seen[200], 1),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", type=int, metavar="IMAGES", help="measure memory instead")
    given = parser.parse_args()
    with one_thread():
        found = (
            memory(given.memory, given.seed) if given.memory else rates(given.images, given.seed)
        )
    print(json.dumps(found))
