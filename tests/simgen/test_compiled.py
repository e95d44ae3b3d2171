"""Compiling where nothing can be written still works, and says so."""

import numba
import pytest

from simgen import compiled as module


def double(x):
    return 2 * x


def test_a_function_is_compiled():
    fast = module.compiled(double)
    assert fast(4) == 8
    assert isinstance(fast, numba.core.registry.CPUDispatcher)


def test_without_a_folder_to_write_it_warns_and_compiles(monkeypatch):
    real = module.njit

    def no_folder(**options):
        if options.pop("cache", False):

            def refuse(function):
                raise RuntimeError("cannot cache function: no locator available")

            return refuse
        return real(**options)

    monkeypatch.setattr(module, "njit", no_folder)
    with pytest.warns(RuntimeWarning, match="NUMBA_CACHE_DIR"):
        assert module.compiled(double)(4) == 8
