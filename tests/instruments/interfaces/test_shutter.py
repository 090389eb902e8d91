"""Shutters."""

KINDS = ("shutter",)


def test_it_opens_and_shuts(rig):
    for is_open in (True, False, False, True):
        rig.instrument.set_open(is_open)
        assert rig.instrument.is_open() is is_open
    assert rig.instrument.travel_seconds >= 0


def test_safe_it_is_shut(rig):
    rig.instrument.set_open(True)
    rig.instrument.make_safe()
    assert rig.instrument.is_open() is False
