"""A bench file with a simulated instrument of every kind: opened, limited, made safe, closed."""

import numpy as np
import pytest
from simulated_bench import KINDS, SAFE_ORDER, bench_file

from instruments.bench_file.problems import validate_section
from instruments.bench_file.reading import built_in_text, parse_bench_file, read_bench_file
from instruments.bench_file.schema import BenchFile
from instruments.bench_opening import open_bench
from instruments.errors import BenchFileError, InstrumentError, LimitError
from instruments.interfaces.kinds import INTERFACES
from instruments.opening import installed_drivers
from sim_backends.simulated.twin_of_bench import twin_of_bench

# What the built-in bench does not have, appended to it as a user would write it.
MORE = """
[instruments.piezos]
kind = "reference phase"
driver = "simulated reference phase"
limits = { volts = ["0 V", "8 V"] }
settings = { channels = 4, half_wave_voltage = "4 V" }

[instruments.meter]
kind = "power meter"
driver = "simulated power meter"
limits = { power_watts = ["0 W", "50 mW"] }
settings = { stage = "first", port = "x", neuron = 3, uncertainty = 0.05 }

[instruments.mirrors]
kind = "mirror device"
driver = "simulated mirror device"
limits = { shots = [1, 64], picture_seconds = ["45 us", "1 ms"] }
settings = { rows = 768, columns = 1024, block_side = 8, carrier_period = 4 }

[instruments.camera]
kind = "camera"
driver = "simulated camera"
limits = { exposure_seconds = ["10 us", "1 ms"] }
settings = { stage = "second", port = "z" }

[instruments.heaters]
kind = "phase shifter array"
driver = "simulated phase shifter array"
limits = { heater_watts = ["0 W", "30 mW"], total_watts = ["0 W", "100 mW"] }
settings = { channels = 10 }
"""


@pytest.fixture(scope="module")
def bench_path(tmp_path_factory):
    text = built_in_text("digits")
    names = ["mirrors", "camera", "meter", "piezos", "heaters"]
    lit, dark = (", ".join(f'"{name}"' for name in part) for part in (names[:4], names[4:]))
    before, after = text.split("[safe_state]\norder = [", 1)
    listed, rest = after.split("]", 1)
    listed = f"{lit}, {listed.rstrip().rstrip(',')}, {dark}"
    text = f"{before}[safe_state]\norder = [{listed}]{rest}\n{MORE}"
    text = text.replace(
        'reference = { shutter = "reference_shutter" }',
        'reference = { shutter = "reference_shutter", phase = "piezos" }',
    )
    path = tmp_path_factory.mktemp("lab") / "lab.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def bench(bench_path):
    with open_bench(read_bench_file(bench_path)) as bench:
        yield bench


def test_there_is_a_simulated_instrument_of_every_kind(bench):
    names = {f"simulated {kind.replace('_', ' ')}" for kind in INTERFACES}
    assert names <= set(installed_drivers())
    for kind, interface in INTERFACES.items():
        assert any(isinstance(one, interface) for one in bench.instruments.values()), kind


def test_every_one_says_that_it_is_simulated(bench):
    assert all(one.simulated for one in bench.instruments.values())
    assert all("Simulated" in str(one.identity()) for one in bench.instruments.values())


@pytest.mark.parametrize(
    ("name", "attempt"),
    [
        ("piezos", lambda one: one.set_volts(np.full(4, 9.0))),
        ("mirrors", lambda one: one.load(np.zeros((65, 768, 1024), np.bool_))),
        ("mirrors", lambda one: one.set_picture_seconds(5e-3)),
        ("camera", lambda one: one.set_exposure_seconds(5e-3)),
        ("heaters", lambda one: one.set_heater_watts(np.full(10, 31e-3))),
        ("heaters", lambda one: one.set_heater_watts(np.full(10, 11e-3))),
        ("laser", lambda one: one.set_detuning_hertz(11e9)),
        ("inputs", lambda one: one.load(np.full((1, 64), 5.1, np.float32))),
    ],
)
def test_the_bench_files_limits_hold(bench, name, attempt):
    with pytest.raises(LimitError, match=name):
        attempt(bench.instruments[name])


