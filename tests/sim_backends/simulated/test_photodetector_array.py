"""Simulated detectors: volts per field, the digitiser's ends, the reference."""

import numpy as np
import pytest
from simulated_bench import HIDDEN, INPUTS, VOLTS_PER_FIELD, bench_file, simulated_bench, volts_for

from instruments.errors import BenchFileError
from instruments.opening import SharedResources, prepare_instrument

ONES = np.ones((HIDDEN, INPUTS), np.float32)


def lit(**changes):
    bench = simulated_bench(**changes)
    bench.switch_on()
    bench.show("slm_1", ONES, 0 * ONES)
    return bench


def test_it_reads_the_real_part_of_the_field_in_volts():
    bench = lit()
    readings = bench.expose(volts_for(np.array([[0.1] * 6, [-0.2] * 6])))
    field = bench.twin.stages[0].z[0]
    assert np.abs(field).min() > 0.1
    np.testing.assert_allclose(readings["z"], VOLTS_PER_FIELD * field, rtol=1e-5)
    np.testing.assert_allclose(readings["z"][1], -2 * readings["z"][0], rtol=1e-4)


def test_a_field_at_right_angles_to_the_reference_reads_nothing():
    bench = lit()
    bench.show("slm_1", ONES, np.float32(0.25) * ONES)
    readings = bench.expose(volts_for(np.full((1, INPUTS), 0.5)))
    assert np.abs(bench.twin.stages[0].z[1]).min() > 0.1
    np.testing.assert_allclose(readings["z"], 0.0, atol=1e-6)


def test_the_digitiser_rounds_to_its_steps_and_ends_at_its_full_scale():
    # 3 bits over plus and minus 0.08 V: steps of 0.02 V.
    settings = {"z": {"full_scale": "0.08 V", "bits": 3}}
    bench = lit(settings=settings, twin={"taps": {"quantised": True}})
    exact = VOLTS_PER_FIELD * lit_field(bench, [0.05, 0.4, 1.0, -1.0])
    read = bench.expose(volts_for(np.outer([0.05, 0.4, 1.0, -1.0], np.ones(INPUTS))))["z"]
    assert exact.max() > 0.1
    np.testing.assert_allclose(read, np.clip(np.round(exact / 0.02) * 0.02, -0.08, 0.08), atol=1e-7)
    assert read.max() == pytest.approx(bench["z"].saturation_volts)


def lit_field(bench, amplitudes):
    bench.expose(volts_for(np.outer(amplitudes, np.ones(INPUTS))))
    return bench.twin.stages[0].z[0].copy()


def test_without_its_reference_it_reads_its_own_offset_whatever_the_light():
    bench = lit(twin={"taps": {"offset": "2 mV"}})
    bench["reference_shutter"].set_open(False)
    readings = bench.expose(volts_for(np.array([[0.0] * 6, [1.0] * 6])))["z"]
    offsets = bench.twin.detectors["z"].offset_volts
    assert np.abs(offsets).max() > 5e-4
    np.testing.assert_allclose(readings, [offsets, offsets], atol=1e-8)


def test_shots_after_the_last_one_armed_for_are_lost():
    bench = lit()
    bench.load(volts_for(np.outer([0.1, 0.2, 0.3], np.ones(INPUTS))))
    bench["z"].arm(2)
    bench["trigger"].fire(3)
    read = bench["z"].read(1.0)
    np.testing.assert_allclose(read[1], 2 * read[0], rtol=1e-4)
    assert len(read) == 2


def test_detectors_that_are_no_tap_are_refused_with_where_to_name_them():
    bench = bench_file()
    stage = bench.stages["first"]
    taps = stage.taps.model_copy(update={"rho": None})
    stages = {**bench.stages, "first": stage.model_copy(update={"taps": taps})}
    without = bench.model_copy(update={"stages": stages}).read_from("bench.toml", None)
    with pytest.raises(Exception, match=r"rho: no stage .* stages\.NAME\.taps") as caught:
        prepare_instrument(without, "rho", SharedResources()).open()
    assert not isinstance(caught.value, BenchFileError)
