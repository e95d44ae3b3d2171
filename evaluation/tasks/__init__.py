"""Downstream tasks: what the synthetic data is for, and so the last word on the gap.

A task trains a model on one set of captures and scores it on another. Tasks
are named in one table of lazy "module:Attr" strings, so that listing them
imports neither torch nor anything else heavy. `evaluation.tasks.scoring` and
`evaluation.tasks.config` need no torch either.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from simgen.errors import ConfigError, MissingExtraError, did_you_mean

TASKS: Mapping[str, str] = MappingProxyType({"detection": "evaluation.tasks.detection:DETECTION"})
"""Task name to where it lives."""


@dataclass(frozen=True)
class Task:
    """One downstream task; the signatures are those of `evaluation.tasks.detection`.

    Attributes:
        name: Name in `TASKS`.
        summary: What it measures, one line.
        config: Type of its training config, with `quick()` and `from_mapping()`.
        train: (captures, *, key, config, progress, start) to a model.
        save: (model, path).
        load: path to a model.
        predict: (model, images, ...) to COCO results.
        score: (detections, captures, *, key, ...) to a score.
    """

    name: str
    summary: str
    config: type[Any]
    train: Callable[..., Any]
    save: Callable[..., None]
    load: Callable[..., Any]
    predict: Callable[..., list[dict[str, Any]]]
    score: Callable[..., Any]


def load_task(name: str) -> Task:
    """Import a task.

    Raises:
        ConfigError: No such task.
        MissingExtraError: It needs torch, which is not installed.
    """
    if name not in TASKS:
        raise ConfigError("a task must be a known one", name, did_you_mean(name, TASKS))
    module, attribute = TASKS[name].split(":")
    try:
        task = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtraError(
            f"the task {name!r} needs torch",
            remedy="install a CPU build of torch, then: pip install 'simgen[eval]'",
        ) from error
    assert isinstance(task, Task)  # noqa: S101 - the table above is ours
    return task
