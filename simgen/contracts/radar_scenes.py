"""Small scenes and settings that the radar is held against closed forms with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simgen import geometry
from simgen.assets import primitives
from simgen.rng import Key
from simgen.sensors.mount import Ride
from simgen.sensors.radar import Radar, RadarParams
from simgen.sensors.radar.radar import Frame
from simgen.sensors.radar.scatterers import Scatterers
from simgen.spec import Asset, Body, Environment, Material, Motion, SceneSpec, Waves
from simgen.world import World

Array = NDArray[np.float64]
BLACK = Environment((0, 0, 0), (0, 0, 0), (0, 0, 0))
# A camera that looks along the world's x, level: the radar's axes are the world's.
AHEAD = Motion.rest((0, 0, 0), geometry.look_at((0, 0, 0), (1, 0, 0)))
METAL = Waves(reflectance=1.0, slope=0.02, height_m=1e-5, matt=0.0)
UNIT_RADIUS_M = 1 / np.sqrt(np.pi)  # of a sphere of 1 m^2
ROLLER = 30.0  # s, how long what moves keeps moving, from half of that before 0


def params(**sections: dict[str, Any] | Any) -> RadarParams:
    """Settings: the defaults, and what sections say."""
    return RadarParams.model_validate({"fan": {"bounces": 0}, **sections})


def body(
    asset: Asset, motion: Motion | ArrayLike, waves: Waves = METAL, name: str = "target"
) -> Body:
    """A body of one material and a class of its own name."""
    path = motion if isinstance(motion, Motion) else Motion.rest(np.asarray(motion))
    materials = (Material(radar=waves),) * (int(asset.part.max()) + 1)
    return Body(name, asset, materials, path, category=name)


def world(*bodies: Body) -> World:
    """A world of these bodies in the dark."""
    named = tuple(replace(b, name=f"{b.name} {n}") for n, b in enumerate(bodies))
    categories = tuple(sorted({str(b.category) for b in bodies}))
    return World(SceneSpec(named, (), BLACK, categories, AHEAD))


def sphere(
    place_m: ArrayLike, radius_m: float = UNIT_RADIUS_M, velocity_m_s: ArrayLike = (0, 0, 0)
) -> Body:
    """A metal sphere that is at `place_m` at time 0."""
    return body(primitives.sphere(radius_m, 64), going(place_m, velocity_m_s))


def going(place_m: ArrayLike, velocity_m_s: ArrayLike, turn: ArrayLike = (0, 0, 0, 1)) -> Motion:
    """Straight and even motion."""
    times = np.array([-ROLLER / 2, ROLLER / 2])
    places = np.asarray(place_m) + times[:, None] * np.asarray(velocity_m_s)
    return Motion(times, places, np.repeat(np.reshape(turn, (1, 4)), 2, axis=0))


def spinning(place_m: ArrayLike, axis: ArrayLike, rate_rad_s: float) -> Motion:
    """A body that turns about an axis through its origin for a second."""
    times = np.linspace(0, 1, 401)
    turns = np.array([geometry.axis_angle(axis, rate_rad_s * t) for t in times])
    return Motion(times, np.repeat(np.reshape(place_m, (1, 3)), 401, axis=0), turns)


def scatterers(
    settings: RadarParams, scene: World, key: Key, rig: Motion = AHEAD, start_s: float = 0.0
) -> Scatterers:
    """What answers in one frame."""
    mount = Ride.mounted(rig, settings.mount_m, settings.mount_turn_rad)
    return Radar(settings).scatterers(scene, mount, start_s, key)


def frame(settings: RadarParams, scene: World, key: Key, rig: Motion = AHEAD) -> Frame:
    """The samples of one frame of a device without faults."""
    radar = Radar(settings)
    mount = Ride.mounted(rig, settings.mount_m, settings.mount_turn_rad)
    return radar.frame(scene, mount, 0.0, radar.init(key / "device"), key, 0)


def measure(
    settings: RadarParams, scene: World, key: Key, rig: Motion = AHEAD, frames: int = 1
) -> NDArray[np.void]:
    """Detections of some frames from time 0 on."""
    radar = Radar(settings)
    span = 0.0, (frames - 0.5) / settings.rate_hz + settings.waveform.frame_s / 2
    streams = radar.measure(scene, rig, span, radar.init(key / "device"), key)
    return streams["radar"]  # type: ignore[return-value]


def strongest(found: NDArray[np.void]) -> NDArray[np.void]:
    """The detection with the best ratio of signal to noise (a 1-element array)."""
    at = int(np.argmax(found["snr_db"]))
    return found[at : at + 1]
