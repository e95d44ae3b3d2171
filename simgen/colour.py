"""The sRGB transfer curve (IEC 61966-2-1), both ways."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def srgb_to_linear(value: ArrayLike) -> NDArray[np.float64]:
    """Display values in [0, 1] to linear light."""
    v = np.asarray(value, dtype=np.float64)
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(value: ArrayLike) -> NDArray[np.float64]:
    """Linear light in [0, 1] to display values."""
    v = np.asarray(value, dtype=np.float64)
    return np.where(v <= 0.0031308, v * 12.92, 1.055 * np.maximum(v, 1e-12) ** (1 / 2.4) - 0.055)
