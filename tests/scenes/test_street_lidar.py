"""What LiDARs see of the shipped street, beside what is known of real scans."""

from __future__ import annotations

import numpy as np
from street_draws import CONFIG, build, drawn

from scenes.street import TRAFFIC
from simgen import geometry
from simgen.config import load_config
from simgen.generate import Source
from simgen.rays import Rays
from simgen.spec import SceneSpec
from simgen.world import World


def fan(spec: SceneSpec) -> tuple[np.ndarray, np.ndarray]:
    """Ranges of an HDL-64E's beams, every eighth column, and which are answered.

    The law of the radar: a surface of 0.1 that faces the sensor is just seen from 50 m. What
    passes into glass counts as answered by what is behind it.
    """
    elevation = np.radians(
        np.concatenate([np.linspace(-24.8, -8.83, 32), np.linspace(-8.5, 2.0, 32)])
    )
    azimuth = np.linspace(-np.pi, np.pi, 260, endpoint=False)
    e, a = (v.ravel() for v in np.meshgrid(elevation, azimuth, indexing="ij"))
    directions = np.column_stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    eye = spec.camera.positions_m[0] + [-0.27, 0.0, 0.08]
    rays = Rays(eye[None], directions, np.zeros(1))
    world = World(spec)
    hits = world.cast(rays)
    surface = world.surface(rays, hits)
    lasers = [
        spec.bodies[b].materials[p].laser for b, p in zip(surface.body, surface.part, strict=True)
    ]
    cosine = -np.einsum("ij,ij->i", surface.normal, directions[surface.ray])
    range_m = hits.distance_m[surface.ray]
    matt = np.array([one.reflectance * (1 - one.mirror - one.clear) for one in lasers])
    clear = np.array([one.clear > 0.4 for one in lasers])
    seen = np.zeros(len(rays), dtype=bool)
    seen[surface.ray] = ((matt * cosine > 0.1 * (range_m / 50) ** 2) | clear) & (range_m < 120)
    return hits.distance_m, seen


def test_default_streets_have_the_ranges_of_kitti_scans() -> None:
    """Nine HDL-64E scans of KITTI: medians of 5.6 to 10.1 m, 0.865 to 0.952 of shots answered."""
    medians, answered = [], []
    for seed in range(8):
        range_m, seen = fan(drawn(seed)[1])
        medians.append(float(np.median(range_m[seen])))
        answered.append(float(seen.mean()))
    assert min(medians) > 5.6
    assert max(medians) < 10.1
    assert 0.865 < np.mean(answered) < 0.952
    assert min(answered) > 0.78
    assert max(answered) < 0.97
    # An open field is neither: negative control.
    range_m, seen = fan(build())
    assert seen.mean() < 0.8


def test_the_lidar_of_the_shipped_config_sees_cars_in_the_street() -> None:
    overrides = ["camera.width=16", "camera.height=8", "labels=[instance]", "lidar.pattern=vlp16"]
    streams = Source(load_config(CONFIG, overrides))(0).streams
    points, boxes = streams["lidar"], streams["lidar_boxes"]
    # Feet of beams that meet the road are 1.73 m under the sensor.
    road = points[(points["instance"] == 0) & (points["range_m"] < 8) & (points["z"] < -1.5)]
    assert len(road) > 500
    assert np.abs(np.median(road["z"]) + 1.73) < 0.02
    car = TRAFFIC.index("car") + 1
    seen = boxes[(boxes["category"] == car) & (boxes["points"] > 50)]
    assert len(seen) >= 2
    for box in seen:
        inside = points[points["instance"] == box["instance"]]
        local = (
            geometry.matrix(box["quaternion"]).T
            @ (np.column_stack([inside["x"], inside["y"], inside["z"]]) - box["centre_m"]).T
        )
        # Noise, half a sweep of driving, and echoes mixed at edges.
        assert np.mean(np.abs(local.T) <= box["size_m"] / 2 + 0.6) > 0.95
