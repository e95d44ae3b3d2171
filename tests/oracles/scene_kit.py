"""Small scenes, cameras and slow twins that several oracle tests share."""

import cv2
import numpy as np

from simgen import geometry
from simgen.assets import primitives
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.camera.shutter import Shutter
from simgen.spec import Body, Environment, Material, Motion, SceneSpec

WIDTH, HEIGHT = 96, 72
DARK = Environment((0, 0, 0), (0, 0, 0), (0, 0, 0))


def body(name, asset, position=(0, 0, 0), quaternion=(0, 0, 0, 1), **settings):
    settings.setdefault("motion", Motion.rest(position, quaternion))
    settings.setdefault("materials", (Material(),) * (int(asset.part.max()) + 1))
    return Body(name, asset, **settings)


def scene(*bodies, lights=(), environment=DARK, camera=None, physics=None):
    names = tuple(sorted({b.category for b in bodies if b.category}))
    return SceneSpec(bodies, lights, environment, names, camera or Motion.rest((0, 0, 0)), physics)


def random_quaternion(rng):
    return geometry.unit(rng.standard_normal(4))


def moving(rng, start, end, span_s=1.0, steps=6):
    """A body that goes from `start` to `end` and tumbles."""
    times = np.linspace(0, span_s, steps)
    places = np.linspace(start, end, steps)
    axis, rate = geometry.unit(rng.standard_normal(3)), rng.uniform(1, 4)
    turns = np.array([geometry.axis_angle(axis, rate * t) for t in times])
    return Motion(times, places, turns)


def camera(
    motion,
    *,
    f=80.0,
    width=WIDTH,
    height=HEIGHT,
    readout_s=0.0,
    model=BrownConrady,
    **distortion,
):
    middle = (width - 1) / 2, (height - 1) / 2
    lens = model(f, f, *middle, **distortion)
    return Camera(lens, width, height, motion, Shutter(readout_s))


def matrices(lens):
    """OpenCV's camera matrix and distortion vector."""
    k = np.array([[lens.fx_px, 0, lens.cx_px], [0, lens.fy_px, lens.cy_px], [0, 0, 1.0]])
    return k, np.array(lens.facts()["distortion"])


def project(lens, points):
    """Camera-frame points (n, 3) to pixels (n, 2) by OpenCV."""
    k, d = matrices(lens)
    points = np.ascontiguousarray(points, dtype=np.float64).reshape(-1, 1, 3)
    return cv2.projectPoints(points, np.zeros(3), np.zeros(3), k, d)[0].reshape(-1, 2)


def undistort(lens, pixels):
    """Pixels (n, 2) to the plane at depth 1 by OpenCV's fixed point, and where it converged."""
    k, d = matrices(lens)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 1000, 1e-15)
    points, eye = np.ascontiguousarray(pixels[:, None], dtype=np.float64), np.eye(3)
    if hasattr(cv2, "undistortPointsIter"):  # OpenCV 4
        plane = cv2.undistortPointsIter(points, k, d, eye, eye, stop)[:, 0]
    else:
        plane = cv2.undistortPoints(points, k, d, R=eye, P=eye, criteria=stop)[:, 0]
    again = project(lens, np.column_stack([plane, np.ones(len(plane))]))
    return plane, (np.abs(again - pixels) < 1e-7).all(axis=1)


def clutter(rng, count=5, category="thing"):
    """Bodies of several shapes strewn about the origin, some overlapping in view."""
    shapes = [
        primitives.rounded_box((0.3, 0.3, 0.3), 0.05, 2),
        primitives.sphere(0.2, 16),
        primitives.cylinder(0.12, 0.5, 16),
        primitives.tray((0.4, 0.3), 0.03, 0.12),
    ]
    return [
        body(
            f"thing {n}",
            shapes[n % len(shapes)],
            rng.uniform(-0.45, 0.45, 3),
            random_quaternion(rng),
            category=category,
        )
        for n in range(count)
    ]
