"""Power meters."""

import math

import pytest

from instruments.errors import LimitError

KINDS = ("power_meter",)


def test_it_reads_watts(rig):
    for averages in (1, 3):
        assert math.isfinite(rig.instrument.read_watts(averages))


def test_the_wavelength_can_be_set_within_its_limit(rig):
    limit = rig.instrument.limits()["wavelength_metres"]
    rig.instrument.set_wavelength_metres(limit.low)
    assert rig.instrument.wavelength_metres() == pytest.approx(limit.low, rel=1e-3)
    for wrong in (limit.high * 2, limit.low / 2, math.nan):
        with pytest.raises(LimitError, match="wavelength"):
            rig.instrument.set_wavelength_metres(wrong)
