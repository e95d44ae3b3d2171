"""TFRecord files of `tf.train.Example`, read without TensorFlow.

Framing (TensorFlow, `tensorflow/core/lib/io/record_writer.h`): length as
uint64, masked CRC of the length, the data, masked CRC of the data, all little
endian. The CRC is CRC-32C (Castagnoli, RFC 3720), masked as
`rotate_right(crc, 15) + 0xa282ead8`. `Example` is protocol-buffer wire format:
`Example.features(1).feature(1)` is a map of name(1) to Feature(2), a Feature
one of bytes_list(1), float_list(2), int64_list(3), each with `value(1)`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from simgen.errors import CaptureError

Feature = tuple[bytes, ...] | tuple[float, ...] | tuple[int, ...]

_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
_MAX_RECORD_BYTES = 1 << 30


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        table.append(value)
    return tuple(table)


_TABLE = _crc_table()


def crc32c(data: bytes) -> int:
    """CRC-32C of `data`; about 10 MB/s, enough for a set that is fetched once."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFF


def masked_crc32c(data: bytes) -> int:
    """The CRC as a TFRecord stores it."""
    value = crc32c(data)
    return (((value >> 15) | (value << 17)) + _MASK_DELTA) & 0xFFFFFFFF


def frame(data: bytes) -> bytes:
    """One record as it stands in a file."""
    length = struct.pack("<Q", len(data))
    return (
        length
        + struct.pack("<I", masked_crc32c(length))
        + data
        + struct.pack("<I", masked_crc32c(data))
    )


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a file, every CRC checked.

    Raises:
        CaptureError: The file is unreadable, cut short, or a CRC is wrong.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while header := file.read(12):
                where = f"{path}: record {number}"
                length = _checked_length(header, where)
                body = file.read(length + 4)
                if len(body) < length + 4:
                    raise _truncated(where)
                data, stored = body[:length], struct.unpack("<I", body[length:])[0]
                if masked_crc32c(data) != stored:
                    raise CaptureError(
                        "the data of a record must agree with its CRC",
                        f"{masked_crc32c(data):#010x}, stored {stored:#010x}",
                        "the file is damaged: fetch it again",
                        where,
                    )
                yield data
                number += 1
    except OSError as error:
        raise CaptureError("a record file must be readable", str(error), where=str(path)) from error


def _checked_length(header: bytes, where: str) -> int:
    if len(header) < 12:
        raise _truncated(where)
    length, stored = struct.unpack("<QI", header)
    if masked_crc32c(header[:8]) != stored:
        raise CaptureError(
            "the length of a record must agree with its CRC",
            f"{masked_crc32c(header[:8]):#010x}, stored {stored:#010x}",
            "the file is damaged or no TFRecord",
            where,
        )
    if length > _MAX_RECORD_BYTES:
        raise CaptureError(f"a record must be under {_MAX_RECORD_BYTES} bytes", length, where=where)
    return int(length)


def _truncated(where: str) -> CaptureError:
    return CaptureError(
        "a record file must end where a record ends",
        "fewer bytes",
        "the file is cut short: fetch it again",
        where,
    )


def parse_example(data: bytes, where: str) -> Mapping[str, Feature]:
    """The features of one `tf.train.Example`, by name.

    Raises:
        CaptureError: The data is not such a message.
    """
    try:
        features: dict[str, Feature] = {}
        for block in _length_delimited(data, 1):
            for entry in _length_delimited(block, 1):
                name = b"".join(_length_delimited(entry, 1)).decode("utf-8")
                features[name] = _feature(b"".join(_length_delimited(entry, 2)))
    except (IndexError, ValueError, struct.error) as error:
        raise CaptureError(
            "a record must hold a tf.train.Example", str(error), where=where
        ) from error
    return features


def _feature(data: bytes) -> Feature:
    for field, _, payload in _fields(data):
        if field == 1 and isinstance(payload, bytes):
            return tuple(_length_delimited(payload, 1))
        if field == 2 and isinstance(payload, bytes):
            packed = b"".join(part for _, _, part in _fields(payload) if isinstance(part, bytes))
            return struct.unpack(f"<{len(packed) // 4}f", packed)
        if field == 3 and isinstance(payload, bytes):
            return _integers(payload)
    return ()


def _integers(data: bytes) -> tuple[int, ...]:
    values: list[int] = []
    for _, _, part in _fields(data):
        if isinstance(part, int):
            values.append(part)
            continue
        at = 0
        while at < len(part):
            value, at = _varint(part, at)
            values.append(value)
    return tuple(value - (1 << 64) if value >= 1 << 63 else value for value in values)


def _length_delimited(data: bytes, wanted: int) -> Iterator[bytes]:
    for field, _, payload in _fields(data):
        if field == wanted and isinstance(payload, bytes):
            yield payload


def _fields(data: bytes) -> Iterator[tuple[int, int, bytes | int]]:
    """(field number, wire type, payload) of each field; fixed-width payloads stay bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield tag >> 3, wire, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in {1, 5}:
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + size > len(data):
            raise ValueError("a field passes the end of the message")
        yield tag >> 3, wire, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a varint is longer than 10 bytes")
