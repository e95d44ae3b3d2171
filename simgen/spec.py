"""What the world is: frozen data, with no simulator behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

from simgen import geometry
from simgen.answers import Laser, Waves
from simgen.compiled import compiled
from simgen.lights import RGB, Environment, Flash, Flicker, Light, Vector

__all__ = [
    "RGB",
    "Asset",
    "Body",
    "Drop",
    "Environment",
    "Flash",
    "Flicker",
    "ImageTexture",
    "Laser",
    "Light",
    "Material",
    "Motion",
    "NoiseTexture",
    "SceneSpec",
    "Spots",
    "Vector",
    "Waves",
]
PLACES = np.array([0.8191725133961645, 0.6710436067037893, 0.5497004779019703])
SMALL_MESH = 200_000  # faces times vertices: below, every vertex is held against every face


@dataclass(frozen=True, eq=False)
class ImageTexture:
    """A picture on a surface.

    Attributes:
        pixels: (H, W, 3) uint8, sRGB; row 0 is at v = 1.
        mapping: "uv" uses the mesh's own coordinates; "planar" repeats the picture
            every `size_m` over the body's x and y.
        size_m: Edge of one repetition, for "planar".
    """

    pixels: NDArray[np.uint8]
    mapping: Literal["uv", "planar"] = "uv"
    size_m: float = 1.0


@dataclass(frozen=True)
class NoiseTexture:
    """Solid value noise that blends the albedo towards a second colour (marble, speckle, wear).

    Attributes:
        colour: Albedo, linear RGB, where the noise is high.
        scale_m: Size of one noise cell.
        coverage: Share of the surface that takes the second colour, 0 to 1.
        softness: Width of the blend in units of the noise, above 0.
        octaves: Number of octaves, each half the size and half the weight.
        seed: Identity of the pattern.
    """

    colour: RGB
    scale_m: float
    coverage: float = 0.5
    softness: float = 0.2
    octaves: int = 2
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Spots:
    """Painted hollows, such as pips: the surface inside small spheres takes another colour.

    Attributes:
        centres_m: (k, 3) on the surface, body frame.
        radius_m: Radius of every spot.
        colour: Albedo in the spots, linear RGB.
        depth: How hollow they look: 0 is flat paint, 1 a half sphere.
    """

    centres_m: NDArray[np.float64]
    radius_m: float
    colour: RGB
    depth: float = 0.0


@dataclass(frozen=True, eq=False)
class Material:
    """How a surface scatters light.

    Attributes:
        albedo: Diffuse reflectance, linear RGB, 0 to 1; multiplies the texture.
        roughness: 0 (mirror-like) to 1 (matt); width of the highlight.
        specular: Reflectance at normal incidence, 0 to 1 (0.04 for plastic).
        texture: Picture or solid noise over the albedo.
        spots: Painted hollows over both.
        dome: How polished faces bulge (or, below 0, hollow) in their highlights: the shading
            normal leans outwards by this share of the distance from the body's middle.
        laser: What a LiDAR meets.
        radar: What a radar meets.
    """

    albedo: RGB = (0.5, 0.5, 0.5)
    roughness: float = 0.6
    specular: float = 0.04
    texture: ImageTexture | NoiseTexture | None = None
    spots: Spots | None = None
    dome: float = 0.0
    laser: Laser = field(default_factory=Laser)
    radar: Waves = field(default_factory=Waves)


@compiled
def _all_behind(
    normals: NDArray[np.float64],
    faces: NDArray[np.int32],
    vertices_m: NDArray[np.float64],
    slack_m: float,
) -> bool:
    """Whether no vertex (v, 3) stands before any face (f, 3) by more than a slack."""
    for f in range(len(faces)):
        x, y, z = normals[f, 0], normals[f, 1], normals[f, 2]
        a = faces[f, 0]
        limit = x * vertices_m[a, 0] + y * vertices_m[a, 1] + z * vertices_m[a, 2] + slack_m
        for v in range(len(vertices_m)):
            if x * vertices_m[v, 0] + y * vertices_m[v, 1] + z * vertices_m[v, 2] > limit:
                return False
    return True


@dataclass(frozen=True, eq=False)
class Asset:
    """A shape: a triangle mesh in body coordinates, and how physics sees it.

    Attributes:
        name: Human-readable name.
        vertices_m: (v, 3) float64.
        faces: (f, 3) int32.
        part: (f,) int32, index into `Body.materials`.
        uv: (v, 2) float32 texture coordinates, or None.
        normals: (v, 3) float32 for smooth shading, or None for flat faces.
        collision: How physics sees it: "box" (of the bounds), "hull", or the exact
            "mesh" (for what does not move).
        keypoints: Named points in body coordinates, metres.
        source: Where it came from: "procedural", a package, or a file name.
        licence: SPDX identifier, or "unknown".
    """

    name: str
    vertices_m: NDArray[np.float64]
    faces: NDArray[np.int32]
    part: NDArray[np.int32]
    uv: NDArray[np.float32] | None = None
    normals: NDArray[np.float32] | None = None
    collision: Literal["box", "hull", "mesh"] = "hull"
    keypoints: Mapping[str, Vector] = field(default_factory=dict)
    source: str = "procedural"
    licence: str = "Apache-2.0"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the geometry and of how physics sees it."""
        h = hashlib.sha256(self.collision.encode())
        for array in (self.vertices_m, self.faces, self.part, self.uv, self.normals):
            if array is not None:
                h.update(np.ascontiguousarray(array).tobytes())
            h.update(b"|")
        return h.hexdigest()

    @cached_property
    def bounds_m(self) -> NDArray[np.float64]:
        """(2, 3) lower and upper corner in body coordinates."""
        return np.stack([self.vertices_m.min(axis=0), self.vertices_m.max(axis=0)])

    @cached_property
    def sphere_m(self) -> tuple[NDArray[np.float64], float]:
        """Centre (3,) and radius of a sphere round the mesh."""
        centre = self.bounds_m.mean(axis=0)
        reach = self.vertices_m - centre
        return centre, float(np.sqrt(np.einsum("ij,ij->i", reach, reach).max()))

    @cached_property
    def face_normals(self) -> NDArray[np.float64]:
        """(f, 3) unit normals by the right-hand rule."""
        a, b, c = (self.vertices_m[self.faces[:, k]] for k in range(3))
        return geometry.unit(geometry.cross(b - a, c - a))

    @cached_property
    def closed(self) -> bool:
        """Whether the mesh bounds a solid: every edge once in each direction."""
        # Seams have several vertices in one place: places are told apart by one number each.
        place = self.vertices_m @ PLACES
        _, corner = np.unique(place, return_inverse=True)
        faces = corner[self.faces].astype(np.int64)
        start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
        there, back = np.sort(start << 32 | end), np.sort(end << 32 | start)
        return bool((np.diff(there) > 0).all() and np.array_equal(there, back))

    @cached_property
    def convex(self) -> bool:
        """Whether it is a convex solid: no part stands before another or shades another."""
        if not self.closed:
            return False
        if len(self.faces) * len(self.vertices_m) <= SMALL_MESH:
            slack = 1e-6 * self.sphere_m[1]
            return _all_behind(self.face_normals, self.faces, self.vertices_m, slack)
        corners = self.vertices_m[self.faces]
        volume = np.sum(corners[:, 0] * np.cross(corners[:, 1], corners[:, 2])) / 6
        return self._hull is not None and bool(volume > self._hull.volume * (1 - 1e-6))

    @cached_property
    def hull_m(self) -> NDArray[np.float64]:
        """Vertices (h, 3) of the convex hull; all of them for a flat mesh."""
        return self.vertices_m if self._hull is None else self.vertices_m[self._hull.vertices]

    @cached_property
    def outline_m(self) -> NDArray[np.float64]:
        """Points (p, 3) along the edges of the convex hull, which a lens may bend outwards."""
        sides = self.faces if self._hull is None else self._hull.simplices
        edges = np.unique(np.sort(sides[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
        start, end = self.vertices_m[edges[:, 0]], self.vertices_m[edges[:, 1]]
        way = np.linspace(0, 1, 17)[:, None, None]
        along: NDArray[np.float64] = start * (1 - way) + end * way
        return along.reshape(-1, 3)

    @cached_property
    def _hull(self) -> ConvexHull | None:
        try:
            return ConvexHull(self.vertices_m)
        except QhullError:  # flat: it has no inside
            return None


@dataclass(frozen=True, eq=False)
class Motion:
    """A recorded trajectory; outside its span a body rests at the nearer end.

    Attributes:
        times_s: (k,) float64, rising; one entry for a body at rest.
        positions_m: (k, 3) float64.
        quaternions: (k, 4) float64, (x, y, z, w).
    """

    times_s: NDArray[np.float64]
    positions_m: NDArray[np.float64]
    quaternions: NDArray[np.float64]

    @classmethod
    def rest(
        cls, position_m: Vector | NDArray[np.float64], quaternion: object = (0, 0, 0, 1)
    ) -> Motion:
        """A body that stays where it is."""
        return cls(
            np.zeros(1),
            np.asarray(position_m, dtype=np.float64).reshape(1, 3),
            np.asarray(quaternion, dtype=np.float64).reshape(1, 4),
        )

    @property
    def moves(self) -> bool:
        """Whether the trajectory has more than one pose."""
        return len(self.times_s) > 1

    def at(self, times_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions (n, 3) and quaternions (n, 4) at `times_s` (n,), by lerp and slerp."""
        times_s = np.asarray(times_s, dtype=np.float64)
        if not self.moves:
            n = len(times_s)
            return np.repeat(self.positions_m, n, axis=0), np.repeat(self.quaternions, n, axis=0)
        # Pixels of a line share its time: each moment is worked out once.
        first = np.flatnonzero(np.diff(times_s, prepend=np.nan))
        if len(first) * 4 < len(times_s):
            position, quaternion = self.at(times_s[first])
            counts = np.diff(first, append=len(times_s))
            return np.repeat(position, counts, axis=0), np.repeat(quaternion, counts, axis=0)
        after = np.clip(np.searchsorted(self.times_s, times_s), 1, len(self.times_s) - 1)
        t0, t1 = self.times_s[after - 1], self.times_s[after]
        w = np.clip((times_s - t0) / (t1 - t0), 0, 1)
        position = (
            self.positions_m[after - 1] * (1 - w[:, None]) + self.positions_m[after] * w[:, None]
        )
        return position, geometry.slerp(self.quaternions[after - 1], self.quaternions[after], w)

    @cached_property
    def _first(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self.positions_m[0], geometry.matrix(self.quaternions[0])

    def pose(self, time_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Position (3,) and rotation matrix (3, 3) at one moment."""
        if not self.moves:
            return self._first
        position, quaternion = self.at(np.array([time_s]))
        return position[0], geometry.matrix(quaternion[0])


@dataclass(frozen=True, eq=False)
class Body:
    """A thing in the world.

    Attributes:
        name: Unique in its scene.
        asset: Its shape.
        materials: One per part of the asset.
        motion: Where it is, when.
        category: Class name, or None for what is scenery and not labelled as an object.
        mass_kg: 0 for what does not move.
        friction: Coulomb coefficient.
        restitution: 0 (dead) to 1 (elastic).
        velocity_m_s: At the start, for physics.
        spin_rad_s: At the start, for physics.
        attributes: Facts that labels repeat, such as size or colour name.
    """

    name: str
    asset: Asset
    materials: tuple[Material, ...]
    motion: Motion
    category: str | None = None
    mass_kg: float = 0.0
    friction: float = 0.5
    restitution: float = 0.1
    velocity_m_s: Vector = (0.0, 0.0, 0.0)
    spin_rad_s: Vector = (0.0, 0.0, 0.0)
    attributes: Mapping[str, float | int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """How physics brings a scene to rest.

    Attributes:
        settle_s: Longest simulated time; what still moves then makes the draw a rejection.
        record_hz: Poses recorded per second, 0 to keep only the last.
        gravity_m_s2: Downward acceleration.
    """

    settle_s: float = 3.0
    record_hz: float = 0.0
    gravity_m_s2: float = 9.81


@dataclass(frozen=True, eq=False)
class SceneSpec:
    """A world: bodies, light and how it comes to rest.

    Attributes:
        bodies: In a fixed order; an instance label is the index plus one.
        lights: Distant lights.
        environment: The rest of the light.
        categories: Class names, in the order of their ids, which start at 1.
        camera: Motion of the camera (OpenCV axes).
        physics: None for scenes that are built at rest.
    """

    bodies: tuple[Body, ...]
    lights: tuple[Light, ...]
    environment: Environment
    categories: tuple[str, ...]
    camera: Motion
    physics: Drop | None = None

    def category_id(self, body: Body) -> int:
        """Id of the body's class; 0 for scenery."""
        return 0 if body.category is None else self.categories.index(body.category) + 1
