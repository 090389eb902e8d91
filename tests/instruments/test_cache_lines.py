"""Values are moved between cores unchanged, and nothing beside them is touched."""

import threading

import numpy as np
import pytest
from numba import njit

from instruments.cache_lines import claim, settle, stream

BESIDE = 20
TIMES = 300_000


@njit
def streamed(values, written):
    stream(values, written)
    settle()


@njit(nogil=True)
def claimed_over_and_over(values, times):
    for _ in range(times):
        claim(values)


@njit(nogil=True)
def count_beside(values, before, behind, times):
    for _ in range(times):
        values[before] += 1
        values[behind] += 1


@pytest.mark.parametrize("place", range(17))
@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 31, 100, 1000])
def test_streamed_values_arrive_and_those_beside_stay(place, count):
    values = np.random.default_rng(0).random(count + 3, dtype=np.float32)[3:]
    room = np.full(place + count + BESIDE, -1, np.float32)
    streamed(values, room[place : place + count])
    np.testing.assert_array_equal(room[:place], -1)
    np.testing.assert_array_equal(room[place : place + count], values)
    np.testing.assert_array_equal(room[place + count :], -1)


@pytest.mark.parametrize("place", [1, 2, 7, 15])
@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_claimed_values_stay_and_those_beside_can_be_changed_meanwhile(place, count):
    values = np.zeros(64, np.float32)
    values[place : place + count] = wanted = np.arange(1, count + 1)
    claimed_over_and_over(values[place : place + count], 1)
    other = threading.Thread(
        target=count_beside, args=(values, place - 1, place + count, TIMES), daemon=True
    )
    other.start()
    while other.is_alive():
        claimed_over_and_over(values[place : place + count], 1000)
    np.testing.assert_array_equal(values[place : place + count], wanted)
    assert values[place - 1] == values[place + count] == TIMES


def test_there_may_be_nothing_to_claim():
    claimed_over_and_over(np.zeros(0, np.float32), 1)
