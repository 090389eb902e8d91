"""The life cycle load, arm, fire, read: of the state that keeps to it, and of every instrument."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from instruments.errors import InstrumentError, LimitError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.interfaces.sequence import (
    SequenceError,
    SequenceInput,
    SequenceOutput,
    SequenceState,
)

KINDS = ("mirror_device", "modulator_array", "photodetector_array", "camera")

SHOTS = 3
TOO_SHORT_SECONDS = 0.01


def prepare(rig, shots=SHOTS):
    """Load something harmless where something has to be loaded."""
    instrument = rig.instrument
    if rig.kind == "mirror_device":
        instrument.load(np.zeros((shots, instrument.rows, instrument.columns), np.bool_))
    elif rig.kind == "modulator_array":
        instrument.load(np.zeros((shots, instrument.channels), np.float32))


def arm(rig, shots=SHOTS):
    if is_output(rig):
        rig.instrument.arm()
    else:
        rig.instrument.arm(shots)


def finish(rig, timeout_seconds=None):
    timeout_seconds = rig.timeout_seconds if timeout_seconds is None else timeout_seconds
    if is_output(rig):
        return rig.instrument.wait_until_done(timeout_seconds)
    return rig.instrument.read(timeout_seconds)


def is_output(rig):
    return rig.kind in ("mirror_device", "modulator_array")


def test_it_is_a_sequence_output_or_input(rig):
    assert isinstance(rig.instrument, SequenceOutput if is_output(rig) else SequenceInput)


def test_load_arm_fire_and_finish(rig):
    prepare(rig)
    arm(rig)
    rig.fire(SHOTS)
    readings = finish(rig)
    if not is_output(rig):
        assert readings.shape == (SHOTS, rig.instrument.channels)
        assert readings.dtype == np.float32
        assert np.isfinite(readings).all()


def test_it_can_be_armed_and_fired_again_without_loading_again(rig):
    prepare(rig)
    for _ in range(2):
        arm(rig)
        rig.fire(SHOTS)
        finish(rig)


def test_shots_may_come_in_parts(rig):
    prepare(rig)
    arm(rig)
    rig.fire(1)
    with pytest.raises(InstrumentTimeoutError, match=rig.instrument.name):
        finish(rig, TOO_SHORT_SECONDS)
    rig.fire(SHOTS - 1)
    if rig.shots_in_parts:
        finish(rig)
        return
    # A box that cannot wait for the next part says so: what it has is not what was asked for.
    with pytest.raises(InstrumentError, match=f"{rig.instrument.name}.*in a row"):
        finish(rig)
    arm(rig)
    rig.fire(SHOTS)
    finish(rig)


def test_without_a_trigger_the_wait_ends_at_its_time_limit_and_it_stays_armed(rig):
    prepare(rig)
    arm(rig)
    with pytest.raises(InstrumentTimeoutError, match=rig.instrument.name):
        finish(rig, TOO_SHORT_SECONDS)
    rig.fire(SHOTS)
    finish(rig)


def test_it_cannot_be_armed_twice(rig):
    prepare(rig)
    arm(rig)
    with pytest.raises(SequenceError, match=rig.instrument.name):
        arm(rig)


def test_nothing_can_be_waited_for_that_was_not_armed(rig):
    with pytest.raises(SequenceError, match="arm"):
        finish(rig)
    prepare(rig)
    with pytest.raises(SequenceError, match="arm"):
        finish(rig)


def test_a_trigger_that_finds_it_unarmed_does_nothing(rig):
    prepare(rig)
    rig.fire(SHOTS)
    with pytest.raises(SequenceError):
        finish(rig)


def test_stop_abandons_what_is_armed_and_it_can_be_armed_again(rig):
    prepare(rig)
    arm(rig)
    rig.instrument.stop()
    with pytest.raises(SequenceError):
        finish(rig)
    arm(rig)
    rig.fire(SHOTS)
    finish(rig)


def test_made_safe_it_is_no_longer_armed_and_can_be_used_again(rig):
    prepare(rig)
    arm(rig)
    rig.instrument.make_safe()
    with pytest.raises(SequenceError):
        finish(rig)
    prepare(rig)
    arm(rig)
    rig.fire(SHOTS)
    finish(rig)


def test_an_output_cannot_be_armed_with_nothing_loaded(rig):
    if not is_output(rig):
        pytest.skip("an input has nothing to load")
    with pytest.raises(SequenceError, match="load"):
        rig.instrument.arm()


def test_an_output_cannot_be_loaded_while_armed(rig):
    if not is_output(rig):
        pytest.skip("an input has nothing to load")
    prepare(rig)
    arm(rig)
    with pytest.raises(SequenceError, match="armed"):
        prepare(rig)


def test_an_input_hands_its_readings_over_once_and_for_good(rig):
    if is_output(rig):
        pytest.skip("an output has no readings")
    arm(rig)
    rig.fire(SHOTS)
    readings = finish(rig)
    readings[...] = -1.0
    with pytest.raises(SequenceError):
        finish(rig)
    arm(rig)
    rig.fire(SHOTS)
    assert not (finish(rig) == -1.0).all()


def test_a_number_of_shots_outside_its_limit_is_refused(rig):
    most = rig.instrument.limits()["shots"].high
    if not is_output(rig):
        with pytest.raises(LimitError, match="shots"):
            rig.instrument.arm(0)
        if np.isfinite(most):
            with pytest.raises(LimitError, match="shots"):
                rig.instrument.arm(int(most) + 1)
        return
    with pytest.raises(LimitError, match="shots"):
        prepare(rig, 0)


class LifeCycle(RuleBasedStateMachine):
    """Drives a ``SequenceState`` at random and compares it with the table in its module."""

    @initialize(loads=st.booleans())
    def begin(self, loads):
        self.loads = loads
        self.state = SequenceState("box", loads=loads)
        self.shots = 0
        self.coming = 0

    def allowed(self, call, when):
        if when:
            call()
        else:
            with pytest.raises(SequenceError, match="box"):
                call()
        return when

    @precondition(lambda self: self.loads)
    @rule(shots=st.integers(1, 5))
    def load(self, shots):
        before = self.state.stage
        if self.allowed(lambda: self.state.loaded(shots), before != "armed"):
            self.shots = shots
            assert self.state.stage == "loaded"

    @rule(shots=st.integers(1, 5))
    def arm(self, shots):
        before = self.state.stage
        free = before != "armed"
        ready = not self.loads or before != "empty"
        if self.allowed(lambda: self.state.armed(None if self.loads else shots), free and ready):
            self.coming = self.shots if self.loads else shots
            assert self.state.stage == "armed"
            assert self.state.shots == self.coming

    @rule(shots=st.integers(0, 7))
    def trigger(self, shots):
        armed = self.state.stage == "armed"
        taken = self.state.triggered(shots)
        assert taken == (min(shots, self.coming) if armed else 0)
        self.coming -= taken
        if armed:
            assert self.state.done == (self.coming == 0)

    @rule()
    def wait(self):
        begun = self.state.stage in ("armed", "fired")
        self.allowed(self.state.check_started, begun)

    @precondition(lambda self: not self.loads and self.state.done)
    @rule()
    def read(self):
        self.state.read_out()
        assert self.state.stage == "empty"

    @rule()
    def stop(self):
        held = self.loads and self.state.stage != "empty"
        self.state.stopped()
        assert self.state.stage == ("loaded" if held else "empty")


LifeCycle.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestTheStateFollowsItsTable = LifeCycle.TestCase
