"""Drifts pass with the twin's time: references' phases at every exposure, biases by the second."""

from itertools import pairwise

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, simulated_bench, volts_for

from sim_backends.twin.twin import BIAS_DRIFT_INTERVAL_SECONDS

BANKS = ("z", "a", "delta", "rho", "outputs")


def lit(**twin):
    bench = simulated_bench(twin=twin)
    bench.switch_on()
    bench.show(
        "slm_1", np.ones((HIDDEN, INPUTS), np.float32), np.zeros((HIDDEN, INPUTS), np.float32)
    )
    return bench


def phases_after(bench, seconds, times):
    """Return the drifts ``[times, banks]`` seen by exposures ``seconds`` apart."""
    seen = []
    for _ in range(times):
        bench.twin.clock.wait(seconds - bench.twin.shot_period_seconds)
        bench["trigger"].fire(1)
        seen.append([bench.twin.detectors[name].drift_radians for name in BANKS])
    return np.array(seen)


def test_long_after_another_phases_have_their_rms_and_are_independent():
    bench = lit(taps={"phase_drift": "0.03 rad", "phase_drift_time": "10 s"})
    phases = phases_after(bench, 200.0, 300)
    # 1500 values: a standard error of 1.8 %.
    assert phases.std() == pytest.approx(0.03, rel=0.075)
    assert np.abs(np.corrcoef(phases.T) - np.eye(5)).max() < 0.24
    assert abs(np.corrcoef(phases[1:].ravel(), phases[:-1].ravel())[0, 1]) < 0.11


def test_soon_after_another_phases_have_hardly_moved():
    # Over t = tau / 10 the correlation is exp(-0.1) = 0.905.
    bench = lit(taps={"phase_drift": "0.03 rad", "phase_drift_time": "10 s"})
    phases = phases_after(bench, 1.0, 800)
    correlation = np.mean(phases[1:] * phases[:-1]) / np.mean(phases**2)
    assert correlation == pytest.approx(0.905, abs=0.025)


def test_a_drifted_phase_takes_its_cosine_off_the_readings():
    bench = lit(taps={"phase_drift": "0.5 rad", "phase_drift_time": "1 s"})
    volts = volts_for(np.full((1, INPUTS), 0.3))
    factors, cosines = [], []
    for _ in range(5):
        bench.twin.clock.wait(5.0)
        reading = bench.expose(volts)["z"][0, 0]
        factors.append(reading / (0.1 * bench.twin.stages[0].z[0, 0, 0]))
        cosines.append(np.cos(bench.twin.detectors["z"].drift_radians))
    np.testing.assert_allclose(factors, cosines, rtol=1e-4)
    assert np.ptp(cosines) > 0.02


def test_time_in_which_no_light_is_taken_counts_too():
    one = lit(taps={"phase_drift": "0.03 rad", "phase_drift_time": "10 s"})
    other = lit(taps={"phase_drift": "0.03 rad", "phase_drift_time": "10 s"})
    quick = phases_after(one, 0.01, 60)
    slow = phases_after(other, 100.0, 60)
    assert np.diff(quick, axis=0).std() < 0.1 * np.diff(slow, axis=0).std()


def test_biases_move_in_steps_of_a_second():
    bench = lit(modulators={"bias_drift": "0.01 rad", "bias_drift_time": "60 s"})
    truth = bench.twin.modulators["inputs"]
    bench["trigger"].fire(1)
    moved = []
    for _ in range(8):
        before = truth.drift_radians.copy()
        bench.twin.clock.wait(0.4 * BIAS_DRIFT_INTERVAL_SECONDS)
        bench["trigger"].fire(1)
        moved.append(not np.array_equal(before, truth.drift_radians))
    assert any(moved)
    assert not all(moved)
    assert not any(one and other for one, other in pairwise(moved))


def test_a_moved_bias_changes_the_light_of_a_held_setting():
    bench = lit(modulators={"bias_drift": "0.05 rad", "bias_drift_time": "60 s"})
    bench.twin.clock.wait(600.0)
    for _ in range(2):
        bench.twin.clock.wait(600.0)
        bench["trigger"].fire(1)
        drift = bench.twin.modulators["inputs"].drift_radians
        np.testing.assert_allclose(bench.twin.stages[0].x[0, 0], np.sin(drift), atol=1e-6)
    assert drift.std() > 0.01


def test_a_perfect_twin_does_not_drift():
    bench = lit()
    np.testing.assert_array_equal(phases_after(bench, 1000.0, 3), 0.0)
    np.testing.assert_array_equal(bench.twin.modulators["inputs"].drift_radians, 0.0)
