"""The schema editors use says what the reader says."""

import json

from pydantic import BaseModel

from instruments.bench_file.json_schema import bench_file_schema
from instruments.bench_file.schema import BenchFile
from instruments.quantities import PositiveVolts


class Settings(BaseModel):
    half_wave_voltage: PositiveVolts


SCHEMA = json.loads(json.dumps(bench_file_schema({"some modulators": Settings})))


def properties(reference):
    return SCHEMA["$defs"][reference.removeprefix("#/$defs/")]["properties"]


def test_it_has_every_section_and_every_key():
    sections = properties(SCHEMA["$ref"])
    assert set(sections) == set(BenchFile.model_fields)
    optics = properties(sections["optics"]["$ref"])
    assert optics["wavelength"]["type"] == "string"
    assert "780 nm" in optics["wavelength"]["examples"]


def test_misspelt_keys_are_marked():
    tables = [part for part in SCHEMA["$defs"].values() if part.get("type") == "object"]
    names = {part["title"] for part in tables if part.get("additionalProperties") is False}
    assert {"BenchFile", "StageSection", "BlocksSection", "InstrumentSection"} <= names


def test_the_kind_of_an_instrument_is_offered_in_words():
    kind = properties("#/$defs/InstrumentSection")["kind"]
    assert "spatial light modulator" in kind["enum"]


def test_settings_follow_the_driver_and_limits_the_kind():
    cases = {
        next(iter(case["if"]["properties"].values()))["const"]: case["then"]["properties"]
        for case in SCHEMA["$defs"]["InstrumentSection"]["allOf"]
    }
    assert set(properties(cases["some modulators"]["settings"]["$ref"])) == {"half_wave_voltage"}
    assert set(cases["laser"]["limits"]["properties"]) == {"detuning_hertz", "power_watts"}
