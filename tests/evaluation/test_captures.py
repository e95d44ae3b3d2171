import json
import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from evaluation._coco import _box
from evaluation.captures import BORDER_TOLERANCE_PX, load_captures, parse_time
from simgen.errors import CaptureError

DICE = Path(os.environ.get("SIMGEN_REAL", Path(__file__).parents[2] / "../shared/real")) / "dice"
W, H = 12, 8


def pixels(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (H, W, 3), dtype=np.uint8)


def document():
    return {
        "images": [
            {"id": 3, "file_name": "b.png", "width": W, "height": H},
            {
                "id": 1,
                "file_name": "a.png",
                "width": W,
                "height": H,
                "date_captured": "2020-01-02 03:04:05",
            },
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 7, "bbox": [1, 2, 3.5, 4]},
            {"id": 2, "image_id": 1, "category_id": 9, "bbox": [0, 0, W, H], "iscrowd": 1},
        ],
        "categories": [{"id": 7, "name": "die"}, {"id": 9, "name": "cup"}],
    }


def written(folder, content, images="images"):
    (folder / images).mkdir(exist_ok=True)
    for seed, name in enumerate(("a.png", "b.png")):
        Image.fromarray(pixels(seed)).save(folder / images / name)
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "annotations.json").write_text(text)
    return folder


@pytest.mark.parametrize("images", ["images", "."])
def test_a_coco_folder_is_read(tmp_path, images):
    captures = load_captures(written(tmp_path, document(), images))
    assert [image.id for image in captures.images] == [3, 1]
    assert captures.categories == {7: "die", 9: "cup"}
    assert captures.labelled
    second = captures.images[1]
    np.testing.assert_array_equal(second.boxes, [[1, 2, 3.5, 4], [0, 0, W, H]])
    assert second.categories.tolist() == [7, 9]
    assert second.ignore.tolist() == [False, True]
    assert second.captured == "20200102_030405"
    assert captures.images[0].boxes.shape == (0, 4)
    assert captures.images[0].captured is None
    np.testing.assert_array_equal(second.read(), pixels(0))


def test_a_json_file_is_read_like_its_folder(tmp_path):
    written(tmp_path, document())
    assert len(load_captures(tmp_path / "annotations.json").images) == 2


def test_a_file_without_annotations_is_unlabelled(tmp_path):
    content = document()
    del content["annotations"]
    assert not load_captures(written(tmp_path, content)).labelled


def test_a_subset_keeps_the_order_of_the_set(tmp_path):
    captures = load_captures(written(tmp_path, document()))
    assert [image.id for image in captures.subset([1, 3]).images] == [3, 1]
    assert [image.id for image in captures.subset([1]).images] == [1]
    with pytest.raises(CaptureError, match=r"images of the set; got \[5\]"):
        captures.subset([1, 5])


def put(*path, value):
    def change(content):
        place = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def repeat(key, index=0):
    return lambda content: content[key].append(dict(content[key][index]))


BOX = ("annotations", 0, "bbox")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (repeat("images"), "image ids must be unique; got 3"),
        (repeat("annotations"), "annotation ids must be unique; got 1"),
        (repeat("categories"), "category ids must be unique; got 7"),
        (put("images", 0, "file_name", value="a.png"), "file names must be unique; got a.png"),
        (put("images", 0, "file_name", value="c.png"), "1 of 2 missing: c.png"),
        (put("images", 0, "file_name", value="../a.png"), "stay inside the folder"),
        (put("images", 0, "file_name", value="/a.png"), "stay inside the folder"),
        (put("images", 0, "file_name", value=None), "must have a `file_name`"),
        (put("images", 0, "width", value=0), r"must be positive; got \(0, 8\)"),
        (put("images", 0, "height", value=7.5), "`height` must be a whole number; got 7.5"),
        (put("images", 0, "id", value=True), "`id` must be a whole number"),
        (put("images", value=[]), "must hold images"),
        (put("images", value=3), "`images` must be a list"),
        (put("annotations", 0, "image_id", value=8), "annotation 1: `image_id` must name.*got 8"),
        (put("annotations", 0, "category_id", value=8), r"got 8; known: \[7, 9\]"),
        (put("categories", 0, "name", value=""), "a category must have a name"),
        (put("categories", 0, "name", value="cup"), "category names must be unique"),
        (put(*BOX, value=[1, 2, 3]), "must be four numbers"),
        (put(*BOX, value=[1, 2, "3", 4]), "must be four numbers"),
        (put(*BOX, value=None), "must be four numbers"),
        (put(*BOX, value=[1, 2, 0, 4]), "positive width and height"),
        (put(*BOX, value=[1, 2, 3, -4]), "positive width and height"),
        (put(*BOX, value=[1, 2, math.nan, 4]), "must be finite"),
        (put(*BOX, value=[1, 2, math.inf, 4]), "must be finite"),
        (
            put(*BOX, value=[10, 2, 3.5, 4]),
            r"json: annotation 1: `bbox` must lie in the image of 12x8 px .*1\.50 px over; cut the",
        ),
        (put(*BOX, value=[-2, 2, 3, 4]), "2.00 px over"),
        (put(*BOX, value=[W + 0.1, 2, 0.5, 4]), "must lie in the image"),
    ],
)
def test_each_broken_rule_is_one_clear_error(tmp_path, change, message):
    content = document()
    change(content)
    with pytest.raises(CaptureError, match=message):
        load_captures(written(tmp_path, content))


