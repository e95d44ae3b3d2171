"""Beam patterns from CSV files: those that ship, by name, and users' own.

There are three kinds of file, told apart by their columns; `docs/design/lidar_patterns.md`
describes them. A file without `rates_hz` or `modes` runs at any rate.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError, did_you_mean
from simgen.sensors.lidar.listed import Listed
from simgen.sensors.lidar.pulses import Pulses, Scanner
from simgen.sensors.lidar.risley import Prism, Risley
from simgen.sensors.lidar.sheet import Sheet, exact, read_sheet
from simgen.sensors.lidar.spinning import Lasers, Spinning

RIGHT = 90.0
FASTEST_HZ = 1000.0
MOST = 20_000_000  # pulses in a sweep: 1.2 GB; more is a slip of a unit
ORIGIN = ("forward_mm", "left_mm", "up_mm")
CLOCK = {"cycle_us", "cycle_hz"}
MICRO = Fraction(1, 1_000_000)


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Names of the patterns that ship."""
    found = (resources.files(__package__) / "tables").iterdir()
    return tuple(sorted(f.name[:-4] for f in found if f.name.endswith(".csv")))


def scanner(name_or_path: str, rate_hz: float | None = None, columns: int | None = None) -> Scanner:
    """The scanner of a beam pattern.

    Args:
        name_or_path: One of `names()`, or a CSV file.
        rate_hz: Sweeps a second; None takes the pattern's own.
        columns: Firings in a sweep, for a sensor that fires by angle; None takes its own.

    Raises:
        ConfigError: When there is no such pattern, its file breaks a rule, or the sensor does
            not run so.
    """
    if name_or_path in names():
        return _shipped(name_or_path, rate_hz, columns)
    path = Path(name_or_path)
    if path.suffix.lower() != ".csv":
        raise ConfigError(
            "a pattern must be one that ships, or a CSV file",
            name_or_path,
            did_you_mean(name_or_path, names()),
        )
    with _reading(name_or_path):
        status = path.stat()
        return _own(path, status.st_mtime_ns, status.st_size, rate_hz, columns)


def contents(pattern: object) -> tuple[tuple[str, str], ...]:
    """Names and SHA-256 of the users' files that a setting `pattern` names, sorted.

    Args:
        pattern: Plain data: a name, a path, or a distribution over them.

    Raises:
        ConfigError: When a file cannot be read.
    """
    if isinstance(pattern, dict | list):
        parts = pattern.values() if isinstance(pattern, dict) else pattern
        return tuple(sorted({found for part in parts for found in contents(part)}))
    if not isinstance(pattern, str) or Path(pattern).suffix.lower() != ".csv":
        return ()
    with _reading(pattern):
        return ((pattern, hashlib.sha256(Path(pattern).read_bytes()).hexdigest()),)


@contextmanager
def _reading(name_or_path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "a pattern file must be a readable CSV file in UTF-8",
            str(error),
            "check the path: a relative one starts at the folder the command runs in",
            name_or_path,
        ) from error


@lru_cache(maxsize=32)
def _shipped(name: str, rate_hz: float | None, columns: int | None) -> Scanner:
    table = resources.files(__package__) / "tables" / f"{name}.csv"
    return build(read_sheet(table.read_text(encoding="utf-8"), name), rate_hz, columns)


@lru_cache(maxsize=8)
def _own(
    path: Path,
    written_ns: int,  # noqa: ARG001 - a file that was changed is read again
    size: int,  # noqa: ARG001
    rate_hz: float | None,
    columns: int | None,
) -> Scanner:
    return build(read_sheet(path.read_text(encoding="utf-8"), str(path)), rate_hz, columns)


def build(sheet: Sheet, rate_hz: float | None, columns: int | None) -> Scanner:
    """The scanner of a pattern file; see `scanner`.

    Raises:
        ConfigError: As `scanner`.
    """
    kinds: dict[str, Callable[[Sheet, float | None, int | None], Scanner]] = {
        "time_s": _listed,
        "wedge_deg": _prisms,
        "elevation_deg": _lasers,
    }
    for column, kind in kinds.items():
        if column in sheet.header:
            found = kind(sheet, rate_hz, columns)
            if found.rings * found.columns > MOST:
                raise ConfigError(
                    f"a sweep may have at most {MOST:,} pulses",
                    f"{found.rings * found.columns:,}",
                    "raise `rate_hz`, or check the units of the pattern's settings",
                    sheet.where,
                )
            return found
    raise ConfigError(
        "a pattern must list lasers (elevation_deg, azimuth_offset_deg, fire_us), pulses "
        "(time_s, azimuth_deg, elevation_deg) or prisms (wedge_deg, index, turn_hz)",
        ", ".join(sheet.header),
        where=sheet.where,
    )


