"""A readable twin of the labels, which shares no code with the kernel or the lenses.

The twin takes the ray of each pixel and solves [a b c] w = ray for the corners of every
triangle in the camera's frame: the triangle is met where no weight is negative, at
distance 1 / sum(w). Rays and pixels of Brown-Conrady lenses are OpenCV's; those of the
fisheye are written out here, since OpenCV sees nothing behind the image plane.
"""

import numpy as np
from scene_kit import project, undistort
from scipy.spatial.transform import Rotation, Slerp

from simgen.sensors.camera.lens import BrownConrady


class Planar:
    """Rays and pixels of a lens that sees what is in front, by OpenCV."""

    def __init__(self, lens):
        self.lens = lens

    def rays(self, pixels):
        plane, converged = undistort(self.lens, pixels)
        valid = converged & (np.linalg.norm(plane, axis=1) < self.lens.radius_limit)
        rays = np.column_stack([plane, np.ones(len(plane))])
        return rays / np.linalg.norm(rays, axis=1)[:, None], valid

    def project(self, points):
        pixels = project(self.lens, points)
        far = np.linalg.norm(points[:, :2] / points[:, 2:], axis=1)
        pixels[(points[:, 2] <= 0) | (far >= self.lens.radius_limit)] = np.nan
        return pixels


class Fisheye:
    """Rays and pixels of a Kannala-Brandt lens, by hand: a table for the fold, bisection back."""

    def __init__(self, lens):
        facts = lens.facts()
        self.k, self.d = np.array(facts["K"]), facts["distortion"]
        angles = np.linspace(0, np.pi, 200_001)
        falls = np.flatnonzero(np.diff(self.bent(angles)) <= 0)
        self.limit = angles[falls[0]] if len(falls) else np.pi

    def bent(self, angle):
        return angle + sum(k * angle ** (2 * n + 3) for n, k in enumerate(self.d))

    def rays(self, pixels):
        across = (pixels - self.k[:2, 2]) / np.diag(self.k)[:2]
        goal = np.linalg.norm(across, axis=1)
        valid = goal < self.bent(self.limit)
        low, high = np.zeros(len(goal)), np.full(len(goal), self.limit)
        for _ in range(60):
            middle = (low + high) / 2
            under = self.bent(middle) < goal
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        unit = across / np.maximum(goal, 1e-300)[:, None]
        return np.column_stack([np.sin(low)[:, None] * unit, np.cos(low)]), valid

    def project(self, points):
        radius = np.linalg.norm(points[:, :2], axis=1)
        angle = np.arctan2(radius, points[:, 2])
        plane = points[:, :2] / np.maximum(radius, 1e-300)[:, None] * self.bent(angle)[:, None]
        pixels = plane * np.diag(self.k)[:2] + self.k[:2, 2]
        pixels[angle >= self.limit] = np.nan
        return pixels


def optics(lens):
    """The twin of a lens."""
    return Planar(lens) if isinstance(lens, BrownConrady) else Fisheye(lens)


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
    """Distance of every body alone, and all that follows, at pixels (n, 2)."""

    def __init__(self, spec, cam, time_s, pixels):
        self.spec, self.cam, self.time_s, self.pixels = spec, cam, time_s, pixels
        self.optics = optics(cam.lens)
        self.ray, self.valid = self.optics.rays(pixels)
        solved = [self._solve(b) for b in spec.bodies]
        self.distances = np.array([each[0] for each in solved])
        self.faces = np.array([each[1] for each in solved])
        self.locals = np.array([each[2] for each in solved])
        nearest = self.distances.argmin(axis=0)
        self.body = np.where(np.isfinite(self.distances.min(axis=0)), nearest, -1)
        self.distance = np.where(self.body >= 0, self.distances.min(axis=0), 0)
        self.depth = self.distance * self.ray[:, 2]

    def _solve(self, b):
        turn, place = pose_in_camera(b.motion, self.cam, self.time_s)
        corners = (b.asset.vertices_m @ turn.T + place)[b.asset.faces]
        columns = np.moveaxis(corners, 1, 2)
        solid = np.abs(np.linalg.det(columns)) > 1e-14  # others are seen edge on
        # Only rays that pass within the body's size of its middle can meet it.
        middle = corners.reshape(-1, 3).mean(axis=0)
        reach = np.linalg.norm(corners.reshape(-1, 3) - middle, axis=1).max()
        gap = np.linalg.norm(np.cross(self.ray, middle), axis=1)
        near = np.flatnonzero((gap <= reach * 1.01) & self.valid)
        weights = np.linalg.inv(columns[solid]) @ self.ray[near].T
        total = weights.sum(axis=1)
        with np.errstate(divide="ignore"):
            reached = np.where((weights.min(axis=1) >= 0) & (total > 0), 1 / total, np.inf)
        which, n = reached.argmin(axis=0), np.arange(len(near))
        share = weights[which, :, n] / total[which, n][:, None]
        best, face = np.full(len(self.ray), np.inf), np.zeros(len(self.ray), int)
        local = np.zeros((len(self.ray), 3))
        best[near], face[near] = reached[which, n], np.flatnonzero(solid)[which]
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
                out[rows] = self.optics.project(points) - self.pixels[rows]
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
