"""Trainings of several seeds at once, each on one thread.

A sum that is split over threads rounds differently, so the number of threads is part of a
training's result. Here it is one, however many run at once: the weights are the same, bit for
bit, for any number of workers. It is also the cheapest: two threads of one training wait for
each other's small layers.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.captures import CaptureSet
from evaluation.distances import Stage, silent
from evaluation.downstream import train_models
from evaluation.tasks.config import TrainConfig
from simgen.errors import StoreError

if TYPE_CHECKING:
    from evaluation.tasks.model import Model


def train_at_once(
    captures: CaptureSet,
    seeds: int,
    config: TrainConfig,
    *,
    folder: Path,
    arm: str,
    workers: int,
    stage: Stage = silent,
) -> list[Model]:
    """As `train_models`, several at a time; a model that is kept is not trained again.

    Args:
        captures: The training set.
        seeds: Number of seeds: 0, 1, ...
        config: Recipe and budget.
        folder: Where models are kept.
        arm: Name of the arm, for file names and progress.
        workers: Processes that train; with one it is this process.
        stage: Shows progress.

    Raises:
        StoreError: A training ended its process.
    """
    missing = [seed for seed in range(seeds) if not (folder / f"{arm}-seed{seed}.pt").is_file()]
    crew = min(workers, len(missing))
    if crew > 1:
        with (
            stage(f"training on {arm}, {len(missing)} seeds") as update,
            ProcessPoolExecutor(
                crew, multiprocessing.get_context("spawn"), _end_with_parent
            ) as pool,
        ):
            jobs = [
                pool.submit(_train, captures, range(seed, seed + 1), config, folder, arm)
                for seed in missing
            ]
            try:
                for done, job in enumerate(as_completed(jobs), start=1):
                    job.result()
                    update(done, len(jobs))
            except BrokenProcessPool as error:
                raise StoreError(
                    "a training must not end its process",
                    str(error),
                    "where memory ran out, use fewer workers",
                    str(folder),
                ) from error
            finally:
                pool.shutdown(cancel_futures=True)
    with one_thread():
        return train_models(captures, range(seeds), config, folder=folder, arm=arm, stage=stage)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread within the block."""
    import torch  # noqa: PLC0415

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _train(captures: CaptureSet, seeds: range, config: TrainConfig, folder: Path, arm: str) -> None:
    """In a worker process: the models are left in the folder."""
    with one_thread():
        train_models(captures, seeds, config, folder=folder, arm=arm)


def _end_with_parent() -> None:
    """A worker that outlives its parent would train for nobody, or wait for ever."""
    threading.Thread(target=_watch, daemon=True).start()


def _watch() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