def _lasers(sheet: Sheet, rate_hz: float | None, columns: int | None) -> Scanner:
    """Lasers on a head, fired by a clock (`cycle_us`, `cycle_hz`) or by angle (`columns`)."""
    by_angle = "columns" in sheet.settings
    if not by_angle and "fire_us" not in sheet.header and not sheet.settings.keys() & CLOCK:
        raise ConfigError(
            "a table of lasers must have the setting `columns` (fired by angle), or the column "
            "fire_us and one of the settings `cycle_us` and `cycle_hz` (fired by a clock)",
            f"the settings {', '.join(sheet.settings) or 'none'}",
            "add a line such as `# columns = 1024`, or the firing times",
            sheet.where,
        )
    fire = () if by_angle else ("fire_us",)
    settings = {"rate_hz", "turning", "start_deg"}
    settings |= {"columns", "modes"} if by_angle else {"cycle_us", "cycle_hz", "rates_hz"}
    sheet.expect(
        "a table of lasers that fire by angle" if by_angle else "a table of lasers",
        ("elevation_deg", "azimuth_offset_deg", *fire),
        ORIGIN,
        settings,
    )
    rate = _rate(sheet, rate_hz)
    if by_angle:
        cycle = 1 / (rate * _steps(sheet, rate, columns))
    else:
        _no_columns(sheet, columns)
        cycle = _cycle(sheet)
    if cycle > 1 / rate:
        rule = "a revolution must be at least one firing cycle"
        raise ConfigError(rule, f"{float(rate):g} Hz", "lower `rate_hz`", sheet.where)
    moments = sheet.column("fire_us", 0) if fire else [Fraction(0)] * len(sheet.rows)
    for moment, line in zip(moments, sheet.lines, strict=True):
        if moment * MICRO >= cycle:
            raise ConfigError(
                f"every laser must fire within the cycle of {float(cycle / MICRO):g} us",
                f"{float(moment):g} us",
                where=f"{sheet.where}:{line}: fire_us",
            )
    lasers = Lasers(
        np.radians(sheet.values("elevation_deg", -RIGHT, RIGHT)),
        np.radians(sheet.values("azimuth_offset_deg", -2 * RIGHT, 2 * RIGHT)),
        tuple(moment * MICRO for moment in moments),
        np.column_stack([sheet.values(name, -1000, 1000) for name in ORIGIN]) / 1000,
    )
    start = sheet.setting("start_deg", -360, 360)
    turning = sheet.settings.get("turning", ("clockwise", 0))[0]
    if turning not in ("clockwise", "counter-clockwise"):
        rule = "`turning` must be clockwise or counter-clockwise, seen from above"
        raise ConfigError(rule, turning, where=sheet.where)
    return Spinning(
        lasers,
        cycle,
        1 / rate,
        np.pi if start is None else float(np.radians(float(start))),
        turning == "clockwise",
    )


def _cycle(sheet: Sheet) -> Fraction:
    """Time of a firing cycle, s."""
    if ("cycle_us" in sheet.settings) == ("cycle_hz" in sheet.settings):
        raise ConfigError(
            "a table of lasers must have one of the settings `cycle_us` and `cycle_hz` (fired by "
            "a clock) or `columns` (fired by angle)",
            remedy="add a line such as `# cycle_us = 55.296`",
            where=sheet.where,
        )
    if "cycle_hz" in sheet.settings:
        return 1 / sheet.need("cycle_hz", 1e-3, 1e9)
    return sheet.need("cycle_us", 1e-3, 1e9) * MICRO


def _rate(sheet: Sheet, rate_hz: float | None) -> Fraction:
    """Sweeps a second, held against what the sensor runs at."""
    own = sheet.need("rate_hz", 1e-3, FASTEST_HZ)
    rate = own if rate_hz is None else exact(str(rate_hz), "rate_hz", sheet.where, 1e-3, FASTEST_HZ)
    allowed = sheet.words("rates_hz") or [mode.partition("x")[2] for mode in sheet.words("modes")]
    ranges = [
        [exact(end, "rates_hz", sheet.where, 1e-3, FASTEST_HZ) for end in word.split("..")]
        for word in dict.fromkeys(allowed)
    ]
    if ranges and not any(ends[0] <= rate <= ends[-1] for ends in ranges):
        text = ", ".join(dict.fromkeys(allowed)).replace("..", " to ")
        raise ConfigError(
            f"`rate_hz` must be one that the sensor runs at: {text}",
            f"{float(rate):g}",
            where=sheet.where,
        )
    return rate


