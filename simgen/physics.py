"""Drop, throw and settle: from a scene in the air to a scene with recorded motion.

Every scene is built from nothing in a connection of its own, in the order of its
bodies: Bullet is bit-identical then, and only then.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.errors import SimgenError
from simgen.quiet import quiet_import
from simgen.spec import Body, Drop, Motion, SceneSpec

pybullet = quiet_import("pybullet")

STEP_HZ = 240
REST_SPEED = 0.1  # radii per second, and radians per second: a slower body rests
REST_EVERY, REST_CHECKS = 4, 4  # steps between looks, and looks that must all find rest
ROLLING = 0.06  # of the radius: without it a ball on a table never rests
HULL_DIRECTIONS = 256  # finer hulls cost time and change no resting pose that a picture shows
RESIDUAL = 1e-7  # m^2/s^2, Bullet's own: what is left of the speeds when its solver stops
TOP_SPEED = 1000.0  # metres per second
GOOD_RADIUS = 0.5  # Bullet's tolerances suit bodies of about a metre: smaller scenes are scaled up


class UnsettledError(SimgenError):
    """A scene did not come to rest in its time, or fell out of the world."""


def settle(spec: SceneSpec) -> SceneSpec:
    """Let a scene come to rest under gravity and record how.

    Args:
        spec: A scene whose `physics` says how long; bodies with mass move from their
            first pose, with their velocity and spin.

    Returns:
        The scene with the motion of every body that has mass. With `record_hz` 0 that is
        its last pose; otherwise its poses from time 0 until all rest.

    Raises:
        UnsettledError: When something still moves at the end, or falls below every body
            that stands still.
    """
    drop = spec.physics
    movers = [i for i, body in enumerate(spec.bodies) if body.mass_kg > 0]
    if drop is None or not movers:
        return spec
    scale = max(1.0, GOOD_RADIUS / min(spec.bodies[i].asset.sphere_m[1] for i in movers))
    with _connection() as client:
        ids = _build(client, spec, drop, scale)
        poses, times = _run(client, spec, drop, movers, ids, scale)
    bodies = list(spec.bodies)
    for k, i in enumerate(movers):
        motion = Motion(times, poses[:, k, :3], poses[:, k, 3:])
        bodies[i] = dataclasses.replace(bodies[i], motion=motion)
    return dataclasses.replace(spec, bodies=tuple(bodies))


@contextmanager
def _connection() -> Iterator[int]:
    client = pybullet.connect(pybullet.DIRECT)
    try:
        yield client
    finally:
        pybullet.disconnect(client)


def _build(client: int, spec: SceneSpec, drop: Drop, scale: float) -> list[int]:
    pybullet.setGravity(0, 0, -drop.gravity_m_s2 * scale, physicsClientId=client)
    pybullet.setPhysicsEngineParameter(
        fixedTimeStep=1 / STEP_HZ,
        deterministicOverlappingPairs=1,
        restitutionVelocityThreshold=0.05 * scale,
        solverResidualThreshold=RESIDUAL * scale**2,
        physicsClientId=client,
    )
    return [_add(client, body, scale) for body in spec.bodies]


def _add(client: int, body: Body, scale: float) -> int:
    asset = body.asset
    low, high = asset.bounds_m * scale
    if asset.collision == "box":
        shape = pybullet.createCollisionShape(
            pybullet.GEOM_BOX,
            halfExtents=list((high - low) / 2),
            collisionFramePosition=list((low + high) / 2),
            physicsClientId=client,
        )
    elif asset.collision == "mesh":
        shape = pybullet.createCollisionShape(
            pybullet.GEOM_MESH,
            vertices=(asset.vertices_m * scale).tolist(),
            indices=asset.faces.ravel().tolist(),
            flags=pybullet.GEOM_FORCE_CONCAVE_TRIMESH,
            physicsClientId=client,
        )
    else:
        points = _support(asset.hull_m) * scale
        shape = pybullet.createCollisionShape(
            pybullet.GEOM_MESH, vertices=points.tolist(), physicsClientId=client
        )
    if shape < 0:
        raise SimgenError(
            "Bullet must accept a body's collision shape",
            f"{body.name} ({asset.collision}, {len(asset.faces)} faces)",
            'use collision "box" or "hull", or simplify the mesh',
        )
    # A length, in Bullet, which adds up both bodies': that of a table would hold dice on edge.
    # A box does not roll, and each such contact would double the solver's work.
    rolls = body.mass_kg > 0 and asset.collision != "box"
    resistance = ROLLING * asset.sphere_m[1] * scale * body.friction if rolls else 0.0
    position, quaternion = body.motion.positions_m[0], body.motion.quaternions[0]
    index: int = pybullet.createMultiBody(
        baseMass=body.mass_kg,
        baseCollisionShapeIndex=shape,
        basePosition=list(position * scale),
        baseOrientation=list(quaternion),
        baseInertialFramePosition=list((low + high) / 2),
        useMaximalCoordinates=1,  # a plain rigid body: its solver is the faster one
        physicsClientId=client,
    )
    pybullet.changeDynamics(
        index,
        -1,
        lateralFriction=body.friction,
        spinningFriction=resistance,
        rollingFriction=resistance,
        restitution=body.restitution,
        linearDamping=0,  # Bullet's defaults slow a fall by 3 % in its first half second
        angularDamping=0,
        maxJointVelocity=TOP_SPEED * scale,  # Bullet clamps all speeds, at 100 if not told
        ccdSweptSphereRadius=0.25 * float(np.min(high - low)) if body.mass_kg else 0.0,
        physicsClientId=client,
    )
    if body.mass_kg:
        pybullet.resetBaseVelocity(
            index,
            [v * scale for v in body.velocity_m_s],
            list(body.spin_rad_s),
            physicsClientId=client,
        )
    return index


def _support(points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points (k, 3) of a hull that are farthest in `HULL_DIRECTIONS` even directions."""
    if len(points_m) <= HULL_DIRECTIONS:
        return points_m
    height = 1 - 2 * (np.arange(HULL_DIRECTIONS) + 0.5) / HULL_DIRECTIONS
    angle = np.pi * (3 - np.sqrt(5)) * np.arange(HULL_DIRECTIONS)
    ring = np.sqrt(1 - height**2)
    directions = np.column_stack([ring * np.cos(angle), ring * np.sin(angle), height])
    extreme: NDArray[np.float64] = points_m[np.unique((points_m @ directions.T).argmax(axis=0))]
    return extreme


