"""PyBullet's own renderers: TinyRenderer everywhere, the EGL plugin where it loads.

They photograph the scene in white through a pinhole that holds all the rays; what they
return is taken as the irradiance of the surfaces, looked up along each ray and multiplied
by the albedo that the ray kernel finds there. Textures therefore stay sharp, lens
distortion stays exact, and none of PyBullet's texture memory (never freed) is used.
"""

from __future__ import annotations

import atexit
import importlib.util
import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from simgen import geometry
from simgen.errors import ConfigError, MissingExtraError
from simgen.quiet import quiet_import, silence
from simgen.rays import Hits, Rays
from simgen.render.texture import background, look_up, surface_albedo
from simgen.rng import Key
from simgen.spec import Body, SceneSpec
from simgen.world import ByDigest, World

pybullet = quiet_import("pybullet")

WIDEST_TANGENT = 4.0  # 152 degrees of field: a pinhole stretches its corners beyond use
EGL_LIMIT = (1024, 768)  # of its framebuffer; larger pictures come back upscaled, unsaid
Backend = Literal["tiny", "egl"]


class BulletParams(BaseModel):
    """Settings of PyBullet's renderers.

    Attributes:
        backend: "tiny" needs nothing; "egl" is faster, honours the direction of the light
            alone, and needs libEGL (on Debian: apt-get install libegl1 libgl1).
        resolution: Longer side of the picture that is looked up.
        shadow: Whether the main light casts shadows; TinyRenderer only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Backend = "tiny"
    resolution: int = Field(1024, ge=16, le=8192)
    shadow: bool = True


@dataclass(frozen=True)
class Pinhole:
    """An off-axis pinhole view.

    Attributes:
        eye_m: (3,) its position.
        axes: (3, 3) columns right, down, forward in the world frame.
        left, right, top, bottom: Edges on the plane at distance 1, y down.
        width, height: Pixels.
        near_m, far_m: Depth range.
    """

    eye_m: NDArray[np.float64]
    axes: NDArray[np.float64]
    left: float
    right: float
    top: float
    bottom: float
    width: int
    height: int
    near_m: float = 0.01
    far_m: float = 100.0


@dataclass(frozen=True, eq=False)
class Photograph:
    """What PyBullet returns.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth_m: (H, W) float64 along the axis; inf where nothing is.
        body: (H, W) int32 index into the scene's bodies; -1 where nothing is.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float64]
    body: NDArray[np.int32]


