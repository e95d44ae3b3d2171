"""Every label under strong distortion, against a twin that shares no code with the kernel.

The twin takes OpenCV's inverse of each pixel, (x, y, 1), and solves [a b c] w = (x, y, 1)
for the corners of every triangle in the camera's frame: the triangle is met where no
weight is negative, at depth 1 / sum(w). Points go to pixels by `cv2.projectPoints`.
Stated tolerances: masks and boxes exact, depth, distance and coordinates 1e-5 m, normals
1e-3 (half precision), flow and keypoints 1e-3 px, poses 1e-9.
"""

import dataclasses

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scene_kit import (
    HEIGHT,
    WIDTH,
    body,
    camera,
    clutter,
    moving,
    project,
    random_quaternion,
    scene,
    undistort,
)
from scipy.spatial.transform import Rotation, Slerp

from simgen import geometry
from simgen.assets import primitives
from simgen.labels import ALL, View, label
from simgen.sensors.camera.shutter import Shutter
from simgen.spec import Motion
from simgen.world import World

LENSES = {
    "pinhole": {},
    "barrel": {"k1": -0.3},
    "all": {"k1": -0.3, "k2": 0.08, "p1": 0.006, "p2": -0.008},
    "pincushion": {"k1": 0.3, "p1": -0.004},
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


def pose_in_camera(motion, cam, time_s):
    """Rotation (3, 3) and position (3,) of a body in the camera's frame, by SciPy."""

    def at(m):
        if not m.moves:
            return Rotation.from_quat(m.quaternions[0]), m.positions_m[0]
        place = [np.interp(time_s, m.times_s, m.positions_m[:, k]) for k in range(3)]
        return Slerp(m.times_s, Rotation.from_quat(m.quaternions))(time_s), np.array(place)

    (turn, place), (view, eye) = at(motion), at(cam.motion)
    return (view.inv() * turn).as_matrix(), view.inv().apply(place - eye)


class Twin:
    """Depth of every body alone, and all that follows, at pixels (n, 2)."""

    def __init__(self, spec, cam, time_s, pixels):
        self.spec, self.cam, self.time_s, self.pixels = spec, cam, time_s, pixels
        plane, converged = undistort(cam.lens, pixels)
        self.valid = converged & (np.linalg.norm(plane, axis=1) < cam.lens.radius_limit)
        self.ray = np.column_stack([plane, np.ones(len(plane))])
        self.length = np.linalg.norm(self.ray, axis=1)
        solved = [self._solve(b) for b in spec.bodies]
        self.depths = np.array([each[0] for each in solved])
        self.faces = np.array([each[1] for each in solved])
        self.locals = np.array([each[2] for each in solved])
        nearest = self.depths.argmin(axis=0)
        self.body = np.where(np.isfinite(self.depths.min(axis=0)), nearest, -1)
        self.depth = np.where(self.body >= 0, self.depths.min(axis=0), 0)

    def _solve(self, b):
        turn, place = pose_in_camera(b.motion, self.cam, self.time_s)
        corners = (b.asset.vertices_m @ turn.T + place)[b.asset.faces]
        columns = np.moveaxis(corners, 1, 2)
        solid = np.abs(np.linalg.det(columns)) > 1e-14  # others are seen edge on
        # Only rays that pass within the body's size of its middle can meet it.
        middle = corners.reshape(-1, 3).mean(axis=0)
        reach = np.linalg.norm(corners.reshape(-1, 3) - middle, axis=1).max()
        gap = np.linalg.norm(np.cross(self.ray, middle), axis=1) / self.length
        near = np.flatnonzero((gap <= reach * 1.01) & self.valid)
        weights = np.linalg.inv(columns[solid]) @ self.ray[near].T
        total = weights.sum(axis=1)
        with np.errstate(divide="ignore"):
            depth = np.where((weights.min(axis=1) >= 0) & (total > 0), 1 / total, np.inf)
        which, n = depth.argmin(axis=0), np.arange(len(near))
        share = weights[which, :, n] / total[which, n][:, None]
        best, face = np.full(len(self.ray), np.inf), np.zeros(len(self.ray), int)
        local = np.zeros((len(self.ray), 3))
        best[near], face[near] = depth[which, n], np.flatnonzero(solid)[which]
        triangles = b.asset.vertices_m[b.asset.faces[face[near]]]
        local[near] = np.einsum("nk,nkc->nc", share, triangles)
        return best, face, local

    def normals(self):
        out = np.zeros((len(self.body), 3))
        for n, index in enumerate(self.body):
            if index < 0:
                continue
            b = self.spec.bodies[index]
            turn, _ = pose_in_camera(b.motion, self.cam, self.time_s)
            a, c, d = b.asset.vertices_m[b.asset.faces[self.faces[index, n]]]
            normal = turn @ np.cross(c - a, d - a)
            normal /= np.linalg.norm(normal)
            out[n] = normal if normal @ self.ray[n] < 0 else -normal
        return out

    def coordinates(self):
        return np.where(
            self.body[:, None] >= 0, self.locals[self.body, np.arange(len(self.body))], 0
        )

    def flow(self, later_s):
        out = np.full((len(self.body), 2), np.nan)
        local = self.coordinates()
        for index, b in enumerate(self.spec.bodies):
            rows = self.body == index
            if rows.any():
                turn, place = pose_in_camera(b.motion, self.cam, later_s)
                points = local[rows] @ turn.T + place
                out[rows] = project(self.cam.lens, points) - self.pixels[rows]
                far = np.linalg.norm(points[:, :2] / points[:, 2:], axis=1)
                out[np.flatnonzero(rows)[far >= self.cam.lens.radius_limit]] = np.nan
        return out


def pixels_of(width, height, margin=0):
    x, y = np.meshgrid(
        np.arange(-margin * width, (margin + 1) * width, dtype=float),
        np.arange(-margin * height, (margin + 1) * height, dtype=float),
    )
    return np.column_stack([x.ravel(), y.ravel()])


def box_of(pixels):
    if not len(pixels):
        return None
    return (*(pixels.min(axis=0) - 0.5), *(pixels.max(axis=0) + 0.5))


CASES = [(lens, motion, seed) for lens in LENSES for motion, seed in (("still", 1), ("flying", 2))]


@pytest.fixture(scope="module", params=CASES, ids=lambda c: "-".join(map(str, c)))
def pair(request):
    """Our labels and the twin of one frame."""
    lens, motion, seed = request.param
    cam_motion = flying() if motion == "flying" else still()
    cam = camera(cam_motion, f=92.0, **LENSES[lens])
    spec = cluttered(seed, cam_motion)
    ours = label(view_of(spec, cam), ALL, NEXT)
    return spec, cam, ours, Twin(spec, cam, TIME, pixels_of(WIDTH, HEIGHT))


def image(twin_values):
    return twin_values.reshape(HEIGHT, WIDTH, *twin_values.shape[1:])


def test_twin_has_something_to_say(pair):
    _, cam, _, twin = pair
    assert twin.valid.all()
    assert len(np.unique(twin.body)) >= 6
    if cam.lens.distorts:  # the pinhole's picture would be another
        middle = (WIDTH - 1) / 2, (HEIGHT - 1) / 2
        pinhole = (twin.pixels - middle) / cam.lens.fx_px
        assert np.abs(pinhole - twin.ray[:, :2]).max() * cam.lens.fx_px > 3


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
    np.testing.assert_allclose(ours.distance_m, image(twin.depth * twin.length), rtol=0, atol=1e-5)
    cosine = image(1 / twin.length)
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
    assert np.nanmax(length) > 2  # something moves


def test_boxes_masks_and_fractions(pair):
    """Also outside the frame, to which the twin adds a frame's size on every side."""
    spec, cam, ours, twin = pair
    wide = Twin(spec, cam, TIME, pixels_of(WIDTH, HEIGHT, 1))
    within = np.all((wide.pixels >= 0) & (wide.pixels < (WIDTH, HEIGHT)), axis=1)
    for found in ours.objects:
        index = found.instance - 1
        visible = twin.body == index
        silhouette = np.isfinite(wide.depths[index])
        assert found.box == box_of(twin.pixels[visible])
        assert found.amodal_box == box_of(wide.pixels[silhouette])
        assert found.pixels_visible == visible.sum()
        assert found.pixels_in_frame == (silhouette & within).sum()
        assert found.pixels_total == silhouette.sum()
        assert np.array_equal(coco_mask.decode(found.mask), image(visible))
        alone = np.isfinite(twin.depths[index])
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
        world = corners @ b.motion.pose(TIME)[1].T + b.motion.pose(TIME)[0]
        eye, view = cam.motion.pose(TIME)
        np.testing.assert_allclose(ours_px, project(cam.lens, (world - eye) @ view), atol=1e-6)


def test_keypoints(pair):
    """Place by OpenCV; seen where nothing of the twin is nearer along the ray."""
    spec, cam, ours, _ = pair
    states = set()
    for found in ours.objects:
        b = spec.bodies[found.instance - 1]
        turn, place = pose_in_camera(b.motion, cam, TIME)
        points = np.array(list(KEYPOINTS.values())) @ turn.T + place
        expected = project(cam.lens, points)
        hidden = Twin(spec, cam, TIME, expected).depth
        assert [k.name for k in found.keypoints] == list(KEYPOINTS)
        for keypoint, xy, point, front in zip(
            found.keypoints, expected, points, hidden, strict=True
        ):
            np.testing.assert_allclose(keypoint.xy_px, xy, atol=1e-3)
            inside = -0.5 <= xy[0] < WIDTH - 0.5 and -0.5 <= xy[1] < HEIGHT - 0.5
            behind = front > 0 and front < point[2] * (1 - 1e-3)
            assert keypoint.visibility == (0 if not inside else 1 if behind else 2)
            states.add(keypoint.visibility)
    assert {1, 2} <= states


def shot_of_a_giant(lens):
    """A box so near that its straight edges bow out of the frame."""
    cam = camera(Motion.rest((0, 0, 0)), f=92.0, **LENSES[lens])
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
        silhouette = np.isfinite(wide.depths[index])
        assert ours[b.name].pixels_total == silhouette.sum(), b.name
        assert ours[b.name].pixels_in_frame == (silhouette & within).sum(), b.name
        assert ours[b.name].amodal_box == box_of(wide.pixels[silhouette]), b.name
    assert ours["giant"].truncated
    assert ours["giant"].in_frame < 0.9
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
