"""Every label under a rolling shutter, with bodies and camera in motion, against a twin.

The twin looks at each line on its own: `label_twin.Twin` of that line's pixels at that
line's time. Where a point is seen, it finds by putting the point at every line's time and
looking for the line that the point is on just then.
"""

import dataclasses

import numpy as np
import pytest
from label_twin import Twin, box_of, optics, pixels_of, pose_in_camera
from pycocotools import mask as coco_mask
from scene_kit import camera
from scipy.spatial.transform import Rotation
from test_labels_reprojection import KEYPOINTS, LENSES, cluttered, flying

from simgen.labels import ALL, View, label
from simgen.sensors.camera.shutter import Shutter
from simgen.world import World

W, H = 48, 36
TIME, NEXT = 0.35, 0.5
CASES = {
    "rows, barrel": ("all", Shutter(0.12)),
    "rows upwards, exposed, fisheye": ("fisheye", Shutter(0.1, "up", 0.02)),
    "columns, past 180": ("past 180", Shutter(0.1, "right", 0.01)),
}


def side(shutter):
    """Which coordinate tells a pixel's line, how many lines there are, and if they count back."""
    rows = shutter.readout in {"down", "up"}
    return (1, H) if rows else (0, W), shutter.readout in {"up", "left"}


def line_of(shutter, pixels):
    (axis, count), back = side(shutter)
    return count - 1 - pixels[:, axis] if back else pixels[:, axis]


def time_of(shutter, line, start_s):
    (_, count), _ = side(shutter)
    return start_s + line / count * shutter.readout_s + shutter.exposure_s / 2


class Lines:
    """A `Twin` for each line; arrays over pixels (n,) as if it were one."""

    def __init__(self, spec, cam, time_s, pixels):
        self.spec, self.cam, self.pixels = spec, cam, pixels
        line, n = line_of(cam.shutter, pixels), len(pixels)
        self.body, self.distance, self.depth = np.zeros(n, int), np.zeros(n), np.zeros(n)
        self.alone = np.zeros((len(spec.bodies), n), bool)
        self.normal, self.local = np.zeros((n, 3)), np.zeros((n, 3))
        for each in np.unique(line):
            rows = np.flatnonzero(line == each)
            twin = Twin(spec, cam, time_of(cam.shutter, each, time_s), pixels[rows])
            self.body[rows], self.distance[rows] = twin.body, twin.distance
            self.depth[rows], self.alone[:, rows] = twin.depth, np.isfinite(twin.distances)
            self.normal[rows], self.local[rows] = twin.normals(), twin.coordinates()


def seen_at(cam, motion, local, start_s):
    """Pixels (n, 2) and times (n,) at which body points are read, by trying all lines."""
    (_, count), _ = side(cam.shutter)
    lines = np.arange(-count, 2 * count + 1.0)
    places = []
    for line in lines:
        turn, place = pose_in_camera(motion, cam, time_of(cam.shutter, line, start_s))
        places.append(optics(cam.lens).project(local @ turn.T + place))
    places = np.array(places)
    # How far ahead of the line that is read the point is; it is met where this turns negative.
    ahead = np.array([line_of(cam.shutter, p) for p in places]) - lines[:, None]
    pixels, times = np.full((len(local), 2), np.nan), np.full(len(local), np.nan)
    for n in range(len(local)):
        turns = np.flatnonzero((ahead[:-1, n] >= 0) & (ahead[1:, n] < 0))
        if len(turns):
            k = turns[0]
            share = ahead[k, n] / (ahead[k, n] - ahead[k + 1, n])
            pixels[n] = places[k, n] * (1 - share) + places[k + 1, n] * share
            times[n] = time_of(cam.shutter, lines[k] + share, start_s)
    return pixels, times


@pytest.fixture(scope="module", params=CASES, ids=str)
def pair(request):
    lens, shutter = CASES[request.param]
    motion = flying()
    settings = {"f": 46.0, **LENSES[lens]}
    if "f" in LENSES[lens]:
        settings["f"] = LENSES[lens]["f"] / 2
    cam = dataclasses.replace(camera(motion, width=W, height=H, **settings), shutter=shutter)
    spec = cluttered(4, motion)
    ours = label(View.of(World(spec), cam, TIME), ALL, NEXT)
    return spec, cam, ours, Lines(spec, cam, TIME, pixels_of(W, H))


