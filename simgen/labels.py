"""Labels: pure functions of the scene, the hits and the camera.

Every label comes from the same rays as the picture, one ray through each pixel
centre at that row's own time; no label ever sees noise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.compiled import compiled
from simgen.culling import rows_of_bodies
from simgen.masks import box_round, pixels_of, run_lengths
from simgen.rays import Hits, Rays
from simgen.sample import Keypoint, Labels, ObjectLabel
from simgen.spec import Body, Motion
from simgen.world import Layer, World, nearest

Array = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IMAGES = ("instance", "semantic", "depth", "distance", "normals", "object_coordinates", "flow")
OBJECTS = ("masks", "amodal_masks", "keypoints")
ALL = (*IMAGES, *OBJECTS)
KEYPOINT_SLACK = 1e-3  # of the distance: nearer surfaces hide a keypoint, its own does not


class Projector(Protocol):
    """What labels need to know of a camera."""

    @property
    def width(self) -> int:
        """Pixels in a row."""
        ...

    @property
    def height(self) -> int:
        """Rows."""
        ...

    @property
    def motion(self) -> Motion:
        """Pose in the world, OpenCV axes."""
        ...

    def rays(self, time_s: float, pixels: Array | None = None) -> tuple[Rays, BoolArray]:
        """Rays of pixels."""
        ...

    def project_moving(
        self, at: Callable[[Array], Array], n: int, time_s: float
    ) -> tuple[Array, BoolArray]:
        """Moving points to pixels at their rows' times."""
        ...


@dataclass(frozen=True, eq=False)
class View:
    """One frame's rays and what they met.

    Attributes:
        world: The scene.
        camera: Who looks.
        time_s: Start of the frame.
        rays: One through each pixel centre, row by row.
        layers: What each body alone shows.
        hits: The nearest of the layers.
    """

    world: World
    camera: Projector
    time_s: float
    rays: Rays
    layers: Sequence[Layer]
    hits: Hits

    @classmethod
    def of(cls, world: World, camera: Projector, time_s: float) -> View:
        """Cast the frame that starts at `time_s`."""
        rays, _ = camera.rays(time_s)
        layers = world.layers(rays)
        return cls(world, camera, time_s, rays, layers, nearest(layers, len(rays)))


def label(view: View, wanted: Collection[str], next_time_s: float | None = None) -> Labels:
    """Label one frame.

    Args:
        view: The frame.
        wanted: Names from `ALL`; boxes, poses and fractions are always there.
        next_time_s: Start of the next frame, for flow.
    """
    shape = (view.camera.height, view.camera.width)
    images = _pixel_images(view, wanted)
    if {"normals", "object_coordinates", "flow"} & set(wanted):
        images |= _surface_images(view, wanted, next_time_s)
    objects = _objects(view, wanted)
    return Labels(objects, **{k: v.reshape(*shape, *v.shape[1:]) for k, v in images.items()})  # type: ignore[arg-type]


def _pixel_images(view: View, wanted: Collection[str]) -> dict[str, NDArray[np.generic]]:
    spec, n = view.world.spec, len(view.rays)
    # The last entry is what index -1, no body, finds.
    instances = [i + 1 if b.category is not None else 0 for i, b in enumerate(spec.bodies)] + [0]
    categories = [spec.category_id(body) for body in spec.bodies] + [0]
    instance, semantic = np.empty(n, np.uint16), np.empty(n, np.uint8)
    distance, depth = np.empty(n, np.float32), np.empty(n, np.float32)
    _fill_pixels(
        view.hits.body,
        view.hits.distance_m,
        view.rays.directions,
        np.ascontiguousarray(_camera_turns(view)[..., 2].reshape(-1, 3)),
        np.array(instances, np.uint16),
        np.array(categories, np.uint8),
        instance,
        semantic,
        distance,
        depth,
    )
    found: dict[str, tuple[str, NDArray[np.generic]]] = {
        "instance": ("instance", instance),
        "semantic": ("semantic", semantic),
        "distance": ("distance_m", distance),
        "depth": ("depth_m", depth),
    }
    return {field: image for name, (field, image) in found.items() if name in wanted}


@compiled
def _fill_pixels(
    body: NDArray[np.int32],
    distance_m: Array,
    directions: Array,
    axis: Array,
    instances: NDArray[np.uint16],
    categories: NDArray[np.uint8],
    instance: NDArray[np.uint16],
    semantic: NDArray[np.uint8],
    distance: NDArray[np.float32],
    depth: NDArray[np.float32],
) -> None:
    """Look up and project what rays (n,) hit; `axis` (n, 3) or (1, 3) is the camera's."""
    still = len(axis) == 1
    for i in range(len(body)):
        index = body[i]
        instance[i], semantic[i] = instances[index], categories[index]
        if index < 0:
            distance[i], depth[i] = 0, 0
            continue
        m = 0 if still else i
        cosine = (
            directions[i, 0] * axis[m, 0]
            + directions[i, 1] * axis[m, 1]
            + directions[i, 2] * axis[m, 2]
        )
        distance[i], depth[i] = distance_m[i], distance_m[i] * cosine


