"""The clock of a simulated bench goes forward, and only when it is told to."""

from sim_backends.twin.clock import SimulatedClock


def test_it_begins_at_zero_and_moves_by_what_is_waited():
    clock = SimulatedClock()
    assert clock.now() == 0.0
    clock.wait(0.25)
    clock.wait(1.0)
    assert clock.now() == 1.25


def test_it_never_goes_back():
    clock = SimulatedClock()
    clock.wait(2.0)
    clock.wait(-1.0)
    assert clock.now() == 2.0
    clock.wait_until(1.0)
    assert clock.now() == 2.0
    clock.wait_until(3.5)
    assert clock.now() == 3.5
