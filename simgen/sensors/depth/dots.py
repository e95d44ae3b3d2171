"""A projected pattern of dots.

Space before the projector, as tangents of angles, is cut into square cells; each holds one
round dot at a random place with a random brightness. The pattern is our own: that of a
product is not published.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled
from simgen.rng import Key

Floats = NDArray[np.float32]
CELLS = 256  # across and down, then the pattern repeats
FAINTEST = 0.3  # brightness of the faintest dot; the brightest has 1


def dot_table(key: Key) -> Floats:
    """(CELLS, CELLS, 3) place across and down in each cell, 0 to 1, and brightness."""
    table: Floats = key.generator().random((CELLS, CELLS, 3), dtype=np.float32)
    table[..., 2] = FAINTEST + (1 - FAINTEST) * table[..., 2]
    return table


@compiled
def dots(
    across: NDArray[np.float64],
    down: NDArray[np.float64],
    table: Floats,
    spacing: float,
    sigma: float,
) -> Floats:
    """Brightness (n,) of the pattern at tangents (n,): Gaussian dots on darkness.

    Args:
        across: Tangent of the angle to the projector's axis, to the right.
        down: Likewise, downwards.
        table: From `dot_table`.
        spacing: Side of a cell.
        sigma: Standard deviation of a dot, at most half a cell's side.
    """
    cells = len(table)
    found = np.empty(len(across), np.float32)
    for i in range(len(across)):
        x, y = across[i] / spacing, down[i] / spacing
        column, row = int(np.floor(x)), int(np.floor(y))
        total = 0.0
        for r in range(row - 1, row + 2):
            for c in range(column - 1, column + 2):
                u = x - c - table[r % cells, c % cells, 0]
                v = y - r - table[r % cells, c % cells, 1]
                far = (u * u + v * v) * spacing * spacing / (2 * sigma * sigma)
                if far < 12:
                    total += table[r % cells, c % cells, 2] * np.exp(-far)
        found[i] = total
    return found
