"""Helpers take parts of loops, everything is done once, and nobody waits for those who are away."""

import ctypes
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import njit, prange

from instruments import loop_helpers as module
from instruments.loop_helpers import LoopHelpers, loop_helpers
from instruments.shared_loops import SharedLoop, rows_of

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0


@SharedLoop
def count_calls(shares, counted):
    for share in prange(shares):
        first, last = rows_of(share, shares, len(counted))
        for row in range(first, last):
            counted[row] += 1


@SharedLoop
def add_up(shares, values):
    total = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(values))
        for row in range(first, last):
            total += values[row]
    return total


@SharedLoop
def meet(shares, arrived):
    """Every share waits until all have begun: one thread alone would wait for ever."""
    for share in prange(shares):
        arrived[share] = 1
        while arrived.sum() < shares:
            pass


@SharedLoop
def loop_of_loops(shares, counted):
    for share in prange(shares):
        for place in prange(counted.shape[1]):
            counted[share, place] += 1


@SharedLoop
def note_threads(shares, threads):
    for share in prange(shares):
        threads[share] = numba.get_thread_id()


@njit(parallel=True)
def of_somebody_else(counted):
    for row in prange(len(counted)):
        counted[row] += 1


with_helpers = pytest.mark.skipif(
    numba.get_num_threads() < 2 or not module.knows_numba(),
    reason="one core only, or a release of numba that nobody has tried: run these tests with "
    "TESTED_NUMBA raised",
)

MANY_LOOPS = """
    import numpy as np
    from instruments.loop_helpers import loop_helpers
    from tests.instruments.test_loop_helpers import add_up, count_calls

    counted, values = np.zeros(64, np.int64), np.arange(64)
    with loop_helpers().helping(int(sys.argv[1])):
        for _ in range(2_000):
            count_calls._shared(4, counted)
            assert add_up._shared(4, values) == 64 * 63 // 2
    assert np.all(counted == 2_000), counted
"""


