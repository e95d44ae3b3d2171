"""A LiDAR before a world: sweeps of pulses, each at its own time, and what is reported of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.lidar.bloom import bloom
from simgen.sensors.lidar.boxes import boxes
from simgen.sensors.lidar.cloud import MISSING, POINT, Cause, Why
from simgen.sensors.lidar.deskew import deskew, poses
from simgen.sensors.lidar.device import LidarState
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.footprint import edges, slant_m, sub_rays
from simgen.sensors.lidar.gain import settled
from simgen.sensors.lidar.params import LidarParams
from simgen.sensors.lidar.pulses import Pulses, Scanner
from simgen.sensors.lidar.receiver import LIGHT_M_S, dimmed, least_power, receive
from simgen.sensors.lidar.surfaces import Albedo, Optical, plain_albedo
from simgen.sensors.lidar.ways import Leg, follow, look
from simgen.sensors.mount import Ride
from simgen.spec import Motion
from simgen.survey import Survey
from simgen.world import World

Array = NDArray[np.float64]
AWAY = 0.5  # share of the light that a surface sends on, above which it is a mirror or a pane


@dataclass(frozen=True, eq=False)
class Beams:
    """The pulses of one sweep as they are cast.

    Attributes:
        pulses: Where the table has them.
        times_s: (n,) when they are told to have been fired, scene's clock.
        rays: Where they went.
        up: (n, 3) or (1, 3), the sensor's upward axis in the world.
    """

    pulses: Pulses
    times_s: Array
    rays: Rays
    up: Array


class Lidar:
    """A LiDAR on a rig in a world.

    Args:
        params: Its settings.
        scanner: Its pulses.
        state: The device, from `simgen.sensors.lidar.device.make`.
        world: The scene.
        rig: Motion of the camera that it is mounted beside.
        albedo: Reflectance of textured surfaces at the laser's wavelength.
    """

    def __init__(
        self,
        params: LidarParams,
        scanner: Scanner,
        state: LidarState,
        world: World,
        rig: Motion,
        albedo: Albedo = plain_albedo,
    ) -> None:
        self.params, self.scanner, self.state, self.albedo = params, scanner, state, albedo
        self.ride = Ride.mounted(rig, params.mount_m, params.mount_turn_rad)
        self.world, self.survey = world, Survey(world)
        self.optical = Optical.of(world.spec.bodies)
        spec = world.spec
        # The last entry is for body -1: no body.
        kinds = [*(spec.category_id(body) for body in spec.bodies), 0]
        self._category = np.array(kinds, np.uint8)
        self._instance = np.arange(1, len(kinds) + 1, dtype=np.uint16) * (self._category > 0)

    def record(self, span_s: tuple[float, float], key: Key) -> dict[str, NDArray[np.void]]:
        """What it writes in some time, by the names in `simgen.sensors.lidar.cloud.STREAMS`.

        Args:
            span_s: From the start of its first sweep; it sweeps as often as fits, and once at
                least, unless `sweeps` tells how often.
            key: The recording's stream.
        """
        period = self.scanner.period_s
        count = self.params.sweeps or max(1, int((span_s[1] - span_s[0]) / period + 1e-6))
        found: dict[str, list[NDArray[np.void]]] = {}
        for number in range(count):
            start = span_s[0] + number * period
            for name, part in self.sweep(number, start, key / number).items():
                found.setdefault(name, []).append(part)
        streams = {name: np.concatenate(parts) for name, parts in found.items()}
        streams["lidar_poses"] = poses(self.ride, (span_s[0], span_s[0] + count * period))
        return streams

    def sweep(self, number: int, start_s: float, key: Key) -> dict[str, NDArray[np.void]]:
        """Sweep `number`, which begins at a moment; streams as in `record`, less the poses."""
        middle = start_s + self.scanner.period_s / 2
        beams = self._beams(number, start_s, key)
        points, bodies, missing = self._reported(beams, number, key)
        found = {
            "lidar": points,
            "lidar_missing": missing,
            "lidar_boxes": boxes(self.world.spec, self.ride, number, middle, points),
        }
        if "static" in self.params.twins:
            found["lidar_static"], _, _ = self._reported(
                self._beams(number, start_s, key, middle), number, key
            )
        if "deskewed" in self.params.twins:
            found["lidar_deskewed"] = deskew(
                points, bodies, self.ride, self.world.spec.bodies, middle
            )
        return found

    def _beams(
        self, number: int, start_s: float, key: Key, stopped_s: float | None = None
    ) -> Beams:
        """The pulses of a sweep, cast at their own times or all at one moment."""
        pulses, state = self.scanner.sweep(number), self.state
        times = start_s + pulses.time_s
        sent = pulses
        if state.azimuth_error_rad.any() or state.elevation_error_rad.any():
            sent = replace(
                pulses,
                azimuth_rad=pulses.azimuth_rad + state.azimuth_error_rad[pulses.ring],
                elevation_rad=pulses.elevation_rad + state.elevation_error_rad[pulses.ring],
            )
        jitter = self.params.noise.azimuth_jitter_rad
        if jitter > 0:  # of the head, so that lasers fired together share it
            columns = int(pulses.column.max(initial=0)) + 1
            away = jitter * (key / "azimuth").generator().standard_normal(columns)
            sent = replace(sent, azimuth_rad=sent.azimuth_rad + away[pulses.column])
        moments = times if stopped_s is None else np.array([stopped_s])
        place, turn = self.ride.at(moments)
        if len(turn) == 1:
            directions = sent.directions @ turn[0].T
            origins = place + sent.origin_m @ turn[0].T
        else:
            directions = np.einsum("nij,nj->ni", turn, sent.directions)
            origin = np.broadcast_to(sent.origin_m, directions.shape)
            origins = place + np.einsum("nij,nj->ni", turn, origin)
        return Beams(pulses, times, Rays(origins, directions, moments), turn[:, :, 2])

    def _reported(
        self, beams: Beams, number: int, key: Key
    ) -> tuple[NDArray[np.void], NDArray[np.int32], NDArray[np.void]]:
        """The points, whose they are, and the pulses that reported nothing."""
        axis = look(self.survey, self.optical, beams.rays, self.albedo)
        echoes = dimmed(self._surfaces(beams, axis), self.params.noise.near_m)
        clear = _strongest(echoes.pulse, echoes.power, len(beams.pulses))
        echoes = self._received(beams, echoes, key)
        ring = beams.pulses.ring
        offset = self.state.range_offset_m[ring]
        found = receive(echoes, len(ring), offset, self.params, key / "receiver")
        pulse, noise = found["pulse"], self.params.noise
        where = ring[pulse], beams.pulses.column[pulse], beams.pulses.azimuth_rad[pulse]
        keep = settled(*where, found["intensity"], noise, self.state.key / "gain")
        unsettled, found = found["pulse"][~keep], found[keep]
        missing = self._missing(beams, number, found["pulse"], axis, clear)
        if len(unsettled):
            silent = np.setdiff1d(np.arange(len(ring)), found["pulse"])
            missing["why"][np.isin(silent, unsettled)] = Why.GAIN
        return self._points(beams, number, found), found["body"], missing

    def _surfaces(self, beams: Beams, axis: Leg) -> Echoes:
        """All that surfaces send back in clear air, straight, through panes and by mirrors."""
        optics, params = self.params.optics, self.params
        parts: list[Echoes | None] = []
        if optics.subrays > 1:
            rays, hits, normal = beams.rays, axis.hits, axis.met.normal
            if optics.footprint == "all":
                split = np.arange(len(rays))
            else:
                shape = (self.scanner.rings, self.scanner.columns)
                split = np.flatnonzero(edges(beams.pulses, rays, hits, normal, shape))
            if len(split):
                up = beams.up if len(beams.up) == 1 else beams.up[split]
                spots = sub_rays(rays.take(split), up, optics)
                leg = look(self.survey, self.optical, spots, self.albedo, optics.subrays)
                leg = replace(leg, pulse=split[leg.pulse])
                parts += [
                    leg.echoes(self.optical),
                    follow(self.survey, self.optical, leg, params.straying.mirrors, self.albedo),
                ]
                whole = np.ones(len(rays))
                whole[split] = 0
                axis = replace(axis, gain=whole)
        spread = slant_m(beams.rays, beams.up, axis.hits.distance_m, axis.met.normal, optics)
        parts += [
            axis.echoes(self.optical, spread),
            follow(self.survey, self.optical, axis, params.straying.mirrors, self.albedo),
        ]
        return Echoes.join([part for part in parts if part is not None])

    def _received(self, beams: Beams, echoes: Echoes, key: Key) -> Echoes:
        """All light that reaches the receivers that work, and what only looks like light."""
        params, state, ring = self.params, self.state, beams.pulses.ring
        power = echoes.power
        near, far = params.optics.overlap_m
        if far > 0:
            seen = (echoes.range_m - near) / max(far - near, 1e-9)
            power = power * np.clip(seen, 0, 1)
        echoes = replace(echoes, power=power)
        parts = [echoes]
        if (stray := self._bloom(beams, echoes)) is not None:
            parts.append(stray)
        if params.noise.false_alarm_hz > 0:
            parts.append(self._false_alarms(len(ring), key / "alarms"))
        whole = Echoes.join(parts)
        if (state.gain != 1).any():
            whole = replace(whole, power=whole.power * state.gain[ring[whole.pulse]])
        if state.dead.any():
            whole = whole.take(~state.dead[ring[whole.pulse]])
        return whole if (whole.power > 0).all() else whole.take(whole.power > 0)

    def _bloom(self, beams: Beams, echoes: Echoes) -> Echoes | None:
        """What strays from retro-reflectors into other beams."""
        straying = self.params.straying
        if straying.bloom == 0 or not self.optical.retro.any():
            return None
        shines = np.array(
            [any(m.laser.retro > 0 for m in body.materials) for body in self.world.spec.bodies]
        )
        direct = (echoes.cause == Cause.SURFACE) & shines[echoes.body]
        rows = np.flatnonzero(direct)
        least = least_power(self.params)
        light = (echoes.pulse[rows], echoes.range_m[rows], echoes.power[rows])
        return bloom(straying, beams.pulses.directions, *light, least)

    def _false_alarms(self, pulses: int, key: Key) -> Echoes:
        """Noise that reaches the threshold: as often as is said, at any range."""
        params, rng = self.params, key.generator()
        listening_s = 2 * (params.cutoff_m - params.min_range_m) / LIGHT_M_S
        count = rng.poisson(params.noise.false_alarm_hz * listening_s * pulses)
        ranges = rng.uniform(params.min_range_m, params.cutoff_m, count)
        # Above a threshold far out in a Gaussian's tail, the excess is nearly exponential.
        excess = rng.exponential(1 / params.noise.threshold_snr**2, count)
        power = least_power(params) * (1 + excess)
        return Echoes.of_air(rng.integers(pulses, size=count), ranges, power, Cause.NOISE)

    def _points(self, beams: Beams, number: int, found: NDArray[np.void]) -> NDArray[np.void]:
        """What is reported, as `POINT`."""
        pulses, pulse, body = beams.pulses, found["pulse"], found["body"]
        points = np.empty(len(found), POINT)
        _place(pulses.origin_m, pulses.directions, pulse, found["range_m"], points)
        points["time_s"], points["sweep"] = beams.times_s[pulse], number
        points["ring"], points["column"] = pulses.ring[pulse], pulses.column[pulse]
        points["instance"], points["category"] = self._instance[body], self._category[body]
        for name in (
            *("intensity", "echo", "echoes", "range_m", "true_range_m", "incidence_rad"),
            *("snr", "cause"),
        ):
            points[name] = found[name]
        return points

    def _missing(
        self, beams: Beams, number: int, heard: NDArray[np.intp], axis: Leg, clear: Array
    ) -> NDArray[np.void]:
        """The pulses that reported nothing, and why; `clear` is their power in clear air."""
        pulses, params = beams.pulses, self.params
        silent = np.ones(len(pulses), np.bool_)
        silent[heard] = False
        rows = np.flatnonzero(silent)
        distance, body = axis.hits.distance_m[rows], axis.hits.body[rows]
        away = (axis.met.mirror + axis.met.clear)[rows] > AWAY
        outside = (distance < params.min_range_m) | (distance > params.cutoff_m)
        missing = np.empty(len(rows), MISSING)
        missing["time_s"], missing["sweep"] = beams.times_s[rows], number
        for name in ("ring", "column", "azimuth_rad", "elevation_rad"):
            missing[name] = getattr(pulses, name)[rows]
        missing["true_range_m"] = distance
        missing["instance"], missing["category"] = self._instance[body], self._category[body]
        missing["why"] = np.select(
            [
                self.state.dead[pulses.ring[rows]],
                body < 0,
                outside,
                away,
                clear[rows] >= least_power(params),
            ],
            [Why.DEAD, Why.NO_SURFACE, Why.OUT_OF_RANGE, Why.MIRRORED, Why.WEATHER],
            Why.WEAK,
        )
        return missing


@compiled
def _strongest(pulse: NDArray[np.intp], power: Array, pulses: int) -> Array:
    """The strongest echo (pulses,) of each pulse; 0 for none."""
    found = np.zeros(pulses)
    for row in range(len(pulse)):
        found[pulse[row]] = max(found[pulse[row]], power[row])
    return found


@compiled
def _place(
    origin_m: Array,
    directions: Array,
    pulse: NDArray[np.intp],
    range_m: Array,
    points: NDArray[np.void],
) -> None:
    """Write where the table and the range put each point."""
    shared = len(origin_m) == 1
    for k in range(len(pulse)):
        i, r = pulse[k], range_m[k]
        o = 0 if shared else i
        points[k].x = origin_m[o, 0] + r * directions[i, 0]
        points[k].y = origin_m[o, 1] + r * directions[i, 1]
        points[k].z = origin_m[o, 2] + r * directions[i, 2]
