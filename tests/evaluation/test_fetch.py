"""Fetching, against a server on this machine and a small record written here."""

import functools
import http.server
import io
import json
import os
import socket
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from evaluation.captures import load_captures
from evaluation.fetch import SOURCES, Source, fetch, public_set
from evaluation.fetch.jpeg import picture_bytes, strip_jpeg
from evaluation.fetch.source import Facts, facts_of, verify
from evaluation.fetch.tfrecord import crc32c, frame, masked_crc32c, parse_example, read_records
from simgen.errors import CaptureError

REAL = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real"))
OFFSETS = (0.5, 0.5, 0.5, 0.5)
BOXES = {
    "IMG_20200102_030405.jpg": [
        ("one", (10.0, 12.0, 20.0, 20.0)),
        ("six", (40.0, 5.0, 24.0, 30.0)),
    ],
    "IMG_20200102_030500.jpg": [("six", (3.0, 30.0, 18.0, 18.0))],
}
IDS = {"one": 1, "six": 6}
IDS_TO_NAMES = {number: name for name, number in IDS.items()}


# A protocol-buffer writer, independent of the reader under test.
def varint(value):
    out = b""
    while True:
        value, low = value >> 7, value & 0x7F
        out += bytes([low | (0x80 if value else 0)])
        if not value:
            return out


def delimited(field, payload):
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def feature(values):
    if isinstance(values[0], bytes):
        return delimited(1, b"".join(delimited(1, value) for value in values))
    if isinstance(values[0], float):
        return delimited(2, delimited(1, struct.pack(f"<{len(values)}f", *values)))
    return delimited(3, delimited(1, b"".join(varint(v & (2**64 - 1)) for v in values)))


def example(features):
    entries = (
        delimited(1, delimited(1, name.encode()) + delimited(2, feature(values)))
        for name, values in features.items()
    )
    return delimited(1, b"".join(entries))


def photograph(seed, width=64, height=64):
    """A JPEG with EXIF that states a place, a time and an exposure, and a comment."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    exif = Image.Exif()
    tags = exif.get_ifd(ExifTags.IFD.Exif)
    tags[ExifTags.Base.ExposureTime] = 0.0025
    tags[ExifTags.Base.FNumber] = 1.8
    tags[ExifTags.Base.ISOSpeedRatings] = 50
    tags[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[2] = (59.0, 17.0, 2.0)
    exif[ExifTags.Base.Make] = "SECRETCAMERA"
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", exif=exif, comment=b"SECRETPLACE", quality=90)
    return file.getvalue()


def record_bytes(change=None):
    records = []
    for seed, (name, boxes) in enumerate(BOXES.items()):
        corners = np.array([[x, y, x + w, y + h] for _, (x, y, w, h) in boxes]) / 64
        features = {
            "image/encoded": [photograph(seed)],
            "image/filename": [name.encode()],
            "image/width": [64],
            "image/height": [64],
            "image/object/class/label": [IDS[name] for name, _ in boxes],
            "image/object/class/text": [name.encode() for name, _ in boxes],
        }
        for column, key in enumerate(("xmin", "ymin", "xmax", "ymax")):
            features[f"image/object/bbox/{key}"] = [float(v) for v in corners[:, column]]
        if change:
            change(features)
        records.append(frame(example(features)))
    return b"".join(records)


def small_source(url="http://127.0.0.1:9/absent", sha256=None, facts=None):
    blank = Facts(0, (0, 0), {}, (0.0, 0.0, 0.0, 0.0), OFFSETS, "", "")
    return Source("small", "two pictures", url, "0" * 40, "CC0-1.0", sha256, facts or blank)


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """The facts of the small set, from a COCO folder written by hand, not by the fetch."""
    folder = tmp_path_factory.mktemp("byhand")
    images, annotations = [], []
    for number, (name, boxes) in enumerate(BOXES.items(), start=1):
        (folder / name).write_bytes(photograph(number - 1))
        images.append({"id": number, "file_name": name, "width": 64, "height": 64})
        annotations += [
            {"id": len(annotations) + i, "image_id": number, "category_id": IDS[c], "bbox": list(b)}
            for i, (c, b) in enumerate(boxes, start=1)
        ]
    categories = [{"id": number, "name": name} for name, number in IDS.items()]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return facts_of(load_captures(folder), OFFSETS)


@pytest.fixture
def server(tmp_path):
    """Serves a folder on 127.0.0.1; yields (its address, the folder)."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def send_head(self):
            if not self.path.startswith("/cut/"):
                return super().send_head()
            body = (folder / Path(self.path).name).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 100))
            self.end_headers()
            return io.BytesIO(body)

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", folder
        running.shutdown()
        thread.join()


