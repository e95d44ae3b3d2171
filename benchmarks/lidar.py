"""What a LiDAR costs beside the bare ray kernel, and beside PyBullet's.

All in one process on one thread, turn by turn, so that a busy machine slows all alike.

    python benchmarks/lidar.py             an OS1-128 in the street, sample 0
    python benchmarks/lidar.py 3           sample 3

- kernel: Embree alone, all triangles of the street in one tree as they stand in mid-sweep, the
  rays of one sweep, made ready beforehand;
- simgen: the same sweep with every pulse at its own time, noise, labels and boxes, and light
  followed through panes and off mirrors; the same in a street that stands still and has
  neither; with beams that are taken apart at edges; with the static and the de-skewed twin;
- PyBullet: `rayTestBatch` on the same triangles with the same rays, and how far its hits lie
  from ours.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pybullet
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
from numpy.typing import NDArray

from simgen.config import load_config
from simgen.engine.tasks import one_thread
from simgen.generate import Source
from simgen.physics import settle
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.lidar import Lidar, LidarParams, make, scanner
from simgen.sensors.lidar.beams import aim
from simgen.spec import Material, Motion, SceneSpec
from simgen.survey import Survey
from simgen.world import World, device

TURNS = 15
REACH_M = 200.0
BATCH = 16_000  # PyBullet takes no more rays at once
Array = NDArray[np.float64]


def street(index: int) -> SceneSpec:
    """The scene of a sample of the preset."""
    source = Source(load_config("street"))
    draw = source.recipe.space().draw(source.recipe.sample_key(index) / 0)
    params = source.family.Params.model_validate(draw.values["scene"])
    return source.family.finish(settle(source.family.build(params, Key(0) / "build")))


def lidar(spec: SceneSpec, **settings: object) -> Lidar:
    """An OS1-128 where the camera is."""
    params = LidarParams.model_validate({"pattern": "os1_128", "mount_m": (0, 0, 0.1), **settings})
    pulses = scanner(params.pattern, params.rate_hz, params.columns)
    return Lidar(params, pulses, make(params, pulses.rings, Key(0)), World(spec), spec.camera)


def stopped(spec: SceneSpec, time_s: float) -> SceneSpec:
    """The scene at rest as it is at one moment, and nothing in it mirrors or is clear."""

    def plain(material: Material) -> Material:
        return replace(material, laser=replace(material.laser, mirror=0.0, clear=0.0))

    def rest(motion: Motion) -> Motion:
        position, quaternion = motion.at(np.array([time_s]))
        return Motion.rest(position[0], quaternion[0])

    bodies = tuple(
        replace(b, motion=rest(b.motion), materials=tuple(map(plain, b.materials)))
        for b in spec.bodies
    )
    return replace(spec, bodies=bodies, camera=rest(spec.camera))


def triangles(spec: SceneSpec, time_s: float) -> Array:
    """(n, 3, 3) corners of all bodies in the world at one moment."""
    found = []
    for body in spec.bodies:
        position, turn = body.motion.pose(time_s)
        found.append((body.asset.vertices_m @ turn.T + position)[body.asset.faces])
    return np.concatenate(found)


def measured(jobs: dict[str, Callable[[], object]], turns: int = TURNS) -> dict[str, list[float]]:
    """Seconds of each job, turn by turn; each is done once beforehand."""
    for job in jobs.values():
        job()
    found: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(turns):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            found[name].append(time.perf_counter() - start)
    return found


def main() -> None:
    """Print the table."""
    with one_thread():
        compare(street(int(sys.argv[1]) if len(sys.argv) > 1 else 0))


def compare(spec: SceneSpec) -> None:
    """Print the table of one scene."""
    one = {"optics": {"subrays": 1}, "noise": {"range_floor_m": 0.01, "range_snr_m": 0.05}}
    plain = lidar(spec, **one)
    edges = lidar(spec, noise=one["noise"])
    twins = lidar(spec, **one, twins=("static", "deskewed"))
    middle = plain.scanner.period_s / 2
    sent = plain.scanner.sweep(0)
    rays = aim(sent, sent, plain.state, plain.ride, 0.0, middle).rays
    n = len(rays)
    origins = np.broadcast_to(rays.origins_m, (n, 3)).astype(np.float32)
    directions = rays.directions.astype(np.float32)
    corners = triangles(spec, middle)
    tree = EmbreeScene(device=device(), robust=True)
    faces = np.arange(3 * len(corners), dtype=np.int32).reshape(-1, 3)
    mesh = TriangleMesh(tree, corners.reshape(-1, 3).astype(np.float32), faces)
    moving = sum(body.motion.moves for body in spec.bodies)
    print(
        f"{len(spec.bodies)} bodies, {moving} of them moving, {len(corners)} triangles, {n} pulses"
    )
    bullet = Bullet(corners)
    still = lidar(stopped(spec, middle), **one)
    jobs: dict[str, Callable[[], object]] = {
        "kernel: Embree, one tree": lambda: tree.run(origins, directions, output=True),
        "simgen: noise, labels, motion": lambda: plain.sweep(0, 0.0, Key(0)),
        "simgen: all at rest, no mirror, no pane": lambda: still.sweep(0, 0.0, Key(0)),
        "simgen: and beams taken apart at edges": lambda: edges.sweep(0, 0.0, Key(0)),
        "simgen: and both twins": lambda: twins.sweep(0, 0.0, Key(0)),
    }
    times = measured(jobs)
    times |= measured({"PyBullet: rayTestBatch": lambda: bullet.cast(rays)}, 3)
    kernel = statistics.median(times["kernel: Embree, one tree"])
    for name, seconds in times.items():
        middle_s = statistics.median(seconds)
        low, high = np.quantile(seconds, [0.25, 0.75])
        print(
            f"{name:42} {middle_s * 1e3:8.1f} ms ({low * 1e3:.1f} to {high * 1e3:.1f})"
            f" {n / middle_s / 1e6:7.2f} M pulses/s  {kernel / middle_s:6.3f} of the kernel"
            f"  {plain.scanner.period_s / middle_s:6.2f} x real time"
        )
    fast = statistics.median(times["simgen: noise, labels, motion"])
    slow = statistics.median(times["PyBullet: rayTestBatch"])
    print(f"PyBullet / simgen {slow / fast:.1f}, PyBullet / kernel {slow / kernel:.1f}")
    agreement(spec, bullet, rays)
    del mesh


class Bullet:
    """PyBullet's rays on triangles.

    Args:
        corners: (n, 3, 3), world frame.
    """

    def __init__(self, corners: Array) -> None:
        self.client = pybullet.connect(pybullet.DIRECT)
        for start in range(0, len(corners), 1000):
            part = corners[start : start + 1000]
            shape = pybullet.createCollisionShape(
                pybullet.GEOM_MESH,
                vertices=part.reshape(-1, 3).tolist(),
                indices=list(range(3 * len(part))),
                flags=pybullet.GEOM_FORCE_CONCAVE_TRIMESH,
                physicsClientId=self.client,
            )
            pybullet.createMultiBody(0, shape, physicsClientId=self.client)

    def cast(self, rays: Rays) -> Array:
        """Distances (n,) to what rays hit; infinite for nothing."""
        starts = np.broadcast_to(rays.origins_m, rays.directions.shape)
        ends = starts + REACH_M * rays.directions
        found = []
        for at in range(0, len(rays), BATCH):
            rows = slice(at, at + BATCH)
            found += pybullet.rayTestBatch(
                starts[rows].tolist(), ends[rows].tolist(), 1, physicsClientId=self.client
            )
        share = np.array([hit[2] for hit in found])
        body = np.array([hit[0] for hit in found])
        return np.where(body >= 0, share * REACH_M, np.inf)


def agreement(spec: SceneSpec, bullet: Bullet, rays: Rays) -> None:
    """Print how far hits of both kernels lie apart."""
    ours = Survey(World(spec)).cast(rays).distance_m
    theirs = bullet.cast(rays)
    ours = np.where(ours < REACH_M, ours, np.inf)
    both = np.isfinite(ours) & np.isfinite(theirs)
    apart = np.abs(ours[both] - theirs[both])
    alone = (np.isfinite(ours) != np.isfinite(theirs)).sum()
    print(
        f"hits of both {both.sum()}, of one alone {alone};"
        f" within 1e-4 m {np.mean(apart < 1e-4):.5f}, median apart {np.median(apart):.1e} m,"
        f" 99 % within {np.quantile(apart, 0.99):.1e} m"
    )


if __name__ == "__main__":
    main()
