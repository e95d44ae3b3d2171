"""Encoding is exact, deterministic, and in formats that other software reads."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from simgen.dataset import encode, tar
from simgen.errors import StoreError
from simgen.sample import decode_rgb

DTYPES = st.sampled_from([np.float16, np.float32, np.float64, np.uint16, np.int32])


@settings(deadline=None, max_examples=40)
@given(
    DTYPES.flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=3, max_side=9), unique=False)
    )
)
def test_arrays_come_back_bit_for_bit(array):
    data = encode.encode_array(array)
    back = encode.decode_array(data)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()  # also the payload of NaNs
    assert data == encode.encode_array(array.copy())


def test_a_strided_array_is_stored_as_it_reads():
    array = np.arange(60, dtype=np.float32).reshape(6, 10)[::2, ::-3]
    assert np.array_equal(encode.decode_array(encode.encode_array(array)), array)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pillow_reads_the_same_mask(dtype):
    mask = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (31, 47)).astype(dtype)
    data = encode.encode_mask(mask)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), mask)
    back = encode.decode_mask(data)
    assert back.dtype == dtype
    assert np.array_equal(back, mask)


def test_pictures_are_rgb_and_not_turned():
    rgb = np.zeros((8, 16, 3), np.uint8)
    rgb[..., 0] = 250
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees"
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "jpeg", exif=exif, quality=95)
    back = decode_rgb(buffer.getvalue())
    assert back.shape == rgb.shape
    assert np.abs(back.astype(int) - rgb).max() <= 2


@pytest.mark.parametrize("data", [b"", b"no array", encode.encode_array(np.zeros(4))[:-5]])
def test_a_broken_array_is_one_clear_error(data):
    with pytest.raises(StoreError, match=r"must be a Zstandard-compressed \.npy"):
        encode.decode_array(data)


@pytest.mark.parametrize(
    "data", [b"", b"no image", cv2.imencode(".png", np.eye(9))[1].tobytes()[:40]]
)
def test_a_broken_image_is_one_clear_error(data):
    with pytest.raises(StoreError, match="an image must be readable"):
        encode.decode_mask(data)


def test_json_takes_numpy_and_keeps_types():
    value = {"a": np.float64(0.1), "b": np.int64(3), "c": np.eye(2), "d": (True, None, "é")}
    assert encode.decode_json(encode.encode_json(value, "x"), "x") == {
        "a": 0.1,
        "b": 3,
        "c": [[1.0, 0.0], [0.0, 1.0]],
        "d": [True, None, "é"],
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1.0, float("nan")]}, r"x\.a\[1\]: a recorded number must be finite; got nan"),
        ({"a": np.array([np.inf])}, r"x\.a\[0\]: a recorded number must be finite; got inf"),
        ({"a": object()}, r"x\.a: a record must be plain data .*; got object"),
        ({"a": b"raw"}, r"x\.a: a record must be plain data .*; got bytes"),
    ],
)
def test_json_refuses_what_it_cannot_hold(value, text):
    with pytest.raises(StoreError, match=text):
        encode.encode_json(value, "x")


@settings(deadline=None, max_examples=30)
@given(st.lists(st.binary(max_size=1500), min_size=1, max_size=5))
def test_packs_can_be_joined_and_members_found(contents):
    members = [(f"{n:08d}.x.bin", data) for n, data in enumerate(contents)]
    joined = b"".join(tar.pack([member]) for member in members)
    assert joined == tar.pack(members)
    found = tar.scan(joined)
    for name, data in members:
        at = found[name]
        assert joined[at.offset : at.offset + at.size] == data
    assert len(joined) == tar.padded(len(joined))
