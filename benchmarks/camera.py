"""What the camera costs, beside the geometry and light of its frame, and beside libraries.

All in one process on one thread, turn by turn, so that a busy machine slows all alike.

    python benchmarks/camera.py            at 640x480
    python benchmarks/camera.py 1920 1080

- chain: optics, sensor, processor, JPEG, stage by stage, for four cameras;
- frame: casting, labels' layers and light of one frame of twenty dice, with a rolling shutter,
  strong distortion and moving bodies, beside the chain of a full Bayer camera;
- warp: distorting a finished picture, a mask, depth and flow with `cv2.remap`, beside casting
  through distorted rays instead of a pinhole's;
- steps: one step of ours beside the fastest library's.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from simgen.config import config_from_plain
from simgen.generate import Source
from simgen.labels import View
from simgen.physics import settle
from simgen.render.raycast import RaycastParams, RaycastRenderer
from simgen.rng import Key
from simgen.sensors.camera.isp import Demosaic
from simgen.sensors.camera.params import CameraParams
from simgen.sensors.camera.sensor import ShotNoise
from simgen.sensors.effect import Domain
from simgen.spec import SceneSpec
from simgen.world import World

FRAMES = 15
PLAIN: dict[str, object] = {"blur_px": 0.6, "vignetting": 0.2, "contrast": 0.3, "saturation": 1.2}
SENSOR: dict[str, object] = {
    "cfa": "RGGB",
    "response": (0.5, 1.0, 0.6),
    "crosstalk": 0.1,
    "prnu": 0.01,
    "dark_e": 1.0,
    "hot_share": 1e-4,
    "hot_e": 200.0,
    "full_well_e": 8180.0,
    "nonlinearity": 0.01,
    "dsnu_e": 1.0,
    "row_noise_e": 0.5,
    "row_pattern_e": 0.3,
    "column_pattern_e": 0.3,
    "tukey_lambda": 0.1,
    "gain_dn_e": 0.47,
    "black_level_dn": 256.0,
    "shading_correction": 0.8,
    "sharpen": 0.6,
}
EXTRAS: dict[str, object] = {
    "denoise_luma": 8.0,
    "denoise_chroma_px": 2.0,
    "chromatic_red": (1.001, 0.0, 0.0),
    "chromatic_blue": (0.999, 0.0, 0.0),
    "bloom": 0.03,
    "glare": 0.01,
    "dirt": 0.2,
    "drops": 5,
}


def measure(name: str, settings: dict[str, object], width: int, height: int) -> float:
    """Print the medians of all effects that take more than 20 us; that of the whole, seconds."""
    params = CameraParams.model_validate({"width": width, "height": height, **settings})
    chain = params.chain()
    noise = np.random.default_rng(0).random((height, width, 3)).astype(np.float32)
    light = cv2.GaussianBlur(noise, (0, 0), 8)
    light = (light - light.min()) / (light.max() - light.min())
    times: dict[str, list[float]] = {}
    wholes = []
    for frame in range(FRAMES + 1):
        state = chain.init(Key(0) / "device")
        start = last = time.perf_counter()
        for effect, _ in chain.steps(light, state, Key(1) / frame):
            now = time.perf_counter()
            if frame > 0:  # the first compiles, and draws the device's patterns
                times.setdefault(type(effect).__name__, []).append(now - last)
            last = now
        wholes += [last - start] if frame > 0 else []
    print(f"{name}: {1e3 * statistics.median(wholes):.1f} ms (least {1e3 * min(wholes):.1f})")
    for effect_name, own in times.items():
        if (typical := statistics.median(own)) > 2e-5:
            share = typical / statistics.median(wholes)
            print(f"  {effect_name:20s} {1e3 * typical:6.2f} ms {share:6.1%}")
    return statistics.median(wholes)


def scene() -> SceneSpec:
    """Twenty dice in the air above their table, as they fall and spin."""
    each = {
        "place": [{"uniform": [-1, 1]}, {"uniform": [-1, 1]}],
        "turn": {"rotation": {}},
        "size_m": {"uniform": [0.012, 0.02]},
    }
    dice = {"count": 20, "each": each}
    light = {"strength": 0.5, "size_rad": 0.1}
    tree = {"scene": {"family": "dice", "spread_m": 0.12, "dice": dice, "light": light}}
    source = Source(config_from_plain({"render": {"name": "raycast"}, **tree}))
    values = source.recipe.space().draw(Key(0) / "scene").values["scene"]
    spec = source.family.build(source.family.Params.model_validate(values), Key(0))
    return settle(replace(spec, physics=replace(spec.physics, record_hz=240.0)))


def frame(width: int, height: int) -> dict[str, float]:
    """Seconds of geometry and of light: rolling and distorted, and a plain pinhole at rest."""
    spec = scene()
    renderer = RaycastRenderer(RaycastParams())
    glass = {"width": width, "height": height, "fx_px": 600 * width / 640}
    bent = CameraParams.model_validate({**glass, "k1": -0.3, "k2": 0.1, "readout_s": 0.03})
    straight = CameraParams.model_validate(glass)
    found: dict[str, list[float]] = {}
    for _ in range(FRAMES):
        for name, params in (("rolling, distorted", bent), ("pinhole", straight)):
            camera, world = params.camera(spec.camera), World(spec)
            start = time.perf_counter()
            view = View.of(world, camera, 0.05)
            middle = time.perf_counter()
            renderer.radiance(world, view.rays, view.hits, Key(1))
            done = time.perf_counter()
            found.setdefault(f"geometry, {name}", []).append(middle - start)
            found.setdefault(f"light, {name}", []).append(done - middle)
    return {name: statistics.median(times[1:]) for name, times in found.items()}


def typical(work: Callable[[], object]) -> float:
    """Median seconds of some work, after one turn that warms it up."""
    times = []
    for _ in range(FRAMES + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def warp(width: int, height: int) -> float:
    """Seconds to bend a finished picture, mask, depth and flow with `cv2.remap`."""
    rng = np.random.default_rng(0)
    lens = CameraParams(
        width=width, height=height, fx_px=600 * width / 640, k1=-0.3, k2=0.1
    ).glass()
    rays, _ = lens.unproject(
        np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).reshape(-1, 2).astype(float)
    )
    x = (rays[:, 0] / rays[:, 2] * lens.fx_px + lens.cx_px).reshape(height, width)
    y = (rays[:, 1] / rays[:, 2] * lens.fy_px + lens.cy_px).reshape(height, width)
    maps = x.astype(np.float32), y.astype(np.float32)
    picture = rng.random((height, width, 3)).astype(np.float32)
    mask = rng.integers(0, 20, (height, width)).astype(np.uint16)
    depth, flow = picture[..., 0].copy(), picture[..., :2].copy()

    def work() -> None:
        cv2.remap(picture, *maps, cv2.INTER_LINEAR)
        cv2.remap(flow, *maps, cv2.INTER_LINEAR)
        cv2.remap(mask, *maps, cv2.INTER_NEAREST)
        cv2.remap(depth, *maps, cv2.INTER_NEAREST)

    return typical(work)


def steps(width: int, height: int) -> list[tuple[str, float, float]]:
    """Name, our seconds and the library's, of steps that libraries have too."""
    rng = np.random.default_rng(0)
    mosaic = rng.random((height, width)).astype(np.float32)
    raw = (mosaic * 65535).astype(np.uint16)
    demosaic = Demosaic("RGGB", "bilinear")
    electrons = (rng.random((height, width)) * 8000).astype(np.float32)
    shot, key = ShotNoise(domain=Domain.MOSAIC_ELECTRONS), Key(2)
    corners = np.indices((height, width))[::-1].reshape(2, -1).T.astype(np.float64)
    lens = CameraParams(
        width=width, height=height, fx_px=600 * width / 640, k1=-0.3, k2=0.1
    ).glass()
    facts = lens.facts()
    matrix, bend = np.array(facts["K"]), np.array(facts["distortion"])
    generator = np.random.default_rng(3)
    return [
        (
            "demosaic, bilinear (OpenCV, 16-bit)",
            typical(lambda: demosaic.apply(mosaic, None, key)),
            typical(lambda: cv2.demosaicing(raw, cv2.COLOR_BayerRGGB2RGB)),
        ),
        (
            "shot noise of a mosaic (NumPy's Poisson)",
            typical(lambda: shot.apply(electrons, None, key)),
            typical(lambda: generator.poisson(electrons)),
        ),
        (
            "pixels to rays (OpenCV's undistortPoints)",
            typical(lambda: lens.unproject(corners)),
            typical(lambda: cv2.undistortPoints(corners[:, None], matrix, bend)),
        ),
    ]


