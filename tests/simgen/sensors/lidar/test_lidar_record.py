"""Whole recordings: labels that agree with their points, boxes, twins, and the same bits."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from simgen import geometry
from simgen.clouds import STREAMS, Cause
from simgen.config import config_from_plain
from simgen.contracts.lidar_bench import Bench, fan
from simgen.contracts.sensors.lidar_motion import driving, yard
from simgen.errors import ConfigError
from simgen.generate import Source
from simgen.rng import Key

SCANNER = fan(np.linspace(-np.pi, np.pi, 180, endpoint=False), np.radians([-12, -6, -2, 3]))
REAL = {
    "returns": "dual",
    "noise": {"threshold_snr": 6.0, "range_floor_m": 0.02, "false_alarm_hz": 3e4},
    "device": {"dead": (1,), "gain_sigma": 0.5},
    "weather": {"rain_mm_h": 40.0, "visibility_m": 60.0},
    "optics": {"divergence_mrad": (3.0, 3.0), "subrays": 7, "exit_m": 0.01},
    "max_range_m": 12.0,
}


def lidar(**settings):
    return Bench(yard(True), SCANNER, settings, driving()).lidar(Key(3))


def pulses_of(records):
    return [tuple(row) for row in records[["sweep", "ring", "column"]].tolist()]


@pytest.mark.parametrize("returns", ["first", "strongest", "last", "dual", "all"])
def test_every_pulse_is_either_reported_or_missing_once(returns):
    found = lidar(**REAL | {"returns": returns}).record((0.0, 0.2), Key(5))
    points, missing = found["lidar"], pulses_of(found["lidar_missing"])
    fired = {(s, r, c) for s in range(2) for r in range(4) for c in range(180)}
    told = set(pulses_of(points))
    assert len(missing) == len(set(missing))
    assert told.isdisjoint(missing)
    assert told | set(missing) == fired
    assert 100 < len(told) < 1000
    assert not (points["ring"] == 1).any()
    for pulse in told:
        mine = points[(points["sweep"] == pulse[0]) & (points["ring"] == pulse[1])]
        mine = mine[mine["column"] == pulse[2]]
        assert mine["echo"].tolist() == list(range(len(mine)))
        assert (mine["echoes"] == len(mine)).all()


def test_points_lie_on_the_body_that_they_name_at_their_own_time():
    """Also of a body that drives past a sensor that drives and turns."""
    device = lidar()
    found = device.record((0.0, 0.2), Key(5))
    points = found["lidar"]
    assert set(np.unique(points["instance"])) == {0, 2, 3, 4, 5}
    spec = device.world.spec
    for point in points:
        body = spec.bodies[max(int(point["instance"]) - 1, 0)]
        origin, frame = device.ride.pose(float(point["time_s"]))
        place, turn = body.motion.pose(float(point["time_s"]))
        at = origin + frame @ np.array([point["x"], point["y"], point["z"]], float)
        off = np.abs((at - place) @ turn) - (body.asset.bounds_m[1])
        assert off.max() == pytest.approx(0, abs=3e-5)  # on the surface of a box
        assert point["category"] == spec.category_id(body)
    assert (points["cause"] == Cause.SURFACE).all()


def test_boxes_hold_the_points_of_the_still_twin_and_count_the_others():
    found = lidar(twins=("static",)).record((0.0, 0.2), Key(5))
    boxes, points, still = (found[n] for n in ("lidar_boxes", "lidar", "lidar_static"))
    assert boxes["instance"].tolist() == [2, 3, 4, 5] * 2
    np.testing.assert_allclose(boxes["time_s"], np.repeat([0.05, 0.15], 4), atol=1e-12)
    held = 0
    for box in boxes:
        mine = (points["sweep"] == box["sweep"]) & (points["instance"] == box["instance"])
        assert box["points"] == mine.sum()
        mine = (still["sweep"] == box["sweep"]) & (still["instance"] == box["instance"])
        at = np.column_stack([still[mine][axis] for axis in "xyz"]) - box["centre_m"]
        local = at @ Rotation.from_quat(box["quaternion"]).as_matrix()
        assert (np.abs(local) <= box["size_m"] / 2 + 3e-5).all()
        held += mine.sum()
    assert held > 100
    car = boxes[boxes["instance"] == 5]
    rig = lidar().ride
    for box in car:  # 6 m in 0.2 s, over the ground, in the axes of the sensor
        expected = rig.pose(float(box["time_s"]))[1].T @ (-30, 0, 0)
        np.testing.assert_allclose(box["velocity_m_s"], expected, atol=1e-6)


def test_streams_are_what_is_asked_for_and_as_they_are_said_to_be():
    plain = lidar().record((0.0, 0.1), Key(0))
    twins = lidar(twins=("static", "deskewed")).record((0.0, 0.1), Key(0))
    assert set(twins) == set(STREAMS)
    assert set(plain) == set(STREAMS) - {"lidar_static", "lidar_deskewed"}
    for name, array in twins.items():
        assert array.dtype == STREAMS[name]
        if name in plain:
            assert array.tobytes() == plain[name].tobytes()  # twins do not disturb the cloud


@pytest.mark.parametrize(
    ("span_s", "settings", "starts"),
    [
        ((0.0, 0.3), {}, [0.0, 0.1, 0.2]),
        ((0.1, 0.15), {}, [0.1]),
        ((0.0, 0.3), {"sweeps": 2}, [0.0, 0.1]),
        ((0.1, 0.3), {"phase": 0.5}, [0.05, 0.15]),
    ],
)
def test_sweeps_begin_when_they_should(span_s, settings, starts):
    found = lidar(**settings).record(span_s, Key(0))
    every = np.concatenate([found[n][["sweep", "time_s"]] for n in ("lidar", "lidar_missing")])
    for sweep, start in enumerate(starts):
        first = every["time_s"][every["sweep"] == sweep].min()
        assert first == pytest.approx(start, abs=1e-12)
    assert every["sweep"].max() == len(starts) - 1
    ends = found["lidar_poses"]["time_s"][[0, -1]]
    np.testing.assert_allclose(ends, [starts[0], starts[-1] + 0.1], atol=1e-12)


@pytest.mark.parametrize("rate", [3.0, 7.0, 15.0])
def test_the_advice_on_a_sweep_before_the_clock_can_be_followed(rate):
    scanner = fan(np.zeros(4), period_s=1 / rate)
    bench = Bench((), scanner, {"phase": 0.5})
    with pytest.raises(ConfigError, match=r"lidar.phase: the first sweep must not begin") as told:
        bench.lidar(Key(0)).record((0.0, 0.1), Key(0))
    start = float(told.value.remedy.split()[3])
    assert start == pytest.approx(0.5 / rate, abs=2e-6)
    bench.lidar(Key(0)).record((start, start + 0.1), Key(0))


def test_more_sweeps_than_can_be_numbered_are_refused():
    with pytest.raises(ConfigError, match=r"lidar.sweeps: .* at most 65535 sweeps; got 100000"):
        Bench((), fan(0.0), {}).lidar(Key(0)).record((0.0, 1e4), Key(0))


def test_a_sweep_is_the_same_bits_whatever_was_swept_before():
    fresh = lidar(**REAL).sweep(1, 0.1, Key(7))
    used = lidar(**REAL)
    for number in (0, 5, 2):
        used.sweep(number, 0.1 * number, Key(number))
    for name, array in used.sweep(1, 0.1, Key(7)).items():
        assert array.tobytes() == fresh[name].tobytes()
    other = lidar(**REAL).sweep(1, 0.1, Key(8))
    assert other["lidar"].tobytes() != fresh["lidar"].tobytes()


def test_other_sensors_in_the_config_change_nothing():
    plain = {
        "scene": {"family": "tabletop"},
        "render": {"name": "raycast"},
        "camera": {"width": 16, "height": 12},
        "lidar": {"pattern": "vlp16", "min_range_m": 0.05, "noise": {"range_floor_m": 0.01}},
    }
    alone = Source(config_from_plain(plain))(0).streams
    beside = Source(config_from_plain({**plain, "imu": {}}))(0).streams
    assert "imu" in beside
    assert len(alone["lidar"]) > 1000
    for name, array in alone.items():
        assert array.tobytes() == beside[name].tobytes()


def test_boxes_of_a_tumbling_body_turn_with_it():
    """The corners of its mesh in the sensor's frame are the corners of the box."""
    device = lidar()
    boxes = device.sweep(0, 0.03, Key(0))["lidar_boxes"]
    origin, frame = device.ride.pose(0.08)
    for box in boxes:
        body = device.world.spec.bodies[box["instance"] - 1]
        place, turn = body.motion.pose(0.08)
        corners = (body.asset.vertices_m @ turn.T + place - origin) @ frame
        local = (corners - box["centre_m"]) @ geometry.matrix(box["quaternion"])
        np.testing.assert_allclose(np.abs(local), np.tile(box["size_m"] / 2, (len(local), 1)))
