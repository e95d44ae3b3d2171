"""Time of an event camera's step: the median over images of 640x480, one thread.

OMP_NUM_THREADS=1 python benchmarks/events.py
"""

import time

import numpy as np

from simgen.rng import Key
from simgen.sensors.event import EventCamera, EventParams

WIDTH, HEIGHT, IMAGES = 640, 480, 40
STEP_S = 1e-3


def main() -> None:
    """Print milliseconds and events a step, for a still and for a flickering frame."""
    camera, key = EventCamera(EventParams(), WIDTH, HEIGHT), Key(0)
    base = key.generator().uniform(0.05, 0.9, (HEIGHT, WIDTH, 3)).astype(np.float32)
    for name, depth in (("still", 0.0), ("flickering", 0.2)):
        state, spent, events = camera.init(key), [], 0
        for k in range(IMAGES):
            light = base * np.float32(1 + depth * np.sin(k / 3))
            start = time.perf_counter()
            found, state = camera.apply(state, light, k * STEP_S, key)
            spent.append(time.perf_counter() - start)
            events += len(found)
        print(f"{name}: {1e3 * np.median(spent[3:]):.1f} ms, {events / IMAGES:.0f} events a step")


if __name__ == "__main__":
    main()
