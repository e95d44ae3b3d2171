"""A LiDAR before a world: sweeps of pulses, each at its own time, and what is reported of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simgen.clouds import MISSING, POINT, Cause, Why
from simgen.compiled import compiled
from simgen.errors import ConfigError, SimgenError
from simgen.rng import Key
from simgen.sensors.lidar.beams import Beams, aim, shake
from simgen.sensors.lidar.bloom import bloom, together
from simgen.sensors.lidar.boxes import boxes
from simgen.sensors.lidar.climate import CLEAR, Climate
from simgen.sensors.lidar.deskew import deskew, poses
from simgen.sensors.lidar.device import LidarState
from simgen.sensors.lidar.echoes import Echoes
from simgen.sensors.lidar.footprint import edges, slant_m, sub_rays
from simgen.sensors.lidar.gain import settled
from simgen.sensors.lidar.params import LidarParams
from simgen.sensors.lidar.pulses import Scanner
from simgen.sensors.lidar.receiver import LIGHT_M_S, dimmed, least_power, peaks, receive
from simgen.sensors.lidar.surfaces import Albedo, Optical, plain_albedo
from simgen.sensors.lidar.view import overlap
from simgen.sensors.lidar.ways import Leg, follow, look
from simgen.sensors.mount import Ride
from simgen.spec import Motion
from simgen.survey import Survey
from simgen.world import World

Array = NDArray[np.float64]
MOMENT_S, MICRO_S = 1e-9, 1e-6
MOST = 65_535  # of what a cloud numbers with 16 bits
AWAY = 0.5  # share of the light that a surface sends on, above which it is a mirror or a pane


class Lidar:
    """A LiDAR on a rig in a world.

    Args:
        params: Its settings.
        scanner: Its pulses.
        state: The device, from `simgen.sensors.lidar.device.make`.
        world: The scene.
        rig: Motion of the camera that it is mounted beside.
        albedo: Reflectance of textured surfaces at the laser's wavelength.

    Raises:
        SimgenError: When the scene has more bodies than instance labels can tell.
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
        self.optical = Optical.of(world.spec.bodies, params.weather)
        spec = world.spec
        # The last entry is for body -1: no body.
        kinds = [*(spec.category_id(body) for body in spec.bodies), 0]
        if len(kinds) > MOST:
            rule = f"a scene before a LiDAR must have fewer than {MOST} bodies"
            raise SimgenError(rule, len(spec.bodies), "leave some out, or join their meshes")
        self._category = np.array(kinds, np.uint8)
        self._instance = np.arange(1, len(kinds) + 1, dtype=np.uint16) * (self._category > 0)

    def record(self, span_s: tuple[float, float], key: Key) -> dict[str, NDArray[np.void]]:
        """What it writes in some time, by the names in `simgen.clouds.STREAMS`.

        Args:
            span_s: Time of the frames; it sweeps as often as fits, and once at least, unless
                `sweeps` tells how often.
            key: The recording's stream.

        Raises:
            ConfigError: When the first sweep would begin before the scene's clock does, or
                there are more sweeps than their numbers can tell.
        """
        period = self.scanner.period_s
        count = self.params.sweeps or max(1, int((span_s[1] - span_s[0]) / period + 1e-6))
        first = span_s[0] - self.params.phase * period
        if first < -MOMENT_S:
            least_s = np.ceil((self.params.phase * period - MOMENT_S) / MICRO_S) * MICRO_S
            raise ConfigError(
                "the first sweep must not begin before the scene's clock",
                f"{first:g} s",
                f"let frames.start_s be {least_s:.6f} or more",
                "lidar.phase",
            )
        if count > MOST:
            raise ConfigError(
                f"a sample must have at most {MOST} sweeps",
                count,
                "take fewer frames, or tell `sweeps`",
                "lidar.sweeps",
            )
        found: dict[str, list[NDArray[np.void]]] = {}
        for number in range(count):
            start = first + number * period
            for name, part in self.sweep(number, start, key / number).items():
                found.setdefault(name, []).append(part)
        streams = {name: np.concatenate(parts) for name, parts in found.items()}
        streams["lidar_poses"] = poses(self.ride, (first, first + count * period))
        return streams

    def sweep(self, number: int, start_s: float, key: Key) -> dict[str, NDArray[np.void]]:
        """Sweep `number`, which begins at a moment; streams as in `record`, less the poses."""
        middle = start_s + self.scanner.period_s / 2
        pulses = self.scanner.sweep(number)
        went = shake(pulses, self.params.noise.azimuth_jitter_rad, key / "azimuth")
        beams = aim(pulses, went, self.state, self.ride, start_s, None)
        points, bodies, missing = self._reported(beams, number, key)
        found = {
            "lidar": points,
            "lidar_missing": missing,
            "lidar_boxes": boxes(self.world.spec, self.ride, number, middle, points),
        }
        if "static" in self.params.twins:
            still = aim(pulses, went, self.state, self.ride, start_s, middle)
            found["lidar_static"], _, _ = self._reported(still, number, key)
        if "deskewed" in self.params.twins:
            found["lidar_deskewed"] = deskew(
                points, bodies, self.ride, self.world.spec.bodies, middle
            )
        return found

    def _reported(
        self, beams: Beams, number: int, key: Key
    ) -> tuple[NDArray[np.void], NDArray[np.int32], NDArray[np.void]]:
        """The points, whose they are, and the pulses that reported nothing."""
        params = self.params
        axis = look(self.survey, self.optical, beams.rays, self.albedo)
        clear = dimmed(self._surfaces(beams, axis), params.noise.near_m)
        if params.optics.overlap_m[1] > 0:
            view = overlap(clear.range_m, params.optics.overlap_m)
            clear = replace(clear, power=clear.power * view)
        climate = None
        if params.weather != CLEAR:
            where = (beams, axis.hits.distance_m)
            window = self.state.window
            climate = Climate.of(params, self.world.spec, window, *where, key / "weather")
        seen = clear if climate is None else climate.over(beams, clear)
        ring = beams.pulses.ring
        heard = receive(
            self._received(beams, seen, key),
            len(ring),
            self.state.range_offset_m[ring],
            params,
            key / "receiver",
        )
        found, lost = heard, np.zeros(0, np.intp)
        if params.noise.gain_steps is not None:
            pulse = heard["pulse"]
            told = ring[pulse], beams.pulses.column[pulse], beams.pulses.azimuth_rad[pulse]
            keep = settled(*told, heard["intensity"], params.noise, self.state.key / "gain")
            found, lost = heard[keep], pulse[~keep]
        silent = np.ones(len(ring), np.bool_)
        silent[found["pulse"]] = False
        rows = np.flatnonzero(silent)
        quiet = self._amplified(clear.take(silent[clear.pulse]), ring)
        strongest = peaks(quiet, len(ring), params)[rows]
        missing = self._missing(beams, number, rows, axis)
        unsettled = np.isin(rows, lost)
        missing["why"] = self._why(beams, rows, axis, strongest, climate, unsettled)
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
        ring = beams.pulses.ring
        echoes = self._alive(echoes, ring)
        stray = self._bloom(beams, echoes)
        light = echoes if stray is None else Echoes.join([echoes, self._alive(stray, ring)])
        parts = [self._amplified(light, ring)]
        if self.params.noise.false_alarm_hz > 0:
            parts.append(self._alive(self._false_alarms(len(ring), key / "alarms"), ring))
        whole = Echoes.join(parts)
        return whole if (whole.power > 0).all() else whole.take(whole.power > 0)

    def _alive(self, echoes: Echoes, ring: NDArray[np.uint16]) -> Echoes:
        """Without those of lasers that are broken, which neither send nor hear."""
        dead = self.state.dead
        return echoes.take(~dead[ring[echoes.pulse]]) if dead.any() else echoes

    def _amplified(self, echoes: Echoes, ring: NDArray[np.uint16]) -> Echoes:
        """As each ring's laser and receiver have them."""
        gain = self.state.gain
        if (gain == 1).all():
            return echoes
        return replace(echoes, power=echoes.power * gain[ring[echoes.pulse]])

    def _bloom(self, beams: Beams, echoes: Echoes) -> Echoes | None:
        """What strays from retro-reflectors into other beams."""
        straying = self.params.straying
        rows = np.flatnonzero((echoes.cause == Cause.SURFACE) & echoes.shines)
        if straying.bloom == 0 or not len(rows):
            return None
        light = together(
            echoes.pulse[rows], echoes.body[rows], echoes.range_m[rows], echoes.power[rows]
        )
        return bloom(straying, beams.pulses.directions, *light, least_power(self.params))

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
        pulses = beams.pulses
        points = np.empty(len(found), POINT)
        fired = (beams.times_s, pulses.ring, pulses.column)
        kinds = (self._instance, self._category)
        _fill(found, pulses.origin_m, pulses.directions, fired, kinds, number, points)
        return points

    def _missing(
        self, beams: Beams, number: int, rows: NDArray[np.intp], axis: Leg
    ) -> NDArray[np.void]:
        """The pulses (k,) that reported nothing, as `MISSING`; `why` is left open."""
        pulses, body = beams.pulses, axis.hits.body[rows]
        missing = np.empty(len(rows), MISSING)
        missing["time_s"], missing["sweep"] = beams.times_s[rows], number
        for name in ("ring", "column", "azimuth_rad", "elevation_rad"):
            missing[name] = getattr(pulses, name)[rows]
        missing["true_range_m"] = axis.hits.distance_m[rows]
        missing["instance"], missing["category"] = self._instance[body], self._category[body]
        return missing

    def _why(
        self,
        beams: Beams,
        rows: NDArray[np.intp],
        axis: Leg,
        clear: Array,
        climate: Climate | None,
        lost: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        """Why pulses (k,) reported nothing, see `Why`.

        Args:
            beams: All pulses.
            rows: Those that reported nothing.
            axis: What all met.
            clear: (k,) peak of their strongest echo in clear air.
            climate: The weather.
            lost: (k,) whether the gain lost an echo of theirs.
        """
        params, least, met = self.params, least_power(self.params), axis.met
        distance = axis.hits.distance_m[rows]
        bright, one = clear >= least, np.ones(len(rows))
        power, window = (
            (one, one) if climate is None else (climate.air.power[rows], climate.air.window[rows])
        )
        why = np.full(len(rows), Why.WEAK, np.uint8)
        for reason, holds in (  # the later ones prevail
            (Why.WEATHER, bright & (clear * power < least)),
            (Why.WINDOW, bright & (clear * window < least)),
            (Why.MIRRORED, ~bright & ((met.mirror + met.clear)[rows] > AWAY)),
            (Why.GAIN, lost),
            (Why.OUT_OF_RANGE, (distance < params.min_range_m) | (distance > params.cutoff_m)),
            (Why.NO_SURFACE, axis.hits.body[rows] < 0),
            (Why.DEAD, self.state.dead[beams.pulses.ring[rows]]),
        ):
            why[holds] = reason
        return why


@compiled
def _fill(
    found: NDArray[np.void],
    origin_m: Array,
    directions: Array,
    fired: tuple[Array, NDArray[np.uint16], NDArray[np.int32]],
    kinds: tuple[NDArray[np.uint16], NDArray[np.uint8]],
    number: int,
    points: NDArray[np.void],
) -> None:
    """Write points: where the table and the range put each, and what the receiver told."""
    shared = len(origin_m) == 1
    times_s, rings, columns = fired
    instances, categories = kinds
    for k in range(len(found)):
        heard, point = found[k], points[k]
        i, r = heard.pulse, heard.range_m
        o = 0 if shared else i
        point.x = origin_m[o, 0] + r * directions[i, 0]
        point.y = origin_m[o, 1] + r * directions[i, 1]
        point.z = origin_m[o, 2] + r * directions[i, 2]
        point.time_s, point.sweep = times_s[i], number
        point.ring, point.column = rings[i], columns[i]
        point.range_m, point.true_range_m = r, heard.true_range_m
        point.incidence_rad, point.snr = heard.incidence_rad, heard.snr
        point.intensity, point.cause = heard.intensity, heard.cause
        point.echo, point.echoes = heard.echo, heard.echoes
        point.instance, point.category = instances[heard.body], categories[heard.body]
