"""Jobs side by side in processes, or one after the other in this one."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import connection
from typing import TypeVar

Job = TypeVar("Job")
Found = TypeVar("Found")


def each(
    jobs: Sequence[Job], todo: Callable[[Job], Found], workers: int
) -> Iterator[tuple[Job, Found]]:
    """Jobs with what they gave, as they end.

    Args:
        jobs: What is to be done.
        todo: Does one; it must go to another process, so it is no closure.
        workers: Processes; 1 stays in this one.
    """
    if workers == 1:
        for job in jobs:
            yield job, todo(job)
        return
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, spawned, _end_with_parent) as pool:
        running = {pool.submit(todo, job): job for job in jobs}
        try:
            for done in as_completed(running):
                yield running[done], done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)  # or the rest would be run to its end first
            raise


def _end_with_parent() -> None:
    """Let this worker end when its parent is killed; it would wait for jobs for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            connection.wait([parent.sentinel])
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
