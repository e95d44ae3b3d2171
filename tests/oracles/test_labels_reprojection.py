"""Every label under strong distortion and fisheyes, against `label_twin`.

Stated tolerances: masks and boxes exact, depth, distance and coordinates 1e-5 m, normals
1e-3 (half precision), flow and keypoints 1e-3 px, poses 1e-9.
"""

import dataclasses

import numpy as np
import pytest
from label_twin import Twin, box_of, optics, pixels_of, pose_in_camera
from pycocotools import mask as coco_mask
from scene_kit import (
    HEIGHT,
    WIDTH,
    body,
    camera,
    clutter,
    moving,
    random_quaternion,
    scene,
)
from scipy.spatial.transform import Rotation

from simgen import geometry
from simgen.assets import primitives
from simgen.labels import ALL, View, label
from simgen.sensors.camera.lens import KannalaBrandt
from simgen.sensors.camera.shutter import Shutter
from simgen.spec import Motion
from simgen.world import World

LENSES = {
    "pinhole": {},
    "barrel": {"k1": -0.3},
    "all": {"k1": -0.3, "k2": 0.08, "p1": 0.006, "p2": -0.008},
    "pincushion": {"k1": 0.3, "p1": -0.004},
    "fisheye": {"model": KannalaBrandt, "k1": 0.05, "k2": -0.02, "k3": 0.004},
    "past 180": {"model": KannalaBrandt, "f": 30.0, "k1": -0.02, "k2": 0.003},
}
KEYPOINTS = {"top": (0.0, 0.0, 0.16), "side": (0.16, 0.0, 0.0), "under": (0.0, 0.0, -0.16)}
TIME, NEXT = 0.4, 0.5


def cluttered(seed, cam_motion, count=6):
    """Still and moving bodies, with keypoints, on scenery that is not labelled."""
    rng = np.random.default_rng(seed)
    bodies = []
    for n, b in enumerate(clutter(rng, count)):
        motion = b.motion
        if n % 2:
            start = b.motion.positions_m[0]
            motion = moving(rng, start - 0.1, start + rng.uniform(-0.3, 0.3, 3))
        shape = dataclasses.replace(b.asset, keypoints=KEYPOINTS)
        kind = ("round", "square")[n % 2]
        bodies.append(dataclasses.replace(b, motion=motion, asset=shape, category=kind))
    bodies.insert(2, body("ground", primitives.slab((2.0, 1.6), 0.1), (0, 0, -0.5)))
    eye, turn = cam_motion.pose(0.0)  # behind the image plane: for those who can see there
    for n, place in enumerate([(0.8, 0.1, -0.2), (-0.7, 0.5, -0.15), (0.1, -0.7, -0.1)]):
        shape = dataclasses.replace(primitives.sphere(0.2, 16), keypoints=KEYPOINTS)
        kind = ("round", "square")[n % 2]
        bodies.append(body(f"rear {n}", shape, eye + turn @ place, category=kind))
    return scene(*bodies, camera=cam_motion)


def view_of(spec, cam, time_s=TIME):
    return View.of(World(spec), cam, time_s)


def still(eye=(1.0, 0.8, 0.7)):
    return Motion.rest(eye, geometry.look_at(eye, (0, 0, 0), roll_rad=0.2))


def flying():
    a, b = still(), still((0.9, 1.0, 0.6))
    return Motion(
        np.array([0.0, 1.0]),
        np.concatenate([a.positions_m, b.positions_m]),
        np.concatenate([a.quaternions, b.quaternions]),
    )


CASES = [(lens, motion, seed) for lens in LENSES for motion, seed in (("still", 1), ("flying", 2))]


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "-".join(map(str, c)))
def pair(request):
    """Our labels and the twin of one frame."""
    lens, motion, seed = request.param
    cam_motion = flying() if motion == "flying" else still()
    cam = camera(cam_motion, **{"f": 92.0, **LENSES[lens]})
    spec = cluttered(seed, cam_motion)
    ours = label(view_of(spec, cam), ALL, NEXT)
    return spec, cam, ours, Twin(spec, cam, TIME, pixels_of(WIDTH, HEIGHT))


def image(twin_values):
    return twin_values.reshape(HEIGHT, WIDTH, *twin_values.shape[1:])


def test_twin_has_something_to_say(pair):
    _, cam, _, twin = pair
    assert twin.valid.all()
    assert len(np.unique(twin.body)) >= 6
    middle = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
    pinhole = np.column_stack([(twin.pixels - middle) / cam.lens.fx_px, np.ones(len(twin.ray))])
    off = np.cross(twin.ray, geometry.unit(pinhole))
    if any(cam.lens.facts()["distortion"]):  # the pinhole's picture would be another
        assert np.linalg.norm(off, axis=1).max() * cam.lens.fx_px > 2
    if cam.lens.fx_px < 40:
        assert (twin.depth < -0.01).sum() > 50  # bodies behind the image plane are seen