def _camera_turns(view: View) -> Array:
    """Camera to world rotation (3, 3), or one for each ray (n, 3, 3)."""
    times = view.rays.times_s
    _, quaternion = view.camera.motion.at(times if view.camera.motion.moves else times[:1])
    turns = geometry.matrix(quaternion)
    return turns[0] if len(turns) == 1 else turns


def _surface_images(
    view: View, wanted: Collection[str], next_time_s: float | None
) -> dict[str, NDArray[np.generic]]:
    n, bodies = len(view.rays), view.world.spec.bodies
    surface = view.world.surface(view.rays, view.hits)
    images: dict[str, NDArray[np.generic]] = {}
    if "normals" in wanted:
        turns = _camera_turns(view).astype(np.float32)
        normals = (
            surface.normal @ turns
            if turns.ndim == 2
            else np.einsum("nij,ni->nj", turns[surface.ray], surface.normal)
        ).astype(np.float16)
        if len(normals) < n:
            normals, seen = np.zeros((n, 3), np.float16), normals
            normals[surface.ray] = seen
        images["normals"] = normals
    if "object_coordinates" in wanted:
        coordinates = np.zeros((n, 3), np.float32)
        for index, rows in surface.rows.items():
            if bodies[index].category is not None:
                coordinates[surface.ray[rows]] = surface.local_m[rows]
        images["object_coordinates"] = coordinates
    if "flow" in wanted and next_time_s is not None:
        flow = np.full((n, 2), np.nan, np.float32)
        for index, rows in surface.rows.items():
            ray = surface.ray[rows]
            carried = partial(_carry, bodies[index].motion, surface.local_m[rows])
            to, _ = view.camera.project_moving(carried, len(ray), next_time_s)
            y, x = np.divmod(ray, view.camera.width)
            flow[ray] = to - np.column_stack([x, y])
        images["flow_px"] = flow
    return images


def _carry(motion: Motion, local_m: Array, times_s: Array) -> Array:
    """Body points (n, 3) to the world at times (n,)."""
    if not motion.moves:
        rest, turn = motion.pose(0.0)
        return local_m @ turn.T + rest
    position, quaternion = motion.at(times_s)
    carried: Array = np.einsum("nij,nj->ni", geometry.matrix(quaternion), local_m) + position
    return carried


def _objects(view: View, wanted: Collection[str]) -> tuple[ObjectLabel, ...]:
    layers = {layer.body: layer for layer in view.layers}
    empty = Layer(
        -1, np.zeros(0, np.intp), np.zeros(0), np.zeros(0, np.int32), np.zeros((0, 2), np.float32)
    )
    nothing = np.zeros(0, np.intp)
    visible = rows_of_bodies(view.hits.body, len(view.world.spec.bodies))
    keypoints = _keypoints(view) if "keypoints" in wanted else {}
    return tuple(
        _object(
            view,
            index,
            body,
            layers.get(index, empty).ray,
            visible.get(index, nothing),
            keypoints.get(index, ()),
            wanted,
        )
        for index, body in enumerate(view.world.spec.bodies)
        if body.category is not None
    )


def _object(
    view: View,
    index: int,
    body: Body,
    silhouette: NDArray[np.intp],
    visible: NDArray[np.intp],
    keypoints: tuple[Keypoint, ...],
    wanted: Collection[str],
) -> ObjectLabel:
    camera, width = view.camera, view.camera.width
    inside, seen = pixels_of(silhouette, width), pixels_of(visible, width)
    outside = _outside_frame(view, index, inside)
    middle = body.asset.bounds_m.mean(axis=0)
    at_row = _row_time(view, body.motion, middle)
    position, turn = body.motion.pose(at_row)
    eye, camera_turn = camera.motion.pose(at_row)
    return ObjectLabel(
        instance=index + 1,
        name=body.name,
        category=str(body.category),
        category_id=view.world.spec.category_id(body),
        box=box_round(seen),
        amodal_box=box_round(np.concatenate([inside, outside])),
        pixels_visible=len(visible),
        pixels_in_frame=len(inside),
        pixels_total=len(inside) + len(outside),
        position_m=_triple(camera_turn.T @ (position - eye)),
        quaternion=tuple(geometry.quaternion(camera_turn.T @ turn).tolist()),
        box3d_m=(_triple(body.asset.bounds_m[0]), _triple(body.asset.bounds_m[1])),
        keypoints=keypoints,
        mask=run_lengths(seen, width, camera.height) if "masks" in wanted else None,
        amodal_mask=run_lengths(inside, width, camera.height) if "amodal_masks" in wanted else None,
        attributes=dict(body.attributes),
    )


