"""Optical amplifiers: no current but what is allowed, and none when safe."""

import numpy as np
import pytest

from instruments.errors import InstrumentError, LimitError

KINDS = ("optical_amplifier",)


def allowed_currents(amplifiers, fraction=0.1):
    limit = amplifiers.limits()["current_amperes"]
    return np.full(amplifiers.channels, limit.low + fraction * (limit.high - limit.low))


def test_the_bench_never_allows_more_than_the_driver(rig):
    limits = rig.instrument.current_limits_amperes()
    assert limits.shape == (rig.instrument.channels,)
    assert (rig.instrument.limits()["current_amperes"].high <= limits).all()


def test_it_starts_disabled_and_without_current(rig):
    assert not rig.instrument.enabled()
    np.testing.assert_allclose(rig.instrument.currents_amperes(), 0.0, atol=1e-4)


def test_the_current_flows_once_enabled_and_stops_when_disabled(rig):
    amplifiers = rig.instrument
    currents = allowed_currents(amplifiers)
    amplifiers.set_currents_amperes(currents)
    np.testing.assert_allclose(amplifiers.currents_amperes(), 0.0, atol=1e-4)
    amplifiers.set_enabled(True)
    assert amplifiers.enabled()
    np.testing.assert_allclose(amplifiers.currents_amperes(), currents, rtol=rig.reading_tolerance)
    amplifiers.set_enabled(False)
    assert not amplifiers.enabled()
    np.testing.assert_allclose(amplifiers.currents_amperes(), 0.0, atol=1e-4)


@pytest.mark.parametrize("wrong", ["above", "below", "not a number"])
def test_one_current_outside_the_limit_and_none_is_changed(rig, wrong):
    amplifiers = rig.instrument
    amplifiers.set_currents_amperes(allowed_currents(amplifiers))
    amplifiers.set_enabled(True)
    before = amplifiers.currents_amperes()
    limit = amplifiers.limits()["current_amperes"]
    asked = allowed_currents(amplifiers, 0.2)
    asked[-1] = {"above": limit.high + 0.01, "below": limit.low - 0.01}.get(wrong, np.nan)
    with pytest.raises(LimitError, match=amplifiers.name):
        amplifiers.set_currents_amperes(asked)
    np.testing.assert_allclose(
        amplifiers.currents_amperes(), before, rtol=rig.reading_tolerance, atol=1e-6
    )


def test_another_number_of_channels_is_refused(rig):
    with pytest.raises(InstrumentError, match="shape"):
        rig.instrument.set_currents_amperes(np.zeros(rig.instrument.channels + 1))


def test_it_measures_a_value_for_every_channel(rig):
    amplifiers = rig.instrument
    assert amplifiers.temperatures_celsius().shape == (amplifiers.channels,)
    assert amplifiers.powers_watts().shape == (amplifiers.channels,)
    assert amplifiers.ramp_amperes_per_second > 0


def test_safe_it_is_disabled_and_enabling_it_again_brings_no_current_back(rig):
    amplifiers = rig.instrument
    amplifiers.set_currents_amperes(allowed_currents(amplifiers))
    amplifiers.set_enabled(True)
    amplifiers.make_safe()
    assert not amplifiers.enabled()
    np.testing.assert_allclose(amplifiers.currents_amperes(), 0.0, atol=1e-4)
    amplifiers.set_enabled(True)
    np.testing.assert_allclose(amplifiers.currents_amperes(), 0.0, atol=1e-4)
