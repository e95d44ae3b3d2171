"""Pattern files as text: settings in comments, a header, numbers below it.

A setting is a comment of the form `# name = value`; all other comments are for readers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from simgen.errors import ConfigError, did_you_mean

SETTING = re.compile(r"#\s*([A-Za-z_]\w*)\s*=\s*(.*)")


@dataclass(frozen=True)
class Sheet:
    """A pattern file.

    Attributes:
        where: The file.
        settings: Name -> value and line.
        header: Names of the columns.
        rows: Entries of each row.
        lines: Line of each row, from 1.
    """

    where: str
    settings: dict[str, tuple[str, int]]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def expect(
        self, what: str, columns: Collection[str], optional: Collection[str], settings: set[str]
    ) -> None:
        """Refuse missing and unknown columns and unknown settings.

        Args:
            what: The file's content, for the message.
            columns: That must be there.
            optional: That may be there.
            settings: That may be there.

        Raises:
            ConfigError: With the rule, the value and the remedy.
        """
        if missing := [name for name in columns if name not in self.header]:
            raise ConfigError(
                f"{what} must have the columns {', '.join(columns)}",
                ", ".join(self.header),
                f"add {', '.join(missing)}",
                self.where,
            )
        known = [*columns, *optional]
        for name in self.header:
            if name not in known:
                rule = f"{what} has only the columns {', '.join(known)}"
                raise ConfigError(rule, name, did_you_mean(name, known), self.where)
        for name, (_, line) in self.settings.items():
            if name not in settings:
                raise ConfigError(
                    f"{what} has only known settings",
                    name,
                    did_you_mean(name, settings),
                    f"{self.where}:{line}",
                )

    def column(self, name: str, least: float = -math.inf, most: float = math.inf) -> list[Fraction]:
        """The exact numbers of a column, checked.

        Raises:
            ConfigError: When an entry is no finite number from `least` to `most`.
        """
        at = self.header.index(name)
        return [
            exact(row[at], name, f"{self.where}:{line}", least, most)
            for row, line in zip(self.rows, self.lines, strict=True)
        ]

    def values(
        self, name: str, least: float = -math.inf, most: float = math.inf
    ) -> NDArray[np.float64]:
        """As `column`, as floats; zeros where the file has no such column."""
        if name not in self.header:
            return np.zeros(len(self.rows))
        return np.array([float(value) for value in self.column(name, least, most)])

    def setting(self, name: str, least: float, most: float) -> Fraction | None:
        """The number of a setting, or None where there is none.

        Raises:
            ConfigError: When it is no finite number from `least` to `most`.
        """
        if name not in self.settings:
            return None
        text, line = self.settings[name]
        return exact(text, name, f"{self.where}:{line}", least, most)

    def need(self, name: str, least: float, most: float) -> Fraction:
        """As `setting`, for one that must be there.

        Raises:
            ConfigError: When it is not, as well.
        """
        value = self.setting(name, least, most)
        if value is None:
            raise ConfigError(
                f"this pattern must have the setting `{name}`",
                remedy=f"add a line `# {name} = NUMBER`",
                where=self.where,
            )
        return value

    def words(self, name: str) -> list[str]:
        """The parts of a setting between commas; none where there is no such setting."""
        text = self.settings.get(name, ("", 0))[0]
        return [word.strip() for word in text.split(",") if word.strip()]


def exact(text: str, name: str, where: str, least: float, most: float) -> Fraction:
    """A finite number within bounds, without rounding.

    Raises:
        ConfigError: When it is none.
    """
    place = f"{where}: {name}"
    try:
        value = float(text)
    except ValueError:
        raise ConfigError("a pattern must hold numbers", text or "nothing", where=place) from None
    if not math.isfinite(value):
        raise ConfigError("a pattern must hold finite numbers", text, where=place)
    if not least <= value <= most:
        bounds = f"from {least:g} to {most:g}" if math.isfinite(most) else f"{least:g} or more"
        raise ConfigError(f"`{name}` must be {bounds}", text, where=place)
    return Fraction(text)


def read_sheet(text: str, where: str) -> Sheet:
    """Take a pattern file apart.

    Raises:
        ConfigError: When it has no header or no rows, a row of another length, or a setting or a
            column twice.
    """
    settings: dict[str, tuple[str, int]] = {}
    header: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    lines: list[int] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            if found := SETTING.fullmatch(line):
                if found[1] in settings:
                    rule = "a setting of a pattern must be given once"
                    raise ConfigError(rule, found[1], where=f"{where}:{number}")
                settings[found[1]] = (found[2].strip(), number)
            continue
        if not line:
            continue
        cells = tuple(cell.strip() for cell in line.split(","))
        if not header:
            if len(set(cells)) != len(cells):
                rule = "the columns of a pattern must have different names"
                raise ConfigError(rule, line, where=f"{where}:{number}")
            header = cells
        elif len(cells) != len(header):
            raise ConfigError(
                f"every row of a pattern must have {len(header)} entries, as its header",
                len(cells),
                where=f"{where}:{number}",
            )
        else:
            rows.append(cells)
            lines.append(number)
    if not rows:
        raise ConfigError(
            "a pattern must have rows", "a header alone" if header else "nothing", where=where
        )
    return Sheet(where, settings, header, tuple(rows), tuple(lines))
