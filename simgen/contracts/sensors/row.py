"""One effect, one closed form, one measurement, and what is measured without the effect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table that `simgen sensors check` prints.

    Attributes:
        effect: Name, such as "rolling shutter: skew".
        form: The closed form, or the independent judge, in words or symbols.
        expected: What it gives.
        measured: What the generated reading gives.
        tolerance: Largest difference that passes, in the same unit; why it is that large
            belongs in the module.
        unit: Of all numbers.
        control: What the same measurement gives with the effect off; the row is sound only
            if that would not have passed.
        source: Paper, standard or data sheet.
    """

    effect: str
    form: str
    expected: float
    measured: float
    tolerance: float
    unit: str
    control: float
    source: str = ""

    @property
    def passes(self) -> bool:
        """Whether the measurement agrees with the closed form."""
        return bool(abs(self.measured - self.expected) <= self.tolerance)

    @property
    def control_fails(self) -> bool:
        """Whether the test would have noticed that the effect is missing."""
        return not abs(self.control - self.expected) <= self.tolerance
