"""Arrays that can be written are copied, others handed on."""

import numpy as np
import pytest

from instruments.read_only import read_only


def test_what_can_be_written_is_copied_and_can_be_written_no_longer():
    given = np.arange(6, dtype=np.uint16).reshape(2, 3)
    kept = read_only(given)
    given[0, 0] = 9
    assert kept.dtype == np.uint16
    np.testing.assert_array_equal(kept, [[0, 1, 2], [3, 4, 5]])
    with pytest.raises(ValueError, match="read-only"):
        kept[0, 0] = 1


def test_what_cannot_be_written_is_handed_on_as_it_is():
    given = np.ones(3)
    given.setflags(write=False)
    assert read_only(given) is given


@pytest.mark.parametrize("view", [lambda given: given[:], lambda given: np.frombuffer(given)])
def test_a_view_of_what_can_be_written_is_copied(view):
    given = np.ones(3)
    seen = view(given)
    seen.setflags(write=False)
    kept = read_only(seen)
    given[:] = 7
    np.testing.assert_array_equal(kept, 1)


def test_a_view_of_what_cannot_be_written_is_handed_on():
    given = np.ones(3)
    given.setflags(write=False)
    seen = given[1:]
    assert read_only(seen) is seen
