"""A source of small random pictures with exact labels, to check stores and formats with.

Discs and bars of two classes lie over one another, some of them partly outside the frame;
the last body of a sample is wholly hidden or outside now and then. Nothing is simulated.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from simgen.dataset.consistency import tight_box
from simgen.rng import Key
from simgen.sample import RLE, Frame, Keypoint, Labels, ObjectLabel, Sample
from simgen.space import Factor

CATEGORIES = ("disc", "bar")
_MARGIN = 24


@dataclass(frozen=True)
class ToySource:
    """Samples by index; satisfies `simgen.engine.SampleSource`.

    Attributes:
        seed: Root of all randomness.
        frames: Frames of a sample.
        bodies: Bodies of a sample.
        size: Width and height in pixels.
        pause_s: Time that each sample takes beyond its own.
    """

    seed: int = 0
    frames: int = 1
    bodies: int = 5
    size: tuple[int, int] = (96, 64)
    pause_s: float = 0.0

    @property
    def config(self) -> Mapping[str, object]:
        """What makes the samples what they are, plain data."""
        return {"source": "toy", "seed": self.seed, "frames": self.frames, "bodies": self.bodies}

    @property
    def digest(self) -> str:
        """Identity of the config."""
        return f"toy-{self.seed}-{self.frames}-{self.bodies}-{self.size}"

    def __call__(self, index: int) -> Sample:
        """The sample at `index`."""
        time.sleep(self.pause_s)
        key = Key(self.seed) / "toy" / index
        rng = key.generator()
        asset = {"digest": f"{index % 3}", "name": "shape", "source": "toy", "licence": "CC0-1.0"}
        return Sample(
            index=index,
            frames=tuple(self._frame(rng, number) for number in range(self.frames)),
            categories=CATEGORIES,
            factors=(
                Factor("scene.count", self.bodies, 0.0),
                Factor("scene.hue", float(rng.uniform()), 0.0),
                Factor("scene.kind", "table", -0.6931471805599453),
                Factor("scene.up", (0.0, 0.6, 0.8), -2.5),
                Factor("scene.wet", bool(rng.integers(2)), -0.6931471805599453),
            ),
            rejections={"no view": int(rng.integers(3))},
            provenance={"assets": [asset], "renderer": "toy"},
            streams={"imu": rng.standard_normal((7, 6))},
        )

    def _frame(self, rng: np.random.Generator, number: int) -> Frame:
        width, height = self.size
        silhouettes = [self._silhouette(rng) for _ in range(self.bodies)]
        wide = np.zeros((height + 2 * _MARGIN, width + 2 * _MARGIN), np.uint16)
        for instance, silhouette in enumerate(silhouettes, 1):
            wide[silhouette] = instance
        frame = np.s_[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width]
        instance_mask = np.ascontiguousarray(wide[frame])
        objects = tuple(
            _label(instance, silhouette, instance_mask, frame)
            for instance, silhouette in enumerate(silhouettes, 1)
        )
        semantic = np.zeros(self.bodies + 1, np.uint8)
        for label in objects:
            semantic[label.instance] = label.category_id
        depth = np.where(instance_mask > 0, 1 + rng.uniform(size=instance_mask.shape), 0)
        rgb = (rng.integers(0, 256, (self.bodies + 1, 3), np.uint8))[instance_mask]
        rgb ^= rng.integers(0, 8, rgb.shape, np.uint8)
        done, encoded = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        if not done:
            raise AssertionError("OpenCV must be able to write PNG")
        return Frame(
            number=number,
            time_s=0.04 * number,
            stamp_s=0.04 * number + 0.002,
            width=width,
            height=height,
            encoded=encoded.tobytes(),
            suffix="png",
            labels=Labels(
                objects=objects,
                instance=instance_mask,
                semantic=semantic[instance_mask],
                depth_m=depth.astype(np.float32),
                normals=np.repeat(depth[..., None], 3, axis=2).astype(np.float16),
            ),
            camera={"model": "pinhole", "fx_px": 100.0, "size_px": [width, height]},
            readings={
                "raw": rng.integers(0, 4096, (6, 8), np.uint16),
                "sensed_depth_m": depth[:6, :8].astype(np.float32),
            },
        )

    def _silhouette(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        width, height = self.size
        y, x = np.mgrid[-_MARGIN : height + _MARGIN, -_MARGIN : width + _MARGIN]
        cx, cy, radius = rng.uniform(-8, width + 8), rng.uniform(-8, height + 8), rng.uniform(4, 14)
        if rng.uniform() < 0.5:
            return np.asarray((x - cx) ** 2 + (y - cy) ** 2 < radius**2)
        return np.asarray((abs(x - cx) < radius) & (abs(y - cy) < 3))


def _label(
    instance: int,
    silhouette: NDArray[np.bool_],
    instance_mask: NDArray[np.uint16],
    frame: tuple[slice, slice],
) -> ObjectLabel:
    visible = instance_mask == instance
    inside = silhouette[frame]
    category_id = 1 + instance % len(CATEGORIES)
    x0, y0, x1, y1 = (edge - _MARGIN for edge in tight_box(silhouette))
    centre = ((x0 + x1) / 2, (y0 + y1) / 2)
    height, width = visible.shape
    shown = 0 <= centre[0] < width and 0 <= centre[1] < height
    return ObjectLabel(
        instance=instance,
        name=f"body{instance}",
        category=CATEGORIES[category_id - 1],
        category_id=category_id,
        box=tight_box(visible) if visible.any() else None,
        amodal_box=(x0, y0, x1, y1),
        pixels_visible=int(visible.sum()),
        pixels_in_frame=int(inside.sum()),
        pixels_total=int(silhouette.sum()),
        position_m=(0.1 * instance, 0.0, 1.0),
        quaternion=(0.0, 0.0, 0.0, 1.0),
        box3d_m=((-0.1, -0.1, -0.1), (0.1, 0.1, 0.1)),
        keypoints=(
            Keypoint("centre", centre, 2 if shown else 0),
            Keypoint("behind", (float("nan"), float("nan")), 0),
        ),
        mask=_rle(visible),
        amodal_mask=_rle(inside),
        attributes={"area": float(visible.sum()), "tone": "plain", "layer": instance},
    )


def _rle(mask: NDArray[np.bool_]) -> RLE:
    rle: RLE = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return rle
