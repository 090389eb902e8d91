"""Modulator arrays: voltages go out shot by shot, within their limit or not at all."""

import numpy as np
import pytest

from instruments.errors import InstrumentError, LimitError

KINDS = ("modulator_array",)


def some_volts(modulators, shots=5):
    limit = modulators.limits()["volts"]
    low, high = max(limit.low, -1.0), min(limit.high, 1.0)
    volts = np.linspace(low, high, shots * modulators.channels)
    return volts.reshape(shots, modulators.channels).astype(np.float32)


def show(rig, volts):
    rig.instrument.load(volts)
    rig.instrument.arm()
    rig.fire(len(volts))
    rig.instrument.wait_until_done(rig.timeout_seconds)


@pytest.mark.parametrize("wrong", ["above", "below", "not a number"])
def test_a_voltage_outside_the_limit_is_refused_and_nothing_is_loaded(rig, wrong):
    limit = rig.instrument.limits()["volts"]
    value = {"above": limit.high + 1.0, "below": limit.low - 1.0, "not a number": np.nan}[wrong]
    volts = some_volts(rig.instrument)
    volts[-1, -1] = value
    with pytest.raises(LimitError, match=rig.instrument.name):
        rig.instrument.load(volts)
    with pytest.raises(InstrumentError):
        rig.instrument.arm()


def test_another_number_of_channels_is_refused(rig):
    for shape in [(5, rig.instrument.channels + 1), (rig.instrument.channels,)]:
        with pytest.raises(InstrumentError, match="shape"):
            rig.instrument.load(np.zeros(shape, np.float32))


def test_the_callers_array_may_be_used_again_at_once(rig):
    if rig.light is None:
        pytest.skip("nobody looks at its light")
    volts = some_volts(rig.instrument)
    show(rig, volts.copy())
    expected = rig.light()
    rig.instrument.load(volts)
    volts[...] = 0.0
    rig.instrument.arm()
    rig.fire(len(volts))
    rig.instrument.wait_until_done(rig.timeout_seconds)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(rig.light(), expected, atol=rig.light_tolerance * scale)


def test_float64_is_converted(rig):
    show(rig, some_volts(rig.instrument).astype(np.float64))