def left_over(folder):
    return sorted(path.name for path in folder.iterdir() if path.name not in {"served", "set"})


def test_crc32c_gives_the_published_values():
    # RFC 3720, appendix B.4, and the check value of the CRC catalogue
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_the_mask_inverts_as_tensorflow_unmasks():
    masked = masked_crc32c(b"some data")
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    assert ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF == crc32c(b"some data")


def test_examples_are_read_packed_unpacked_and_negative():
    data = example({"i": [3, -2, 300], "f": [0.5, -1.25], "b": [b"x", b""]})
    assert parse_example(data, "here") == {"i": (3, -2, 300), "f": (0.5, -1.25), "b": (b"x", b"")}
    loose = delimited(3, b"".join(varint(1 << 3) + varint(v) for v in (7, 9)))
    entry = delimited(1, delimited(1, delimited(1, b"i") + delimited(2, loose)))
    assert parse_example(entry, "here") == {"i": (7, 9)}


@pytest.mark.parametrize("data", [b"\x0a\x7fxx", b"\x0b", b"\xff" * 12, b"\x0a"])
def test_what_is_no_example_is_refused(data):
    with pytest.raises(CaptureError, match=r"tf\.train\.Example"):
        parse_example(data, "here")


def test_a_download_becomes_a_clean_coco_folder(tmp_path, server, facts):
    address, served = server
    (served / "train.record").write_bytes(record_bytes())
    told = []
    wanted = small_source(f"{address}/train.record", facts=facts)
    captures = fetch(
        wanted, tmp_path / "set", progress=lambda done, total: told.append((done, total))
    )
    assert captures.root == tmp_path / "set"
    assert captures.categories == IDS_TO_NAMES
    for image in captures.images:
        expected = BOXES[image.name]
        np.testing.assert_allclose(image.boxes, [box for _, box in expected], atol=0.01)
        assert [captures.categories[int(c)] for c in image.categories] == [c for c, _ in expected]
    document = json.loads((tmp_path / "set/annotations.json").read_text())
    first = document["images"][0]
    assert (first["exposure_s"], first["f_number"], first["iso"]) == (0.0025, 1.8, 50)
    assert first["date_captured"] == "20200102_030405"
    assert len(document["info"]["record_sha256"]) == 64
    size = (served / "train.record").stat().st_size
    assert told[-1] == (size, size)
    assert left_over(tmp_path) == []


def test_no_metadata_is_left_and_no_pixel_changes(tmp_path, facts):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes())
    assert b"SECRETCAMERA" in record.read_bytes()  # or this test could not fail
    captures = fetch(small_source(facts=facts), tmp_path / "set", local=record)
    for seed, image in enumerate(captures.images):
        data = image.encoded()
        assert b"Exif" not in data
        assert b"SECRET" not in data
        before = np.asarray(Image.open(io.BytesIO(photograph(seed))))
        np.testing.assert_array_equal(image.read(), before)


def test_what_follows_the_picture_and_other_segments_go():
    data = photograph(0)
    extra = b"\xff\xed\x00\x09PLACE\0\0" + b"\xff\xe2\x00\x06MPF\0" + data[2:]
    dirty = data[:2] + extra + photograph(1)
    clean = strip_jpeg(dirty, "here", keep_orientation=False)
    assert clean == strip_jpeg(data, "here", keep_orientation=False)
    assert picture_bytes(dirty, "here") == picture_bytes(data, "here")