def test_masks(pair):
    spec, _, ours, twin = pair
    instance = np.array([i + 1 if b.category else 0 for i, b in enumerate(spec.bodies)] + [0])
    semantic = np.array([spec.category_id(b) for b in spec.bodies] + [0])
    assert np.array_equal(ours.instance, image(instance[twin.body]))
    assert np.array_equal(ours.semantic, image(semantic[twin.body]))
    assert set(np.unique(ours.semantic)) == {0, 1, 2}


def test_depth_and_distance(pair):
    _, _, ours, twin = pair
    np.testing.assert_allclose(ours.depth_m, image(twin.depth), rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.distance_m, image(twin.distance), rtol=0, atol=1e-5)
    cosine = image(twin.ray[:, 2])
    np.testing.assert_allclose(ours.depth_m, ours.distance_m * cosine, rtol=1e-6, atol=1e-6)
    assert np.abs(ours.depth_m - ours.distance_m).max() > 0.02  # negative control


def test_normals(pair):
    _, _, ours, twin = pair
    np.testing.assert_allclose(ours.normals, image(twin.normals()), rtol=0, atol=1e-3)


def test_object_coordinates(pair):
    spec, _, ours, twin = pair
    labelled = np.array([b.category is not None for b in spec.bodies] + [False])[twin.body]
    expected = np.where(labelled[:, None], twin.coordinates(), 0)
    np.testing.assert_allclose(ours.object_coordinates, image(expected), rtol=0, atol=1e-5)


def test_flow(pair):
    _, _, ours, twin = pair
    expected = image(twin.flow(NEXT))
    assert np.array_equal(np.isnan(ours.flow_px), np.isnan(expected))
    np.testing.assert_allclose(ours.flow_px, expected, rtol=0, atol=1e-3)
    length = np.linalg.norm(expected, axis=2)
    assert np.nanmax(length) > 0.9  # something moves


def test_boxes_masks_and_fractions(pair):
    """Also outside the frame, to which the twin adds a frame's size on every side."""
    spec, cam, ours, twin = pair
    wide = Twin(spec, cam, TIME, pixels_of(WIDTH, HEIGHT, 1))
    within = np.all((wide.pixels >= 0) & (wide.pixels < (WIDTH, HEIGHT)), axis=1)
    for found in ours.objects:
        index = found.instance - 1
        visible = twin.body == index
        silhouette = np.isfinite(wide.distances[index])
        assert found.box == box_of(twin.pixels[visible])
        assert found.amodal_box == box_of(wide.pixels[silhouette])
        assert found.pixels_visible == visible.sum()
        assert found.pixels_in_frame == (silhouette & within).sum()
        assert found.pixels_total == silhouette.sum()
        assert np.array_equal(coco_mask.decode(found.mask), image(visible))
        alone = np.isfinite(twin.distances[index])
        assert np.array_equal(coco_mask.decode(found.amodal_mask), image(alone))
        assert found.truncated == (silhouette & ~within).any()


def test_pose_and_box(pair):
    """The 3-D box in its pose projects onto the vertices' own box; poses by SciPy."""
    spec, cam, ours, _ = pair
    for found in ours.objects:
        b = spec.bodies[found.instance - 1]
        turn, place = pose_in_camera(b.motion, cam, TIME)
        np.testing.assert_allclose(found.position_m, place, rtol=0, atol=1e-9)
        read = Rotation.from_quat(found.quaternion).as_matrix()
        np.testing.assert_allclose(read, turn, rtol=0, atol=1e-9)
        low, high = np.array(found.box3d_m)
        np.testing.assert_array_equal(low, b.asset.vertices_m.min(axis=0))
        np.testing.assert_array_equal(high, b.asset.vertices_m.max(axis=0))
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        ours_px, _ = cam.lens.project(corners @ read.T + found.position_m)
        assert np.isfinite(ours_px).any() or found.pixels_total == 0
        world = corners @ b.motion.pose(TIME)[1].T + b.motion.pose(TIME)[0]
        eye, view = cam.motion.pose(TIME)
        expected = optics(cam.lens).project((world - eye) @ view)
        np.testing.assert_allclose(ours_px, expected, atol=1e-6)


def test_keypoints(pair):
    """Place by OpenCV; seen where nothing of the twin is nearer along the ray."""
    spec, cam, ours, _ = pair
    states = set()
    for found in ours.objects:
        b = spec.bodies[found.instance - 1]
        turn, place = pose_in_camera(b.motion, cam, TIME)
        points = np.array(list(KEYPOINTS.values())) @ turn.T + place
        expected = optics(cam.lens).project(points)
        hidden = Twin(spec, cam, TIME, np.nan_to_num(expected)).distance
        assert [k.name for k in found.keypoints] == list(KEYPOINTS)
        for keypoint, xy, point, front in zip(
            found.keypoints, expected, points, hidden, strict=True
        ):
            np.testing.assert_allclose(keypoint.xy_px, xy, atol=1e-3)
            inside = -0.5 <= xy[0] < WIDTH - 0.5 and -0.5 <= xy[1] < HEIGHT - 0.5
            behind = front > 0 and front < np.linalg.norm(point) * (1 - 1e-3)
            assert keypoint.visibility == (0 if not inside else 1 if behind else 2)
            states.add(keypoint.visibility)
    assert {1, 2} <= states