@pytest.mark.parametrize("text", ["{", "[]", '{"annotations": []}', '"x"'])
def test_what_is_no_coco_file_is_refused(tmp_path, text):
    with pytest.raises(CaptureError, match=r"readable JSON|must be an object with"):
        load_captures(written(tmp_path, text))


@settings(deadline=None, max_examples=200)
@given(
    x=st.floats(-4, W + 4),
    y=st.floats(-4, H + 4),
    width=st.floats(0.01, 2 * W),
    height=st.floats(0.01, 2 * H),
)
def test_a_box_is_kept_cut_by_rounding_or_refused(x, y, width, height):
    over = max(-x, -y, x + width - W, y + height - H)
    try:
        box = np.array(_box({"bbox": [x, y, width, height]}, (W, H), "here"))
    except CaptureError:
        outside = x >= W or y >= H or x + width <= 0 or y + height <= 0
        assert over > BORDER_TOLERANCE_PX or outside
        return
    assert over <= BORDER_TOLERANCE_PX
    np.testing.assert_allclose(box, [x, y, width, height], atol=2 * BORDER_TOLERANCE_PX)
    assert np.all(box[:2] >= 0)
    assert np.all(box[:2] + box[2:] <= np.array([W, H]) + 1e-9)
    if over <= 0:
        assert box.tolist() == [x, y, width, height]


def test_a_plain_folder_is_read_in_order_and_upright(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2021:02:03 04:05:06"
    Image.fromarray(pixels(1)).save(tmp_path / "turned.PNG", exif=exif)
    Image.fromarray(pixels(0)).save(tmp_path / "IMG_20200102_030405.bmp")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_text("no picture")
    captures = load_captures(tmp_path)
    first, second = captures.images
    assert [image.name for image in captures.images] == ["IMG_20200102_030405.bmp", "turned.PNG"]
    assert (first.captured, second.captured) == ("20200102_030405", "20210203_040506")
    assert (second.width, second.height) == (H, W)
    # orientation 6: the first row of the file is the right-hand side of the picture
    np.testing.assert_array_equal(second.read(), np.rot90(pixels(1), -1))
    assert not captures.labelled
    assert captures.categories == {}


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp", "tiff", "tif", "png"])
def test_each_format_is_read(tmp_path, suffix):
    flat = np.full((H, W, 3), (200, 100, 50), np.uint8)
    Image.fromarray(flat).save(tmp_path / f"a.{suffix}")
    image = load_captures(tmp_path).images[0].read()
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image, flat, atol=4)


def test_folders_that_hold_no_set_are_refused(tmp_path):
    with pytest.raises(CaptureError, match=r"must hold annotations\.json or images.*got none"):
        load_captures(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(CaptureError, match=r"did you mean .*images"):
        load_captures(tmp_path)
    with pytest.raises(CaptureError, match="must exist"):
        load_captures(tmp_path / "absent")
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(CaptureError, match=r"folder or a COCO \.json"):
        load_captures(tmp_path / "x.txt")


def test_an_unreadable_image_is_named(tmp_path):
    captures = load_captures(written(tmp_path, document()))
    file = tmp_path / "images/a.png"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CaptureError, match=r"a\.png: an image must be decodable"):
        captures.images[1].read()
    file.write_bytes(b"no picture")
    with pytest.raises(CaptureError, match=r"a\.png: an image must be decodable"):
        captures.images[1].read()
    file.unlink()
    with pytest.raises(CaptureError, match="must be readable"):
        captures.images[1].read()


def test_an_image_of_another_size_is_refused(tmp_path):
    content = document()
    content["images"][1]["width"] = W + 1
    captures = load_captures(written(tmp_path, content))
    with pytest.raises(CaptureError, match=r"must be 13x8 px.*got 12x8"):
        captures.images[1].read()


def test_a_deep_picture_is_refused_rather_than_cut(tmp_path):
    Image.fromarray(np.full((H, W), 4000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(CaptureError, match="8 bits a channel"):
        load_captures(tmp_path).images[0].read()


def test_a_broken_header_in_a_plain_folder_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(CaptureError, match=r"a\.png: an image must be decodable"):
        load_captures(tmp_path)


def test_a_picture_inside_a_tar_is_read_by_its_span(tmp_path):
    captures = load_captures(written(tmp_path, document()))
    data = captures.images[1].encoded()
    shard = tmp_path / "shard.tar"
    shard.write_bytes(b"x" * 512 + data + b"y" * 99)
    image = replace(captures.images[1], source=shard, span=(512, len(data)))
    np.testing.assert_array_equal(image.read(), pixels(0))


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2013-11-14 17:02:52", "20131114_170252"),
        ("2019-12-08T11:12:28+00:00", "20191208_111228"),
        ("2020:01:02 03:04:05", "20200102_030405"),
        ("PXL_20201108_150300123.jpg", "20201108_150300"),
        ("IMG_20191208_111228.jpg", "20191208_111228"),
        ("20191308_111228", None),
        ("20190230_111228", None),
        ("000123456789.jpg", None),
        ("", None),
    ],
)
def test_times_are_found_in_text(text, time):
    assert parse_time(text) == time


@pytest.mark.skipif(not DICE.is_dir(), reason=f"real captures absent: {DICE}")
def test_the_dice_set_loads_without_touching_a_box():
    captures = load_captures(DICE)
    document = json.loads((DICE / "annotations.json").read_text())
    boxes = np.concatenate([image.boxes for image in captures.images])
    assert len(captures.images) == 200
    np.testing.assert_array_equal(boxes, [entry["bbox"] for entry in document["annotations"]])
    assert all(image.captured for image in captures.images)
