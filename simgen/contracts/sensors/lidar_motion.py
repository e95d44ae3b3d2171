"""The LiDAR's motion, mirrors and panes against scenes that have neither."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.clouds import Cause
from simgen.contracts.lidar_bench import HERE, Bench, fan, matt, plate, shining
from simgen.contracts.sensors.row import Row
from simgen.rng import Key
from simgen.spec import Body, Motion

Array = NDArray[np.float64]
SINGLE = 1e-5  # m: points are told in single precision, up to 64 m away
ROUND = np.linspace(-np.pi, np.pi, 720, endpoint=False)
UP = np.radians([-10.0, -4.0, 2.0])
TWINS = {"twins": ("static", "deskewed")}


def rows(key: Key) -> Iterator[Row]:
    """All rows of motion and of other ways."""
    yield from _skew(key / "skew")
    yield from _ghosts(key / "ghosts")


def driving() -> Motion:
    """A rig at 20 m/s that turns by half a turn in a second."""
    times = np.linspace(0, 0.2, 21)
    places = np.column_stack([20 * times, 0 * times, 0 * times])
    turns = [
        geometry.multiply(geometry.axis_angle((0, 0, 1), np.pi * t), HERE.quaternions[0])
        for t in times
    ]
    return Motion(times, places, np.array(turns))


def yard(moving: bool) -> tuple[Body, ...]:
    """Walls and boxes about the rig; one box may drive past."""
    walls = primitives.box((80, 60, 20))
    found = [Body("walls", walls, (matt(0.5),) * 6, Motion.rest((0, 0, 5)))]
    for number, at in enumerate(((12, 6, 0), (-9, 8, 0), (6, -11, -1))):
        box = primitives.box((3, 2, 3))
        found.append(Body(f"box {number}", box, (matt(0.3),) * 6, Motion.rest(at), "box"))
    if moving:
        times = np.array([0.0, 0.2])
        ends = np.array([(10.0, -4, -1), (4.0, -4, -1)])
        turns = np.array([(0.0, 0, 0, 1), geometry.axis_angle((0, 0, 1), 0.3)])
        motion = Motion(times, ends, turns)
        found.append(Body("car", primitives.box((4, 2, 2)), (matt(0.3),) * 6, motion, "car"))
    return tuple(found)


def _skew(key: Key) -> Iterator[Row]:
    source = "CARLA issue 4032 asks for it"
    for name, moving in (("sensor", False), ("sensor and bodies", True)):
        bench = Bench(yard(moving), fan(ROUND, UP), TWINS, driving())
        found = bench.sweep(key)
        off, raw = (off_surface(bench, found[s]) for s in ("lidar_deskewed", "lidar"))
        form = "de-skewed points lie on the surfaces at mid-sweep"
        yield Row(f"motion of {name}", form, 0, off, 5 * SINGLE, "m", raw, source)
    noisy = {**TWINS, "noise": {"threshold_snr": 1e3, "range_floor_m": 0.02}}
    bench = Bench(yard(True), fan(ROUND, UP), noisy, driving())
    found = bench.sweep(key / "noisy")
    count = len(found["lidar"])
    spread = _range_errors(found["lidar_deskewed"]).std()
    form = "noise of the de-skewed cloud is the sensor's"
    slack = 4 * 0.02 / np.sqrt(2 * count)
    raw = off_surface(bench, found["lidar"])
    yield Row("motion and noise", form, 0.02, spread, slack, "m", raw, source)


def _range_errors(points: NDArray[np.void]) -> Array:
    errors: Array = points["range_m"].astype(np.float64) - points["true_range_m"]
    return errors


def off_surface(bench: Bench, points: NDArray[np.void]) -> float:
    """Root mean square distance of points, told in mid-sweep, from the surfaces then."""
    lidar = bench.lidar(Key(0))
    middle = bench.scanner.period_s / 2
    position, turn = lidar.ride.pose(middle)
    local = np.column_stack([points[axis] for axis in "xyz"]).astype(np.float64)
    world = position + local @ turn.T
    nearest = np.full(len(points), np.inf)
    for body in bench.bodies:
        place, own = body.motion.pose(middle)
        low, high = body.asset.bounds_m
        at = (world - place) @ own
        outside = np.maximum(np.maximum(low - at, at - high), 0)
        inside = np.minimum(at - low, high - at).min(axis=1)
        apart = np.where(outside.any(axis=1), np.linalg.norm(outside, axis=1), np.abs(inside))
        nearest = np.minimum(nearest, apart)
    return float(np.sqrt(np.mean(nearest**2)))


def _ghosts(key: Key) -> Iterator[Row]:
    mirror = plate("mirror", (10, 0, 0), (8, 8), shining(mirror=0.9), yaw_rad=np.radians(30))
    cube = primitives.box((1, 1, 1))
    thing = Body("thing", cube, (matt(),) * 6, Motion.rest((6, -7, 0.2)), "box")
    scanner = fan(np.radians(np.linspace(-15, 15, 121)), np.radians(np.linspace(-5, 5, 21)))
    ghosts = Bench((mirror, thing), scanner).points(key)
    ghosts = ghosts[ghosts["cause"] == Cause.GHOST]
    # The scene's mirror image stands behind an opening where the mirror was.
    turn = geometry.matrix(geometry.axis_angle((0, 0, 1), np.radians(30)))
    normal, at = turn @ (-1.0, 0, 0), np.array([10.0, 0, 0])
    place = np.array([6, -7, 0.2])
    image = place - 2 * ((place - at) @ normal) * normal
    # A box has mirror symmetry: its image is a box, turned by the mirrored axes.
    flip = np.eye(3) - 2 * np.outer(normal, normal)
    own = flip @ np.diag([-1.0, 1, 1])
    twin = Body("twin", cube, (matt(),) * 6, Motion.rest(image, geometry.quaternion(own)), "box")
    direct = Bench((twin,), scanner).points(key)
    pairs = _paired(ghosts, direct)
    form, source = "the mirrored scene", "straight rays, mirror law"
    expected = len(ghosts)
    apart = float(np.abs(pairs[:, 0] - pairs[:, 1]).max()) if len(pairs) else np.nan
    unmirrored = _paired(ghosts, Bench((thing,), scanner).points(key))
    lone = float(np.abs(unmirrored[:, 0] - unmirrored[:, 1]).max()) if len(unmirrored) else np.nan
    yield Row("ghost: range", form, 0, apart, SINGLE, "m", lone, source)
    blind = Bench((mirror, thing), scanner, {"straying": {"mirrors": 0}}).points(key)
    none = int((blind["cause"] == Cause.GHOST).sum())
    yield Row("ghost: pulses", form, expected, len(pairs), 0.01 * expected, "pulses", none, source)
    power = float(np.median(pairs[:, 2] / pairs[:, 3])) if len(pairs) else np.nan
    yield Row("ghost: power", "mirror share squared", 0.81, power, 1e-4, "", 1.0, source)
    wall = plate("wall", (20, 0, 0), (30, 30), matt(0.5))
    pane = primitives.box((0.01, 8, 8))
    glass = Body("pane", pane, (shining(clear=0.9),) * 6, Motion.rest((10, 0, 0)))
    behind, open_air = (Bench(b, fan([0.0])).points(key) for b in ((wall, glass), (wall,)))
    through = float(behind["snr"][0] / open_air["snr"][0])
    yield Row("pane", "two faces, there and back", 0.9**4, through, 1e-4, "", 1.0, source)


def _paired(ghosts: NDArray[np.void], direct: NDArray[np.void]) -> Array:
    """Ranges and signals (k, 4) of the pulses that both have: ghost, direct, ghost, direct."""
    place = {(p["ring"], p["column"]): p for p in direct}
    found = [
        (g["range_m"], p["range_m"], g["snr"], p["snr"])
        for g in ghosts
        if (p := place.get((g["ring"], g["column"]))) is not None
    ]
    return np.array(found, np.float64).reshape(-1, 4)
