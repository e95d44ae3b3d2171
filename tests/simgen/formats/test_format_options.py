"""Options of formats, and formats of clouds at the command line."""

import json

import pytest
from typer.testing import CliRunner

from simgen.cli import app
from simgen.errors import ConfigError
from simgen.formats.coco import FORMAT as COCO
from simgen.formats.kitti import FORMAT as KITTI
from simgen.formats.options import with_options
from simgen.formats.pcd import FORMAT as PCD


def test_values_are_yaml_of_the_fields_type():
    made = with_options(KITTI, "kitti", ["min_height_px=40", "stream=lidar_static"])
    assert (made.min_height_px, made.stream, made.min_visible) == (40.0, "lidar_static", 0.1)
    assert with_options(COCO, "coco", ["min_visible=0.5"]).min_visible == 0.5
    assert with_options(PCD, "pcd", []) is PCD


@pytest.mark.parametrize(
    ("form", "option", "said"),
    [
        (PCD, "encoding", "an option must be KEY=VALUE; got encoding"),
        (PCD, "encodng=ascii", "an option of x must be known; got encodng; did you mean 'encodin"),
        (PCD, "name=xyz", "an option of x must be known; got name; known: encoding, stream"),
        (PCD, "fields={}", "an option of x must be known; got fields"),
        (PCD, "encoding=text", "encoding: an option must fit: Input should be 'binary' or 'asci"),
        (PCD, "encoding=[", "encoding: the value must be YAML; got "),
        (KITTI, "min_height_px=tall", "min_height_px: an option must fit: Input should be a val"),
        (KITTI, "min_visible=2", "`0 <= min_visible <= 1` must hold; got 2"),
        (object(), "a=1", "an option of x must be known; got a; known: none"),
    ],
)
def test_what_does_not_fit_is_refused(form, option, said):
    with pytest.raises(ConfigError, match=said):
        with_options(form, "x", [option])


def test_export_takes_formats_of_clouds_and_their_options(clouds, tmp_path):
    done = CliRunner().invoke(
        app,
        ["export", str(clouds.path), "--format", "pcd", "--out", str(tmp_path / "out"), "--set",
         "encoding=ascii", "--set", "stream=lidar_static", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    facts = json.loads(done.stdout)
    assert (facts["format"], facts["clouds"], facts["objects"]) == ("pcd", 6, 36)
    file = min((tmp_path / "out" / "clouds").iterdir())
    assert b"DATA ascii\n" in file.read_bytes()
    points = sum(len(record.streams["lidar_static"]) for record in clouds)
    assert facts["points"] == points
