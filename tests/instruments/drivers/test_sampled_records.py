"""Records are cut into shots by when their samples were taken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instruments.drivers.sampled_records import ShotWindow, shot_means
from instruments.errors import InstrumentError

PERIOD = 1e-4
HALF = ShotWindow(PERIOD, 0.5 * PERIOD, PERIOD)


def record_of(values, sample, count, wrong=99.0, window=HALF):
    """Sample shots of ``values``: their value in the window, something else outside of it."""
    times = (np.arange(count) + 0.5) * sample
    shot = np.minimum((times / PERIOD).astype(int), len(values) - 1)
    phase = times - shot * PERIOD
    # A sample that pokes out by a thousandth of itself is as good as inside.
    half = (0.5 - 1e-3) * sample
    inside = (phase - half >= window.begin_seconds) & (phase + half <= window.end_seconds)
    return np.where(inside, np.asarray(values)[shot], wrong)


@given(
    st.lists(st.integers(-2000, 2000), min_size=1, max_size=20),
    st.floats(4.1, 60.0),
)
@settings(max_examples=60, deadline=None)
def test_no_sample_outside_a_window_ever_counts(values, samples_a_shot):
    sample = PERIOD / samples_a_shot
    count = int(np.ceil(len(values) * samples_a_shot)) + 2
    record = record_of(values, sample, count, wrong=1e6)
    # What is written down is the middle of a sample's time.
    means = shot_means(record, 0.5 * sample, sample, len(values), HALF, "scope")
    np.testing.assert_allclose(means, values, atol=1e-9)


def test_the_mean_over_a_window_is_that_of_its_samples():
    # Ten samples a shot, at their middles; the last five count.
    record = np.arange(20, dtype=np.int16)
    means = shot_means(record, 0.5e-5, 1e-5, 2, HALF, "scope")
    np.testing.assert_array_equal(means, [7.0, 17.0])


def test_a_record_may_begin_before_the_trigger():
    record = np.concatenate([np.full(30, -1), np.arange(10)])
    means = shot_means(record, -30e-5 + 0.5e-5, 1e-5, 1, HALF, "scope")
    np.testing.assert_array_equal(means, [7.0])


def test_a_window_without_a_whole_sample_is_refused():
    with pytest.raises(InstrumentError, match=r"scope: a window of 5e-05 s holds no sample"):
        shot_means(np.zeros(100), 0.0, 1e-4, 2, HALF, "scope")


def test_a_record_that_ends_too_early_is_refused():
    with pytest.raises(InstrumentError, match=r"scope: its record has 19 samples.*need 20"):
        shot_means(np.zeros(19), 0.5e-5, 1e-5, 2, HALF, "scope")
