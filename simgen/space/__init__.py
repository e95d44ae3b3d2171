"""Spaces: plain data in which constants and distributions may stand anywhere."""

from __future__ import annotations

from simgen.space.design import Method, unit_numbers
from simgen.space.given import Term
from simgen.space.nodes import Factor
from simgen.space.parse import is_special
from simgen.space.paths import Source, dotted, tokens
from simgen.space.space import Draw, Space, Tunable

__all__ = [
    "Draw",
    "Factor",
    "Method",
    "Source",
    "Space",
    "Term",
    "Tunable",
    "dotted",
    "is_special",
    "tokens",
    "unit_numbers",
]
