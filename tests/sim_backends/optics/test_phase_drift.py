import numpy as np
import pytest

from sim_backends.optics import phase_drift as drift


def test_two_short_steps_have_the_mean_and_variance_of_one_long_step():
    start, rms, tau, first, second = 0.8, 0.3, 5.0, 1.3, 2.6
    normals = np.random.default_rng(0).standard_normal((2, 400_000))
    between = drift.drifted(np.full(400_000, start), first, tau, rms, normals[0])
    end = drift.drifted(between, second, tau, rms, normals[1])
    decay = np.exp(-(first + second) / tau)
    assert end.mean() == pytest.approx(start * decay, abs=2e-3)
    assert end.var() == pytest.approx(rms**2 * (1 - decay**2), rel=1e-2)


def test_composition_is_exact_in_its_coefficients():
    # The update is linear: its response to state and noise, not a sample, is composed here.
    tau, rms, first, second = 5.0, 0.3, 1.3, 2.6
    state = drift.drifted(drift.drifted(1.0, first, tau, rms, 0.0), second, tau, rms, 0.0)
    assert state == pytest.approx(drift.drifted(1.0, first + second, tau, rms, 0.0), rel=1e-14)
    carried = drift.drifted(drift.drifted(0.0, first, tau, rms, 1.0), second, tau, rms, 0.0)
    fresh = drift.drifted(0.0, second, tau, rms, 1.0)
    together = drift.drifted(0.0, first + second, tau, rms, 1.0)
    assert carried**2 + fresh**2 == pytest.approx(together**2, rel=1e-14)


def test_no_time_leaves_the_state_and_long_time_forgets_it():
    assert drift.drifted(0.7, 0.0, 5.0, 0.3, 1.9) == 0.7
    assert drift.drifted(0.7, 1e4, 5.0, 0.3, 1.9) == pytest.approx(0.3 * 1.9)


def test_short_steps_are_a_random_walk():
    tau, rms, step = 5.0, 0.3, 1e-9
    expected = rms * np.sqrt(2 * step / tau)
    assert drift.drifted(0.0, step, tau, rms, 1.0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("elapsed", [0.0, 1e-9, 2.6, 1e4])
def test_single_numbers_move_as_arrays_do(elapsed):
    kept, spread = drift.transition(elapsed, 5.0, 0.3)
    expected = drift.drifted(np.array([0.7, -0.2]), elapsed, 5.0, 0.3, np.array([1.9, 0.4]))
    moved = [kept * 0.7 + spread * 1.9, kept * -0.2 + spread * 0.4]
    assert moved == pytest.approx(expected.tolist(), rel=1e-14)
