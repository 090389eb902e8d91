"""Loops that cores share give what one core gives, and are shared only where it pays."""

from contextlib import ExitStack

import numba
import numpy as np
import pytest
from numba import prange
from threadpoolctl import threadpool_info, threadpool_limits

from instruments import shared_loops
from instruments.loop_helpers import knows_numba, loop_helpers
from instruments.shared_loops import (
    LEAST_SHARE,
    LEAST_WEIGHTS,
    SharedLoop,
    rows_of,
    shared_by_all_cores,
)

pytestmark = pytest.mark.skipif(not knows_numba(), reason="loops stay on one core with this numba")


@SharedLoop
def note_shares(shares, values, share_of_row):
    rows = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(values))
        rows += last - first
        for row in range(first, last):
            values[row] += 1
            share_of_row[row] = share
    return rows


@SharedLoop
def count_shares(shares):
    counted = 0
    for _ in prange(shares):
        counted += 1
    return counted


def run(rows, numbers):
    values, share_of_row = np.zeros(rows), np.full(rows, -1)
    assert note_shares(numbers, values, share_of_row) == rows
    return values, share_of_row


def most_shares():
    return count_shares(100 * LEAST_SHARE)


def threads_of_libraries():
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


@pytest.fixture
def four_cores():
    with loop_helpers().helping(3):
        yield


@pytest.mark.parametrize("rows", [1, 3, 64, 1001])
def test_every_row_is_worked_on_once_whatever_the_shares(four_cores, rows):
    values, share_of_row = run(rows, numbers=10 * LEAST_SHARE)
    np.testing.assert_array_equal(values, 1)
    assert np.all(np.diff(share_of_row) >= 0)


@pytest.mark.parametrize(
    ("numbers", "shares"),
    [
        (0, 1),
        (2 * LEAST_SHARE - 1, 1),
        (2 * LEAST_SHARE, 2),
        (4 * LEAST_SHARE - 1, 3),
        (100 * LEAST_SHARE, 4),
    ],
)
def test_a_share_is_never_too_small_to_be_worth_handing_out(four_cores, numbers, shares):
    _, share_of_row = run(1000, numbers)
    assert share_of_row.max() + 1 == shares


def test_all_cores_share_within_the_block_and_one_does_everything_elsewhere(monkeypatch):
    monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", 3)
    assert (shared_loops.cores(), most_shares()) == (1, 1)
    with shared_by_all_cores(LEAST_WEIGHTS):
        assert (shared_loops.cores(), most_shares()) == (3, 3)
        assert threads_of_libraries() == {1}
    assert (shared_loops.cores(), most_shares()) == (1, 1)


def test_libraries_keep_to_one_thread_until_the_last_user_of_the_cores_has_left():
    with threadpool_limits(2, user_api="blas"):
        before = threads_of_libraries()
        first, second = (shared_by_all_cores(LEAST_WEIGHTS) for _ in range(2))
        with ExitStack() as later:
            with first:
                later.enter_context(second)
            assert (threads_of_libraries(), shared_loops.cores() > 1) == ({1}, True)
        assert threads_of_libraries() == before == {2}


def test_small_networks_are_left_to_one_core():
    with shared_by_all_cores(LEAST_WEIGHTS - 1):
        assert shared_loops.cores() == 1
