"""The detection task in one place: train, save, load, predict, score.

Importing this module imports torch.
"""

from __future__ import annotations

from evaluation.tasks import Task
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.matching import read_detections
from evaluation.tasks.model import Model, load_model, save_model
from evaluation.tasks.prediction import predict
from evaluation.tasks.scoring import DetectionScore, Spread, score, summarise
from evaluation.tasks.training import train

__all__ = [
    "DETECTION",
    "DetectionScore",
    "Model",
    "Spread",
    "TrainConfig",
    "load_model",
    "predict",
    "read_detections",
    "save_model",
    "score",
    "summarise",
    "train",
]

DETECTION = Task(
    name="detection",
    summary="find objects and name their class: AP of a centre-point detector",
    config=TrainConfig,
    train=train,
    save=save_model,
    load=load_model,
    predict=predict,
    score=score,
)
