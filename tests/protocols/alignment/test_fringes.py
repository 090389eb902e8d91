"""Fringes of a perfect bench, and of detectors whose visibility is known."""

import numpy as np
import pytest
from simulated_bench import VOLTS_PER_FIELD, bench_file

from protocols.alignment import fringes
from protocols.alignment.bench_by_hand import opened_by_hand
from protocols.alignment.fringes import measure_fringes
from protocols.alignment.patterns import Blocks
from protocols.alignment.readings import BankReading, Reading


def opened(twin=None):
    return opened_by_hand(bench_file(twin=twin))


def lit(bench):
    bench.set_laser("laser", True)
    for arm in ("forward", "reference"):
        bench.set_arm(arm, True)
    bench.set_current("first", 0.06)
    bench.drive("inputs", None)
    bench.show("first", Blocks("row", row=1))


def test_a_fringe_is_as_large_as_the_light_and_turns_with_the_reference():
    with opened() as bench:
        lit(bench)
        volts, _ = bench.expose(4, ["z"], [])
        found = {one.name: one for one in measure_fringes(bench, "first")}["z"]
        assert found.amplitudes[1] == pytest.approx(volts["z"].mean(axis=0)[1], rel=1e-3)
        assert found.amplitudes[1] > 0.1 * VOLTS_PER_FIELD
        np.testing.assert_allclose(np.delete(found.amplitudes, 1), 0.0, atol=1e-6)
        bench.turn_reference("z", 1.0)
        turned = {one.name: one for one in measure_fringes(bench, "first")}["z"]
        slope = np.pi / bench.file.instruments["actuators"].settings.get("half", 5.0)
        change = np.angle(np.exp(1j * (turned.phases_radians - found.phases_radians)))[1]
        assert abs(change) == pytest.approx(slope, rel=0.01)


def test_the_panel_shows_what_it_showed_before():
    with opened() as bench:
        lit(bench)
        before = bench.expose(4, ["z"], [])[0]["z"].mean(axis=0)
        measure_fringes(bench, "first")
        after = bench.expose(4, ["z"], [])[0]["z"].mean(axis=0)
        np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-6)
        assert bench.shown["first"] == Blocks("row", row=1)


def test_a_camera_without_a_reference_sees_no_fringe():
    with opened() as bench:
        lit(bench)
        found = {one.name: one for one in measure_fringes(bench, "first")}["camera"]
        assert found.visibilities[0] < 0.02


@pytest.mark.parametrize("visibility", [0.1, 0.6, 0.95])
def test_visibility_is_that_of_the_light(monkeypatch, visibility):
    """A single detector behind two beams: ``I (1 + V cos(phase))`` at even steps."""
    phases = iter(np.linspace(0, 2 * np.pi, fringes.STEPS, endpoint=False))

    def single(bench, names, dark):
        level = 0.3 * (1 + visibility * np.cos(0.7 - next(phases)))
        noise = np.full(1, 1e-4)
        reading = BankReading("z", "first z", np.array([level]), noise, 1.0, noise > 1)
        return Reading([reading], [], [])

    monkeypatch.setattr(fringes, "take_reading", single)
    with opened() as bench:
        (found,) = measure_fringes(bench, "first")
    assert found.visibilities[0] == pytest.approx(visibility, rel=1e-6)
    assert found.levels[0] == pytest.approx(0.3)
    assert found.phases_radians[0] == pytest.approx(0.7)
