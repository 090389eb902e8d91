"""Time left is the pace of late, whatever is between the steps, times the steps to go."""

import numpy as np

from gui.model.time_left import time_left


def test_even_steps_give_an_exact_answer_without_spread():
    left = time_left(np.arange(300) * 0.5, 100)
    assert left is not None
    assert left.seconds == 50
    assert left.spread == 0


def test_what_happens_between_the_steps_takes_its_time_too():
    # Epochs of 22 steps of 10 ms, and a validation of 0.5 s after each.
    steps = np.full(22 * 30, 0.01)
    steps[::22] += 0.5
    left = time_left(np.cumsum(steps), 22 * 10, 22)
    assert left is not None
    np.testing.assert_allclose(left.seconds, 10 * (22 * 0.01 + 0.5))


def test_long_epochs_are_looked_at_as_a_whole():
    steps = np.full(1000 * 5, 0.01)
    steps[::1000] += 20.0
    left = time_left(np.cumsum(steps), 2000, 1000)
    assert left is not None
    np.testing.assert_allclose(left.seconds, 2 * (10 + 20.0))


def test_a_pace_that_changes_gives_a_spread():
    even = np.full(200, 0.01)
    uneven = even.copy()
    uneven[100:] *= 2
    assert time_left(np.cumsum(even), 1000).spread < 1e-9
    assert time_left(np.cumsum(uneven), 1000).spread > 1


def test_what_was_long_ago_does_not_count():
    steps = np.full(1000, 0.01)
    steps[:500] = 5.0
    np.testing.assert_allclose(time_left(np.cumsum(steps), 100).seconds, 1.0)


def test_nothing_is_said_before_twenty_steps():
    assert time_left(np.arange(20.0), 100) is None
    assert time_left(np.arange(21.0), 100) is not None


def test_it_reads_in_the_unit_that_suits_it():
    assert str(time_left(np.arange(300.0), 40)) == "40 ± 1 s"
    assert str(time_left(np.arange(300.0), 60 * 41)) == "41 ± 1 min"
    assert str(time_left(np.arange(300.0), 7200 + 180)) == "2 h 03 min ± 1 min"
