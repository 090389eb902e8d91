"""A bench file is read as a whole, and what is wrong in it is said in one line."""

import re
import tomllib
from pathlib import Path

import pytest

from instruments.bench_file.reading import (
    built_in_bench,
    built_in_names,
    find_bench_file,
    parse_bench_file,
    read_bench_file,
)
from instruments.bench_file.schema import BenchFile
from instruments.errors import BenchFileError

LAB = Path(__file__).with_name("lab.toml").read_text(encoding="utf-8")


def message(text):
    with pytest.raises(BenchFileError) as caught:
        parse_bench_file(text, "lab.toml")
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("lab.toml")
    return line


def changed(old, new):
    assert LAB.count(old) >= 1, old
    return LAB.replace(old, new, 1)


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_bench_is_right(name):
    assert built_in_bench(name).name == name


def test_quantities_are_held_in_units_of_the_program():
    bench = parse_bench_file(LAB)
    assert bench.optics.wavelength == pytest.approx(780.241e-9)
    assert bench.exposure.shot_period == pytest.approx(1e-4)
    limit = bench.instruments["inputs"].limits["volts"]
    assert (limit.low, limit.high, limit.unit) == (-5.0, 5.0, "V")


def test_kinds_are_written_in_words_and_held_as_the_interfaces_name_them():
    bench = parse_bench_file(LAB)
    assert bench.instruments["slm_1"].kind == "spatial_light_modulator"
    same = parse_bench_file(changed("spatial light modulator", "spatial_light_modulator"))
    assert same.instruments == bench.instruments


def test_a_dumped_bench_reads_back_the_same():
    bench = parse_bench_file(LAB)
    dumped = bench.model_dump(mode="json")
    assert BenchFile.model_validate(dumped).model_dump() == bench.model_dump()


def test_the_truth_is_kept_as_it_stands_for_the_twin_to_read():
    assert parse_bench_file(LAB).twin == tomllib.loads(LAB)["twin"]


