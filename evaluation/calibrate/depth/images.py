"""Depth images from a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from simgen.errors import CaptureError

Array = NDArray[np.float64]
SUFFIXES = (".depth.png", ".depth.npy")


@dataclass(frozen=True, eq=False)
class DepthImage:
    """One capture.

    Attributes:
        name: Of its file.
        depth_m: (H, W) along the axis; 0 for none.
        label: (H, W) 0 for nothing known, 1 for the table, other numbers for objects; None
            where there are no labels.

    Raises:
        CaptureError: When sizes differ, or depth is not finite and at least 0.
    """

    name: str
    depth_m: Array
    label: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if self.depth_m.ndim != 2:
            raise CaptureError("depth must be (H, W)", self.depth_m.shape, where=self.name)
        if self.label is not None and self.label.shape != self.depth_m.shape:
            raise CaptureError(
                "depth and labels must have one size",
                (self.depth_m.shape, self.label.shape),
                where=self.name,
            )
        bad = int((~np.isfinite(self.depth_m) | (self.depth_m < 0)).sum())
        if bad:
            raise CaptureError(
                "depth must be finite and at least 0",
                f"{bad} pixels that are not",
                "store 0 where there is no depth",
                self.name,
            )


def read_images(folder: Path) -> tuple[DepthImage, ...]:
    """All captures of a folder, by name.

    A capture is `NAME.depth.png` (uint16, millimetres, 0 for none) or `NAME.depth.npy`
    (floats, metres), and may have `NAME.label.png`.

    Raises:
        CaptureError: When there is none, one cannot be read, or they differ in size.
    """
    if not folder.is_dir():
        raise CaptureError("depth images must lie in a folder", f"no folder {folder}")
    paths = sorted(p for p in folder.iterdir() if p.name.endswith(SUFFIXES))
    if not paths:
        raise CaptureError(
            "a folder must hold depth images",
            "none",
            "name them NAME.depth.png (16 bits, millimetres) or NAME.depth.npy (metres)",
            str(folder),
        )
    images = tuple(_read(path) for path in paths)
    sizes = sorted({image.depth_m.shape for image in images})
    if len(sizes) > 1:
        raise CaptureError(
            "depth images of one camera must have one size", sizes, where=str(folder)
        )
    return images


def _read(path: Path) -> DepthImage:
    name = path.name.removesuffix(path.suffix).removesuffix(".depth")
    if path.suffix == ".npy":
        try:
            depth = np.load(path, allow_pickle=False).astype(np.float64)
        except (ValueError, OSError, EOFError) as error:
            raise CaptureError(
                "a depth image must be readable", str(error), where=str(path)
            ) from error
    else:
        found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if found is None or found.dtype != np.uint16 or found.ndim != 2:
            raise CaptureError(
                "a depth image must be a PNG of 16 bits and one channel",
                "a file that is not one"
                if found is None
                else f"{found.dtype} of shape {found.shape}",
                where=str(path),
            )
        depth = np.asarray(found, np.float64) / 1000
    label_path = path.with_name(name + ".label.png")
    label = None
    if label_path.exists():
        found = cv2.imread(str(label_path), cv2.IMREAD_UNCHANGED)
        if found is None or found.ndim != 2:
            raise CaptureError("labels must be a PNG of one channel", "", where=str(label_path))
        label = np.asarray(found, np.int64)
    return DepthImage(name, depth, label)
