"""Beam patterns that cannot be: what is wrong, where, and what to do."""

import re

import pytest

from simgen.errors import ConfigError
from simgen.sensors.lidar.table import scanner

LASERS = "# cycle_us = 50\n# rate_hz = 10\nelevation_deg,azimuth_offset_deg,fire_us\n"
PULSES = "# rate_hz = 10\ntime_s,azimuth_deg,elevation_deg,ring\n"
PRISMS = "# pulses_hz = 1000\n# rate_hz = 10\nwedge_deg,index,turn_hz\n"


def refuses(text, *given):
    with pytest.raises(ConfigError, match=f"^{re.escape(text)}$"):
        scanner(*given)


def refuses_file(tmp_path, content, text, *given):
    """`text` may name the file as FILE."""
    path = tmp_path / "mine.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    refuses(text.replace("FILE", str(path)), str(path), *given)


def test_unknown_names():
    refuses(
        "a pattern must be one that ships, or a CSV file; got vlp61; did you mean 'vlp16'?", "vlp61"
    )
    with pytest.raises(ConfigError, match="got robosense; known: avia, hdl32e"):
        scanner("robosense")


def test_missing_file(tmp_path):
    path = tmp_path / "none.csv"
    refuses(
        f"{path}: a pattern file must be a readable CSV file in UTF-8; got [Errno 2] No such file "
        f"or directory: '{path}'; check the path: a relative one starts at the folder the command "
        "runs in",
        str(path),
    )
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(ConfigError, match="must be a readable CSV file"):
        scanner(str(tmp_path / "folder.csv"))
    refuses_file(
        tmp_path,
        b"\xff\xfe\x00",
        "FILE: a pattern file must be a readable CSV file in UTF-8; got 'utf-8' codec can't decode "
        "byte 0xff in position 0: invalid start byte; check the path: a relative one starts at the "
        "folder the command runs in",
    )


@pytest.mark.parametrize("bad", ["nan", "NaN", "inf", "-inf"])
def test_no_number_may_be_missing_or_infinite(tmp_path, bad):
    refuses_file(
        tmp_path,
        LASERS + f"1,0,0\n2,0,{bad}\n",
        f"FILE:5: fire_us: a pattern must hold finite numbers; got {bad}",
    )
    refuses_file(
        tmp_path,
        PULSES + f"0,{bad},0,0\n",
        f"FILE:3: azimuth_deg: a pattern must hold finite numbers; got {bad}",
    )


def test_entries_that_are_no_numbers(tmp_path):
    refuses_file(
        tmp_path, LASERS + "up,0,0\n", "FILE:4: elevation_deg: a pattern must hold numbers; got up"
    )
    refuses_file(
        tmp_path, LASERS + "1,,0\n",
        "FILE:4: azimuth_offset_deg: a pattern must hold numbers; got nothing",
    )  # fmt: skip
    refuses_file(
        tmp_path, LASERS + "1,0\n",
        "FILE:4: every row of a pattern must have 3 entries, as its header; got 2",
    )  # fmt: skip


def test_missing_and_unknown_columns(tmp_path):
    refuses_file(
        tmp_path,
        "# cycle_us = 50\n# rate_hz = 10\nelevation_deg,fire_us\n1,0\n",
        "FILE: a table of lasers must have the columns elevation_deg, azimuth_offset_deg, fire_us; "
        "got elevation_deg, fire_us; add azimuth_offset_deg",
    )
    refuses_file(
        tmp_path,
        LASERS.replace("fire_us", "fire_us,up_m") + "1,0,0,0\n",
        "FILE: a table of lasers has only the columns elevation_deg, azimuth_offset_deg, fire_us, "
        "forward_mm, left_mm, up_mm; got up_m; did you mean 'up_mm'?",
    )
    refuses_file(
        tmp_path,
        "a,b\n1,2\n",
        "FILE: a pattern must list lasers (elevation_deg, azimuth_offset_deg, fire_us), pulses "
        "(time_s, azimuth_deg, elevation_deg) or prisms (wedge_deg, index, turn_hz); got a, b",
    )
    refuses_file(
        tmp_path, "a,b,a\n1,2,3\n",
        "FILE:1: the columns of a pattern must have different names; got a,b,a",
    )  # fmt: skip


def test_no_rows(tmp_path):
    refuses_file(tmp_path, LASERS, "FILE: a pattern must have rows; got a header alone")
    refuses_file(tmp_path, "# only words\n", "FILE: a pattern must have rows; got nothing")


def test_settings(tmp_path):
    row = "1,0,0\n"
    refuses_file(
        tmp_path, "# cycle_ms = 50\n" + LASERS + row,
        "FILE:1: a table of lasers has only known settings; got cycle_ms; did you mean 'cycle_us'?",
    )  # fmt: skip
    refuses_file(
        tmp_path, LASERS.replace("# rate_hz = 10\n", "") + row,
        "FILE: this pattern must have the setting `rate_hz`; add a line `# rate_hz = NUMBER`",
    )  # fmt: skip
    refuses_file(
        tmp_path, LASERS.replace("# cycle_us = 50\n", "") + row,
        "FILE: a table of lasers must have one of the settings `cycle_us` and `cycle_hz` (fired by "
        "a clock) or `columns` (fired by angle); add a line such as `# cycle_us = 55.296`",
    )  # fmt: skip
    refuses_file(
        tmp_path,
        "# rate_hz = 10\n# columms = 900\nelevation_deg,azimuth_offset_deg\n1,0\n",
        "FILE: a table of lasers must have the setting `columns` (fired by angle), or the column "
        "fire_us and one of the settings `cycle_us` and `cycle_hz` (fired by a clock); got the "
        "settings rate_hz, columms; add a line such as `# columns = 1024`, or the firing times",
    )
    refuses_file(
        tmp_path, LASERS.replace("= 50", "= fifty") + row,
        "FILE:1: cycle_us: a pattern must hold numbers; got fifty",
    )  # fmt: skip
    refuses_file(
        tmp_path, "# turning = left\n" + LASERS + row,
        "FILE: `turning` must be clockwise or counter-clockwise, seen from above; got left",
    )  # fmt: skip


