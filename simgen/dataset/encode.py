"""Frames as files, and back.

Integer masks are PNG; float arrays are `.npy` (NumPy's format 1.0) compressed with
Zstandard (RFC 8878) at level 1: exact, and several times faster than zlib at the
same size. Everything else is strict JSON. The bytes depend on the values alone.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from simgen.errors import StoreError

# Field of `Labels` -> member of the archive.
MASKS: Final = {"instance": "instance.png", "semantic": "semantic.png"}
ARRAYS: Final = {
    "depth_m": "depth.npy.zst",
    "distance_m": "distance.npy.zst",
    "normals": "normals.npy.zst",
    "object_coordinates": "object_coordinates.npy.zst",
    "flow_px": "flow.npy.zst",
}
_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE]


def encode_array(array: NDArray[Any]) -> bytes:
    """Any array as a compressed `.npy`."""
    array = np.ascontiguousarray(array)
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    whole = np.concatenate(
        [np.frombuffer(head.getbuffer(), np.uint8), array.reshape(-1).view(np.uint8)]
    )
    packed: bytes = pa.Codec("zstd", 1).compress(whole, asbytes=True)
    return packed


def decode_array(data: bytes) -> NDArray[Any]:
    """The array that `encode_array` wrote.

    Raises:
        StoreError: When it is no such array.
    """
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            raw = stream.read()
        array: NDArray[Any] = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    except (OSError, ValueError) as error:
        raise StoreError("an array must be a Zstandard-compressed .npy", str(error)) from error
    return array


def encode_mask(mask: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """(H, W) ids as a grey PNG of the same depth."""
    done, data = cv2.imencode(".png", mask, _PNG)
    if not done:
        raise StoreError("a mask must be an 8 or 16 bit grey image", f"{mask.dtype} {mask.shape}")
    return data.tobytes()


def decode_mask(data: bytes) -> NDArray[Any]:
    """(H, W) ids.

    Raises:
        StoreError: When it is no image file.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if image is None:
        raise StoreError("an image must be readable", f"{len(data)} bytes that are not one")
    return np.asarray(image)


def encode_reading(array: NDArray[Any]) -> tuple[str, bytes]:
    """Any sensor's array: how its member's name ends, and the member.

    (H, W) of 8 or 16 bits is a grey PNG, everything else a compressed `.npy`.
    """
    if array.ndim == 2 and array.dtype in (np.uint8, np.uint16):
        return "png", encode_mask(array)
    return "npy.zst", encode_array(array)


def decode_reading(member: str, data: bytes) -> NDArray[Any]:
    """The array of a member that `encode_reading` wrote.

    Raises:
        StoreError: When it is damaged.
    """
    return decode_mask(data) if member.endswith(".png") else decode_array(data)


def encode_json(value: object, where: str) -> bytes:
    """Plain data as compact JSON.

    Raises:
        StoreError: When it holds what JSON cannot: NaN, infinity, or an object.
    """
    try:
        return _dumps(value, _convert)
    except (TypeError, ValueError):
        return _dumps(_plain(value, where), None)  # slower, and says where the fault is


def _dumps(value: object, default: Callable[[object], object] | None) -> bytes:
    text = json.dumps(
        value, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=default
    )
    return text.encode()


def _convert(value: object) -> object:
    """One level of what `_plain` does at all levels."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(name): item for name, item in value.items()}
    raise TypeError(type(value).__name__)


def decode_json(data: bytes, where: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        StoreError: When it is damaged.
    """
    try:
        value = json.loads(data)
    except ValueError as error:
        raise StoreError("a record must be readable JSON", str(error), where=where) from error
    if not isinstance(value, dict):
        raise StoreError("a record must be a JSON object", type(value).__name__, where=where)
    return value


def _plain(value: object, where: str) -> object:
    """Reduce NumPy's types, mappings and sequences to JSON's."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        raise StoreError("a recorded number must be finite", value, "leave it out", where)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item, f"{where}.{name}") for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    raise StoreError(
        "a record must be plain data (numbers, text, lists, mappings)",
        type(value).__name__,
        where=where,
    )
