"""`simgen sensors`."""

import json

import pytest
from typer.testing import CliRunner

from simgen.cli import app
from simgen.errors import ConfigError
from simgen.sensors.presets import load, names


def run(*arguments):
    return CliRunner().invoke(app, ["sensors", *arguments])


def test_list_names_every_preset():
    done = run("list", "--json")
    assert done.exit_code == 0
    assert set(json.loads(done.stdout)) == set(names())
    assert "imx477: Sony IMX477" in run("list").stdout


@pytest.mark.parametrize("name", names())
def test_show_prints_settings_and_sources(name):
    shown = json.loads(run("show", name, "--json").stdout)
    assert shown[load(name).kind]
    assert shown["source"]
    assert "source:" in run("show", name).stdout


def test_an_unknown_name_is_refused():
    error = run("show", "imx447").exception
    assert isinstance(error, ConfigError)
    assert str(error) == "a sensor must be a preset; got imx447; did you mean 'imx477'?"
