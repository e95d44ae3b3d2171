"""A camera before a settled world: its frames, and what other sensors on it read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simgen.config import Config, Moment
from simgen.errors import SimgenError
from simgen.labels import ALL, View, label
from simgen.render import Renderer
from simgen.render.supersample import supersample
from simgen.render.texture import surface_albedo
from simgen.rng import Key
from simgen.sample import Frame
from simgen.sensors.camera.camera import MIDDLE, Camera
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.raw import expose
from simgen.sensors.camera.shutter import AT_ONCE
from simgen.sensors.depth import Cause, DepthSensor
from simgen.sensors.effect import Chain
from simgen.sensors.event import EventCamera, EventParams, adaptive_frames
from simgen.sensors.imu import Imu, ImuParams
from simgen.sensors.lidar import Lidar, LidarParams, make, scanner
from simgen.sensors.radar import Radar, RadarParams
from simgen.spec import Motion
from simgen.world import Surface, World

GRAVITY_M_S2 = 9.81  # of scenes without physics


@dataclass(frozen=True, eq=False)
class Shot:
    """A camera before a settled world.

    Attributes:
        world: The scene.
        camera: Rays.
        chain: From radiance to file.
        renderer: Light.
        params: The camera's settings.
        config: For labels and the devices' streams.
    """

    world: World
    camera: Camera
    chain: Chain
    renderer: Renderer
    params: CameraParams
    config: Config

    def frame(
        self,
        moment: Moment,
        following: Moment | None,
        key: Key,
        depth: DepthSensor | None = None,
    ) -> Frame:
        """One frame: light, then the file, and labels and what a depth camera reads beside it."""
        view = View.of(self.world, self.camera, moment.time_s)
        readings: dict[str, NDArray[np.generic]] = {}
        if depth is not None:
            readings |= self._sensed(depth, view, key / "depth")
        labels = label(view, self.config.labels or ALL, following.time_s if following else None)
        state = self.chain.init(self.config.key() / "device")
        light = self._light(view, key / "light")
        if (gain := self.camera.gain()).size > 1:
            light = light * gain[..., None].astype(np.float32)
        if not np.isfinite(light.sum()):
            raise SimgenError(
                "a renderer must give finite light",
                f"{int((~np.isfinite(light)).sum())} values that are not",
                "look for materials and lamps without breadth",
                type(self.renderer).__name__,
            )
        facts = self.camera.facts(moment.time_s)
        if self.params.raw:
            data, raw = expose(self.chain, light, state, key / "sensor")
            readings["raw"] = raw.values
            facts |= {"raw": raw.facts()}
        else:
            data = self.chain.apply(light, state, key / "sensor")
        return Frame(
            moment.number,
            moment.time_s,
            moment.stamp_s,
            self.camera.width,
            self.camera.height,
            data,
            "jpg" if data[:2] == b"\xff\xd8" else "png",
            labels,
            facts,
            readings,
        )

    def _light(self, view: View, key: Key) -> NDArray[np.float32]:
        """Mean radiance (H, W, 3) over the exposure, the aperture and each pixel."""
        shape = self.camera.height, self.camera.width
        looks = self.camera.looks(self.params.shutter_samples) if self._blurs() else (MIDDLE,)
        if looks == (MIDDLE,):
            return self._sharp(self.camera, view, key)
        total = np.zeros((*shape, 3), np.float32)
        for look in looks:
            rays, _ = self.camera.rays(view.time_s, None, look)
            total += self.renderer.radiance(self.world, rays, self.world.cast(rays), key).reshape(
                total.shape
            )
        total /= len(looks)
        return total

    def _blurs(self) -> bool:
        """Whether anything changes within the exposure or across the aperture."""
        spec = self.world.spec
        return (
            self.camera.aperture_m > 0
            or self.camera.motion.moves
            or any(body.motion.moves for body in spec.bodies)
            or any(light.change for light in spec.lights)
        )

    def _sharp(self, camera: Camera, view: View, key: Key) -> NDArray[np.float32]:
        """Radiance (H, W, 3) of one moment of each line, through a pinhole."""
        return supersample(
            self.renderer,
            self.world,
            view.rays,
            view.hits,
            lambda pixels: camera.rays(view.time_s, pixels)[0],
            (camera.height, camera.width),
            self.params.samples_per_pixel,
            key,
        )

    def _sensed(self, params: DepthSensor, view: View, key: Key) -> dict[str, NDArray[np.generic]]:
        """What a depth camera in the camera's place reads, and why it has holes.

        Returns:
            "sensed_depth" (H, W) uint16 millimetres, 0 for none, and "sensed_depth_cause"
            (H, W) uint8, see `simgen.sensors.depth.Cause`.
        """
        state = params.init(self.config.key() / "device" / "depth")
        reading = params.reading(self.world, self.camera, view.time_s, state, key, _grey)
        lost = (reading.depth_mm == 0) & (reading.cause == Cause.NONE)  # what 16 bits cannot hold
        cause = np.where(lost, np.uint8(Cause.OUT_OF_RANGE), reading.cause)
        return {"sensed_depth": reading.depth_mm, "sensed_depth_cause": cause}

    def events(
        self, params: EventParams, span_s: tuple[float, float], key: Key
    ) -> NDArray[np.void]:
        """What an event camera in the camera's place sees; see `simgen.sensors.event.EVENT`."""
        eye = replace(self.camera, shutter=AT_ONCE, aperture_m=0.0)
        device = EventCamera(params, eye.width, eye.height)
        # The pattern of light samples is one for all images: it must not flicker.
        images = adaptive_frames(
            lambda time_s: self._sharp(eye, View.of(self.world, eye, time_s), key / "light"),
            params,
            *span_s,
            limit_ln=params.step_ln,
            longest_s=params.longest_step_s,
            shortest_s=params.shortest_step_s,
            share=params.step_share,
        )
        found, _ = device.record(images, device.init(self.config.key() / "device" / "events"), key)
        return found

    def inertia(
        self, params: ImuParams, span_s: tuple[float, float], key: Key
    ) -> dict[str, NDArray[np.float64]]:
        """What an inertial unit on the camera reads, and what a perfect one would.

        Returns:
            "imu" and "imu_true", each (n, 7): time in seconds, angular rate in rad/s and
            specific force in m/s^2, in the unit's axes.
        """
        motion, physics = self.camera.motion, self.world.spec.physics
        if not motion.moves:
            place, turn = motion.positions_m, motion.quaternions
            motion = Motion(np.array(span_s), np.repeat(place, 2, 0), np.repeat(turn, 2, 0))
        unit = Imu(params)
        reading = unit.measure(
            motion,
            unit.init(self.config.key() / "device" / "imu"),
            key,
            span_s=span_s,
            gravity_m_s2=physics.gravity_m_s2 if physics else GRAVITY_M_S2,
        )
        true = (reading.t_s, reading.gyro_true_rad_s, reading.accel_true_m_s2)
        read = (reading.t_s, reading.gyro_rad_s, reading.accel_m_s2)
        return {"imu": np.column_stack(read), "imu_true": np.column_stack(true)}

    def scanned(
        self, params: LidarParams, span_s: tuple[float, float], key: Key
    ) -> dict[str, NDArray[np.void]]:
        """What a LiDAR on the camera's rig writes; see `simgen.clouds.STREAMS`."""
        pulses = scanner(params.pattern, params.rate_hz, params.columns)
        device = make(params, pulses.rings, self.config.key() / "device" / "lidar")
        lidar = Lidar(params, pulses, device, self.world, self.camera.motion, _grey)
        return lidar.record(span_s, key)

    def ranged(
        self, params: RadarParams, span_s: tuple[float, float], key: Key
    ) -> dict[str, NDArray[np.generic]]:
        """What a radar on the camera's rig writes; see `simgen.sensors.radar.record.STREAMS`."""
        radar = Radar(params)
        state = radar.init(self.config.key() / "device" / "radar")
        return radar.measure(self.world, self.camera.motion, span_s, state, key)


def _grey(world: World, surface: Surface) -> NDArray[np.float32]:
    """Reflectance in the infrared: the mean over the colours, for want of a better."""
    return np.asarray(surface_albedo(world.spec, surface).mean(axis=1))
