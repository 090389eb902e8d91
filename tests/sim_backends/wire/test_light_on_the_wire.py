"""What is set over SCPI is what light does: boxes share the twin's optics with everything else."""

import numpy as np
import pytest
from simulated_bench import TIMEOUT, simulated_bench, volts_for
from wire_bench import wire_bench, wire_bench_file

from instruments.opening import SharedResources

DETECTED = {"z": {"bits": 14, "full_scale": "4 V", "volts_per_field": "0.1 V"}}


def perfect(*names, **settings):
    return wire_bench(*names, settings={**DETECTED, **settings} if "z" in names else settings)


def test_an_amplifiers_current_changes_the_oscilloscopes_record_as_the_twins_curve_says():
    bench = perfect("amplifier_1", "z", "trigger")
    bench.switch_on(amperes=0.03)
    bench["slm_1"].wait_until_settled(TIMEOUT)
    bench.show_random()
    source = bench["amplifier_1"]._sessions[0]
    scope = bench["z"]
    readings, expected = [], []
    for amperes in (0.03, 0.05, 0.07):
        source.write(f"SOUR1:CURR {amperes}")
        bench.load(volts_for(np.full((3, 6), 0.5)))
        scope.arm(3)
        bench["trigger"].fire(3)
        readings.append(scope.read(TIMEOUT)[-1].astype(float))
        truth = bench.twin.amplifiers["amplifier_1"]
        expected.append(float(np.sqrt(truth.small_signal_gain(amperes))))
    largest = int(np.argmax(np.abs(readings[0])))
    grown = np.array(readings)[:, largest] / readings[0][largest]
    np.testing.assert_allclose(grown, np.array(expected) / expected[0], rtol=5e-3)
    assert grown[-1] > 2


def test_the_record_holds_the_very_numbers_the_detectors_show():
    bench = perfect("z", "trigger")
    bench.switch_on()
    bench.show_random()
    generator = np.random.default_rng(4)
    volts = volts_for(generator.uniform(0, 0.6, (7, 6)))
    read = bench.expose(volts)["z"]
    reference = simulated_bench(
        settings={"z": {"full_scale": "4 V", "bits": 14}}, twin={"taps": {"quantised": True}}
    )
    reference.switch_on()
    reference.show_random()
    expected = reference.expose(volts)["z"]
    # The box rounds to its own 14 bits of 8 V.
    np.testing.assert_allclose(read, expected, atol=0.5 * 8 / 2**14 + 1e-6)


@pytest.mark.parametrize("name", ["inputs", "errors"])
def test_a_generator_shows_what_the_simulated_array_shows(name):
    drivers = {"inputs": ("inputs", 6), "errors": ("errors", 4)}
    instrument, channels = drivers[name]
    generator = np.random.default_rng(5)
    volts = generator.uniform(-0.99, 0.99, (9, channels)).astype(np.float32)

    def shown(bench):
        bench[instrument].load(volts)
        bench[instrument].arm()
        bench["trigger"].fire(9)
        bench[instrument].wait_until_done(TIMEOUT)
        return bench.twin._drives[instrument]

    step = {"inputs": 5.0 / 2**15, "errors": 1.0 / 2**13}[name]
    found = shown(wire_bench(instrument, "trigger"))
    np.testing.assert_allclose(found, volts, atol=0.5 * step + 1e-7)
    np.testing.assert_allclose(found / step, np.rint(found / step), atol=1e-3)


def test_a_sequence_fired_again_shows_the_same_and_an_idle_array_holds_its_last_shot():
    bench = wire_bench("inputs", "trigger")
    volts = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
    bench["inputs"].load(volts)
    for _ in range(2):
        bench["inputs"].arm()
        bench["trigger"].fire(4)
        bench["inputs"].wait_until_done(TIMEOUT)
        np.testing.assert_allclose(bench.twin._drives["inputs"], volts, atol=1e-4)
    # Triggers for others: this one is not armed and stays where it is.
    bench["trigger"].fire(3)
    np.testing.assert_allclose(bench.twin._drives["inputs"], volts[-1:], atol=1e-4)


