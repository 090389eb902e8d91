"""Simulated modulators: sin(pi V / (2 V_pi)), light left at null, steps, what they hold."""

import numpy as np
import pytest
from simulated_bench import HALF_WAVE_VOLTS, INPUTS, TIMEOUT, simulated_bench

from instruments.errors import LimitError
from instruments.interfaces.sequence import SequenceError


def lit(**changes):
    bench = simulated_bench(**changes)
    bench.switch_on()
    return bench


def light_of(bench, volts, shots=None):
    """Return the fields ``[shots, inputs]`` behind the modulators."""
    shots = bench.load(volts) if shots is None else shots
    bench["trigger"].fire(shots)
    return bench.twin.stages[0].x[0]


def alike(*volts):
    return np.repeat(np.array(volts, np.float32)[:, np.newaxis], INPUTS, axis=1)


def test_the_field_is_full_at_the_half_wave_voltage_and_has_the_sign_of_the_voltage():
    volts = alike(0.0, HALF_WAVE_VOLTS / 3, HALF_WAVE_VOLTS, -HALF_WAVE_VOLTS)
    expected = np.array([0.0, 0.5, 1.0, -1.0])
    np.testing.assert_allclose(light_of(lit(), volts)[:, 0], expected, atol=1e-6)


def test_a_stronger_source_scales_every_field():
    bench = lit(settings={"inputs": {"field_at_full": 2.5}})
    np.testing.assert_allclose(light_of(bench, alike(HALF_WAVE_VOLTS)), 2.5, rtol=1e-6)


def test_a_field_of_either_sign_is_left_at_null():
    # 30 dB of extinction is a thousandth of the power.
    bench = lit(twin={"modulators": {"leakage": 10**-1.5}})
    left = light_of(bench, alike(0.0))[0]
    np.testing.assert_allclose(left**2, 1e-3, rtol=1e-5)
    assert {*np.sign(left)} == {-1.0, 1.0}


def test_a_bias_off_null_makes_an_offset_of_its_sine():
    bench = lit(twin={"modulators": {"bias_spread": "0.05 rad"}})
    bias = bench.twin.modulators["inputs"].bias_radians
    assert 0.01 < np.abs(bias).max() < 0.2
    np.testing.assert_allclose(light_of(bench, alike(0.0))[0], np.sin(bias), atol=1e-6)


def test_a_converter_of_few_bits_rounds_the_voltage():
    # 4 bits over plus and minus 5 V: steps of 0.625 V.
    bench = lit(settings={"inputs": {"bits": 4}}, twin={"modulators": {"quantised": True}})
    fields = light_of(bench, alike(0.31, 0.32, -0.94))[:, 0]
    shown = np.array([0.0, 0.625, -1.25])
    np.testing.assert_allclose(fields, np.sin(np.pi * shown / (2 * HALF_WAVE_VOLTS)), atol=1e-6)


def test_the_last_setting_stays_after_the_sequence():
    bench = lit()
    volts = alike(1.0, 2.0)
    first = light_of(bench, volts, shots=bench.load(volts) + 2)
    np.testing.assert_array_equal(first[1], first[2])
    np.testing.assert_array_equal(first[1], first[3])
    np.testing.assert_array_equal(bench["inputs"].volts_now(), volts[-1])
    np.testing.assert_array_equal(light_of(bench, None, shots=1)[0], first[1])


def test_a_sequence_fired_in_parts_goes_on_where_it_was():
    bench = lit()
    volts = alike(1.0, 2.0, 3.0)
    whole = light_of(bench, volts).copy()
    bench.load(volts)
    np.testing.assert_array_equal(light_of(bench, None, shots=1), whole[:1])
    np.testing.assert_array_equal(light_of(bench, None, shots=2), whole[1:])
    bench["inputs"].wait_until_done(TIMEOUT)


def test_made_safe_it_holds_no_voltage_and_the_modulators_are_at_null():
    bench = lit()
    light_of(bench, alike(2.0))
    bench["inputs"].make_safe()
    np.testing.assert_array_equal(light_of(bench, None, shots=1), 0.0)


def test_the_bench_file_narrows_the_voltage():
    bench = lit(limits={"inputs": {"volts": ["-2 V", "2 V"]}})
    with pytest.raises(LimitError, match=r"volts of 2\.5 V"):
        bench["inputs"].load(alike(2.5))


@pytest.mark.parametrize(("wrong", "error"), [(2.0, SequenceError), (np.nan, LimitError)])
def test_a_sequence_refused_while_another_is_armed_leaves_that_one(wrong, error):
    bench = lit()
    volts = alike(1.0, 3.0)
    whole = light_of(bench, volts).copy()
    bench.load(volts)
    with pytest.raises(error):
        bench["inputs"].load(alike(wrong, wrong))
    np.testing.assert_array_equal(light_of(bench, None, shots=2), whole)


def test_volts_that_are_changed_once_they_are_loaded_change_nothing():
    bench = lit()
    volts = alike(1.0, 3.0)
    whole = light_of(bench, volts).copy()
    bench.load(volts)
    volts[:] = 0.0
    np.testing.assert_array_equal(light_of(bench, None, shots=2), whole)


def test_what_is_loaded_meanwhile_does_not_reach_the_setting_that_is_held():
    bench = lit()
    light_of(bench, alike(0.5, 0.6))
    held = light_of(bench, alike(1.0, 2.0)).copy()[1:]
    bench.load(alike(3.0, -1.0))
    bench["inputs"].stop()
    bench.load(alike(-2.0, 0.0))
    bench["inputs"].stop()
    np.testing.assert_array_equal(bench["inputs"].volts_now(), alike(2.0)[0])
    np.testing.assert_array_equal(light_of(bench, None, shots=1), held)


def test_sequences_of_one_length_take_turns_and_are_shown_as_loaded():
    bench = lit()
    sequences = [alike(*np.linspace(-3, 3, 4) * share) for share in (0.2, 0.4, 0.6, 0.8, 1.0)]
    shown = [light_of(bench, volts).copy() for volts in sequences]
    alone = [light_of(lit(), volts).copy() for volts in sequences]
    np.testing.assert_array_equal(shown, alone)
