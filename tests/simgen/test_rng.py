import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simgen.rng import Key

NAMES = st.lists(st.text(max_size=6), max_size=4)
QUICK = settings(deadline=None, derandomize=True, max_examples=50)


def test_a_stream_is_named_and_not_counted() -> None:
    key = Key(7) / "scene" / "light"
    first = key.generator().random(3)
    (Key(7) / "scene" / "other").generator().random(100)
    assert np.array_equal((Key(7) / "scene" / "light").generator().random(3), first)


@QUICK
@given(NAMES, NAMES, st.integers(0, 2**64 - 1))
def test_different_paths_are_different_streams(a: list[str], b: list[str], seed: int) -> None:
    one, two = Key(seed, tuple(a)), Key(seed, tuple(b))
    assert (one.entropy() == two.entropy()) == (a == b)
    assert (one.units()("x", 1) == two.units()("x", 1)) == (a == b)


def test_names_are_length_prefixed() -> None:
    assert (Key(0) / "ab" / "c").entropy() != (Key(0) / "a" / "bc").entropy()
    assert (Key(0) / "ab").units()("c", 1) != (Key(0) / "a").units()("bc", 1)


def test_seed_zero_is_a_seed_and_negative_is_none() -> None:
    assert Key(0).entropy() != Key(1).entropy()
    with pytest.raises(ValueError, match=r"`0 <= seed < 2\*\*64` must hold, got seed=-1"):
        Key(-1)


def test_units_are_pinned() -> None:
    # From the definition, written out: any change here changes every dataset.
    digest = hashlib.blake2b((5).to_bytes(8, "little"), digest_size=64, person=b"simgen.units")
    for name in (b"draw", b"scene.size"):
        digest.update(len(name).to_bytes(4, "little") + name)
    word = int.from_bytes(digest.digest()[:8], "little")
    (found,) = (Key(5) / "draw").units()("scene.size", 1)
    assert found == (word // 2**12 + 0.5) / 2**52
    assert found == 0.35833415604498786


def test_more_units_keep_the_first_ones() -> None:
    streams = Key(1).units()
    many = streams("x", 40)
    assert many[:3] == streams("x", 3)
    assert len(set(many)) == 40


def test_units_are_uniform_and_independent_of_their_neighbours() -> None:
    streams = Key(2).units()
    numbers = np.array([streams(str(i), 10) for i in range(2000)])
    assert 0 < numbers.min() < numbers.max() < 1
    assert stats.kstest(numbers.ravel(), "uniform").pvalue > 1e-3
    correlation = np.corrcoef(numbers, rowvar=False) - np.eye(10)
    assert np.abs(correlation).max() < 0.1
