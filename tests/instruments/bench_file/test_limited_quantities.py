"""What a bench file can limit is what instruments say they limit, in the same units."""

import pytest

from instruments.bench_file.limited_quantities import LIMITED_QUANTITIES, read_limits, write_limits
from instruments.interfaces.kinds import INTERFACES
from instruments.limits import Limit

KINDS = tuple(INTERFACES)


def test_every_kind_of_instrument_is_known():
    assert set(LIMITED_QUANTITIES) == set(INTERFACES)


def test_limits_have_the_names_and_units_of_the_instruments(rig):
    known = LIMITED_QUANTITIES[rig.kind]
    for quantity, limit in rig.instrument.limits().items():
        assert known[quantity].unit == limit.unit


@pytest.mark.parametrize("kind", KINDS)
def test_limits_that_are_written_are_read_back(kind):
    limits = {
        name: Limit(2.0, 300.0, known.unit) for name, known in LIMITED_QUANTITIES[kind].items()
    }
    assert read_limits(kind, write_limits(kind, limits)) == limits
