"""An exposure that fails half way is abandoned, and its own error is the one that is told."""

import threading

import pytest

from instruments.whole_exposures import WholeExposures


def test_what_went_well_is_not_abandoned():
    with WholeExposures(lambda: pytest.fail("abandoned"), 10.0):
        pass


def test_what_failed_is_abandoned_once():
    abandoned = []
    exposures = WholeExposures(lambda: abandoned.append("stopped"), 10.0)
    with pytest.raises(ValueError, match="half way"), exposures:
        raise ValueError("half way")
    assert abandoned == ["stopped"]


def test_an_instrument_that_cannot_be_stopped_does_not_hide_the_error(caplog):
    def refuse():
        raise RuntimeError("no connection")

    with pytest.raises(ValueError, match="half way"), WholeExposures(refuse, 10.0):
        raise ValueError("half way")
    assert "could not be abandoned" in caplog.text
    assert "no connection" in caplog.text


def test_an_instrument_that_hangs_is_waited_for_no_longer_than_allowed(caplog):
    released = threading.Event()
    try:
        with pytest.raises(ValueError, match="half way"), WholeExposures(released.wait, 0.05):
            raise ValueError("half way")
    finally:
        released.set()
    assert "could not be abandoned" in caplog.text