def _steps(sheet: Sheet, rate: Fraction, columns: int | None) -> int:
    """Firings in a revolution of a sensor that fires by angle, held against its modes."""
    own = sheet.need("columns", 1, 1e6)
    steps = int(own) if columns is None else columns
    if steps < 1:
        raise ConfigError("`columns` must be 1 or more", steps, where=sheet.where)
    modes = sheet.words("modes")
    if modes and f"{steps}x{float(rate):g}" not in modes:
        raise ConfigError(
            f"the sensor has the modes (columns x Hz) {', '.join(modes)}",
            f"{steps}x{float(rate):g}",
            "change `columns` or `rate_hz`",
            sheet.where,
        )
    return steps


def _no_columns(sheet: Sheet, columns: int | None) -> None:
    if columns is not None:
        raise ConfigError(
            "`columns` can be chosen only for a sensor that fires by angle",
            columns,
            "leave it out: here the clock and `rate_hz` give the columns",
            sheet.where,
        )


def _listed(sheet: Sheet, rate_hz: float | None, columns: int | None) -> Scanner:
    """A list of pulses, repeated in every sweep."""
    sheet.expect(
        "a list of pulses", ("time_s", "azimuth_deg", "elevation_deg"), ("ring",), {"rate_hz"}
    )
    _no_columns(sheet, columns)
    rate = sheet.need("rate_hz", 1e-3, FASTEST_HZ)
    if rate_hz is not None and Fraction(str(rate_hz)) != rate:
        raise ConfigError(
            f"a list of pulses runs at its own rate, {float(rate):g} Hz",
            rate_hz,
            "leave `rate_hz` out (over a preset that has one: `rate_hz: null`), or change "
            "the times",
            sheet.where,
        )
    moments = sheet.column("time_s", 0)
    for before, moment, line in zip(moments, moments[1:], sheet.lines[1:], strict=False):
        if moment < before:
            raise ConfigError(
                "the times of pulses must not fall",
                f"{float(moment):g} s after {float(before):g} s",
                "sort the rows",
                f"{sheet.where}:{line}: time_s",
            )
    if moments[-1] >= 1 / rate:
        raise ConfigError(
            f"all pulses must lie within the sweep of {float(1 / rate):g} s",
            f"{float(moments[-1]):g} s",
            where=f"{sheet.where}:{sheet.lines[-1]}: time_s",
        )
    rings = sheet.values("ring", 0, 65_535)
    if (rings % 1).any():
        rule, bad = "`ring` must be a whole number", int(np.flatnonzero(rings % 1)[0])
        raise ConfigError(rule, f"{rings[bad]:g}", where=f"{sheet.where}:{sheet.lines[bad]}: ring")
    ring = rings.astype(np.uint16)
    pulses = Pulses(
        np.array([float(moment) for moment in moments]),
        np.radians(sheet.values("azimuth_deg", -360, 360)),
        np.radians(sheet.values("elevation_deg", -RIGHT, RIGHT)),
        np.zeros((1, 3)),
        ring,
        _place(ring),
    )
    return Listed(pulses, int(ring.max()) + 1, float(1 / rate))


def _place(ring: NDArray[np.uint16]) -> NDArray[np.int32]:
    """(n,) which pulse of its ring each is."""
    order = np.argsort(ring, kind="stable")
    starts = np.searchsorted(ring[order], ring[order])
    place = np.empty(len(ring), np.int32)
    place[order] = np.arange(len(ring)) - starts
    return place


def _prisms(sheet: Sheet, rate_hz: float | None, columns: int | None) -> Scanner:
    """Turning prisms, in the order of the light."""
    sheet.expect(
        "a table of prisms",
        ("wedge_deg", "index", "turn_hz"),
        ("phase_deg",),
        {"rate_hz", "rates_hz", "pulses_hz", "lasers_deg"},
    )
    _no_columns(sheet, columns)
    prisms = zip(
        np.radians(sheet.values("wedge_deg", -80, 80)),
        sheet.values("index", 1, 4),
        sheet.values("turn_hz", -1e5, 1e5),
        np.radians(sheet.values("phase_deg", -360, 360)),
        strict=True,
    )
    place = sheet.where
    elevations = [
        float(exact(word, "lasers_deg", place, -RIGHT, RIGHT))
        for word in sheet.words("lasers_deg") or ["0"]
    ]
    try:
        return Risley(
            tuple(Prism(*map(float, prism)) for prism in prisms),
            np.column_stack([np.zeros(len(elevations)), np.radians(elevations)]),
            sheet.need("pulses_hz", 1, 1e9),
            1 / _rate(sheet, rate_hz),
        )
    except ConfigError as error:
        raise error if error.where else error.at(place) from None
