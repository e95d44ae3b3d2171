"""Light that goes on from mirrors and through panes, and what answers at the end of the way.

The light comes back as it went, so each mirror and each pane takes its share twice. The sensor
knows only how long it took: an echo by way of a mirror is told along the beam that was sent, at
the length of the whole way. That is where the mirrored scene would have it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import Cause
from simgen.compiled import compiled
from simgen.rays import Hits, Rays
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.surfaces import Albedo, Met, Optical, answer, meet
from simgen.survey import Survey

Array = NDArray[np.float64]
LIFT_M = 1e-4  # along the way, off the surface that light goes on from
FAINTEST = 0.01  # share of the light, of the way out and back, that is followed
MOST_LEGS = 5  # of one way; between two mirrors it need not end


@dataclass(frozen=True, eq=False)
class Leg:
    """Light on its way (n,), up to the next surface.

    Attributes:
        pulse: (n,) intp, of which pulse.
        gain: (n,) share of the light of its ray, out and back.
        way_m: (n,) how far it has come.
        mirrors: (n,) int64, how many it has met.
        rays: Where it goes.
        hits: What it meets.
        met: How that answers.
        each: Rays of which a pulse is made, of equal energy.
    """

    pulse: NDArray[np.intp]
    gain: Array
    way_m: Array
    mirrors: NDArray[np.int64]
    rays: Rays
    hits: Hits
    met: Met
    each: int = 1

    def echoes(self, optical: Optical, spread_m: Array | None = None) -> Echoes:
        """What the surfaces at its end send back, in clear air.

        Args:
            optical: The scene's materials.
            spread_m: (n,) standard deviation of the range within the beam; None for a ray.
        """
        way = self.way_m + self.hits.distance_m
        power = self.gain / self.each * answer(optical, self.met, way)
        rows = np.flatnonzero(power > 0)
        spread = np.zeros(1) if spread_m is None else spread_m
        light = (self.pulse, way, power, spread, self.mirrors)
        surface = (self.hits.body, self.met.cosine, self.met.row, optical.retro)
        return Echoes(*_gathered(rows, light, surface))


@compiled
def _gathered(
    rows: NDArray[np.intp],
    light: tuple[NDArray[np.intp], Array, Array, Array, NDArray[np.int64]],
    surface: tuple[NDArray[np.int32], Array, NDArray[np.int32], Array],
) -> tuple[
    NDArray[np.intp],
    Array,
    Array,
    Array,
    NDArray[np.int32],
    Array,
    NDArray[np.uint8],
    NDArray[np.bool_],
]:
    """The fields of `Echoes` of some light that came back."""
    pulses, way_m, power, spread_m, mirrors = light
    bodies, cosine, row, retro = surface
    k = len(rows)
    pulse, body, cause = np.empty(k, np.intp), np.empty(k, np.int32), np.empty(k, np.uint8)
    told, strength, spread, angle = np.empty(k), np.empty(k), np.zeros(k), np.empty(k)
    shines = np.empty(k, np.bool_)
    for at in range(k):
        i = rows[at]
        pulse[at], told[at], strength[at], body[at] = pulses[i], way_m[i], power[i], bodies[i]
        angle[at], shines[at] = np.arccos(cosine[i]), retro[row[i]] > 0
        cause[at] = Cause.SURFACE.value if mirrors[i] == 0 else Cause.GHOST.value
        if len(spread_m) == len(power):
            spread[at] = spread_m[i]
    return pulse, told, strength, spread, body, angle, cause, shines


def look(survey: Survey, optical: Optical, rays: Rays, albedo: Albedo, each: int = 1) -> Leg:
    """What beams meet first, of which each is made of so many rays of equal energy."""
    n = len(rays)
    hits = survey.cast(rays)
    return Leg(
        np.arange(n) if each == 1 else np.repeat(np.arange(n // each), each),
        np.ones(n),
        np.zeros(n),
        np.zeros(n, np.int64),
        rays,
        hits,
        meet(survey.world, optical, rays, hits, survey.facing(rays, hits), albedo),
        each,
    )


def follow(
    survey: Survey, optical: Optical, first: Leg, most_mirrors: int, albedo: Albedo
) -> Echoes | None:
    """Echoes of surfaces behind panes and by way of mirrors.

    Args:
        survey: The scene.
        optical: Its materials.
        first: The beams as they were sent; their own echoes are not repeated.
        most_mirrors: Mirrors on one way.
        albedo: Of textured surfaces.

    Returns:
        None when nothing lets light go on.
    """
    found: list[Echoes] = []
    leg = first
    for _ in range(MOST_LEGS):
        following = _next(survey, optical, leg, most_mirrors, albedo)
        if following is None:
            break
        found.append(following.echoes(optical))
        leg = following
    return Echoes.join(found) if found else None


def _next(
    survey: Survey, optical: Optical, leg: Leg, most_mirrors: int, albedo: Albedo
) -> Leg | None:
    """The light that goes on from the end of a leg, off mirrors first and then through panes."""
    met = leg.met
    off = np.flatnonzero((leg.gain * met.mirror**2 > FAINTEST) & (leg.mirrors < most_mirrors))
    through = np.flatnonzero(leg.gain * met.clear**2 > FAINTEST)
    rows = np.concatenate([off, through])
    if not len(rows):
        return None
    mirrored = np.arange(len(rows)) < len(off)
    share = np.where(mirrored, met.mirror[rows], met.clear[rows])
    rays = leg.rays.take(rows)
    normal = met.normal[rows]
    along = np.einsum("ij,ij->i", rays.directions, normal)[:, None]
    onward = rays.directions - np.where(mirrored[:, None], 2 * along * normal, 0)
    point = rays.origins_m + leg.hits.distance_m[rows, None] * rays.directions + LIFT_M * onward
    rays = Rays(point, onward, rays.times_s)
    hits = survey.cast(rays)
    return Leg(
        leg.pulse[rows],
        leg.gain[rows] * share**2,
        leg.way_m[rows] + leg.hits.distance_m[rows] + LIFT_M,
        leg.mirrors[rows] + mirrored,
        rays,
        hits,
        meet(survey.world, optical, rays, hits, survey.facing(rays, hits), albedo),
        leg.each,
    )
