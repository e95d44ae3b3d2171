"""Drop, throw and settle: from a scene in the air to a scene with recorded motion.

Every scene is built from nothing in a connection of its own, in the order of its
bodies: Bullet is bit-identical then, and only then.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from simgen.errors import SimgenError
from simgen.quiet import quiet_import
from simgen.spec import Body, Drop, Motion, SceneSpec

pybullet = quiet_import("pybullet")

STEP_HZ = 240
REST_SPEED = 0.1  # radii per second, and radians per second: a slower body rests
REST_STEPS = 12
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
        shape = pybullet.createCollisionShape(
            pybullet.GEOM_MESH, vertices=(asset.hull_m * scale).tolist(), physicsClientId=client
        )
    if shape < 0:
        raise SimgenError(
            "Bullet must accept a body's collision shape",
            f"{body.name} ({asset.collision}, {len(asset.faces)} faces)",
            'use collision "box" or "hull", or simplify the mesh',
        )
    position, quaternion = body.motion.positions_m[0], body.motion.quaternions[0]
    index: int = pybullet.createMultiBody(
        baseMass=body.mass_kg,
        baseCollisionShapeIndex=shape,
        basePosition=list(position * scale),
        baseOrientation=list(quaternion),
        baseInertialFramePosition=list((low + high) / 2),
        physicsClientId=client,
    )
    pybullet.changeDynamics(
        index,
        -1,
        lateralFriction=body.friction,
        spinningFriction=0.01 * body.friction,
        rollingFriction=0.002 * body.friction,
        restitution=body.restitution,
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


def _run(
    client: int, spec: SceneSpec, drop: Drop, movers: list[int], ids: list[int], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Step until all rest; poses (k, movers, 7) and times (k,)."""
    every = max(1, round(STEP_HZ / drop.record_hz)) if drop.record_hz else 0
    radius = np.array([spec.bodies[i].asset.sphere_m[1] for i in movers])
    centre = np.array([spec.bodies[i].asset.bounds_m.mean(axis=0) for i in movers])
    floor = min(
        (
            b.asset.vertices_m[:, 2].min() + b.motion.positions_m[0, 2]
            for b in spec.bodies
            if not b.mass_kg
        ),
        default=-np.inf,
    )
    poses, times, quiet = [_poses(client, movers, ids, scale, centre)], [0.0], 0
    steps = round(drop.settle_s * STEP_HZ)
    for step in range(1, steps + 1):
        pybullet.stepSimulation(physicsClientId=client)
        if every and step % every == 0:
            poses.append(_poses(client, movers, ids, scale, centre))
            times.append(step / STEP_HZ)
        quiet = quiet + 1 if _resting(client, movers, ids, scale, radius) else 0
        if quiet >= REST_STEPS:
            break
    last = _poses(client, movers, ids, scale, centre)
    if quiet < REST_STEPS:
        raise UnsettledError(
            f"a scene must come to rest within {drop.settle_s} s", "it still moves"
        )
    if np.any(last[:, 2] < floor):
        raise UnsettledError("bodies must stay above what stands still", "one fell off")
    if not every:
        return last[None], np.zeros(1)
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


def _resting(
    client: int, movers: list[int], ids: list[int], scale: float, radius: NDArray[np.float64]
) -> bool:
    """Whether every mover is slower than `REST_SPEED`, in its own radii and in radians."""
    velocity = np.array([pybullet.getBaseVelocity(ids[i], physicsClientId=client) for i in movers])
    speed = np.linalg.norm(velocity, axis=2)
    return bool(
        np.all(speed < REST_SPEED * np.column_stack([radius * scale, np.ones(len(radius))]))
    )
