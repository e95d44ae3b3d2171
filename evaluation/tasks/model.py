"""A trained detector and its file."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.tasks.backbone import Backbone
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.network import Detector
from simgen.errors import CaptureError

FORMAT = "simgen detection model 1"


@dataclass(frozen=True, eq=False)
class Model:
    """A trained detector.

    Attributes:
        detector: The network, in evaluation mode.
        categories: Names of the classes, in the order of the network's outputs.
        config: How it was trained.
        provenance: What it was trained on, as text.
    """

    detector: Detector
    categories: tuple[str, ...]
    config: TrainConfig
    provenance: Mapping[str, str]


def save_model(model: Model, path: Path) -> None:
    """Write a model; the file appears whole or not at all."""
    content = {
        "format": FORMAT,
        "categories": list(model.categories),
        "config": dataclasses.asdict(model.config),
        "provenance": dict(model.provenance),
        "weights": model.detector.state_dict(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    torch.save(content, partial)
    partial.replace(path)


def load_model(path: Path) -> Model:
    """Read a model written by `save_model`; no code in the file is run.

    Raises:
        CaptureError: The file is missing, or is not such a model.
    """
    remedy = "train one with `simgen task train`"
    if not path.is_file():
        raise CaptureError("a model file must exist", str(path), remedy)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the unpickler stumbles over in a file of another kind
        raise CaptureError(
            "a model file must be one that simgen wrote",
            type(error).__name__,
            remedy,
            str(path),
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise CaptureError(f"a model file must be a {FORMAT!r}", found, remedy, str(path))
    detector = Detector(len(content["categories"]), Backbone())
    try:
        detector.load_state_dict(content["weights"])
    except RuntimeError as error:
        raise CaptureError(
            "a model file must be one that simgen wrote",
            "weights of another network",
            remedy,
            str(path),
        ) from error
    return Model(
        detector=detector.to(memory_format=torch.channels_last).eval(),  # type: ignore[call-overload]
        categories=tuple(content["categories"]),
        config=TrainConfig.from_mapping(content["config"]),
        provenance=content["provenance"],
    )
