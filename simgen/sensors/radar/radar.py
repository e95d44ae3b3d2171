"""An FMCW radar on a moving rig: from a world to detections with labels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simgen import geometry
from simgen.rays import Rays
from simgen.rng import Key
from simgen.sensors.mount import Ride
from simgen.sensors.radar import spectrum
from simgen.sensors.radar.budget import sample_snr
from simgen.sensors.radar.detections import Detections, find
from simgen.sensors.radar.fans import sheaf
from simgen.sensors.radar.ghosts import ghosts
from simgen.sensors.radar.maps import azimuth_map
from simgen.sensors.radar.params import RadarParams
from simgen.sensors.radar.record import POSE, RADAR, Cause
from simgen.sensors.radar.reflection import Answers
from simgen.sensors.radar.scatterers import Scatterers, Span, direct, look
from simgen.sensors.radar.signal import noise, synthesise, tones
from simgen.sensors.radar.truth import Owners, owners
from simgen.spec import Motion
from simgen.world import World

Array = NDArray[np.float64]
Cube = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class RadarState:
    """What is fixed for a device.

    Attributes:
        channels: (k,) complex gain of each virtual channel, about 1.
    """

    channels: Cube


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame before detection.

    Attributes:
        found: Scatterers that pass the receiver's filter.
        power: (n,) of each, in a sample of one channel, over that of the noise.
        clean: Samples (channels, chirps, samples) without noise.
        noise: The noise, of power 1.
    """

    found: Scatterers
    power: Array
    clean: Cube
    noise: Cube


@dataclass(frozen=True)
class Radar:
    """A radar.

    Attributes:
        params: Waveform, antenna, receiver, detector.
    """

    params: RadarParams

    def init(self, key: Key) -> RadarState:
        """A device: gains and phases of its channels."""
        a = self.params.antenna
        rng = key.generator()
        decibels = a.gain_error_db * rng.standard_normal(a.channels)
        turn = a.phase_error_rad * rng.standard_normal(a.channels)
        return RadarState(10 ** (decibels / 20) * np.exp(1j * turn))

    def starts(self, span_s: tuple[float, float]) -> Array:
        """Starts (f,) of the frames that fit into a span; one at least."""
        room = span_s[1] - span_s[0] - self.params.waveform.frame_s
        count = max(1, math.floor(room * self.params.rate_hz * (1 + 1e-12) + 1e-9) + 1)
        return np.asarray(span_s[0] + np.arange(count) / self.params.rate_hz)

    def measure(
        self,
        world: World,
        rig: Motion,
        span_s: tuple[float, float],
        state: RadarState,
        key: Key,
    ) -> dict[str, NDArray[np.generic]]:
        """What the radar writes; see `record.STREAMS`.

        Args:
            world: The scene.
            rig: Motion of the camera that the radar is mounted beside (OpenCV axes).
            span_s: Frames lie within.
            state: The device.
            key: Stream of the recording.

        Returns:
            "radar" (d,) RADAR, "radar_poses" (f,) POSE, and of the maps that are asked for
            "radar_cube" (f, channels, chirps, samples, 2) float32, "radar_range_doppler"
            (f, Doppler, range) and "radar_range_azimuth" (f, azimuth, range) float32.
        """
        mount = Ride.mounted(rig, self.params.mount_m, self.params.mount_turn_rad)
        starts = self.starts(span_s)
        poses = np.zeros(len(starts), POSE)
        parts: list[NDArray[np.void]] = []
        maps: dict[str, list[NDArray[np.float32]]] = {name: [] for name in self.params.maps}
        for number, start in enumerate(starts):
            frame = self.frame(world, mount, float(start), state, key, number)
            span = self._span(float(start))
            position, turn = mount.pose(span.middle_s)
            poses[number] = number, span.middle_s, position, geometry.quaternion(turn)
            cells = spectrum.range_doppler(frame.clean + frame.noise)
            power = spectrum.total(cells)
            found = find(self.params, cells, power)
            record = self._labelled(world, frame, found)
            record["frame"], record["time_s"] = number, span.middle_s
            parts.append(record)
            for name, image in self._maps(frame, cells, power):
                maps[name].append(image)
        streams: dict[str, NDArray[np.generic]] = {
            "radar": np.concatenate(parts),
            "radar_poses": poses,
        }
        return streams | {f"radar_{name}": np.stack(images) for name, images in maps.items()}

    def frame(
        self, world: World, mount: Ride, start_s: float, state: RadarState, key: Key, number: int
    ) -> Frame:
        """The samples of one frame, and what they are made of."""
        w, channels = self.params.waveform, self.params.antenna.channels
        found = self.scatterers(world, mount, start_s, key / "rays")
        found = found.take(tones(w, found)[2] & (found.rcs_m2 > 0) & (found.range_m > 0))
        power = sample_snr(self.params, found.rcs_m2, found.range_m, found.direction)
        clean = synthesise(w, channels, found, np.sqrt(power))
        clean *= state.channels[:, None, None]
        return Frame(found, power, clean, noise(clean.shape, key / "noise" / number))

    def scatterers(self, world: World, mount: Ride, start_s: float, key: Key) -> Scatterers:
        """All that answers in one frame, ghosts too where `fan.bounces` asks for them."""
        span, fan = self._span(start_s), self.params.fan
        position, turn = mount.pose(span.middle_s)
        rays = sheaf(world, position, turn, span.middle_s, fan, key)
        if not len(rays):
            return Scatterers.none()
        answers = Answers.of(world.spec)
        cast = Rays(position[None], rays.directions @ turn.T, np.array([span.middle_s]))
        seen = look(world, cast, answers, rays.body)
        found = direct(world, mount, seen, rays, answers, span)
        if not fan.bounces:
            return found
        second = ghosts(world, mount, seen, rays, answers, span, fan.mirror_least)
        return Scatterers.join([found, second])

    def _span(self, start_s: float) -> Span:
        w = self.params.waveform
        return Span(start_s, w.frame_s, w.wavelength_m)

    def _labelled(self, world: World, frame: Frame, detections: Detections) -> NDArray[np.void]:
        """Detections with the labels of what sent most power into their cells."""
        record = np.zeros(len(detections), RADAR)
        record["range_m"] = detections.range_m
        record["azimuth_rad"] = np.arcsin(detections.y)
        record["doppler_m_s"] = detections.speed_m_s
        record["snr_db"] = 10 * np.log10(detections.snr)
        record["rcs_dbsm"] = detections.rcs_dbsm
        shape = frame.clean.shape[0], frame.clean.shape[1], frame.clean.shape[2]
        beat, slow, _ = tones(self.params.waveform, frame.found)
        owner = owners(shape, frame.found, frame.power, beat, slow, detections)
        mine = _stronger(frame, detections)
        return _named(world, record, owner, mine & (owner.body >= 0))

    def _maps(
        self, frame: Frame, cells: Cube, power: Array
    ) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """The maps that are asked for; Doppler rises from the most negative speed."""
        for name in self.params.maps:
            if name == "cube":
                cube = (frame.clean + frame.noise).astype(np.complex64)
                yield name, cube[..., None].view(np.float32)
            elif name == "range_doppler":
                shown = np.fft.fftshift(power, axes=0) / len(cells)
                yield name, shown.astype(np.float32)
            else:
                yield name, azimuth_map(cells).astype(np.float32)