def run(script, *arguments, **environment):
    """Run a script in an interpreter of its own."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys\n" + textwrap.dedent(script), *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("helpers", [0, 1, 3])
@pytest.mark.parametrize("threads_of_numba", [1, 2, 4])
def test_every_row_is_worked_on_once_and_every_sum_is_right(helpers, threads_of_numba):
    run(MANY_LOOPS, helpers, NUMBA_NUM_THREADS=str(threads_of_numba))


@with_helpers
def test_helpers_do_take_part():
    arrived = np.zeros(2, np.int64)
    with loop_helpers().helping(1):
        meet._shared(2, arrived)
    np.testing.assert_array_equal(arrived, 1)


@with_helpers
def test_the_first_rows_are_always_worked_on_by_whoever_hands_the_loop_out():
    threads = np.zeros(4, np.int64)
    with loop_helpers().helping(3):
        for _ in range(20_000):
            threads[:] = -1
            note_threads(threads.size * 100_000, threads)
            assert threads[0] == 0


@with_helpers
def test_helpers_that_have_long_been_idle_take_part_again():
    with loop_helpers().helping(1):
        for pause in (0.0, 0.05, 0.3):
            idle_until = time.monotonic() + pause
            while time.monotonic() < idle_until:
                pass
            arrived = np.zeros(2, np.int64)
            meet._shared(2, arrived)
            np.testing.assert_array_equal(arrived, 1)


@with_helpers
def test_helpers_nap_longer_the_longer_nothing_is_to_be_done():
    naps, first, longest, naps_before_work, naps_at_all = [], 5, 70, 50, 60
    words = np.zeros(1_024, np.int64)
    mailbox = words.ctypes.data

    def word(place):
        return ctypes.c_int64.from_address(mailbox + place)

    @ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    def nap(length):
        naps.append(length)
        if len(naps) == naps_before_work:
            word(module._TICKET).value = 1 << module._PART_BITS
        word(module._STOP).value = len(naps) == naps_at_all
        return 0

    @ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)
    def do_nothing(_):
        return 0

    @ctypes.CFUNCTYPE(None, *4 * [ctypes.c_int64])
    def work(*_):
        pass

    for place, function in (
        (module._NAP, nap),
        (module._YIELD, do_nothing),
        (module._SELF, do_nothing),
        (module._LOOP, work),
    ):
        word(place).value = ctypes.cast(function, ctypes.c_void_p).value
    word(module._FIRST_NAP).value, word(module._LONGEST_NAP).value = first, longest
    module._help(mailbox, 0)

    assert word(module._DONE).value == 1
    before, after = naps[:naps_before_work], naps[naps_before_work:]
    assert before == sorted([5, 10, 20, 40] * 8) + [longest] * (naps_before_work - 32)
    assert after == 8 * [5] + 2 * [10]


@with_helpers
def test_helpers_come_with_the_block_and_go_with_it():
    def running():
        return [one.name for one in threading.enumerate() if one.name.startswith("loop helper")]

    assert (loop_helpers().at_hand, running()) == (0, [])
    with loop_helpers().helping(2):
        assert (loop_helpers().at_hand, len(running())) == (2, 2)
        with loop_helpers().helping(3):
            assert loop_helpers().at_hand == 2
        assert loop_helpers().at_hand == 2
    assert (loop_helpers().at_hand, running()) == (0, [])


@with_helpers
def test_the_last_to_leave_sends_helpers_away():
    entered, may_leave = threading.Event(), threading.Event()

    def stay():
        with loop_helpers().helping(1):
            entered.set()
            may_leave.wait(PATIENCE_SECONDS)

    other = threading.Thread(target=stay)
    with loop_helpers().helping(1):
        other.start()
        entered.wait(PATIENCE_SECONDS)
    assert loop_helpers().at_hand == 1
    may_leave.set()
    other.join(PATIENCE_SECONDS)
    assert loop_helpers().at_hand == 0


@with_helpers
def test_helpers_come_again_after_an_interruption(monkeypatch):
    start = threading.Thread.start
    calls = []

    def interrupted(thread):
        start(thread)
        calls.append(thread)
        if len(calls) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt), loop_helpers().helping(3):
        pass
    assert not any(thread.is_alive() for thread in calls)
    assert loop_helpers().at_hand == 0
    with loop_helpers().helping(1):
        assert loop_helpers().at_hand == 1


@with_helpers
def test_the_threads_numba_may_use_are_its_own_again_afterwards():
    before = numba.get_num_threads()
    with loop_helpers().helping(1):
        assert numba.get_num_threads() == 2
    assert numba.get_num_threads() == before


def test_helpers_go_when_the_block_is_left_by_an_error():
    with pytest.raises(RuntimeError, match="in the block"), loop_helpers().helping(1):
        raise RuntimeError("in the block")
    assert loop_helpers().at_hand == 0


def test_two_threads_with_loops_of_their_own_do_not_disturb_each_other():
    counted = [np.zeros(64, np.int64) for _ in range(2)]

    def work(rows):
        for _ in range(2_000):
            count_calls._shared(4, rows)

    with loop_helpers().helping(1):
        other = threading.Thread(target=work, args=(counted[1],))
        other.start()
        work(counted[0])
        other.join(PATIENCE_SECONDS)
    np.testing.assert_array_equal(counted, 2_000)


def test_a_loop_within_a_loop_is_run_whole():
    counted = np.zeros((4, 100), np.int64)
    with loop_helpers().helping(1):
        loop_of_loops._shared(4, counted)
    np.testing.assert_array_equal(counted, 1)


def test_parallel_loops_of_others_are_run_whole_with_helpers_and_without():
    counted = np.zeros(1_000, np.int64)
    with loop_helpers().helping(1):
        of_somebody_else(counted)
    of_somebody_else(counted)
    np.testing.assert_array_equal(counted, 2)


def test_where_no_more_threads_are_to_be_had_loops_do_without(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with loop_helpers().helping(2):
        assert loop_helpers().at_hand == 0


def test_with_a_numba_that_nobody_has_tried_there_are_no_helpers(monkeypatch):
    monkeypatch.setattr(module.numba, "__version__", "9.1.0")
    helpers = LoopHelpers()
    with helpers.helping(3):
        assert helpers.at_hand == 0


def test_an_interpreter_that_ends_within_the_block_ends_cleanly():
    run("""
        import threading
        from instruments.loop_helpers import loop_helpers

        entered = threading.Event()

        def stay():
            with loop_helpers().helping(2):
                entered.set()
                threading.Event().wait()

        threading.Thread(target=stay, daemon=True).start()
        entered.wait()
    """)
