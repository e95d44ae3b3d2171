"""Training the detector on a set of captures."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluation.captures import CaptureSet, LabelledImage
from evaluation.tasks.augment import draw_crop
from evaluation.tasks.backbone import pretrained_backbone
from evaluation.tasks.config import TrainConfig
from evaluation.tasks.heap import roomy_heap
from evaluation.tasks.labels import require_labels, require_same_classes
from evaluation.tasks.model import Model
from evaluation.tasks.network import Detector
from evaluation.tasks.targets import Targets, detection_loss, encode
from simgen.errors import CaptureError
from simgen.rng import Key

Progress = Callable[[int, int, float], None]


def train(
    captures: CaptureSet,
    *,
    key: Key,
    config: TrainConfig,
    progress: Progress | None = None,
    start: Model | None = None,
) -> Model:
    """Train a detector.

    The crop of step i, place j comes from the stream `key / "crop" / i / j`,
    so that one machine with one number of threads gives the same weights, bit
    for bit, for the same key, captures and config.

    Args:
        captures: Labelled captures.
        key: Source of the new layers' weights and of the crops.
        config: Recipe and budget.
        progress: Called after each step with steps done, steps in all, loss.
        start: A model to fine-tune; its classes must be those of `captures`.

    Raises:
        CaptureError: There is nothing to learn from, or `start` has other classes.
    """
    categories = require_labels(captures, "training")
    if start is not None:
        require_same_classes(start.categories, captures)
    names = categories if start is None else start.categories
    detector = _fresh(len(names), key) if start is None else _copy(start.detector)
    averaged = _copy(detector)
    with roomy_heap():
        for step, loss in _steps(detector, averaged, captures, names, key, config):
            if progress is not None:
                progress(step, config.iterations, loss)
    provenance = {
        "captures": str(captures.root.name),
        "images": str(len(captures.images)),
        "image names sha256": _names_digest(captures),
        "seed": str(key.seed),
        "stream": "/".join(key.path),
        "started from": "ImageNet" if start is None else "a model",
        "torch": str(torch.__version__),
    }
    return Model(averaged.eval(), names, config, provenance)


def _fresh(classes: int, key: Key) -> Detector:
    # torch's initialisers draw from the global generator: lend them a state of our own
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed((key / "weights").entropy() % 2**63)
        return _prepared(Detector(classes, pretrained_backbone()))


def _copy(detector: Detector) -> Detector:
    with torch.random.fork_rng(devices=[]):
        twin = Detector(detector.classes, type(detector.backbone)())
    twin.load_state_dict(detector.state_dict())
    return _prepared(twin)


def _prepared(detector: Detector) -> Detector:
    return detector.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _steps(
    detector: Detector,
    averaged: Detector,
    captures: CaptureSet,
    names: tuple[str, ...],
    key: Key,
    config: TrainConfig,
) -> Iterator[tuple[int, float]]:
    """Optimise; yield (steps done, loss)."""
    for layer in (detector.backbone.stem, *detector.backbone.blocks)[: config.frozen_layers]:
        layer.requires_grad_(False)
    optimiser = torch.optim.AdamW(_groups(detector, config), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, config))
    weights, means = list(detector.parameters()), list(averaged.parameters())
    for step, (images, targets) in enumerate(_batches(captures, names, key, config), start=1):
        with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
            maps = detector(images.contiguous(memory_format=torch.channels_last))
        loss = detection_loss(maps, targets)
        optimiser.zero_grad()
        torch.autograd.backward([loss])
        torch.nn.utils.clip_grad_norm_(weights, config.clip_norm)
        optimiser.step()
        schedule.step()
        decay = min(config.ema, step / (step + 10))
        with torch.no_grad():
            for mean, weight in zip(means, weights, strict=True):
                mean.lerp_(weight, 1 - decay)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise CaptureError(
                "the training loss must stay finite",
                f"{value} at step {step}",
                "lower `learning_rate`",
                "training",
            )
        yield step, value


def _groups(detector: Detector, config: TrainConfig) -> list[dict[str, object]]:
    """Backbone and new layers, kernels and biases, each at its rate and decay."""
    groups: list[dict[str, object]] = []
    for old in (True, False):
        for kernel in (True, False):
            chosen = [
                weight
                for name, weight in detector.named_parameters()
                if weight.requires_grad
                and name.startswith("backbone.") == old
                and (weight.ndim > 1) == kernel
            ]
            rate = config.learning_rate * (config.backbone_rate if old else 1.0)
            decay = config.weight_decay if kernel else 0.0
            groups.append({"params": chosen, "lr": rate, "weight_decay": decay})
    return groups


def _rate(step: int, config: TrainConfig) -> float:
    """Share of the peak rate: linear warm-up, then half a cosine to 0."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    done = (step - config.warmup) / max(1, config.iterations - config.warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


def _batches(
    captures: CaptureSet, names: tuple[str, ...], key: Key, config: TrainConfig
) -> Iterator[tuple[Tensor, Targets]]:
    """Batches in order; the next one is cut while the present one is learnt from."""
    index = {number: names.index(name) for number, name in captures.categories.items()}
    labels = [
        np.array([index[int(number)] for number in image.categories], dtype=np.int64)
        for image in captures.images
    ]
    pixels = _Pixels(captures.images, config.cache_mib)

    def cut(step: int) -> tuple[Tensor, Targets]:
        crops = []
        for place in range(config.batch):
            rng = (key / "crop" / step / place).generator()
            chosen = int(rng.integers(len(captures.images)))
            image = captures.images[chosen]
            crops.append(
                draw_crop(pixels[chosen], image.boxes, labels[chosen], image.ignore, config, rng)
            )
        return encode(crops)

    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(cut, 0)
        for step in range(config.iterations):
            batch = coming.result()
            if step + 1 < config.iterations:
                coming = pool.submit(cut, step + 1)
            yield batch


class _Pixels:
    """Decoded images by index; kept while they fit into the limit, else decoded each time."""

    def __init__(self, images: tuple[LabelledImage, ...], limit_mib: int) -> None:
        self._images = images
        self._kept: dict[int, NDArray[np.uint8]] = {}
        self._room = limit_mib * 2**20

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        if index in self._kept:
            return self._kept[index]
        pixels = self._images[index].read()
        if pixels.nbytes <= self._room:
            self._room -= pixels.nbytes
            self._kept[index] = pixels
        return pixels


def _names_digest(captures: CaptureSet) -> str:
    names = "\0".join(image.name for image in captures.images)
    return hashlib.sha256(names.encode()).hexdigest()
