"""Worker processes: each is given one task at a time, and replaced when it dies or is old."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import connection, resource_tracker
from typing import Any

from simgen.dataset.layout import Layout
from simgen.dataset.locks import worker_lock
from simgen.engine.tasks import SampleError, SampleSource, Schedule, Task, one_thread, perform
from simgen.errors import SimgenError

_PATIENCE_S = 10.0
# What a worker says of a task: an error and its notes, or None when it is done.
_Reply = tuple[SimgenError, tuple[str, ...]] | None


def run_pool(
    schedule: Schedule, source: SampleSource, layout: Layout, workers: int, recycle: int
) -> tuple[str, ...]:
    """Do all tasks; tell in words which workers died, their tasks having been done again.

    Raises:
        SimgenError: The first that a task raised; the other workers end their tasks first.
        SampleError: When a task ended its process twice.
    """
    deaths: dict[Task, str] = {}
    again: list[Task] = []
    crew: list[_Worker] = []
    try:
        crew += [_Worker(source, layout) for _ in range(workers)]
        while not schedule.finished:
            for slot, worker in enumerate(crew):
                if worker.task is None and (task := again.pop() if again else schedule.next()):
                    if worker.tasks >= recycle:
                        _stop([worker])
                        crew[slot] = _Worker(source, layout)
                    crew[slot].give(task)
            for slot, task in _ready(crew):
                try:
                    crew[slot].take()
                except EOFError:
                    _mourn(crew[slot], task, source, deaths)
                    again.append(task)
                    crew[slot] = _Worker(source, layout)
                else:
                    schedule.done(task)
    finally:
        _stop(crew)
    return tuple(deaths.values())


class _Worker:
    """This process's end of a worker process."""

    def __init__(self, source: SampleSource, layout: Layout) -> None:
        context = multiprocessing.get_context("spawn")
        self.task: Task | None = None
        self.tasks = 0
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=_work, args=(far, source, layout), daemon=True)
        with _no_interrupt():
            self.process.start()
        far.close()

    def give(self, task: Task) -> None:
        """Let it do a task."""
        self.task = task
        self.tasks += 1
        with suppress(BrokenPipeError):  # it died idle: `take` finds out
            self.pipe.send(task)

    def take(self) -> None:
        """Hear that the task is done.

        Raises:
            SimgenError: What the task raised.
            EOFError: When the process died.
        """
        self.task = None
        try:
            reply: _Reply = self.pipe.recv()
        except ConnectionResetError as reset:
            raise EOFError from reset
        if reply is not None:
            error, notes = reply
            for note in notes:
                error.add_note(note)
            raise error


def _ready(crew: list[_Worker]) -> list[tuple[int, Task]]:
    """Wait until a worker has something to say, or died; places in the crew, and tasks."""
    busy = [(slot, worker.task) for slot, worker in enumerate(crew) if worker.task is not None]
    heard = connection.wait([crew[slot].pipe for slot, _ in busy])
    return [(slot, task) for slot, task in busy if crew[slot].pipe in heard]


def _mourn(worker: _Worker, task: Task, source: SampleSource, deaths: dict[Task, str]) -> None:
    """Note a death, and refuse to go on when the same task has caused one before."""
    worker.process.join()
    worker.pipe.close()
    code = worker.process.exitcode or 0
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    what = f"sample {task.number} (seed {source.seed})"
    if task.kind == "shard":
        what = f"joining shard {task.number}"
    if task in deaths:
        raise SampleError(
            "a task must not end its worker process",
            f"two processes ended, the last by {how}",
            "where memory ran out (SIGKILL), use fewer workers",
            what,
        )
    deaths[task] = f"{what} ended its worker by {how}; it was done again"


def _stop(crew: list[_Worker]) -> None:
    """Let workers end their tasks, and end those that do not."""
    for worker in crew:
        with suppress(OSError):  # dead, or buried already
            worker.pipe.send(None)
    until = time.monotonic() + _PATIENCE_S
    for worker in crew:
        worker.process.join(max(0.0, until - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.pipe.close()


@contextmanager
def _no_interrupt() -> Iterator[None]:
    """Start a process that never sees Ctrl-C: it inherits the mask."""
    # Starting the resource tracker would lift the mask, so it is started before.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: Any, source: SampleSource, layout: Layout) -> None:
    """Life of a worker process."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with worker_lock(layout.root), one_thread():
        while (task := pipe.recv()) is not None:
            try:
                perform(task, source, layout)
            except SimgenError as error:
                unforeseen = isinstance(error, SampleError)
                pipe.send((error, tuple(traceback.format_exception(error)) if unforeseen else ()))
            else:
                pipe.send(None)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
