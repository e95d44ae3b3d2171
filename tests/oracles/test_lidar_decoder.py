"""Beam patterns against an independent reading of Velodyne's packets (velodyne-decoder).

The first cycles of a sweep are written as raw packets, whose numbers are what the device
measures: angle of the head, laser, range. The decoder applies the makers' tables and times of
its own. Points must come out where simgen's pulses go.
"""

import struct
from importlib import resources

import numpy as np
import pytest
import velodyne_decoder as vd
import yaml

from simgen.sensors.lidar.table import scanner

BANKS = (0xEEFF, 0xDDFF, 0xCCFF, 0xBBFF)
RANGE_M, PACKETS = 5.0, 20
AZIMUTH_DEG = 0.012  # the decoder rounds to 0.01 degrees twice
# Name of ours and theirs, product byte, step of the range, cycles in a packet.
MODELS = {
    "vlp16": ("VLP16", 0x22, 0.002, 24),
    "vlp32c": ("VLP32C", 0x28, 0.004, 12),
    "hdl32e": ("HDL32E", 0x21, 0.002, 12),
    "vls128": ("VLS128", 0xA1, 0.004, 3),
    "hdl64e": ("HDL64E_S2", 0, 0.002, 6),
    "hdl64e_s3": ("HDL64E_S3", 0, 0.002, 6),
}


def packets(name):
    """Packets of a head that is at half a turn (behind) at time 0, with every range the same."""
    _, product, step, cycles = MODELS[name]
    lidar = scanner(name)
    measured = struct.pack("<HB", round(RANGE_M / step), 7)
    lasers, cycle = lidar.rings, float(lidar.cycle_s)
    found = vd.PacketVector()
    for packet in range(PACKETS):
        start, data = packet * cycles * cycle, b""
        for block in range(12):
            firing = block * cycles // 12
            turned = 180 + 360 * lidar.period_s**-1 * (start + firing * cycle)
            bank = block % max(lasers // 32, 1)
            data += struct.pack("<HH", BANKS[bank], round(turned % 360 * 100)) + measured * 32
        data += struct.pack("<IBB", round(start * 1e6), 0x37, product)
        found.append(vd.VelodynePacket(start, data))
    return found


def unit():
    """The unit of our HDL-64E tables."""
    file = resources.files("velodyne_decoder") / "calibrations" / "HDL-64E_S3-xiesc.yml"
    return yaml.safe_load(file.read_text())


def calibration(tmp_path):
    """The same without its corrections of the range, and with its heights left out.

    The decoder puts heights straight up, the makers' manual and ROS square to the beam.
    """
    plain = unit()
    for laser in plain["lasers"]:
        laser.update(dist_correction=0.0, dist_correction_x=0.0, dist_correction_y=0.0)
        laser.update(vert_offset_correction=0.0)
    path = tmp_path / "unit.yml"
    path.write_text(yaml.safe_dump(plain))
    return vd.Calibration.read(str(path))


def decoded(name, tmp_path):
    config = vd.Config()
    config.model = getattr(vd.Model, MODELS[name][0])
    if name.startswith("hdl64e"):
        config.calibration = calibration(tmp_path)
    _, points = vd.ScanDecoder(config).decode(packets(name), as_pcl_structs=True)
    return points


def left_of(pulses):
    """(n, 3) level unit vectors, to the left of each beam."""
    return np.column_stack(
        [-np.sin(pulses.azimuth_rad), np.cos(pulses.azimuth_rad), 0 * pulses.azimuth_rad]
    )


@pytest.mark.parametrize("name", MODELS)
def test_points_are_where_the_decoder_puts_them(name, tmp_path):
    points, lidar = decoded(name, tmp_path), scanner(name)
    pulses, count = lidar.sweep(0), PACKETS * MODELS[name][3] * lidar.rings
    assert len(points) == count
    origins = np.broadcast_to(pulses.origin_m, (len(pulses), 3))
    if name.startswith("hdl64e"):
        left = left_of(pulses)
        origins = (origins * left).sum(1, keepdims=True) * left
    # Ours in the order of firing, theirs block by block: compare by column and ring.
    column = np.arange(count) // lidar.rings
    first = count // PACKETS if name == "vls128" else 0  # it takes the speed from the packet before
    order = np.lexsort((pulses.ring[:count], pulses.column[:count]))[first:]
    theirs = np.lexsort((points["ring"], column))[first:]
    assert (pulses.ring[:count][order] == points["ring"][theirs]).all()
    ours = (origins + RANGE_M * pulses.directions)[order]
    places = np.column_stack([points[axis] for axis in "xyz"])[theirs]
    slack = RANGE_M * np.radians(AZIMUTH_DEG + (0.02 if name == "vls128" else 0)) + 1e-4
    assert np.linalg.norm(ours - places, axis=1).max() < slack
    other_way = ours * [1, -1, 1]
    assert np.linalg.norm(other_way - places, axis=1).max() > 10 * slack


def test_heights_of_the_hdl64e_stand_square_to_its_beams():
    lidar = scanner("hdl64e")
    first = lidar.sweep(0)
    origin, left, beam = first.origin_m[:64], left_of(first)[:64], first.directions[:64]
    np.testing.assert_allclose((origin * beam).sum(1), 0, atol=2e-5)
    lasers = sorted(unit()["lasers"], key=lambda laser: laser["vert_correction"])
    up = [lasers[ring]["vert_offset_correction"] for ring in first.ring[:64]]
    aside = [lasers[ring]["horiz_offset_correction"] for ring in first.ring[:64]]
    np.testing.assert_allclose((origin * np.cross(beam, left)).sum(1), up, atol=2e-5)
    np.testing.assert_allclose((origin * left).sum(1), aside, atol=2e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "vls128"])
def test_times_are_the_decoders(name, tmp_path):
    """Within each packet, whose stamp has whole microseconds.

    But for the VLS-128, for which the decoder has two idle slots in mid-cycle, the manual one.
    """
    theirs = np.sort(decoded(name, tmp_path)["time"].astype(float)).reshape(PACKETS, -1)
    ours = scanner(name).sweep(0).time_s[: theirs.size].reshape(PACKETS, -1)
    np.testing.assert_allclose(ours - ours[:, :1], theirs - theirs[:, :1], atol=2e-8)
