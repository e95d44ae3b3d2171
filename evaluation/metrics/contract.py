"""What every metric must keep; run `check_metric` on one of your own."""

from __future__ import annotations

import json
import random
from typing import Any, Protocol

import numpy as np

from evaluation.metrics.result import Array, Result
from simgen.errors import SimgenError
from simgen.rng import Key

__all__ = ["Metric", "MetricContractError", "check_metric"]


class Metric(Protocol):
    """A pure function of two samples, (n_x, d) and (n_y, d)."""

    def __call__(self, x: Array, y: Array, /, *, key: Key) -> Result:
        """Measure."""


class MetricContractError(SimgenError):
    """A metric breaks the contract; the message names the likely cause."""


def check_metric(
    metric: Metric, *, key: Key, symmetric: bool = False, distance: bool = False
) -> None:
    """Check a metric on small Gaussian samples.

    It must return a finite `Result` that holds its own value and goes to JSON;
    depend on its arguments alone, leave them and the global generators as they
    are; take samples of unequal size, read-only, of float32, with a constant
    feature, and identical ones; and refuse what is no sample, as a `SimgenError`.

    Args:
        metric: What to check.
        key: Draws the samples, and is passed on.
        symmetric: Also demand `metric(x, y) == metric(y, x)`, as a distance has it.
        distance: Also demand that samples further apart get a higher value.

    Raises:
        MetricContractError: The first rule that is broken.
    """
    generator = (key / "samples").generator()
    x, y = generator.standard_normal((48, 4)), generator.standard_normal((40, 4)) + 0.3
    name = getattr(metric, "__name__", "metric")
    first = _checked(metric, x, y, key, name)
    _check_purity(metric, x, y, key, first, name)
    _check_inputs(metric, x, y, key, name)
    _check_refusals(metric, x, y, key, name)
    if symmetric:
        swapped = _checked(metric, y, x, key, name)
        if not np.isclose(swapped.value, first.value, rtol=1e-9, atol=1e-9):
            raise _broken(name, "be symmetric", (first.value, swapped.value), "roles are mixed up")
    if distance and not _checked(metric, x, y + 3.0, key, name).value > first.value:
        raise _broken(name, "grow with the distance of the samples", None, "wrong sign?")


def _checked(metric: Metric, x: Array, y: Array, key: Key, name: str) -> Result:
    try:
        found: Any = metric(x, y, key=key)
    except SimgenError as error:
        raise _broken(
            name,
            f"accept samples of {x.shape} and {y.shape}",
            str(error),
            "not finite, or too strict",
        ) from error
    if not isinstance(found, Result):
        raise _broken(
            name, "return a Result", type(found).__name__, "a bare number hides its error"
        )
    if (found.n_x, found.n_y) != (len(x), len(y)):
        raise _broken(
            name, f"state n_x, n_y = {len(x), len(y)}", (found.n_x, found.n_y), "swapped?"
        )
    if not found.low < found.high and not np.array_equal(x, y):
        raise _broken(name, "have an interval of some width", found.interval, "no interval taken?")
    try:
        json.dumps(found.to_dict(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise _broken(
            name, "go to JSON", str(error), "numpy values or NaN in `details`?"
        ) from error
    return found


def _check_purity(metric: Metric, x: Array, y: Array, key: Key, first: Result, name: str) -> None:
    before = x.copy(), y.copy()
    kept = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:  # other states than the first call saw, so that a metric that seeds them shows as well
        np.random.seed(20_260)  # noqa: NPY002
        random.seed(20_260)
        states = repr(np.random.get_state()), random.getstate()  # noqa: NPY002
        again = _checked(metric, x, y, key, name)
        touched = (repr(np.random.get_state()), random.getstate()) != states  # noqa: NPY002
    finally:
        np.random.set_state(kept[0])  # noqa: NPY002
        random.setstate(kept[1])
    if again != first:
        raise _broken(
            name, "give the same result for the same key", None, "global randomness or hidden state"
        )
    if touched:
        raise _broken(
            name, "leave the global generators alone", None, "draw from `key.generator()` instead"
        )
    if not (np.array_equal(before[0], x) and np.array_equal(before[1], y)):
        raise _broken(name, "leave its inputs as they are", None, "an in-place operation")


def _check_inputs(metric: Metric, x: Array, y: Array, key: Key, name: str) -> None:
    for array in (x, y):
        array.setflags(write=False)
    _checked(metric, x, y, key, name)
    _checked(metric, x, x, key, name)
    _checked(metric, x, y[:30], key, name)
    _checked(metric, x.astype(np.float32), y.astype(np.float32), key, name)
    constant = [np.column_stack([array, np.ones(len(array))]) for array in (x, y)]
    _checked(metric, constant[0], constant[1], key, name)
    wide = (key / "wide").generator().standard_normal((2, 24, 64))
    _checked(metric, wide[0], wide[1], key, name)


def _check_refusals(metric: Metric, x: Array, y: Array, key: Key, name: str) -> None:
    holes, endless = x.copy(), y.copy()
    holes[3, 1], endless[0, 0] = np.nan, np.inf
    for what, a, b in (
        ("NaN", holes, y),
        ("infinity", x, endless),
        ("unequal numbers of features", x, y[:, :3]),
        ("a single row", x[:1], y),
        ("no rows", x, y[:0]),
        ("a one-dimensional sample", x[:, 0], y[:, 0]),
    ):
        try:
            metric(a, b, key=key)
        except SimgenError:
            continue
        except (ValueError, IndexError, ZeroDivisionError, np.linalg.LinAlgError) as error:
            raise _broken(
                name, f"refuse {what} with a SimgenError", repr(error), "check inputs first"
            ) from error
        raise _broken(name, f"refuse {what}", "a result", "use `evaluation.metrics.samples`")


def _broken(name: str, rule: str, value: object, cause: str) -> MetricContractError:
    return MetricContractError(f"a metric must {rule}", value, f"likely cause: {cause}", name)
