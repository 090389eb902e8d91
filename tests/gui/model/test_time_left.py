"""Time left is the median step times the steps to go, with a spread."""

import numpy as np

from gui.model.time_left import time_left


def test_even_steps_give_an_exact_answer_without_spread():
    left = time_left(np.arange(300) * 0.5, 100)
    assert left is not None
    assert left.seconds == 50
    assert left.spread == 0


def test_a_pause_or_a_validation_now_and_then_does_not_count():
    steps = np.full(300, 0.01)
    steps[::50] = 20.0
    left = time_left(np.cumsum(steps), 1000)
    assert left is not None
    np.testing.assert_allclose(left.seconds, 10.0)


def test_nothing_is_said_before_twenty_steps():
    assert time_left(np.arange(20.0), 100) is None
    assert time_left(np.arange(21.0), 100) is not None


def test_it_reads_in_the_unit_that_suits_it():
    assert str(time_left(np.arange(300.0), 40)) == "40 ± 1 s"
    assert str(time_left(np.arange(300.0), 60 * 41)) == "41 ± 1 min"
    assert str(time_left(np.arange(300.0), 7200 + 180)) == "2 h 03 min ± 1 min"
