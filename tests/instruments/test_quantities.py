"""What a bench file may write for a quantity, and what it is told when it may not."""

import json
import math
import subprocess
import sys
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from instruments import quantities
from instruments.errors import BackbeamError
from instruments.quantities import (
    ANGLE,
    CURRENT_NOISE,
    FRACTION,
    FREQUENCY,
    INTENSITY,
    KINDS,
    LENGTH,
    POWER,
    RATIO,
    RESPONSIVITY,
    TEMPERATURE,
    TEMPERATURE_DIFFERENCE,
    TIME,
    VOLTAGE,
    QuantityError,
    format_quantity,
    parse_quantity,
)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("780.241 nm", LENGTH, 780.241e-9),
        ("0.5 in", LENGTH, 12.7e-3),
        ("8 µm", LENGTH, 8e-6),
        ("26ns", TIME, 26e-9),
        ("-1.5e-3 V", VOLTAGE, -1.5e-3),
        ("-10 dBm", POWER, 1e-4),
        ("60 °C", TEMPERATURE, 60.0),
        ("333.15 K", TEMPERATURE, 60.0),
        ("0.1 K", TEMPERATURE_DIFFERENCE, 0.1),
        ("34.2 dB", RATIO, 34.2),
        ("90 deg", ANGLE, math.pi / 2),
        ("6.0666 MHz", FREQUENCY, 6.0666e6),
        ("16.6 uW/mm^2", INTENSITY, 16.6),
        ("0.55 A/W", RESPONSIVITY, 0.55),
        ("10 pA/sqrt(Hz)", CURRENT_NOISE, 1e-11),
        ("3 %", FRACTION, 0.03),
        ("0.03", FRACTION, 0.03),
        (0.03, FRACTION, 0.03),
    ],
)
def test_a_number_and_a_unit_become_a_float_in_the_unit_of_the_kind(text, kind, value):
    assert parse_quantity(text, kind) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("3 V", LENGTH, "'3 V' is a voltage; expected a length such as '780 nm'"),
        ("3 kg m", VOLTAGE, "'3 kg m' is in 'kg m'; expected a voltage such as '1.5 V'"),
        ("20 degC", TEMPERATURE_DIFFERENCE, "is a temperature; expected a temperature difference"),
        ("30 %", RATIO, "'30 %' is a fraction; expected a ratio in decibels such as '30 dB'"),
        ("3 dB", FRACTION, "'3 dB' is a ratio in decibels; expected a fraction such as '3 %'"),
        ("3 mv", VOLTAGE, "the unit 'mv' is not known (did you mean 'mV'?); expected a voltage"),
        ("3 V/(", VOLTAGE, "the unit 'V/(' is not known"),
        ("1e999 V", VOLTAGE, "'1e999 V' is not finite"),
        ("nan V", VOLTAGE, "'nan V' is not a number and a unit; expected a voltage"),
        (True, VOLTAGE, "True is not a quantity; expected a voltage such as '1.5 V'"),
        ("", VOLTAGE, "'' is not a number and a unit"),
    ],
)
def test_anything_else_is_refused_with_what_was_found_and_what_is_allowed(text, kind, message):
    with pytest.raises(QuantityError) as refusal:
        parse_quantity(text, kind)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("bare", [3.1, "3.1"])
def test_a_number_without_a_unit_is_refused_and_shown_how_to_be_written(bare):
    with pytest.raises(QuantityError, match=r"3\.1'? has no unit; .* write '3\.1 V'"):
        parse_quantity(bare, VOLTAGE)


def test_an_angular_frequency_is_not_taken_for_a_frequency():
    # Units of measurement alone would allow it, and it would be wrong by 2 pi.
    with pytest.raises(QuantityError, match="rad/s"):
        parse_quantity("6 rad/s", FREQUENCY)


@pytest.mark.parametrize(
    ("text", "sign", "found"),
    [
        ("-3 V", "positive", "negative"),
        ("0 V", "positive", "zero"),
        ("-3 V", "non-negative", "negative"),
    ],
)
def test_a_sign_that_makes_no_sense_is_refused(text, sign, found):
    with pytest.raises(QuantityError, match=f"is {found}; expected a voltage"):
        parse_quantity(text, VOLTAGE, sign)


def test_a_sign_is_judged_after_conversion():
    assert parse_quantity("-30 dBm", POWER, "positive") == pytest.approx(1e-6)
    assert parse_quantity("-40 degC", TEMPERATURE) == -40.0


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    kind=st.sampled_from(KINDS),
)
@settings(max_examples=200, deadline=None)
def test_what_is_written_reads_back_to_the_last_bit(value, kind):
    assert parse_quantity(format_quantity(value, kind), kind) == value


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kinds_own_example_is_right(kind):
    parse_quantity(kind.example, kind, "positive")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("45 us", quantities.TIME, 45e-6),
        ("100 us", quantities.TIME, 100e-6),
        ("780.241 nm", quantities.LENGTH, 780.241e-9),
        ("1_200.5 mV", quantities.VOLTAGE, 1.2005),
        ("3e2 mW", quantities.POWER, 0.3),
        ("7 %", quantities.FRACTION, 0.07),
        ("1.67 mW/cm^2", quantities.INTENSITY, 16.7),
    ],
)
def test_powers_of_ten_give_the_very_float_a_program_would_write(text, kind, value):
    assert quantities.parse_quantity(text, kind) == value


def test_the_error_is_both_ours_and_pydantics():
    assert issubclass(QuantityError, BackbeamError)
    assert issubclass(QuantityError, ValueError)


class Modulator(BaseModel):
    half_wave_voltage: quantities.PositiveVolts
    extinction: quantities.NonNegativeDecibels = 30.0
    drive: Annotated[quantities.Volts, Field(le=5.0)] = 1.0
    leak: quantities.NonNegativeFraction = 0.0
    bias: quantities.Volts | None = None


def test_a_model_takes_strings_with_units_and_gives_floats():
    read = Modulator(half_wave_voltage="3100 mV", extinction="27 dB", leak="2 %", bias="-1 V")
    assert read.model_dump() == {
        "half_wave_voltage": 3.1,
        "extinction": 27.0,
        "drive": 1.0,
        "leak": 0.02,
        "bias": -1.0,
    }


def test_a_model_dumped_as_json_reads_back():
    read = Modulator(half_wave_voltage="3.1 V", leak=0.02)
    text = read.model_dump_json()
    assert json.loads(text)["half_wave_voltage"] == "3.1 V"
    assert json.loads(text)["leak"] == 0.02
    assert Modulator.model_validate_json(text) == read


def test_a_model_gathers_all_its_errors():
    with pytest.raises(ValidationError) as refusal:
        Modulator(half_wave_voltage=3.1, extinction="-3 dB", drive="7 V", bias="3 m")
    places = {error["loc"][0] for error in refusal.value.errors()}
    assert places == {"half_wave_voltage", "extinction", "drive", "bias"}


def test_the_schema_tells_an_editor_how_it_is_written():
    schema = TypeAdapter(quantities.PositiveVolts).json_schema()
    assert schema["type"] == "string"
    assert schema["examples"] == ["1.5 V"]
    assert schema["description"] == "A voltage, above zero, such as '1.5 V'."


def test_the_registry_of_units_is_built_only_when_a_quantity_is_read():
    program = "import sys, instruments.quantities; sys.exit('pint' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
