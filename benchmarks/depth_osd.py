"""Real Kinect images against simulated ones with the settings calibrated on the real ones.

    python benchmarks/depth_osd.py REAL_FOLDER OUT_FOLDER ['{"window_share": 0.5}']

writes calibration.yaml, figures.json, fit.png and side_by_side.png.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from evaluation.calibrate.depth import DepthImage, calibrate_depth, read_images
from evaluation.calibrate.depth.compare import compare
from evaluation.calibrate.depth.plot import plot
from simgen import geometry
from simgen.assets import primitives
from simgen.rng import Key
from simgen.sensors.camera.camera import Camera
from simgen.sensors.camera.lens import BrownConrady
from simgen.sensors.depth import StructuredLightParams
from simgen.spec import Body, Environment, Material, Motion, SceneSpec
from simgen.world import World

SEED = 0
# Least share of the matched window, from a grid of 0.25, 0.35, 0.4, 0.42, 0.45, 0.5: the one
# whose holes beside objects are as wide as the real ones.
WINDOW = {"window_share": 0.42}
LENS = BrownConrady(525.0, 525.0, 319.5, 239.5)
WIDTH, HEIGHT = 640, 480


def tabletop(key, boxes):
    """A table with some boxes, seen from above as in the captures, and the camera."""
    rng = key.generator()
    table = (rng.uniform(0.7, 1.1), rng.uniform(1.0, 1.5))
    bodies = [slab(table, rng)]
    for k in range(boxes):
        size = tuple(rng.uniform((0.06, 0.04, 0.06), (0.2, 0.12, 0.3)))
        place = (*rng.uniform((-0.22, -0.3), (0.22, 0.25)), size[2] / 2)
        turn = geometry.axis_angle((0, 0, 1), rng.uniform(-0.6, 0.6))
        colour = Material(albedo=(rng.uniform(0.15, 0.8),) * 3)
        bodies.append(Body(f"box {k}", primitives.box(size), (colour,), Motion.rest(place, turn)))
    tilt, away = np.radians(rng.uniform(40, 55)), rng.uniform(0.75, 0.95)
    eye = np.array([0, -np.cos(tilt), np.sin(tilt)]) * away + (0, -0.05, 0.05)
    look = Motion.rest(eye, geometry.look_at(eye, (0, -0.05, 0)))
    room = Environment()
    return SceneSpec(tuple(bodies), (), room, (), look), Camera(LENS, WIDTH, HEIGHT, look)


def slab(size, rng):
    """The table top."""
    wood = Material(albedo=(rng.uniform(0.4, 0.7),) * 3)
    return Body("table", primitives.slab(size, 0.05), (wood,), Motion.rest((0, 0, -0.025)))


def labels(world, camera, depth_m):
    """Labels as given by hand on the cloud: what a reading, not a ray, shows.

    Of the surfaces that rays meet within four pixels, the one nearest in depth.
    """
    rays, _ = camera.rays(0.0)
    hits = world.cast(rays)
    axis = camera.motion.pose(0.0)[1][:, 2]
    met = hits.body >= 0
    true = np.where(met, np.where(met, hits.distance_m, 0) * (rays.directions @ axis), 0)
    true, body = (v.reshape(HEIGHT, WIDTH) for v in (true, hits.body + 1))
    best, label = np.full(true.shape, np.inf), np.zeros(true.shape, np.int64)
    steps = sorted(((y, x) for y in range(-4, 5) for x in range(-4, 5)), key=lambda s: np.hypot(*s))
    for y, x in steps:
        there, name = np.roll(true, (y, x), (0, 1)), np.roll(body, (y, x), (0, 1))
        off = np.where(there > 0, np.abs(there - depth_m), np.inf)
        nearer = off < best - 0.004  # a farther pixel must fit clearly better
        best, label = np.where(nearer, off, best), np.where(nearer, name, label)
    return np.where(depth_m > 0, label, 0)


def simulate(settings, real):
    """As many images as there are, each with as many boxes as the real one has objects."""
    found = []
    for k, image in enumerate(real):
        key = Key(SEED) / "osd" / k
        boxes = int((np.unique(image.label) > 1).sum())
        spec, camera = tabletop(key / "scene", boxes)
        world = World(spec)
        state = settings.init(Key(SEED) / "device")
        reading = settings.reading(world, camera, 0.0, state, key / "frame")
        depth = reading.depth_mm / 1000
        found.append(DepthImage(f"simulated {k}", depth, labels(world, camera, depth)))
    return found


def fixed(section):
    """The settings with each distribution at its mean."""
    return {
        name: value["normal"]["mean"] if isinstance(value, dict) else value
        for name, value in section.items()
    }


def side_by_side(path, real, simulated):
    """Write pairs of images, the real one left, holes black."""
    rows = []
    for pair in zip(real, simulated, strict=True):
        tiles = []
        for image in pair:
            level = np.clip((image.depth_m - 0.45) / 0.9, 0, 1) * 255
            tile = cv2.applyColorMap(level.astype(np.uint8), cv2.COLORMAP_TURBO)
            tile[image.depth_m == 0] = 0
            tiles.append(tile)
        rows.append(np.hstack(tiles))
    cv2.imwrite(str(path), cv2.resize(np.vstack(rows), None, fx=0.6, fy=0.6, interpolation=3))


def main(folder, out):
    """Calibrate, simulate, compare."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    real = read_images(Path(folder))
    centre = (LENS.cx_px, LENS.cy_px)
    first = calibrate_depth(real, LENS.fx_px, Key(SEED) / "real", centre)
    first.write(out / "calibration.yaml", "OSD (Kinect v1)")
    section = fixed(first.settings()) | WINDOW
    section.update(json.loads(sys.argv[3]) if len(sys.argv) > 3 else {})
    simulated = simulate(StructuredLightParams(**section), real)
    second = calibrate_depth(simulated, LENS.fx_px, Key(SEED) / "simulated", centre)
    rows = compare(first, second, Key(SEED) / "compare")
    facts = {"real": first.facts(), "simulated": second.facts(), "settings": section}
    facts["distances"] = [row.__dict__ for row in rows]
    (out / "figures.json").write_text(json.dumps(facts, indent=1))
    for name in facts["real"]:
        print(f"{name:24} {facts['real'][name]!s:32} {facts['simulated'].get(name)!s}")
    for r in rows:
        print(
            f"{r.name} [{r.unit}]: real {r.first:.3g}, simulated {r.second:.3g}; W1 "
            f"{r.wasserstein[0]:.3g} ({r.wasserstein[1]:.3g} to {r.wasserstein[2]:.3g}), KS "
            f"{r.ks[0]:.3f} ({r.ks[1]:.3f} to {r.ks[2]:.3f}), n {r.n}"
        )
    plot(out / "fit.png", [("real", first, real), ("simulated", second, simulated)])
    side_by_side(out / "side_by_side.png", real[::15], simulated[::15])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