def main() -> None:
    """Print all of it."""
    cv2.setNumThreads(1)
    width, height = (int(v) for v in sys.argv[1:3]) if len(sys.argv) > 2 else (640, 480)
    measure("three full channels", PLAIN, width, height)
    full = measure("Bayer mosaic, every effect of the sensor", PLAIN | SENSOR, width, height)
    measure("the same in the dark", PLAIN | SENSOR | {"exposure_ev": -6.0}, width, height)
    every = measure("every effect there is", PLAIN | SENSOR | EXTRAS, width, height)
    parts = frame(width, height)
    for name, seconds in parts.items():
        print(f"{name}: {1e3 * seconds:.1f} ms")
    rolling = parts["geometry, rolling, distorted"] + parts["light, rolling, distorted"]
    print(f"chain of the full Bayer camera / geometry and light: {full / rolling:.2f}")
    print(f"chain of every effect there is / geometry and light: {every / rolling:.2f}")
    bending = parts["geometry, rolling, distorted"] - parts["geometry, pinhole"]
    print(f"bent and rolling rays over straight ones: {1e3 * bending:.1f} ms a frame")
    print(f"cv2.remap of picture, flow, mask and depth: {1e3 * warp(width, height):.1f} ms a frame")
    for name, ours, theirs in steps(width, height):
        print(f"{name}: {1e3 * ours:.2f} / {1e3 * theirs:.2f} ms = {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
