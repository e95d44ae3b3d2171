"""A made-up scene for LiDARs, without a ray: smooth walls with patches of paint."""

import numpy as np

from evaluation.calibrate.lidar.scans import Revolution, Scans
from evaluation.calibrate.lidar.twin import receive

LASERS = 8


def scene(azimuth_deg, lasers, seed, lean=0.03):
    """Ranges and reflectances (c, l): walls at 1.5 to 12 m, in patches 6 degrees wide."""
    rng = np.random.default_rng(seed)
    level = np.exp(rng.uniform(np.log(0.01), np.log(0.9), (60, lasers)))
    start = rng.uniform(1.5, 10.5, (12, lasers))
    lean = rng.uniform(-lean, lean, (12, lasers))
    a = azimuth_deg % 360
    sector = (a // 30).astype(int)
    r = np.abs(start[sector] + lean[sector] * (a % 30)[:, None]) + 0.6 * (abs(lean).max() > 0.1)
    return r, level[(a // 6).astype(int)]


def scans(params, key, turns=4, lasers=LASERS, seed=0, lean=0.03, jitter_deg=0.0):
    """Revolutions of a still scene by the noise model; azimuths shift from turn to turn."""
    found = []
    for k in range(turns):
        azimuth = (np.arange(1800) * 0.2 + 0.04 * k + 0.01) % 360
        shake = (key / k / "azimuth").generator().standard_normal(1800)
        r, rho = scene(azimuth + jitter_deg * shake, lasers, seed, lean)
        power = (rho / r**2).reshape(-1, 1)
        read = receive(r.reshape(-1, 1), power, r.shape, params, key / k, key / "fixed")
        found.append(Revolution(azimuth, *read))
    return Scans("made-up", np.linspace(-15, 15, lasers), np.zeros(lasers), tuple(found))