def test_tables_lie_beside_the_bench_file(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text(LAB + '\n[calibration]\nfolder = "tables"\n', encoding="utf-8")
    bench = read_bench_file(path)
    assert bench.calibration_folder == tmp_path / "tables"
    assert bench.origin == str(path)
    assert parse_bench_file(LAB).calibration_folder is None


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_bytes(b"\xef\xbb\xbf" + LAB.replace("\n", "\r\n").encode())
    assert read_bench_file(path).name == "lab"


def test_a_missing_file_says_how_to_make_one(tmp_path):
    path = tmp_path / "lab.toml"
    with pytest.raises(BenchFileError, match=r"lab\.toml: no such file; `backbeam init .*lab"):
        read_bench_file(path)


def test_a_folder_is_not_a_bench_file(tmp_path):
    with pytest.raises(BenchFileError, match="cannot be read"):
        read_bench_file(tmp_path)


def test_another_encoding_names_the_line(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_bytes(b'format = 1\nname = "\xe4"\n')
    with pytest.raises(BenchFileError, match=r"lab\.toml, line 2: not UTF-8"):
        read_bench_file(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("format = 1\nname digits\n", r"lab\.toml, line 2, column 6: not TOML: expected '='"),
        ("format = 1\nname = ", r"lab\.toml, line 2: not TOML: invalid value at the end"),
        ("[optics]\n[optics]\n", r"lab\.toml, line 2, column \d+: not TOML: cannot declare"),
        ("{'format': 1}", r"lab\.toml, line 1, column 1: not TOML"),
    ],
)
def test_what_is_not_toml_names_the_line(text, expected):
    assert re.match(expected, message(text))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"780.241 nm"', '"780.241 V"', "optics.wavelength: '780.241 V' is a voltage"),
        ('"780.241 nm"', '"780.241 nn"', "the unit 'nn' is not known"),
        ('"780.241 nm"', '"-780.241 nm"', "is negative; expected a length above zero"),
        ('"780.241 nm"', "780.241", "optics.wavelength: 780.241 has no unit"),
        ('"780.241 nm"', '"780.241 mm"', "optics.wavelength: a wavelength of 0.780241 m is not"),
        ('"780.241 nm"', '"780.241 pm"', "optics.wavelength: a wavelength of 7.80241e-10 m"),
        ('"75 degC"', '"75 K/s"', "absorber.oven_temperature: '75 K/s'"),
        ("input_field = 1.0", 'input_field = "1 V"', "optics.input_field: found '1 V'; a number"),
        ("input_field = 1.0", "input_field = nan", "optics.input_field: found nan"),
        ("probe_limit = 0.3", "probe_limit = -0.3", "optics.probe_limit: found -0.3"),
    ],
)
def test_wrong_units_and_values_say_what_is_expected(old, new, expected):
    assert expected in message(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("wavelength =", "wavelenght =", "optics.wavelenght: no such key"),
        ("wavelength =", "wavelenght =", "did you mean 'wavelength'?"),
        ("[optics]", "[optic]", "did you mean 'optics'?"),
        ("injector =", "injecter =", "stages.second.injecter: no such key 'injecter'"),
        ("height = 9", "heigth = 9", "stages.first.blocks.heigth: no such key"),
        ("taps = { z", "taps = { zz", "stages.first.taps.zz: no such key 'zz'; allowed here: z, a"),
        ('driver = "simulated laser"', 'drivers = "x"', "instruments.laser.drivers: no such key"),
    ],
)
def test_a_misspelt_key_is_named_with_the_nearest_one(old, new, expected):
    assert expected in message(changed(old, new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("format = 1", "format = 2", "format: found 2; allowed: 1"),
        ("format = 1", 'format = "1"', "format: found '1'; allowed: 1"),
        ('name = "lab"', 'name = "a/b"', "name: 'a/b' is not a name"),
        ('model = "eq4"', 'model = "eq5"', "'eq4', 'propagated'; did you mean 'eq4'?"),
        ("layers = [64, 48, 10]", "layers = [64]", "network.layers: found [64]; a list of at"),
        ("layers = [64, 48, 10]", "layers = [64, 0, 10]", "network.layers[2]: found 0; should be"),
        ("layers = [64, 48, 10]", 'layers = [64, "48", 10]', "layers[2]: found '48'; a whole"),
        ("layers = [64, 48, 10]", "layers = 64", "network.layers: found 64; a list"),
        ("absorber = true", 'absorber = "yes"', "stages.first.absorber: found 'yes'; true or"),
        ("period = 9", "period = 4", "stages.first.blocks.period: a block of width 9 does not"),
        ("origin_row = 0", "origin_row = -1", "stages.first.blocks.origin_row: found -1"),
        ('window = "1 us"', 'window = "1 ms"', "exposure.window: a window of 0.001 s is longer"),
        ('kind = "laser"', 'kind = "lazer"', "instruments.laser.kind: found 'lazer'; allowed:"),
        ('kind = "laser"', 'kind = "lazer"', "did you mean 'laser'?"),
        ("[instruments.laser]", '[instruments."my laser"]', "'my laser' is not a name"),
        ('weights = "slm_1"', "", "stages.first.weights: missing; it is needed: spatial light"),
        ('trigger = "trigger"', "", "exposure.trigger: missing; it is needed: trigger source"),
        ("[safe_state]", "[twin.x]", "safe_state: missing"),
    ],
)
def test_values_that_are_not_allowed_say_what_is(old, new, expected):
    assert expected in message(changed(old, new))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ('{ current_amperes = ["-1 mA", "200 mA"] }', "current_amperes[1]: '-1 mA' is negative"),
        ('{ current_amperes = ["0 mA", "200 mV"] }', "current_amperes[2]: '200 mV' is a voltage"),
        ("{ current_amperes = [0, 0.2] }", "current_amperes[1]: 0 has no unit"),
        ('{ current_amperes = ["3 mA", "2 mA"] }', "the lower bound '3 mA' is above the upper"),
        ('{ current_amperes = "200 mA" }', "current_amperes: found '200 mA'; the lowest and"),
        ('{ current_ampere = ["0 mA", "200 mA"] }', "current_ampere: no such limit"),
        ('{ current_ampere = ["0 mA", "200 mA"] }', "did you mean 'current_amperes'?"),
        ('["0 mA", "200 mA"]', "limits: found ['0 mA', '200 mA']; a table is expected"),
    ],
)
def test_limits_are_two_quantities_that_can_be_limited(limits, expected):
    old = '{ current_amperes = ["0 mA", "200 mA"] }'
    line = message(changed(old, limits))
    assert line.startswith("lab.toml: instruments.amplifier_1.limits")
    assert expected in line


@pytest.mark.parametrize("pair", ["[1.5, 3]", "[-1, 3]", '["1", 3]', "[true, 3]"])
def test_what_is_counted_is_limited_by_whole_numbers(pair):
    line = message(re.sub(r"shots = \[[^]]*\]", f"shots = {pair}", LAB))
    assert line.startswith("lab.toml: instruments.trigger.limits.shots[1]: ")


def test_several_problems_are_one_line_that_says_where_the_others_are():
    text = changed('"780.241 nm"', "780").replace("probe_limit = 0.3", "probe_limit = 0")
    assert message(text).endswith("(1 more at optics.probe_limit)")


def test_a_bench_is_found_by_path_or_by_name(tmp_path):
    path = tmp_path / "lab.toml"
    path.write_text(LAB, encoding="utf-8")
    assert find_bench_file(str(path)).origin == str(path)
    assert find_bench_file("digits").origin == "built-in bench 'digits'"
    with pytest.raises(BenchFileError, match="did you mean 'digits'"):
        find_bench_file("digit")
    with pytest.raises(BenchFileError, match="no such file"):
        find_bench_file(str(tmp_path / "other.toml"))
    with pytest.raises(BenchFileError, match="did you mean 'digits'"):
        built_in_bench("digts")