def _stronger(frame: Frame, detections: Detections) -> NDArray[np.bool_]:
    """Where (d,) the signal's part of the beam exceeds the noise's: the chain is linear."""
    i, j = detections.doppler_bin, detections.range_bin
    steer = np.exp(1j * np.pi * detections.y[:, None] * np.arange(len(frame.clean)))
    parts = [
        np.abs(np.sum(spectrum.range_doppler(cube)[:, i, j].T * steer, axis=1))
        for cube in (frame.clean, frame.noise)
    ]
    return np.asarray(parts[0] > parts[1])


def _named(
    world: World, record: NDArray[np.void], owner: Owners, mine: NDArray[np.bool_]
) -> NDArray[np.void]:
    """Write causes, bodies and true values; `mine` tells which detections are no noise."""
    spec = world.spec
    category = np.array([0, *(spec.category_id(body) for body in spec.bodies)], np.int64)
    body = np.where(mine, owner.body, -1)
    record["category"] = category[body + 1]
    record["instance"] = np.where(record["category"] > 0, body + 1, 0)
    cause = np.where(owner.ghost, Cause.GHOST, Cause.SURFACE)
    cause = np.where(owner.lobe, cause, Cause.SIDELOBE)
    record["cause"] = np.where(mine, cause, Cause.NOISE)
    for name, value in (
        ("true_range_m", owner.range_m),
        ("true_azimuth_rad", np.arcsin(np.clip(owner.y, -1, 1))),
        ("true_doppler_m_s", owner.speed_m_s),
    ):
        record[name] = np.where(mine, value, np.nan)
    return record