def test_an_idle_board_takes_no_notice_of_triggers_meant_for_others():
    bench = wire_bench("errors", "trigger")
    volts = np.linspace(-0.5, 0.5, 16, dtype=np.float32).reshape(4, 4)
    bench["errors"].load(volts)
    bench["errors"].arm()
    bench["trigger"].fire(4)
    bench["errors"].wait_until_done(TIMEOUT)
    bench["trigger"].fire(3)
    held = np.asarray(bench.twin._drives["errors"])
    np.testing.assert_allclose(held, volts[-1:], atol=1e-4)


def test_the_laser_shines_only_warm_and_is_detuned_by_its_temperature():
    bench = wire_bench("laser")
    twin = bench.twin
    assert not twin.laser_on
    bench["laser"].set_enabled(True)
    bench["laser"].lock(TIMEOUT)
    bench["trigger"].fire(1)
    assert twin.laser_on
    assert twin._detuning_hertz == 0.0
    bench["laser"].set_detuning_hertz(5e9)
    bench["trigger"].fire(1)
    # Held within 20 mK at 25 GHz a kelvin.
    assert twin._detuning_hertz == pytest.approx(5e9, abs=0.5e9)
    bench["laser"].make_safe()
    bench["trigger"].fire(1)
    assert not twin.laser_on


def test_the_oven_sets_the_vapours_density():
    bench = wire_bench("oven", "trigger")
    oven = bench["oven"]
    bench["trigger"].fire(1)
    cold = bench.twin.stages[0].absorber.depth.copy()
    oven.set_temperature_celsius(75.0)
    oven.set_enabled(True)
    oven.wait_until_settled(TIMEOUT)
    bench["trigger"].fire(1)
    warm = bench.twin.stages[0].absorber.depth
    np.testing.assert_allclose(warm, 10.0, rtol=1e-3)
    assert (cold < 0.1 * warm).all()


def test_the_shutter_is_the_modulator_its_controller_holds():
    bench = wire_bench("pump_shutter")
    bench["pump_shutter"].set_open(True)
    assert bench.twin._open["pump_shutter"]
    bench["pump_shutter"].make_safe()
    assert not bench.twin._open["pump_shutter"]


def test_the_meter_reads_what_the_simulated_meter_reads():
    readings = []
    for bench in (wire_bench("meter"), simulated_bench()):
        bench.switch_on()
        volts = volts_for(np.full((1, 6), 0.5))
        bench.load(volts)
        bench["trigger"].fire(1)
        readings.append(bench["meter"].read_watts(3))
    assert readings[0] == pytest.approx(readings[1], rel=1e-3)
    assert readings[0] > 0


def test_one_box_can_serve_two_instruments_and_is_spoken_to_through_one_session():
    places = {"oven": ["USB0::0x1313::0x804A::M00000001::INSTR"]}
    shared = SharedResources()
    bench = wire_bench("amplifier_1", "oven", addresses=places, shared=shared)
    assert bench["oven"]._sessions[0] is bench["amplifier_1"]._sessions[0]
    bench["oven"].set_temperature_celsius(75.0)
    bench["oven"].set_enabled(True)
    bench["oven"].close()
    bench["amplifier_1"].set_currents_amperes(np.array([0.01]))
    assert bench["amplifier_1"].temperatures_celsius()[0] > 21


def test_the_file_says_what_a_box_is_and_another_kind_at_its_address_is_refused():
    from instruments.errors import BenchFileError
    from sim_backends.wire.bench_wire import bench_wire

    places = {"meter": ["USB0::0x1313::0x804A::M00000001::INSTR"]}
    file = wire_bench_file("amplifier_1", "meter", addresses=places)
    with pytest.raises(BenchFileError, match=r"meter\.address.*'amplifier_1', a box of another"):
        bench_wire(file, SharedResources())