def _triple(v: Array) -> tuple[float, float, float]:
    return float(v[0]), float(v[1]), float(v[2])


def _row_time(view: View, motion: Motion, local_m: Array) -> float:
    """When the line sees in which a body point is; when the first does if none does."""
    if len(view.rays.times_s) == 1:
        return float(view.rays.times_s[0])
    times = [float(view.rays.times_s[0])]

    def at(t: Array) -> Array:
        times[0] = float(t[0])
        return _carry(motion, local_m[None], t)

    _, seen = view.camera.project_moving(at, 1, view.time_s)
    return times[0] if seen[0] else float(view.rays.times_s[0])


def _outside_frame(view: View, index: int, inside: NDArray[np.int64]) -> NDArray[np.int64]:
    """Silhouette pixels (n, 2) beyond the frame, up to one frame's size on each side.

    Pixels are added where the lens has rays; none where the silhouette does not touch
    the frame's border and is not wholly out of it.
    """
    camera, none = view.camera, np.zeros((0, 2), np.int64)
    limit = np.array([camera.width, camera.height])
    if len(inside) and inside.min() > 0 and np.all(inside.max(axis=0) < limit - 1):
        return none
    body = view.world.spec.bodies[index]
    outline = body.asset.outline_m
    carried = partial(_carry, body.motion, outline)
    pixels, seen = camera.project_moving(carried, len(outline), view.time_s)
    if not (seen.any() or len(inside)):
        return none
    low, high = -limit, 2 * limit
    eye, turn = camera.motion.pose(view.time_s)
    ahead = (carried(np.full(len(outline), view.time_s)) - eye) @ turn[:, 2] > 0
    # A silhouette lies between the pixels of its outline unless part of it is beyond the
    # lens, or it may surround the direction opposite to a wide lens's axis.
    if seen.all() and ahead.all():
        low, high = pixels.min(axis=0), pixels.max(axis=0)
    x0, y0 = np.clip(np.floor(low) - 1, -limit, 2 * limit - 1).astype(int)
    x1, y1 = np.clip(np.ceil(high) + 1, -limit, 2 * limit - 1).astype(int)
    x, y = np.meshgrid(np.arange(x0, x1 + 1), np.arange(y0, y1 + 1))
    beyond = (x < 0) | (y < 0) | (x >= camera.width) | (y >= camera.height)
    grid = np.column_stack([x[beyond], y[beyond]])
    if not len(grid):
        return none
    rays, found = camera.rays(view.time_s, grid.astype(np.float64))
    hit = np.zeros(len(grid), dtype=bool)
    for layer in view.world.layers(rays, [index]):
        hit[layer.ray] = True
    return grid[hit & found]


def _keypoints(view: View) -> dict[int, tuple[Keypoint, ...]]:
    """Keypoints of each body; one is seen if nothing is nearer to the camera along its ray."""
    camera = view.camera
    owners = [
        (index, body)
        for index, body in enumerate(view.world.spec.bodies)
        if body.category is not None and body.asset.keypoints
    ]
    if not owners:
        return {}
    local = [np.array(list(body.asset.keypoints.values())) for _, body in owners]
    cuts = np.cumsum([len(points) for points in local])

    def carried(times: Array) -> Array:
        moments = np.split(times, cuts[:-1])
        return np.concatenate(
            [
                _carry(body.motion, points, t)
                for (_, body), points, t in zip(owners, local, moments, strict=True)
            ]
        )

    pixels, seen = camera.project_moving(carried, int(cuts[-1]), view.time_s)
    limit = (camera.width - 0.5, camera.height - 0.5)
    inside = seen & np.all((pixels >= -0.5) & (pixels < limit), axis=1)
    visibility = inside.astype(int)
    if inside.any():
        held = np.where(inside[:, None], pixels, 0.0)
        rays, _ = camera.rays(view.time_s, held)
        points = carried(np.broadcast_to(rays.times_s, len(pixels)))
        distance = np.linalg.norm(points - rays.origins_m, axis=1)[inside]
        nearest_m = view.world.cast(rays.take(inside)).distance_m
        visibility[inside] += nearest_m >= distance * (1 - KEYPOINT_SLACK)
    names = [(index, name) for index, body in owners for name in body.asset.keypoints]
    found: dict[int, list[Keypoint]] = {}
    for (index, name), (x, y), how in zip(names, pixels, visibility, strict=True):
        found.setdefault(index, []).append(Keypoint(name, (float(x), float(y)), int(how)))
    return {index: tuple(points) for index, points in found.items()}
