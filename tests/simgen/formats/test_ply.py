"""PLY, held against trimesh."""

import numpy as np
import pytest
import trimesh

from simgen.clouds import POINT
from simgen.errors import StoreError
from simgen.formats.ply import FORMAT, decode, encode
from simgen.formats.sweeps import sweeps


def test_trimesh_reads_every_field(clouds, tmp_path):
    FORMAT.write(clouds, tmp_path / "out")
    files = sorted((tmp_path / "out" / "clouds").iterdir())
    truth = [sweep.points for record in clouds for sweep in sweeps(record)]
    for file, points in zip(files, truth, strict=True):
        cloud = trimesh.load(file)
        assert np.array_equal(cloud.vertices, np.column_stack([points[n] for n in "xyz"]))
        raw = cloud.metadata["_ply_raw"]["vertex"]["data"]
        assert raw.dtype.names == POINT.names
        for name in POINT.names:
            assert raw[name].dtype == POINT[name]
            assert raw[name].tobytes() == points[name].tobytes()


def test_an_empty_cloud_is_a_file_too():
    assert encode(np.zeros(0, POINT)).startswith(b"ply\nformat binary_little_endian 1.0\n")
    assert len(decode(encode(np.zeros(0, POINT)), "x")) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d[:-1],
        lambda d: d + d[-POINT.itemsize :],
        lambda d: d.replace(b"ushort intensity", b"float intensity", 1),
        lambda _: b"ply\n",
    ],
)
def test_a_damaged_file_is_one_clear_error(change):
    with pytest.raises(StoreError, match=r"f\.ply: a PLY file must be one that simgen wrote"):
        decode(change(encode(np.zeros(3, POINT))), "f.ply")
