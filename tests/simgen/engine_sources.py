"""Sources with faults, importable by worker processes."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

from simgen.dataset.toy import ToySource
from simgen.errors import ConfigError


@dataclass(frozen=True)
class DyingSource(ToySource):
    """Kills its process at sample 3, `deaths` times."""

    marks: Path = Path()
    deaths: int = 1

    def __call__(self, index):
        if index == 3:
            done = len(list(self.marks.iterdir()))
            if done < self.deaths:
                (self.marks / str(done)).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(index)


@dataclass(frozen=True)
class FailingSource(ToySource):
    """Breaks a rule at sample 3, or divides by zero there."""

    rule: bool = True

    def __call__(self, index):
        if index == 3:
            if self.rule:
                raise ConfigError("`low <= high` must hold", {"low": 2}, "swap them", "scene.size")
            return 1 // 0
        return super().__call__(index)


@dataclass(frozen=True)
class InterruptedSource(ToySource):
    """Behaves as if Ctrl-C was pressed during sample 3."""

    def __call__(self, index):
        if index == 3:
            raise KeyboardInterrupt
        return super().__call__(index)


@dataclass(frozen=True)
class ProcessSource(ToySource):
    """Notes which process made which sample, and how many threads it had."""

    notes: Path = Path()

    def __call__(self, index):
        import cv2  # noqa: PLC0415
        from threadpoolctl import threadpool_info  # noqa: PLC0415

        threads = max([cv2.getNumThreads(), *(pool["num_threads"] for pool in threadpool_info())])
        (self.notes / f"{index}-{os.getpid()}-{threads}").touch()
        return super().__call__(index)