def test_settings_twice(tmp_path):
    refuses_file(
        tmp_path, "# cycle_us = 60\n" + LASERS + "1,0,0\n",
        "FILE:2: a setting of a pattern must be given once; got cycle_us",
    )  # fmt: skip


def test_sweeps_without_end(tmp_path):
    refuses_file(
        tmp_path, LASERS.replace("cycle_us = 50", "cycle_us = 0.004") + "1,0,0\n",
        "FILE: a sweep may have at most 20,000,000 pulses; got 25,000,000; raise `rate_hz`, or "
        "check the units of the pattern's settings",
    )  # fmt: skip


def test_no_columns():
    refuses("os1_64: `columns` must be 1 or more; got 0", "os1_64", None, 0)


def test_angles_and_times_out_of_bounds(tmp_path):
    refuses_file(
        tmp_path, LASERS + "1,0,0\n95,0,1\n",
        "FILE:5: elevation_deg: `elevation_deg` must be from -90 to 90; got 95",
    )  # fmt: skip
    refuses_file(
        tmp_path, LASERS + "1,0,-1\n",
        "FILE:4: fire_us: `fire_us` must be 0 or more; got -1",
    )  # fmt: skip
    refuses_file(
        tmp_path, LASERS + "1,0,0\n2,0,50\n",
        "FILE:5: fire_us: every laser must fire within the cycle of 50 us; got 50 us",
    )  # fmt: skip
    refuses_file(
        tmp_path, LASERS.replace("= 50", "= 5e6") + "1,0,0\n",
        "FILE: a revolution must be at least one firing cycle; got 10 Hz; lower `rate_hz`",
    )  # fmt: skip


def test_lists_of_pulses(tmp_path):
    refuses_file(
        tmp_path, PULSES + "0,0,0,0\n0.02,0,0,0\n0.01,0,0,0\n",
        "FILE:5: time_s: the times of pulses must not fall; got 0.01 s after 0.02 s; sort the rows",
    )  # fmt: skip
    refuses_file(
        tmp_path, PULSES + "0,0,0,0\n0.1,0,0,0\n",
        "FILE:4: time_s: all pulses must lie within the sweep of 0.1 s; got 0.1 s",
    )  # fmt: skip
    refuses_file(
        tmp_path, PULSES + "0,0,91,0\n",
        "FILE:3: elevation_deg: `elevation_deg` must be from -90 to 90; got 91",
    )  # fmt: skip
    refuses_file(
        tmp_path, PULSES + "0,0,0,1.5\n",
        "FILE:3: ring: `ring` must be a whole number; got 1.5",
    )  # fmt: skip
    refuses_file(
        tmp_path, PULSES + "0,0,0,0\n",
        "FILE: a list of pulses runs at its own rate, 10 Hz; got 20; leave `rate_hz` out (over "
        "a preset that has one: `rate_hz: null`), or change the times",
        20,
    )  # fmt: skip


def test_prisms(tmp_path):
    refuses_file(
        tmp_path, PRISMS + "-30,1.6,10\n-30,1.6,20\n",
        "FILE: light must pass every prism in every position; got reflected within a prism; make "
        "the wedges less steep, or turn one about",
    )  # fmt: skip
    refuses_file(
        tmp_path, PRISMS + "30,0.5,10\n", "FILE:4: index: `index` must be from 1 to 4; got 0.5"
    )
    refuses_file(
        tmp_path, "# lasers_deg = 0, nan\n" + PRISMS + "3,1.5,10\n",
        "FILE: lasers_deg: a pattern must hold finite numbers; got nan",
    )  # fmt: skip


def test_modes_that_a_sensor_does_not_have():
    modes = "the sensor has the modes (columns x Hz) 512x10, 1024x10, 2048x10, 512x20, 1024x20"
    ask = "change `columns` or `rate_hz`"
    refuses(f"os1_128: {modes}; got 2048x20; {ask}", "os1_128", 20, 2048)
    refuses(f"os1_128: {modes}; got 1000x10; {ask}", "os1_128", None, 1000)
    refuses("os0_64: `rate_hz` must be one that the sensor runs at: 10, 20; got 15", "os0_64", 15)
    refuses("vlp16: `rate_hz` must be one that the sensor runs at: 5 to 20; got 25", "vlp16", 25)
    refuses("pandar64: `rate_hz` must be one that the sensor runs at: 10, 20; got 5", "pandar64", 5)
    for name in ("vlp16", "mid40"):
        refuses(
            f"{name}: `columns` can be chosen only for a sensor that fires by angle; got 1800; "
            "leave it out: here the clock and `rate_hz` give the columns",
            name,
            None,
            1800,
        )


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), 0.0, -10.0])
def test_rates_that_are_none(rate):
    with pytest.raises(ConfigError, match=r"^vlp16: rate_hz: "):
        scanner("vlp16", rate)
