"""Identities of labels: fractions, truncation, what is hidden, what is left out."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from simgen import geometry
from simgen.assets import primitives
from simgen.labels import ALL, View, label
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.camera.shutter import Shutter
from simgen.spec import Body, Environment, Material, Motion, SceneSpec
from simgen.world import World

W, H = 64, 48
SHAPES = (
    primitives.rounded_box((0.3, 0.3, 0.3), 0.05, 1),
    primitives.sphere(0.2, 12),
    primitives.tray((0.4, 0.3), 0.03, 0.12),
)


def camera(k1=0.0, readout_s=0.0, motion=None):
    lens = BrownConrady(60.0, 60.0, (W - 1) / 2, (H - 1) / 2, k1)
    return Camera(lens, W, H, motion or Motion.rest((0, 0, 0)), Shutter(readout_s))


def body(name, asset, place, turn=(0, 0, 0, 1), category="thing"):
    materials = (Material(),) * (int(asset.part.max()) + 1)
    return Body(name, asset, materials, Motion.rest(place, turn), category)


def labels(bodies, cam=None, wanted=ALL):
    names = tuple(sorted({b.category for b in bodies if b.category}))
    spec = SceneSpec(tuple(bodies), (), Environment(), names, Motion.rest((0, 0, 0)))
    return label(View.of(World(spec), cam or camera(), 0.0), wanted)


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 6), k1=st.sampled_from([0.0, -0.3]))
@settings(deadline=None, max_examples=40)
def test_visible_fraction_is_in_frame_times_unoccluded(seed, count, k1):
    """For random scenes with truncated, hidden and unseen bodies."""
    rng = np.random.default_rng(seed)
    bodies = [
        body(
            f"b{n}",
            SHAPES[rng.integers(3)],
            rng.uniform((-0.9, -0.7, 0.5), (0.9, 0.7, 1.6)),
            geometry.unit(rng.standard_normal(4)),
            "thing" if n % 3 else "other",
        )
        for n in range(count)
    ]
    found = labels(bodies, camera(k1))
    alone = [labels([b], camera(k1)).objects[0] for b in bodies]
    claimed = np.zeros((H, W), int)
    for o, single in zip(found.objects, alone, strict=True):
        assert o.visible_fraction == pytest.approx(o.in_frame * o.unoccluded)
        assert 0 <= o.visible_fraction <= 1
        assert o.pixels_visible <= o.pixels_in_frame <= o.pixels_total
        assert o.truncated == (o.pixels_total > o.pixels_in_frame)
        # What others hide plays no part in the silhouette, nor in what is outside the frame.
        assert (o.pixels_in_frame, o.pixels_total) == (single.pixels_visible, single.pixels_total)
        assert o.amodal_box == single.amodal_box
        visible, silhouette = coco_mask.decode(o.mask), coco_mask.decode(o.amodal_mask)
        assert visible.sum() == o.pixels_visible
        assert silhouette.sum() == o.pixels_in_frame
        assert not (visible & ~silhouette).any()
        assert np.array_equal(visible == 1, found.instance == o.instance)
        claimed += visible
        assert (o.box is None) == (o.pixels_visible == 0)
        if o.box:
            (x0, y0, x1, y1), (a0, b0, a1, b1) = o.box, o.amodal_box
            assert a0 <= x0 < x1 <= a1
            assert b0 <= y0 < y1 <= b1
            rows, columns = np.nonzero(visible)
            assert (x0, x1) == (columns.min() - 0.5, columns.max() + 0.5)
            assert (y0, y1) == (rows.min() - 0.5, rows.max() + 0.5)
    assert np.array_equal(claimed == 1, found.instance > 0)
    assert claimed.max() <= 1


def test_a_known_occlusion():
    """A near plate hides the left half of a far one; half of that is out of the frame."""
    far = body("far", primitives.box((0.4, 0.4, 0.01)), (0, 0, 1.0))
    near = body("near", primitives.box((0.2, 0.4, 0.01)), (-0.1, 0, 0.5))
    o = labels([far, near]).objects[0]
    assert o.in_frame == 1
    assert o.unoccluded == pytest.approx(0.5, abs=0.06)
    assert not o.truncated
    cut = labels([body("cut", primitives.box((0.4, 0.3, 0.01)), (0.53, 0, 1.0))]).objects[0]
    assert cut.truncated
    assert cut.in_frame == pytest.approx(0.5, abs=0.06)
    assert cut.unoccluded == 1
    # Its silhouette: 0.4 x 0.3 m at 0.995 m through 60 px.
    assert cut.pixels_total == pytest.approx(0.4 * 0.3 * (60 / 0.995) ** 2, rel=0.06)


def test_a_body_out_of_the_frame_is_still_told_of():
    out = labels([body("out", primitives.box((0.2, 0.2, 0.2)), (1.0, 0, 1.0))]).objects[0]
    assert out.box is None
    assert out.pixels_in_frame == 0
    assert out.pixels_total > 100
    assert out.amodal_box[0] > W
    assert (out.in_frame, out.unoccluded, out.visible_fraction) == (0, 0, 0)
    behind = labels([body("behind", primitives.box((0.2, 0.2, 0.2)), (0, 0, -1.0))]).objects[0]
    assert (behind.box, behind.amodal_box, behind.pixels_total) == (None, None, 0)


def test_a_wall_whose_corners_no_lens_sees_is_truncated():
    """A slab that the camera is close to: every vertex is out of view or behind."""
    wall = body("wall", primitives.box((9, 9, 0.1)), (0, 0, 0.5))
    o = labels([wall], camera(-0.3)).objects[0]
    assert o.pixels_in_frame == W * H
    assert o.truncated
    about = body("about", primitives.sphere(3, 24), (0, 0, 0.5))
    assert labels([about]).objects[0].truncated


def test_scenery_is_seen_but_not_labelled():
    floor = body("floor", primitives.box((9, 9, 0.1)), (0, 0, 2.0), category=None)
    thing = body("thing", primitives.box((0.3, 0.3, 0.3)), (0, 0, 1.0))
    found = labels([floor, thing])
    assert [o.name for o in found.objects] == ["thing"]
    assert set(np.unique(found.instance)) == {0, 2}  # index in the scene plus one
    assert (found.depth_m > 0).all()
    assert (found.object_coordinates[found.instance == 0] == 0).all()
    assert (np.linalg.norm(found.normals.astype(float), axis=2) > 0.99).all()


def test_nothing_is_hit():
    found = labels([body("behind", primitives.box((1, 1, 1)), (0, 0, -3.0))])
    for image in (found.instance, found.semantic, found.depth_m, found.distance_m, found.normals):
        assert not image.any()
    assert labels([]).objects == ()


def test_only_what_is_wanted():
    bodies = [body("b", SHAPES[0], (0, 0, 1.0))]
    none = labels(bodies, wanted=("masks",))
    images = [f.name for f in dataclasses.fields(none) if f.name != "objects"]
    assert all(getattr(none, name) is None for name in images)
    (o,) = none.objects
    assert o.mask is not None
    assert o.amodal_mask is None
    assert o.keypoints == ()
    full = labels(bodies)
    assert full.flow_px is None  # there is no next frame
    assert full.objects[0].box == o.box


def test_types_and_shapes():
    found = labels([body("b", SHAPES[0], (0, 0, 1.0))])
    expected = {
        "instance": (np.uint16, (H, W)),
        "semantic": (np.uint8, (H, W)),
        "depth_m": (np.float32, (H, W)),
        "distance_m": (np.float32, (H, W)),
        "normals": (np.float16, (H, W, 3)),
        "object_coordinates": (np.float32, (H, W, 3)),
    }
    for name, (kind, shape) in expected.items():
        image = getattr(found, name)
        assert image.dtype == kind, name
        assert image.shape == shape, name


def test_keypoints_seen_hidden_and_out_of_the_frame():
    points = {"front": (0.0, 0.0, -0.15), "back": (0.0, 0.0, 0.15), "away": (5.0, 0.0, 0.0)}
    points["rear"] = (0.0, 0.0, -9.0)
    shape = dataclasses.replace(primitives.box((0.3, 0.3, 0.3)), keypoints=points)
    (o,) = labels([body("b", shape, (0.1, 0, 1.0))]).objects
    assert [k.visibility for k in o.keypoints] == [2, 1, 0, 0]
    x, y = o.keypoints[0].xy_px
    assert (x, y) == pytest.approx(((W - 1) / 2 + 60 * 0.1 / 0.85, (H - 1) / 2))
    assert o.keypoints[2].xy_px[0] > W
    assert np.isnan(o.keypoints[3].xy_px).all()
    hidden = body("screen", primitives.box((3, 3, 0.01)), (0, 0, 0.4))
    (o, _) = labels([body("b", shape, (0.1, 0, 1.0)), hidden]).objects
    assert [k.visibility for k in o.keypoints] == [1, 1, 0, 0]


def test_attributes_are_repeated_and_not_shared():
    b = dataclasses.replace(body("b", SHAPES[0], (0, 0, 1.0)), attributes={"size_m": 0.3})
    (o,) = labels([b]).objects
    assert o.attributes == {"size_m": 0.3}
    assert o.attributes is not b.attributes


def test_a_pose_is_that_of_the_row_that_sees_the_body():
    """Rolling shutter: a body that falls through the frame is told at its own row's time."""
    motion = Motion(
        np.array([0.0, 1.0]),
        np.array([[0, -0.3, 1.0], [0, 0.3, 1.0]]),
        np.tile([0, 0, 0, 1.0], (2, 1)),
    )
    b = dataclasses.replace(body("b", primitives.sphere(0.05, 12), (0, 0, 1)), motion=motion)
    cam = camera(readout_s=1.0)
    (o,) = labels([b], cam).objects
    # y(t) = -0.3 + 0.6 t, row = 60 y + 23.5, t = row / 48: t = (5.5 / 48) / (1 - 36 / 48)
    t = (-18 + 23.5) / 48 / (1 - 36 / 48)
    assert o.position_m[1] == pytest.approx(-0.3 + 0.6 * t, abs=1e-3)
    still = labels([b], camera()).objects[0]
    assert still.position_m[1] == pytest.approx(-0.3)
    assert o.box[1] > still.box[1]
