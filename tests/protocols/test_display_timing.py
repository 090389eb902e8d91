"""Timing a panel's light finds what the twin does, and what goes wrong on the way to the screen."""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_bench
from instruments.bench_opening import open_bench
from instruments.calibration_light import CalibrationLight
from instruments.errors import CalibrationError
from instruments.opening import SharedResources
from protocols.display_timing import measure_display_timing

REFRESH = 1 / 60
READING = 1e-4
TIMING = {"refresh": "16.666667 ms", "settling": "30 ms"}


def measured(twin=None, panel=None, spoil=None, flashes=40, stage="first"):
    file = built_in_bench("digits")
    slm = file.instruments["slm_1"]
    slm = slm.model_copy(update={"settings": {**slm.settings, **TIMING, **(panel or {})}})
    file = file.model_copy(
        update={
            "twin": {"seed": 3, **(twin or {})},
            "instruments": {**file.instruments, "slm_1": slm},
        }
    )
    shared = SharedResources()
    with open_bench(file, shared=shared) as bench:
        light = CalibrationLight(bench, file)
        if spoil is not None:
            spoil(shared.built()["twin"])
        return measure_display_timing(
            light, stage, flashes=flashes, generator=np.random.default_rng(1)
        )


def between(change, truth):
    """Let every frame on its way to the twin's panel pass through a function."""
    show = truth.show

    def spoilt(panel, depth, offset, moment=None):
        changed = change(moment)
        if changed is not None:
            show(panel, depth, offset, changed)

    truth.show = spoilt


@pytest.mark.parametrize("milliseconds", [1.0, 4.0])
def test_it_finds_the_settling_time_of_the_twin(milliseconds):
    found = measured({"panels": {"settling_time": f"{milliseconds} ms"}})
    true = milliseconds * 1e-3
    assert found.time_constant == pytest.approx(true, rel=0.03)
    # An exponential misses a hundredth after ln(100) time constants.
    assert found.settling == pytest.approx(true * np.log(100), rel=0.15)
    assert found.margin == pytest.approx(30e-3 - true * np.log(100), rel=0.15)
    assert found.skipped_frames == found.unseen == 0
    assert found.reading == pytest.approx(READING)


def test_latency_is_the_wait_for_the_next_refresh():
    """Frames handed over at random moments wait for anything up to a whole refresh."""
    found = measured(flashes=80)
    standard_error = REFRESH / np.sqrt(12 * 80)
    assert found.latency == pytest.approx(REFRESH / 2, abs=4 * standard_error)
    assert found.latency_spread == pytest.approx(REFRESH / np.sqrt(12), rel=0.25)
    assert -READING < found.earliest < found.latest < REFRESH + READING
    assert found.unstated_latency == pytest.approx(0.0, abs=READING)


def test_light_that_comes_later_than_the_driver_says_is_named_with_by_how_much():
    late = 23e-3

    def spoil(truth):
        between(lambda moment: moment + late, truth)

    found = measured(spoil=spoil)
    assert found.unstated_latency == pytest.approx(late, abs=READING)
    assert found.margin < 0
    assert found.skipped_frames == 0
    stated = measured(panel={"latency": "23 ms"})
    assert stated.unstated_latency == pytest.approx(0.0, abs=READING)
    assert stated.margin > 0


def test_frames_that_come_refreshes_too_late_are_counted():
    numbers = iter(range(1000))

    def spoil(truth):
        def delay(moment):
            number = next(numbers)
            return moment + (2 * REFRESH if number % 10 == 9 else 0.0)

        between(delay, truth)

    found = measured(spoil=spoil)
    shown = next(numbers)
    assert found.skipped_frames == pytest.approx(2 * (shown // 10), abs=2)


def test_frames_that_never_come_are_counted():
    numbers = iter(range(1000))

    def spoil(truth):
        # Bright and dark take turns: of two that are lost in a row the light shows one change less.
        between(lambda moment: None if next(numbers) in (20, 30) else moment, truth)

    found = measured(spoil=spoil)
    assert found.unseen == 4


def test_without_light_it_is_refused():
    def spoil(truth):
        truth.laser_on = False
        truth.set_laser = lambda **_: None

    with pytest.raises(CalibrationError, match="no clear change of light"):
        measured(spoil=spoil)


def test_a_panel_that_does_not_change_is_refused():
    def spoil(truth):
        # The first three frames find the light that the flashes are then missed in.
        count = iter(range(1000))
        between(lambda moment: moment if next(count) < 3 else None, truth)

    with pytest.raises(CalibrationError, match="did not change within"):
        measured(spoil=spoil)


def test_a_panel_lit_through_another_stage_is_refused():
    with pytest.raises(CalibrationError, match=r"stages\.second\.inputs: missing; 'slm_2' is lit"):
        measured(stage="second")
