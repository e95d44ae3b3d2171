"""Ouster's head against its maker's SDK, where that is installed (it is not free software)."""

import numpy as np
import pytest

from simgen.sensors.lidar.table import scanner

sdk = pytest.importorskip("ouster.sdk.core", reason="the Ouster SDK is not installed")


def test_points_are_where_the_sdk_puts_them():
    """Its design values of a first-generation OS1-64; with the origin of a newer one, and from
    its base, 36.18 mm below the beams. Its range counts from the axis' side of the origin.
    """
    info = sdk.SensorInfo.from_default(sdk.LidarMode._1024x10)
    reach = info.lidar_origin_to_beam_origin_mm / 1000
    table = sdk.XYZLut(info, use_extrinsics=False)
    theirs = np.asarray(table(np.full((64, 1024), 10_000, np.uint32))).reshape(64, 1024, 3)
    pulses = scanner("os1_64").sweep(0)
    origins = pulses.origin_m * reach / 0.012163
    ours = np.empty((64, 1024, 3))
    ours[63 - pulses.ring.astype(int), pulses.column] = (
        origins + (10 - reach) * pulses.directions + [0, 0, 0.03618]
    )
    assert np.linalg.norm(ours - theirs, axis=2).max() < 1e-12
    assert np.linalg.norm(ours * [1, -1, 1] - theirs, axis=2).max() > 1