def test_a_colour_profile_stays(tmp_path):
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", icc_profile=b"p" * 200)
    clean = strip_jpeg(file.getvalue(), "here", keep_orientation=False)
    assert Image.open(io.BytesIO(clean)).info["icc_profile"] == b"p" * 200


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_orientation_alone_is_kept_when_asked(orientation):
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "SECRET"
    Image.new("RGB", (16, 8)).save(file, "JPEG", exif=exif)
    kept = strip_jpeg(file.getvalue(), "here", keep_orientation=True)
    assert dict(Image.open(io.BytesIO(kept)).getexif()) == (
        {} if orientation == 1 else {ExifTags.Base.Orientation: orientation}
    )


@pytest.mark.parametrize("size", [0, 1, 300, -2])
def test_a_cut_jpeg_is_refused(size):
    with pytest.raises(CaptureError, match="whole JPEG"):
        strip_jpeg(photograph(0)[:size], "here", keep_orientation=False)


def test_a_coco_folder_is_copied_without_metadata(tmp_path, facts):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes())
    fetch(small_source(facts=facts), tmp_path / "first", local=record)
    for seed, name in enumerate(BOXES):
        (tmp_path / "first/images" / name).write_bytes(photograph(seed))
    captures = fetch(small_source(facts=facts), tmp_path / "set", local=tmp_path / "first")
    assert all(b"Exif" not in image.encoded() for image in captures.images)
    documents = [
        json.loads((tmp_path / name / "annotations.json").read_text()) for name in ("first", "set")
    ]
    assert documents[0]["images"] == documents[1]["images"]
    assert documents[0]["annotations"] == documents[1]["annotations"]


def test_a_second_fetch_changes_nothing(tmp_path, facts):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes())
    fetch(small_source(facts=facts), tmp_path / "set", local=record)
    before = (tmp_path / "set/annotations.json").stat().st_mtime_ns
    fetch(small_source("http://127.0.0.1:9/unreachable", facts=facts), tmp_path / "set")
    assert (tmp_path / "set/annotations.json").stat().st_mtime_ns == before


def test_another_content_of_the_target_is_refused_and_left(tmp_path, facts):
    (tmp_path / "set").mkdir()
    (tmp_path / "set/mine.txt").write_text("mine")
    with pytest.raises(CaptureError, match=r"absent, empty, or hold the set `small`.*nothing was"):
        fetch(small_source(facts=facts), tmp_path / "set")
    assert (tmp_path / "set/mine.txt").read_text() == "mine"


