"""Loops over rays and pixels, compiled: one pass over memory where NumPy takes ten.

A compiled function stands beside the code that calls it, takes and returns arrays and
numbers only, and is held to an oracle or a readable twin by the tests. Nothing is
reassociated or contracted ("fast math" is off), so the same input gives the same bits.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar, cast

from numba import njit

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile a function at its first call, and keep the machine code beside its source."""
    try:
        loop = njit(cache=True, error_model="numpy", nogil=True)(function)
    except RuntimeError:  # neither the package nor the home folder can be written
        warnings.warn(
            "no folder for compiled code can be written, so every process compiles anew; "
            "name one in the environment variable NUMBA_CACHE_DIR",
            RuntimeWarning,
            stacklevel=2,
        )
        loop = njit(error_model="numpy", nogil=True)(function)
    return cast("Function", loop)