def _run(
    client: int, spec: SceneSpec, drop: Drop, movers: list[int], ids: list[int], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Step until all rest; poses (k, movers, 7) and times (k,)."""
    every = max(1, round(STEP_HZ / drop.record_hz)) if drop.record_hz else 0
    radius = np.array([spec.bodies[i].asset.sphere_m[1] for i in movers])
    centre = np.array([spec.bodies[i].asset.bounds_m.mean(axis=0) for i in movers])
    floor = min(
        (
            (b.asset.vertices_m @ turn[2]).min() + place[2]
            for b in spec.bodies
            for place, turn in [b.motion.pose(0.0)]
            if not b.mass_kg
        ),
        default=-np.inf,
    )
    # What falls freely cannot be slower than this at two looks running.
    falling = drop.gravity_m_s2 * REST_EVERY / STEP_HZ / 2
    slow = np.minimum(REST_SPEED * radius, falling if falling > 0 else np.inf) * scale
    poses, times, quiet = [_poses(client, movers, ids, scale, centre)], [0.0], 0
    step, steps = 0, round(drop.settle_s * STEP_HZ)
    while step < steps:
        step += 1
        pybullet.stepSimulation(physicsClientId=client)
        if every and step % every == 0:
            poses.append(_poses(client, movers, ids, scale, centre))
            times.append(step / STEP_HZ)
        if step % REST_EVERY == 0:
            quiet = quiet + 1 if _resting(client, movers, ids, slow) else 0
            if quiet >= REST_CHECKS:
                break
    last = _poses(client, movers, ids, scale, centre)
    if quiet < REST_CHECKS:
        raise UnsettledError(
            f"a scene must come to rest within {drop.settle_s} s", "it still moves"
        )
    middle = last[:, 2] + np.einsum("kj,kj->k", geometry.matrix(last[:, 3:])[:, 2], centre)
    if np.any(middle < floor):
        raise UnsettledError("bodies must stay above what stands still", "one fell off")
    if not every:
        return last[None], np.zeros(1)
    if step % every:
        poses.append(last)
        times.append(step / STEP_HZ)
    return np.stack(poses), np.array(times)


def _poses(
    client: int, movers: list[int], ids: list[int], scale: float, centre: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Position and quaternion (movers, 7) of the body frames, in metres."""
    found = np.empty((len(movers), 7))
    for k, i in enumerate(movers):
        # Bullet reports the centre of mass; the body frame is the inverse of its offset away.
        position, quaternion = pybullet.getBasePositionAndOrientation(
            ids[i], physicsClientId=client
        )
        turned = pybullet.rotateVector(quaternion, list(centre[k]))
        found[k, :3] = np.array(position) / scale - np.array(turned)
        found[k, 3:] = quaternion
    return found


def _resting(client: int, movers: list[int], ids: list[int], slow: NDArray[np.float64]) -> bool:
    """Whether every mover is slower than its `slow` (movers,), and than `REST_SPEED` in radians."""
    for i, limit in zip(movers, slow.tolist(), strict=True):
        speed, spin = pybullet.getBaseVelocity(ids[i], physicsClientId=client)
        if math.hypot(*speed) >= limit or math.hypot(*spin) >= REST_SPEED:
            return False
    return True
