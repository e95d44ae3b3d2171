"""From a source of samples to a finished dataset."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simgen.dataset.layout import Manifest
from simgen.dataset.writer import finish, writing
from simgen.engine.pool import run_pool
from simgen.engine.tasks import Progress, SampleSource, Schedule, one_thread, perform
from simgen.errors import ConfigError


@dataclass(frozen=True)
class Outcome:
    """How a generation went.

    Attributes:
        manifest: Of the finished dataset.
        made: Samples that this run made; the rest were there.
        deaths: In words, each worker process that died and whose task was done again.
    """

    manifest: Manifest
    made: int
    deaths: tuple[str, ...] = ()


def generate_dataset(
    source: SampleSource,
    out: Path,
    *,
    count: int,
    workers: int = 1,
    shard_size: int = 100,
    progress: Progress | None = None,
    recycle: int = 500,
) -> Outcome:
    """Make, resume or extend the dataset in `out`.

    One worker works in this process. More are processes of their own, which never see
    Ctrl-C, die with this one, and are replaced after `recycle` tasks, since PyBullet does
    not give back the memory of its textures. A worker that dies is replaced and its task
    done once more. Whatever is raised, KeyboardInterrupt included, every finished sample is
    kept, and the same call goes on from there.

    Args:
        source: Makes the samples.
        out: Folder of the dataset.
        count: Samples; more than a finished dataset has extends it.
        workers: Processes that make samples.
        shard_size: Samples of a full shard.
        progress: Called in this process with the samples done and `count`.
        recycle: Tasks after which a worker process is replaced.

    Raises:
        StoreError: When the dataset cannot be written; see `simgen.dataset.writer.writing`.
        SimgenError: When a sample breaks a rule; `where` names its index and seed.
        SampleError: When making a sample fails in code, or ends its process twice.
    """
    if workers < 1 or recycle < 1:
        raise ConfigError("`workers` and `recycle` must be at least 1", f"{workers} and {recycle}")
    with writing(
        out,
        config=source.config,
        digest=source.digest,
        seed=source.seed,
        count=count,
        shard_size=shard_size,
    ) as plan:
        schedule = Schedule(plan, progress)
        deaths: tuple[str, ...] = ()
        if workers == 1:
            with one_thread():
                while task := schedule.next():
                    perform(task, source, plan.layout)
                    schedule.done(task)
        elif plan.unfinished:
            crew = min(workers, max(1, len(plan.missing)))
            deaths = run_pool(schedule, source, plan.layout, crew, recycle)
        return Outcome(finish(plan.layout), len(plan.missing), deaths)