def test_limits_wider_than_the_instrument_are_refused(bench_path):
    text = bench_path.read_text(encoding="utf-8").replace('["0 V", "8 V"]', '["0 V", "12 V"]')
    with pytest.raises(InstrumentError, match="piezos: the limit of volts is set to 0 to 12 V"):
        open_bench(parse_bench_file(text))


def test_made_safe_it_is_dark_and_cold(bench):
    instruments = bench.instruments
    bench.write([np.zeros((one.outputs, one.inputs), np.float32) for one in bench.layers])
    assert instruments["laser"].enabled()
    instruments["piezos"].set_volts(np.full(4, 2.0))
    instruments["heaters"].set_heater_watts(np.full(10, 5e-3))
    report = bench.make_safe()
    assert report.reached
    assert not instruments["laser"].enabled()
    assert not instruments["pump_shutter"].is_open()
    assert not instruments["oven"].enabled()
    assert not instruments["amplifier_1"].enabled()
    np.testing.assert_array_equal(instruments["piezos"].volts(), 0.0)
    np.testing.assert_array_equal(instruments["heaters"].heater_watts(), 0.0)
    assert abs(instruments["meter"].read_watts()) < 1e-9


class TestTheTwinOfABench:
    def test_it_is_dark_shut_and_cold_before_anything_is_switched_on(self):
        twin = twin_of_bench(bench_file())
        assert not twin.laser_on
        assert not any(twin._open.values())
        assert twin.stages[0].absorber.depth.max() < 0.2
        assert twin.clock.now() == 0.0

    def test_stages_are_taken_in_the_order_of_the_light(self):
        bench = bench_file()
        turned = bench.model_copy(update={"stages": dict(reversed(bench.stages.items()))})
        panels = [one.layout.panel for one in twin_of_bench(turned).stages]
        assert panels == ["slm_1", "slm_2"]

    def test_a_perfect_twin_has_the_imperfections_that_are_named(self):
        twin = twin_of_bench(bench_file(twin={"taps": {"offset": "3 mV"}}))
        taps = twin.imperfections.taps
        assert taps.offset == pytest.approx(3e-3)
        assert not taps.shot_noise
        assert taps.gain_spread == 0.0

    @pytest.mark.parametrize(
        ("twin", "message"),
        [
            ({"perfect": "yes"}, "twin.perfect: found 'yes'; true or false"),
            ({"taps": {"ofset": "3 mV"}}, "twin.taps.ofset"),
            ({"taps": {"offset": 3}}, "twin.taps.offset: 3 has no unit"),
            ({"panels": {"cross_talk": 2}}, "twin.panels.cross_talk"),
        ],
    )
    def test_what_its_section_cannot_say_is_refused_by_its_key(self, twin, message):
        with pytest.raises(BenchFileError, match=message):
            twin_of_bench(bench_file(twin=twin))

    def test_a_real_instrument_in_the_simulated_light_is_there_as_its_data_sheet_has_it(self):
        table = bench_file().model_dump(mode="json")
        table["instruments"]["inputs"]["driver"] = "somebody's modulators"
        mixed = validate_section("lab.toml", BenchFile, table).read_from("lab.toml", None)
        assert twin_of_bench(mixed).layout == twin_of_bench(bench_file()).layout

    def test_a_real_instrument_whose_data_sheet_says_too_little_is_refused(self):
        table = bench_file().model_dump(mode="json")
        table["instruments"]["slm_1"] |= {"driver": "holographic panel", "settings": {}}
        mixed = validate_section("lab.toml", BenchFile, table).read_from("lab.toml", None)
        with pytest.raises(BenchFileError, match=r"slm_1\.simulation\.rows.*holographic panel"):
            twin_of_bench(mixed)


def test_the_support_bench_names_every_kind():
    assert set(KINDS.values()) == set(INTERFACES)
    assert sorted(SAFE_ORDER) == sorted(KINDS)
