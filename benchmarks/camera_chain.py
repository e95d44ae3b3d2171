"""How long each effect of the camera's chain takes on one thread.

python benchmarks/camera_chain.py            at 640x480
python benchmarks/camera_chain.py 1920 1080
"""

from __future__ import annotations

import os
import statistics
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np

from simgen.rng import Key
from simgen.sensors.camera.params import CameraParams

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


def measure(name: str, settings: dict[str, object], width: int, height: int) -> None:
    """Print the medians of all effects that take more than 20 us, and of the whole."""
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
            print(f"  {effect_name:20s} {1e3 * typical:6.2f}")


def main() -> None:
    """Three cameras, from plain to everything at once."""
    cv2.setNumThreads(1)
    width, height = (int(v) for v in sys.argv[1:3]) if len(sys.argv) > 2 else (640, 480)
    measure("three full channels, as before", PLAIN, width, height)
    measure("Bayer mosaic, every effect of the sensor", PLAIN | SENSOR, width, height)
    measure("the same in the dark", PLAIN | SENSOR | {"exposure_ev": -6.0}, width, height)
    measure("every effect there is", PLAIN | SENSOR | EXTRAS, width, height)


if __name__ == "__main__":
    main()