class BulletRenderer:
    """Light from PyBullet: the brightest lamp, without its tint, and the sky's mean.

    Gloss, hollows and the breadth of lights are beyond it; `raycast` has them.
    """

    Params = BulletParams

    def __init__(self, params: BulletParams) -> None:
        self.params = params

    def radiance(self, world: World, rays: Rays, hits: Hits, key: Key) -> NDArray[np.float32]:
        """Light along each ray, (n, 3); see `Renderer`.

        Raises:
            ConfigError: For rays that no pinhole can hold: from several points, at
                several times, or wider than `WIDEST_TANGENT`.
            MissingExtraError: When the EGL plugin does not load.
        """
        del key
        if max(len(rays.origins_m), len(rays.times_s), len(rays.span_s)) > 1:
            raise ConfigError(
                "the bullet renderer takes rays from one point at one time",
                f"{len(rays.origins_m)} origins and {len(rays.times_s)} times",
                "set camera.readout_s to 0 or render.name to raycast",
                "render",
            )
        light = background(world.spec.environment, rays, hits)
        surface = world.surface(rays, hits)
        if not len(surface.ray):
            return light
        view, plane = self._view(rays)
        shading = self._shading(world.spec, view, float(rays.times_s[0]), rays.span_s)
        height, width = shading.shape[:2]  # EGL's may be smaller than the view asks for
        x = (plane[:, 0] - view.left) / (view.right - view.left) * width - 0.5
        y = (plane[:, 1] - view.top) / (view.bottom - view.top) * height - 0.5
        seen = look_up(shading, x[surface.ray], y[surface.ray])
        light[surface.ray] = surface_albedo(world.spec, surface) * seen
        return light

    def _view(self, rays: Rays) -> tuple[Pinhole, NDArray[np.float64]]:
        """A pinhole that holds the rays, and where they meet its plane (n, 2)."""
        forward = geometry.unit(rays.directions.mean(axis=0))
        right = geometry.unit(np.cross(forward, np.eye(3)[np.argmin(np.abs(forward))]))
        axes = np.column_stack([right, np.cross(forward, right), forward])
        local = rays.directions @ axes
        ahead = np.maximum(local[:, 2:], 1e-9)
        plane = local[:, :2] / ahead
        if np.abs(plane).max() > WIDEST_TANGENT:
            degrees = 2 * np.degrees(np.arctan(WIDEST_TANGENT))
            raise ConfigError(
                f"the bullet renderer sees at most {degrees:.0f} degrees",
                f"a ray {np.degrees(np.arccos(local[:, 2].min())):.0f} degrees off the axis",
                "set render.name to raycast",
                "render",
            )
        (left, top), (far_right, bottom) = plane.min(axis=0) - 1e-3, plane.max(axis=0) + 1e-3
        pitch = max(far_right - left, bottom - top) / self.params.resolution
        width = max(2, round((far_right - left) / pitch))
        height = max(2, round((bottom - top) / pitch))
        origin = rays.origins_m[0]
        return Pinhole(origin, axes, left, far_right, top, bottom, width, height), plane

    def _shading(
        self, spec: SceneSpec, view: Pinhole, time_s: float, span_s: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Irradiance picture (H, W, 3) of the scene in white."""
        lamp = max(spec.lights, key=lambda each: sum(each.irradiance), default=None)
        sky = np.mean([spec.environment.sky, spec.environment.horizon], axis=0)
        direct = np.zeros(3)
        if lamp:
            direct = np.array(lamp.irradiance) * lamp.level(np.array([time_s]), span_s)
        total = float((sky + direct).max())
        if total == 0:
            return np.zeros((view.height, view.width, 3), np.float32)
        photo = photograph(
            spec,
            view,
            time_s,
            backend=self.params.backend,
            light=lamp.direction if lamp else (0.0, 0.0, 1.0),
            ambient=float(sky.mean()) / total,
            diffuse=float(direct.mean()) / total,
            shadow=self.params.shadow,
        )
        return photo.rgb.astype(np.float32) * np.float32(total / 255)


def photograph(
    spec: SceneSpec,
    view: Pinhole,
    time_s: float,
    *,
    backend: Backend = "tiny",
    light: tuple[float, float, float] = (0.0, 0.0, 1.0),
    ambient: float = 1.0,
    diffuse: float = 0.0,
    shadow: bool = False,
) -> Photograph:
    """A picture of the scene in white, with depth and bodies, by PyBullet.

    Args:
        spec: The scene.
        view: The camera.
        time_s: When.
        backend: Which renderer.
        light: Towards the light.
        ambient: Share of the light from everywhere.
        diffuse: Share of the light from `light`.
        shadow: Whether the light casts one.

    Raises:
        MissingExtraError: When the EGL plugin does not load.
    """
    shoot = prepare(
        spec,
        view,
        time_s,
        backend=backend,
        light=light,
        ambient=ambient,
        diffuse=diffuse,
        shadow=shadow,
    )
    width, height, rgba, depth, segment = shoot()
    rgba = np.reshape(rgba, (height, width, 4))
    segment = np.reshape(segment, (height, width))
    # Bodies were added to an empty world: their ids are their indices. The top bits hold
    # the link; every body here is one link.
    body = np.where(segment >= 0, np.maximum(segment, 0) & 0xFFFFFF, -1)
    near, far = view.near_m, view.far_m
    reading = np.reshape(depth, (height, width)).astype(np.float64)
    metres = np.where(body >= 0, far * near / (far - (far - near) * reading), np.inf)
    return Photograph(rgba[..., :3].astype(np.uint8), metres, body.astype(np.int32))


def prepare(
    spec: SceneSpec,
    view: Pinhole,
    time_s: float,
    *,
    backend: Backend = "tiny",
    light: tuple[float, float, float] = (0.0, 0.0, 1.0),
    ambient: float = 1.0,
    diffuse: float = 0.0,
    shadow: bool = False,
) -> Callable[[], Any]:
    """Build the scene; what is returned calls `getCameraImage`, and nothing else."""
    client = _client(backend)
    pybullet.resetSimulation(physicsClientId=client)
    for body in spec.bodies:
        _add(client, body, time_s)
    width, height, hardware = view.width, view.height, backend == "egl"
    if hardware:
        width, height = min(width, EGL_LIMIT[0]), min(height, EGL_LIMIT[1])
    n = view.near_m
    # TinyRenderer samples the lower left corners of pixels, OpenGL their centres.
    half = 0.5 if backend == "tiny" else 0.0
    across = half * (view.right - view.left) / width
    down = -half * (view.bottom - view.top) / height
    # OpenGL looks along -z with y up.
    turn = view.axes * (1, -1, -1)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn.T, -turn.T @ view.eye_m
    # Light settings are sticky in PyBullet: all are passed, always.
    return partial(
        pybullet.getCameraImage,
        width,
        height,
        viewMatrix=matrix.T.ravel().tolist(),
        projectionMatrix=pybullet.computeProjectionMatrix(
            (view.left + across) * n,
            (view.right + across) * n,
            -(view.bottom + down) * n,
            -(view.top + down) * n,
            n,
            view.far_m,
        ),
        lightDirection=[10 * c for c in light],
        lightColor=[1, 1, 1],
        lightDistance=10,
        lightAmbientCoeff=ambient,
        lightDiffuseCoeff=diffuse,
        lightSpecularCoeff=0,
        shadow=int(shadow),
        renderer=pybullet.ER_BULLET_HARDWARE_OPENGL if hardware else pybullet.ER_TINY_RENDERER,
        physicsClientId=client,
    )


@cache
def _client(backend: Backend) -> int:
    """The process's connection; EGL allows one context, so connections are kept."""
    client: int = pybullet.connect(pybullet.DIRECT)
    if backend == "egl":
        found = importlib.util.find_spec("eglRenderer")
        with silence():
            plugin = (
                pybullet.loadPlugin(found.origin, "_eglRendererPlugin", physicsClientId=client)
                if found and found.origin
                else -1
            )
        if plugin < 0:
            pybullet.disconnect(client)
            raise MissingExtraError(
                "PyBullet's EGL plugin must load",
                "it did not",
                "install libEGL (on Debian: apt-get install libegl1 libgl1), "
                "or set render.backend to tiny",
                "render",
            )
        atexit.register(_leave, client)
    return client


def _leave(client: int) -> None:
    """Close an EGL context, which the plugin would announce on standard output."""
    with silence():
        pybullet.disconnect(client)


def _add(client: int, body: Body, time_s: float) -> None:
    """Show a body in white."""
    shape = pybullet.createVisualShape(
        pybullet.GEOM_MESH,
        fileName=str(_file(ByDigest(body.asset))),
        rgbaColor=[1, 1, 1, 1],
        physicsClientId=client,
    )
    position, quaternion = body.motion.at(np.array([time_s]))
    pybullet.createMultiBody(
        baseVisualShapeIndex=shape,
        basePosition=position[0].tolist(),
        baseOrientation=quaternion[0].tolist(),
        physicsClientId=client,
    )


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="simgen-bullet-")


@lru_cache(maxsize=4096)
def _file(shape: ByDigest) -> Path:
    """An OBJ of an asset, for this process: the EGL plugin takes meshes from files alone."""
    asset = shape.asset
    normals = asset.face_normals if asset.normals is None else asset.normals
    number = asset.faces.astype(np.int64) + 1
    normal = np.repeat(np.arange(len(number))[:, None] + 1, 3, axis=1)
    if asset.normals is not None:
        normal = number
    text = io.StringIO()
    np.savetxt(text, asset.vertices_m, "v %.9g %.9g %.9g")
    np.savetxt(text, normals, "vn %.6g %.6g %.6g")
    corners = np.stack([number, normal], axis=2).reshape(-1, 6)
    np.savetxt(text, corners, "f %d//%d %d//%d %d//%d")
    path = Path(_folder().name) / f"{asset.digest}.obj"
    path.write_text(text.getvalue())
    return path
