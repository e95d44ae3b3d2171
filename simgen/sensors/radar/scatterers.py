"""Points that send waves back, and how rays find them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from simgen.rays import Hits, Rays
from simgen.sensors.mount import Ride
from simgen.sensors.radar.faces import faces_of
from simgen.sensors.radar.fans import Sheaf
from simgen.sensors.radar.reflection import Answers, sigma0
from simgen.world import Surface, World

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scatterers:
    """Patches of surface as one radar frame sees them.

    Attributes:
        range_m: (n,) half the way of the waves, in the middle of the frame.
        speed_m_s: (n,) its mean growth over the frame: positive for what goes away.
        direction: (n, 3) of the last leg, from the sensor, its axes.
        rcs_m2: (n,) radar cross section, losses at mirrors included.
        phase: (n,) in cycles, apart from that of the way.
        body: (n,) int32.
        ghost: (n,) whether the way led by a mirror.
    """

    range_m: Array
    speed_m_s: Array
    direction: Array
    rcs_m2: Array
    phase: Array
    body: NDArray[np.int32]
    ghost: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.range_m)

    @classmethod
    def none(cls) -> Scatterers:
        """No scatterers."""
        a = np.zeros(0)
        return cls(a, a, np.zeros((0, 3)), a, a, np.zeros(0, np.int32), np.zeros(0, bool))

    @classmethod
    def join(cls, parts: Sequence[Scatterers]) -> Scatterers:
        """All of them."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def take(self, index: NDArray[np.intp] | NDArray[np.bool_]) -> Scatterers:
        """Those at `index`."""
        return Scatterers(*(getattr(self, f.name)[index] for f in fields(self)))


@dataclass(frozen=True, eq=False)
class Seen:
    """What the rays of a sheaf met.

    Attributes:
        rays: In the world.
        hits: Of all rays.
        surface: At the hits.
        own: (k,) rows of the surface that lie on the ray's own body, and so count.
        cosine: (k,) of incidence, at all rows of the surface.
        material: (k,) number of the material in `Answers`.
    """

    rays: Rays
    hits: Hits
    surface: Surface
    own: NDArray[np.intp]
    cosine: Array
    material: NDArray[np.intp]


def look(world: World, rays: Rays, answers: Answers, owner: NDArray[np.intp] | None) -> Seen:
    """Cast rays; `owner` (n,) tells the body that each looks for, None for any."""
    hits = world.cast(rays)
    surface = world.surface(rays, hits)
    cosine = -np.einsum("ki,ki->k", surface.shading_normal, rays.directions[surface.ray])
    own = np.arange(len(surface.ray))
    if owner is not None:
        own = np.flatnonzero(surface.body == owner[surface.ray])
    return Seen(rays, hits, surface, own, cosine, answers.first[surface.body] + surface.part)


def areas(
    world: World,
    seen: Seen,
    rows: NDArray[np.intp],
    answers: Answers,
    solid_sr: Array,
    range_m: Array,
    wavelength_m: float,
) -> Array:
    """Radar cross sections (m,) of the patches that rays stand for.

    The facet lobe is widened by diffraction at flat faces, and to the change of the normal
    from one ray to the next, which would else step over it; that vanishes as rays are added.

    Args:
        world: The scene.
        seen: Hits.
        rows: (m,) rows of their surface.
        answers: Of the materials.
        solid_sr: (m,) solid angle of each ray.
        range_m: (m,) length of the way, by mirrors or not.
        wavelength_m: Of the carrier.
    """
    flat, bend = np.empty(len(rows)), np.empty(len(rows))
    bodies = seen.surface.body[rows]
    face = seen.hits.face[seen.surface.ray[rows]]
    for index in np.unique(bodies):
        these, faces = bodies == index, faces_of(world.spec.bodies[index].asset)
        flat[these], bend[these] = faces.flat_m2[face[these]], faces.bend_1_m[face[these]]
    material, cosine = seen.material[rows], seen.cosine[rows]
    step = np.sqrt(solid_sr) * (1 + bend * range_m)
    slope = np.sqrt(answers.slope[material] ** 2 + wavelength_m**2 / (8 * np.pi * flat) + step**2)
    per_area = sigma0(cosine, answers.reflectance[material], slope, answers.matt[material])
    area = solid_sr * range_m**2 / np.maximum(cosine, 1e-6)
    return np.asarray(per_area * area)


def direct(
    world: World, mount: Ride, seen: Seen, sheaf: Sheaf, answers: Answers, span: Span
) -> Scatterers:
    """What answers without a mirror."""
    rows = seen.own
    ray = seen.surface.ray[rows]
    range_m = seen.hits.distance_m[ray]
    ends = [
        np.linalg.norm(places(world, seen.surface, rows, t) - mount.pose(t)[0], axis=1)
        for t in span.ends_s
    ]
    return Scatterers(
        range_m,
        (ends[1] - ends[0]) / span.length_s,
        sheaf.directions[ray],
        areas(world, seen, rows, answers, sheaf.solid_sr[ray], range_m, span.wavelength_m),
        sheaf.phase[ray],
        seen.surface.body[rows],
        np.zeros(len(rows), bool),
    )


def places(world: World, surface: Surface, rows: NDArray[np.intp], time_s: float) -> Array:
    """Where surface points (m, 3) are in the world at another time, carried by their bodies."""
    found = np.empty((len(rows), 3))
    bodies = surface.body[rows]
    for index in np.unique(bodies):
        these = bodies == index
        position, turn = world.spec.bodies[index].motion.pose(time_s)
        found[these] = surface.local_m[rows[these]] @ turn.T + position
    return found


@dataclass(frozen=True)
class Span:
    """A frame in time.

    Attributes:
        start_s: First chirp.
        length_s: Of the frame.
        wavelength_m: Of the carrier.
    """

    start_s: float
    length_s: float
    wavelength_m: float

    @property
    def middle_s(self) -> float:
        """When geometry is taken."""
        return self.start_s + self.length_s / 2

    @property
    def ends_s(self) -> tuple[float, float]:
        """First and last moment."""
        return self.start_s, self.start_s + self.length_s
