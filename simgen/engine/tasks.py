"""The units of work, their order, and doing one.

A sample depends on its index alone, so the unit of work is one sample: whoever is free
takes the next, stores it as a part, and whoever is free when a shard's last part is there
joins the shard. Few samples are then shared as evenly as many, and no number of workers,
death or resumption changes a byte.
"""

from __future__ import annotations

import ctypes
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
from threadpoolctl import threadpool_limits

from simgen.dataset.layout import Layout
from simgen.dataset.shards import join, put
from simgen.dataset.writer import Plan
from simgen.errors import SimgenError
from simgen.sample import Sample

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
Progress = Callable[[int, int], None]


class SampleSource(Protocol):
    """Samples by index: a small value that can be pickled."""

    @property
    def config(self) -> Mapping[str, object]:
        """The resolved config, plain data, for the manifest."""

    @property
    def digest(self) -> str:
        """Identity of the config; the same for every count."""

    @property
    def seed(self) -> int:
        """Root of all randomness."""

    def __call__(self, index: int) -> Sample:
        """The sample at `index`, which depends on nothing else."""


class SampleError(SimgenError):
    """A sample could not be made because code failed, not because a rule was broken."""

    exit_code = 7


@dataclass(frozen=True)
class Task:
    """A unit of work.

    Attributes:
        kind: "sample" to make and store one, "shard" to join one.
        number: Index of the sample, or number of the shard.
    """

    kind: Literal["sample", "shard"]
    number: int


class Schedule:
    """What is to be done next.

    Args:
        plan: What is left to do.
        progress: Told the samples done and the count.
    """

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self._layout, self._progress = plan.layout, progress
        self._samples = deque(plan.missing)
        self._left = Counter(index // plan.layout.shard_size for index in plan.missing)
        self._shards = deque(shard for shard in plan.unfinished if not self._left[shard])
        self._made = plan.layout.count - len(plan.missing)
        self._open = len(plan.missing) + len(plan.unfinished)
        self._tell()

    @property
    def finished(self) -> bool:
        """Whether every task is done."""
        return self._open == 0

    def next(self) -> Task | None:
        """A task that nobody has, shards first; None when there is none now."""
        if self._shards:
            return Task("shard", self._shards.popleft())
        return Task("sample", self._samples.popleft()) if self._samples else None

    def done(self, task: Task) -> None:
        """Count a task as done."""
        self._open -= 1
        if task.kind == "sample":
            shard = task.number // self._layout.shard_size
            self._left[shard] -= 1
            if not self._left[shard]:
                self._shards.append(shard)
            self._made += 1
            self._tell()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._made, self._layout.count)


def perform(task: Task, source: SampleSource, layout: Layout) -> None:
    """Do one task.

    Raises:
        SimgenError: When a rule is broken; `where` names the sample and its seed.
        SampleError: When the source fails otherwise.
    """
    if task.kind == "shard":
        join(layout, task.number)
        return
    where = f"sample {task.number} (seed {source.seed})"
    try:
        sample = source(task.number)
    except SimgenError as error:
        raise _located(error, where) from error
    except Exception as error:
        raise SampleError(
            "making a sample must not fail in code",
            f"{type(error).__name__}: {error}",
            "the traceback tells where",
            where,
        ) from error
    if sample.index != task.number:
        raise SampleError("a sample must have the index asked for", sample.index, "", where)
    put(layout, sample)


def _located(error: SimgenError, where: str) -> SimgenError:
    """The same error with its sample named, fit to cross process borders."""
    value = error.value
    if not (value is None or isinstance(value, str | int | float)):
        value = repr(value)
    inner = f"{where}: {error.where}" if error.where else where
    return type(error)(error.rule, value, error.remedy, inner)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS and OpenCV to one thread: workers share the cores, and sums keep their order."""
    _keep_freed_memory()
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        cv2.setNumThreads(before)


def _keep_freed_memory() -> None:
    """Let glibc keep the arrays of a frame for the next, which needs the same again.

    Given back to the system they would return as fresh pages, at 5 % of a frame's time.
    Other C libraries have no such switch, and are left as they are.
    """
    adjust = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if adjust is not None:
        adjust(M_MMAP_THRESHOLD, 32 << 20)
        adjust(M_TRIM_THRESHOLD, 512 << 20)