def test_an_empty_target_and_the_rest_of_a_killed_run_do_not_matter(tmp_path, facts):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes())
    (tmp_path / "set").mkdir()
    killed = tmp_path / ".set.partial-abc"
    killed.mkdir()
    (killed / "set.record").write_bytes(b"half")
    assert len(fetch(small_source(facts=facts), tmp_path / "set", local=record).images) == 2


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: flip(data, 100), "data of a record must agree with its CRC"),
        (lambda data: flip(data, 3), "length of a record must agree with its CRC"),
        (lambda data: data[:-7], "end where a record ends"),
        (lambda data: data + b"tail", "end where a record ends"),
        (lambda _: b"", "must hold records"),
        (lambda _: b"<html>no record file</html>", "damaged or no TFRecord"),
    ],
)
def test_a_damaged_download_gives_one_error_and_no_folder(tmp_path, server, facts, damage, message):
    address, served = server
    (served / "train.record").write_bytes(damage(record_bytes()))
    with pytest.raises(CaptureError, match=message):
        fetch(small_source(f"{address}/train.record", facts=facts), tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert left_over(tmp_path) == []


def test_a_wrong_checksum_is_refused(tmp_path, server, facts):
    address, served = server
    (served / "train.record").write_bytes(record_bytes())
    wanted = small_source(f"{address}/train.record", sha256="ab" * 32, facts=facts)
    with pytest.raises(CaptureError, match="must have SHA-256 abab"):
        fetch(wanted, tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_missing_file_is_an_http_error(tmp_path, server, facts):
    with pytest.raises(CaptureError, match=r"404.*--from"):
        fetch(small_source(f"{server[0]}/absent", facts=facts), tmp_path / "set")


def test_a_server_that_breaks_off_is_an_error(tmp_path, server, facts):
    (server[1] / "train.record").write_bytes(record_bytes())
    with pytest.raises(CaptureError, match="must be reachable"):
        fetch(small_source(f"{server[0]}/cut/train.record", facts=facts), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_refused_connection_is_an_error(tmp_path, facts):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(CaptureError, match=r"must be reachable.*--from"):
        fetch(small_source(f"http://127.0.0.1:{port}/x", facts=facts), tmp_path / "set")


@pytest.mark.parametrize("name", [b"../up.jpg", b"a/b.jpg", b".hidden", b""])
def test_a_file_name_cannot_leave_the_folder(tmp_path, facts, name):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes(lambda features: features.update({"image/filename": [name]})))
    with pytest.raises(CaptureError, match="plain name"):
        fetch(small_source(facts=facts), tmp_path / "set", local=record)


def shift(features):
    features["image/object/bbox/xmin"] = [v + 1 / 64 for v in features["image/object/bbox/xmin"]]


def swap(features):
    for key in ("image/object/class/label", "image/object/class/text"):
        features[key] = features[key][::-1]


def other_picture(features):
    features["image/encoded"] = [photograph(99)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shift, "mean box"),
        (swap, "checksum of the labels"),
        (other_picture, "checksum of the pictures"),
        (lambda f: f.pop("image/encoded"), "one `image/encoded`"),
        (lambda f: f.update({"image/object/class/text": [b"one"] * 9}), "one length"),
        (lambda f: f.update({"image/width": [65]}), "image sizes"),
    ],
)
def test_another_set_is_told_from_the_pinned_one(tmp_path, facts, change, message):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes(change))
    with pytest.raises(CaptureError, match=message):
        fetch(small_source(facts=facts), tmp_path / "set", local=record)
    assert not (tmp_path / "set").exists()


def test_a_missing_local_copy_and_an_unknown_set_are_refused(tmp_path, facts):
    with pytest.raises(CaptureError, match="local copy must exist"):
        fetch(small_source(facts=facts), tmp_path / "set", local=tmp_path / "no.record")
    with pytest.raises(CaptureError, match="did you mean 'dice'"):
        public_set("dices")


def test_a_full_disk_leaves_nothing(tmp_path, facts, monkeypatch):
    record = tmp_path / "train.record"
    record.write_bytes(record_bytes())

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(CaptureError, match="No space left"):
        fetch(small_source(facts=facts), tmp_path / "set", local=record)
    assert left_over(tmp_path) == ["train.record"]


@pytest.mark.skipif(not (REAL / "dice").is_dir(), reason=f"real captures absent: {REAL}")
def test_the_pinned_facts_hold_of_the_real_set_and_fail_when_a_label_moves(tmp_path):
    captures = load_captures(REAL / "dice")
    verify(captures, SOURCES["dice"], REAL)
    copied = fetch(SOURCES["dice"], tmp_path / "set", local=REAL / "dice")
    assert sum(len(image.boxes) for image in copied.images) == 1487
    image = next(image for image in captures.images if len(set(image.categories)) > 1)
    image.categories[:] = np.roll(image.categories, 1)
    with pytest.raises(CaptureError, match="checksum of the labels"):
        verify(captures, SOURCES["dice"], REAL)


@pytest.mark.skipif(not (REAL / "dice").is_dir(), reason=f"real captures absent: {REAL}")
def test_the_label_checksum_survives_float32_and_rounding():
    captures = load_captures(REAL / "dice")
    rng = np.random.default_rng(0)
    for image in captures.images:
        image.boxes[:] = image.boxes.astype(np.float32) + rng.uniform(
            -0.02, 0.02, image.boxes.shape
        )
    verify(captures, SOURCES["dice"], REAL)


def test_records_come_back_as_written(tmp_path):
    (tmp_path / "r").write_bytes(frame(b"one") + frame(b"") + frame(b"three"))
    assert list(read_records(tmp_path / "r")) == [b"one", b"", b"three"]
