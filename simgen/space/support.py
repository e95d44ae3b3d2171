"""The supports of values, for checks before anything is drawn."""

from __future__ import annotations

from simgen.distributions import Support
from simgen.space.nodes import label_of
from simgen.space.paths import Token


def element(support: Support, steps: tuple[Token, ...]) -> Support:
    """The support of an element of a vector; no extremes where it is not always there."""
    for part in steps:
        parts = [
            x[part]
            for x in support.extremes
            if isinstance(x, tuple) and isinstance(part, int) and part < len(x)
        ]
        if not parts or len(parts) < len(support.extremes):
            return Support("mixed", ())
        support = Support("float", (min(parts), max(parts)), interval=True)
    return support


def labels(support: Support) -> list[str]:
    """All values as labels; of whole numbers those between the ends too."""
    values = support.extremes
    if support.kind == "int" and support.interval:
        first, last = (x for x in values if isinstance(x, int))
        return [str(x) for x in range(first, min(last, first + 999) + 1)]
    return [label_of(value) for value in values]


def describe(support: Support) -> str:
    """A support in words, for errors."""
    if support.interval:
        return f"{support.kind} from {support.extremes[0]} to {support.extremes[1]}"
    return f"{support.kind} {', '.join(map(str, support.extremes))}".strip()
