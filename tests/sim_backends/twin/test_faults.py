"""Each fault that can be switched on, and that the bench is as before when it is over."""

import threading

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, OUTPUTS, simulated_bench, volts_for

from instruments.errors import InstrumentError
from sim_backends.twin.faults import Faults

SHOTS = 4
INPUT_VOLTS = volts_for(np.linspace(0.1, 0.4, SHOTS * INPUTS).reshape(SHOTS, INPUTS))
ERROR_VOLTS = volts_for(np.linspace(0.02, 0.1, SHOTS * OUTPUTS).reshape(SHOTS, OUTPUTS))


@pytest.fixture
def bench():
    bench = simulated_bench()
    bench.switch_on()
    for panel, shape in (("slm_1", (HIDDEN, INPUTS)), ("slm_2", (OUTPUTS, HIDDEN))):
        bench.show(panel, np.ones(shape, np.float32), np.zeros(shape, np.float32))
    return bench


def expose(bench):
    return bench.expose(INPUT_VOLTS, ERROR_VOLTS)


def assert_as_before(bench, healthy):
    bench.twin.faults.clear()
    for name, volts in expose(bench).items():
        np.testing.assert_array_equal(volts, healthy[name], err_msg=name)


def test_there_are_none_at_first():
    faults = Faults()
    assert not faults.any
    faults.meet("laser")
    volts = np.ones((2, 3), np.float32)
    assert faults.read("z", volts, 1.0) is volts
    assert faults.driven("inputs", volts) is volts


def test_a_failing_instrument_says_so_at_every_call_and_the_others_go_on(bench):
    bench.twin.faults.fail("laser", "no answer on its bus")
    for call in (
        lambda: bench["laser"].enabled(),
        lambda: bench["laser"].set_detuning_hertz(1e9),
        lambda: bench["laser"].make_safe(),
    ):
        with pytest.raises(InstrumentError, match="laser: no answer on its bus; switch it off"):
            call()
    assert bench["oven"].enabled()
    bench.twin.faults.clear()
    assert bench["laser"].enabled()


def test_a_hanging_instrument_keeps_its_caller_until_the_fault_is_cleared(bench):
    bench.twin.faults.hang("oven")
    answers = []
    caller = threading.Thread(target=lambda: answers.append(bench["oven"].enabled()), daemon=True)
    caller.start()
    caller.join(0.05)
    assert caller.is_alive()
    assert bench["laser"].enabled()
    bench.twin.faults.clear()
    caller.join(10.0)
    assert answers == [True]


def test_a_closed_instrument_neither_hangs_nor_fails_when_made_safe(bench):
    bench["oven"].close()
    bench.twin.faults.hang("oven")
    bench["oven"].make_safe()


def test_a_dead_modulator_passes_no_light(bench):
    healthy = expose(bench)
    bench.twin.faults.kill_channel("inputs", 2)
    seen = expose(bench)
    fields = np.sin(np.pi / 7 * INPUT_VOLTS)
    left = (fields.sum(axis=1) - fields[:, 2]) / fields.sum(axis=1)
    np.testing.assert_allclose(seen["z"], left[:, np.newaxis] * healthy["z"], rtol=1e-4)
    assert_as_before(bench, healthy)


def test_a_dead_detector_reads_nothing_and_the_light_goes_on(bench):
    healthy = expose(bench)
    bench.twin.faults.kill_channel("z", 1)
    seen = expose(bench)
    np.testing.assert_array_equal(seen["z"][:, 1], 0.0)
    np.testing.assert_array_equal(np.delete(seen["z"], 1, 1), np.delete(healthy["z"], 1, 1))
    np.testing.assert_array_equal(seen["a"], healthy["a"])
    assert_as_before(bench, healthy)


def test_a_saturated_detector_reads_its_full_scale(bench):
    healthy = expose(bench)
    bench.twin.faults.saturate_channel("outputs", 3)
    seen = expose(bench)
    np.testing.assert_array_equal(seen["outputs"][:, 3], bench["outputs"].saturation_volts)
    np.testing.assert_array_equal(seen["outputs"][:, :3], healthy["outputs"][:, :3])
    assert_as_before(bench, healthy)


def test_modulators_that_slip_show_the_shot_before(bench):
    healthy = expose(bench)
    bench.twin.faults.slip("inputs")
    seen = expose(bench)
    np.testing.assert_allclose(seen["z"][1:], healthy["z"][:-1], rtol=1e-6)
    np.testing.assert_allclose(seen["z"][0], healthy["z"][0], rtol=1e-6)
    # The errors are not late: they meet the absorber as another sample left it.
    assert np.abs(seen["delta"][1:] / healthy["delta"][1:] - 1).max() > 1e-3
    assert_as_before(bench, healthy)


def test_detectors_that_slip_read_late_and_the_light_is_right(bench):
    healthy = expose(bench)
    bench.twin.faults.slip("a", 2)
    seen = expose(bench)
    np.testing.assert_array_equal(seen["a"][2:], healthy["a"][:-2])
    np.testing.assert_array_equal(seen["a"][:2], healthy["a"][[0, 0]])
    np.testing.assert_array_equal(seen["outputs"], healthy["outputs"])
    assert_as_before(bench, healthy)


def test_slipping_by_more_than_there_is_leaves_the_first(bench):
    healthy = expose(bench)
    bench.twin.faults.slip("z", 9)
    np.testing.assert_array_equal(expose(bench)["z"], healthy["z"][[0] * SHOTS])


def test_a_fault_counts_for_a_sequence_that_is_fired_again(bench):
    # What was worked out for the healthy bench is not taken for the broken one.
    healthy = expose(bench)
    bench.twin.faults.kill_channel("inputs", 0)
    for name in ("inputs", "errors"):
        bench[name].arm()
    again = bench.expose(shots=SHOTS)
    assert np.abs(again["z"] / healthy["z"] - 1).min() > 0.05