def shot_of_a_giant(lens):
    """A box so near that its straight edges bow out of the frame."""
    cam = camera(Motion.rest((0, 0, 0)), **{"f": 92.0, **LENSES[lens]})
    giant = body("giant", primitives.box((0.9, 0.3, 0.2)), (0, 0.62, 1.1), category="giant")
    side = body(
        "side",
        primitives.cylinder(0.2, 1.0, 24),
        (-0.75, 0, 1.2),
        geometry.axis_angle((1, 0, 0), 1.5),
        category="giant",
    )
    corner = body("corner", primitives.sphere(0.3, 24), (0.85, -0.6, 1.3), category="giant")
    away = body("away", primitives.box((0.2, 0.2, 0.2)), (1.2, 0.1, 1.0), category="giant")
    rear = body("rear", primitives.box((0.2, 0.2, 0.2)), (0, 0, -1.0), category="giant")
    return scene(giant, side, corner, away, rear), cam


@pytest.mark.parametrize("lens", LENSES)
def test_truncation_far_outside_the_frame(lens):
    """Silhouettes that the frame cuts, or misses, are counted to the pixel outside it too."""
    spec, cam = shot_of_a_giant(lens)
    ours = {o.name: o for o in label(view_of(spec, cam, 0.0), ("masks",)).objects}
    wide = Twin(spec, cam, 0.0, pixels_of(WIDTH, HEIGHT, 1))
    within = np.all((wide.pixels >= 0) & (wide.pixels < (WIDTH, HEIGHT)), axis=1)
    for index, b in enumerate(spec.bodies):
        silhouette = np.isfinite(wide.distances[index])
        assert ours[b.name].pixels_total == silhouette.sum(), b.name
        assert ours[b.name].pixels_in_frame == (silhouette & within).sum(), b.name
        assert ours[b.name].amodal_box == box_of(wide.pixels[silhouette]), b.name
    if lens == "past 180":  # round the back of the camera the ring of its pixels closes
        assert ours["rear"].pixels_total > 100
        assert ours["rear"].truncated
        return
    assert ours["giant"].truncated
    assert ours["giant"].in_frame < 0.9
    if lens != "fisheye":
        assert ours["rear"].pixels_total == 0
    assert ours["rear"].box is None


SHUTTERS = [
    Shutter(0.08),
    Shutter(0.08, "up", 0.01),
    Shutter(0.06, "left", 0.02),
    Shutter(0.08, "right", 0.02, "global"),
    Shutter(exposure_s=0.03),
]


@pytest.mark.parametrize("shutter", SHUTTERS, ids=lambda s: f"{s.readout} {s.reset}")
def test_flow_lands_on_the_line_that_reads_it(shutter):
    """Where flow says a point goes, the ray cast then and there meets that point."""
    cam_motion = flying()
    cam = dataclasses.replace(camera(cam_motion, f=92.0, **LENSES["all"]), shutter=shutter)
    spec = cluttered(3, cam_motion)
    first, world = view_of(spec, cam), World(spec)
    ours = label(first, ALL, NEXT)
    flow = ours.flow_px.reshape(-1, 2)
    rows = np.flatnonzero((first.hits.body >= 0) & np.isfinite(flow).all(axis=1))[::7]
    goal = cam.pixels()[rows] + flow[rows]
    rays, found = cam.rays(NEXT, goal)
    times = np.broadcast_to(rays.times_s, len(goal))
    origins = np.broadcast_to(rays.origins_m, (len(goal), 3))
    local = world.surface(first.rays, first.hits)
    at = local.local_m[np.searchsorted(local.ray, rows)]
    gaps = []
    for k in np.flatnonzero(found):
        b = spec.bodies[first.hits.body[rows[k]]]
        position, turn = b.motion.pose(float(times[k]))
        reach = turn @ at[k] + position - origins[k]
        gaps.append(np.linalg.norm(np.cross(reach, rays.directions[k])))
    assert len(gaps) > 100
    assert max(gaps) < 1e-5  # metres from the ray


@pytest.mark.parametrize("seed", range(3))
def test_frame_in_random_places(seed):
    """Random poses, some with bodies behind or about the camera: masks and depth."""
    rng = np.random.default_rng(seed)
    motion = Motion.rest(rng.uniform(-0.6, 0.6, 3), random_quaternion(rng))
    cam = camera(motion, f=80.0, **LENSES["all"])
    spec = cluttered(seed + 10, motion, 8)
    ours, twin = label(view_of(spec, cam), ALL), Twin(spec, cam, TIME, pixels_of(WIDTH, HEIGHT))
    np.testing.assert_allclose(ours.depth_m, image(twin.depth), rtol=0, atol=1e-5)
    for found in ours.objects:
        mask = image(twin.body == found.instance - 1)
        assert np.array_equal(coco_mask.decode(found.mask), mask)
