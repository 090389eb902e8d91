"""Whatever order rows are heard in, what is shown is a beginning of what was written."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some

from gui.model.live_table import LiveTable

COUNT = 120
TRUTH = np.stack([np.arange(COUNT), np.sin(np.arange(COUNT)) + 2], axis=1)


def batches():
    """Batches a socket may deliver: any stretch, in any order, twice or never."""
    stretch = some.tuples(some.integers(0, COUNT - 1), some.integers(0, 30))
    return some.lists(some.tuples(stretch, some.booleans()), max_size=40)


@settings(deadline=None)
@given(batches(), some.data())
def test_any_order_gap_or_repetition_gives_what_the_store_holds(heard, data):
    table = LiveTable(("step", "value"), ("", ""))
    committed = 0
    for (first, length), from_store in heard:
        if from_store:
            # The store gives what is committed from the first row that is missing.
            committed = max(committed, data.draw(some.integers(committed, COUNT)))
            if committed > len(table):
                table.fill(len(table), TRUTH[len(table) : committed])
        else:
            table.hear(first, TRUTH[first : first + length], committed)
        np.testing.assert_array_equal(table.rows(), TRUTH[: len(table)])
        assert table.committed <= COUNT
    table.fill(len(table), TRUTH[len(table) :])
    np.testing.assert_array_equal(table.rows(), TRUTH)
    assert table.provisional == 0
    assert table.gap is None


def test_a_gap_is_told_and_closed_by_the_store():
    table = LiveTable(("step", "value"), ("", ""))
    table.hear(0, TRUTH[:10], 0)
    table.hear(40, TRUTH[40:50], 35)
    assert len(table) == 10
    assert table.gap == (10, 40)
    table.fill(10, TRUTH[10:40])
    assert len(table) == 50
    assert table.gap is None


def test_rows_that_were_never_committed_are_withdrawn():
    table = LiveTable(("step", "value"), ("", ""))
    table.fill(0, TRUTH[:20])
    table.hear(20, TRUTH[20:33], 20)
    assert table.provisional == 13
    table.smoothed("value", 0.5)
    assert table.withdraw()
    np.testing.assert_array_equal(table.rows(), TRUTH[:20])
    assert len(table.smoothed("value", 0.5)) == 20


def test_the_store_is_right_where_the_two_differ():
    table = LiveTable(("step", "value"), ("", ""))
    table.hear(0, TRUTH[:30] + 1, 0)
    table.fill(0, TRUTH[:30])
    np.testing.assert_array_equal(table.rows(), TRUTH[:30])


def test_envelopes_follow_a_table_that_is_withdrawn_and_grows_again():
    values = np.random.default_rng(2).normal(size=(5000, 1))
    table = LiveTable(("value",), ("",))
    table.fill(0, values[:3000])
    table.hear(3000, np.full((500, 1), 1e6), 3000)
    assert table.envelope("value", 0, 3500, 50).highs.max() == 1e6
    table.withdraw()
    table.fill(3000, values[3000:])
    envelope = table.envelope("value", 0, 5000, 50)
    assert envelope.highs.max() == values.max()
    assert envelope.lows.min() == values.min()


def test_a_row_of_another_width_is_not_taken():
    table = LiveTable(("step", "value"), ("", ""))
    table.hear(0, np.ones((3, 5)), 0)
    assert len(table) == 0


class TestMeasuredNowAndThen:
    """A column that is NaN at most steps, as a check of the gradient every so often leaves it."""

    @staticmethod
    def rows(count):
        rows = np.stack([np.arange(count), np.full(count, np.nan)], axis=1).astype(float)
        rows[::20, 1] = np.arange(0, count, 20) * 0.5
        return rows

    def test_what_was_measured_is_a_table_without_what_was_not(self):
        table = LiveTable(("step", "value"), ("", "dB"))
        table.fill(0, self.rows(100)[:50])
        assert table.measured("value")["step"].tolist() == [0, 20, 40]
        table.fill(50, self.rows(100)[50:])
        found = table.measured("value")
        assert found["step"].tolist() == [0, 20, 40, 60, 80]
        np.testing.assert_array_equal(found["value"], found["step"] * 0.5)
        assert found.units == {"step": "", "value": "dB"}

    def test_rows_that_are_withdrawn_are_no_longer_measured(self):
        table = LiveTable(("step", "value"), ("", ""))
        table.hear(0, self.rows(100), 50)
        assert len(table.measured("value")) == 5
        table.withdraw()
        assert table.measured("value")["step"].tolist() == [0, 20, 40]