def image(values):
    return values.reshape(H, W, *values.shape[1:])


def test_images(pair):
    spec, cam, ours, twin = pair
    instance = np.array([i + 1 if b.category else 0 for i, b in enumerate(spec.bodies)] + [0])
    semantic = np.array([spec.category_id(b) for b in spec.bodies] + [0])
    assert np.array_equal(ours.instance, image(instance[twin.body]))
    assert np.array_equal(ours.semantic, image(semantic[twin.body]))
    np.testing.assert_allclose(ours.depth_m, image(twin.depth), rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.distance_m, image(twin.distance), rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.normals, image(twin.normal), rtol=0, atol=1e-3)
    labelled = (instance[twin.body] > 0)[:, None]
    np.testing.assert_allclose(
        ours.object_coordinates, image(np.where(labelled, twin.local, 0)), rtol=0, atol=1e-5
    )
    frozen = dataclasses.replace(cam, shutter=Shutter())
    still = label(View.of(World(spec), frozen, TIME), ALL)
    assert (still.instance != ours.instance).mean() > 0.004  # negative control


def test_flow(pair):
    spec, cam, ours, twin = pair
    expected = np.full((W * H, 2), np.nan)
    for index, b in enumerate(spec.bodies):
        rows = np.flatnonzero(twin.body == index)
        if len(rows):
            to, _ = seen_at(cam, b.motion, twin.local[rows], NEXT)
            expected[rows] = to - twin.pixels[rows]
    both = np.isfinite(expected).all(axis=1) & np.isfinite(ours.flow_px.reshape(-1, 2)).all(axis=1)
    assert both.mean() > 0.12
    found = ours.flow_px.reshape(-1, 2)[both]
    np.testing.assert_allclose(found, expected[both], rtol=0, atol=3e-3)
    assert np.linalg.norm(found, axis=1).max() > 1


def test_boxes_masks_and_fractions(pair):
    spec, cam, ours, twin = pair
    wide = Lines(spec, cam, TIME, pixels_of(W, H, 1))
    within = np.all((wide.pixels >= 0) & (wide.pixels < (W, H)), axis=1)
    for found in ours.objects:
        index = found.instance - 1
        visible, silhouette = twin.body == index, wide.alone[index]
        assert found.box == box_of(twin.pixels[visible])
        assert found.pixels_visible == visible.sum()
        assert found.pixels_in_frame == (silhouette & within).sum()
        assert np.array_equal(coco_mask.decode(found.mask), image(visible))
        assert np.array_equal(coco_mask.decode(found.amodal_mask), image(twin.alone[index]))
        assert found.pixels_total == silhouette.sum()
        assert found.amodal_box == box_of(wide.pixels[silhouette])


def test_poses_and_keypoints(pair):
    """A pose is that of the line that reads the body's middle; a keypoint has its own line."""
    spec, cam, ours, _ = pair
    compared, states = 0, set()
    for found in ours.objects:
        b = spec.bodies[found.instance - 1]
        middle = b.asset.bounds_m.mean(axis=0)[None]
        _, (when,) = seen_at(cam, b.motion, middle, TIME)
        if np.isfinite(when):
            turn, place = pose_in_camera(b.motion, cam, when)
            np.testing.assert_allclose(found.position_m, place, rtol=0, atol=1e-5)
            read = Rotation.from_quat(found.quaternion).as_matrix()
            np.testing.assert_allclose(read, turn, rtol=0, atol=1e-4)
            compared += 1
        points = np.array(list(KEYPOINTS.values()))
        expected, times = seen_at(cam, b.motion, points, TIME)
        for keypoint, xy, when, point in zip(found.keypoints, expected, times, points, strict=True):
            if not np.isfinite(when):
                continue
            np.testing.assert_allclose(keypoint.xy_px, xy, atol=3e-3)
            turn, place = pose_in_camera(b.motion, cam, when)
            reach = np.linalg.norm(turn @ point + place)
            front = Twin(spec, cam, when, xy[None]).distance[0]
            inside = -0.5 <= xy[0] < W - 0.5 and -0.5 <= xy[1] < H - 0.5
            if abs(front - reach) > 2e-3 * reach or not inside:  # grazing ones may differ
                behind = front > 0 and front < reach
                assert keypoint.visibility == (0 if not inside else 1 if behind else 2)
                states.add(keypoint.visibility)
    assert compared >= 4
    assert states
