"""The section [twin]: what it takes, what it refuses, and that perfect means perfect."""

import math

import pytest
from pydantic import ValidationError

from sim_backends.twin.imperfections import Imperfections

SECTIONS = ("modulators", "mirrors", "panels", "path", "amplifiers", "absorber", "taps", "cameras")


def test_it_is_read_as_a_bench_file_writes_it():
    read = Imperfections.model_validate(
        {
            "seed": 7,
            "modulators": {"half_wave_spread": "3 %", "bias_drift_time": "10 min"},
            "panels": {"bow": "15 deg", "settling_time": "2 ms", "regions": 3},
            "amplifiers": {"saturation_power": "5 mW"},
            "taps": {"offset": "1.5 mV", "phase_drift": "0.1 rad", "quantised": False},
        }
    )
    assert read.seed == 7
    assert read.modulators.half_wave_spread == pytest.approx(0.03)
    assert read.modulators.bias_drift_time == pytest.approx(600.0)
    assert read.panels.bow == pytest.approx(math.pi / 12)
    assert read.panels.settling_time == pytest.approx(2e-3)
    assert read.amplifiers.saturation_power == pytest.approx(5e-3)
    assert read.taps.offset == pytest.approx(1.5e-3)
    assert not read.taps.quantised


def test_what_it_does_not_name_is_as_real_equipment_is():
    default = Imperfections()
    assert default.seed == 1
    # 30 dB of extinction; a slit that passes half the power; 6 % is half a decibel.
    assert default.modulators.leakage == pytest.approx(10**-1.5, rel=0.06)
    assert default.path.slit_half_width == pytest.approx(0.2705)
    assert 0 < default.amplifiers.gain_spread < 0.06
    assert default.taps.shot_noise
    assert default.absorber.finite_probe


@pytest.mark.parametrize("seed", [1, 12])
def test_perfect_has_nothing_left_and_keeps_its_seed(seed):
    perfect = Imperfections.perfect(seed)
    assert perfect.seed == seed
    # What has no effect once the rest is off: times, efficiencies, powers, counts.
    harmless = {
        "bias_drift_time",
        "phase_drift_time",
        "regions",
        "saturation_power",
        "tapped",
        "efficiency",
        "visibility",
    }
    for section in SECTIONS:
        for name, value in getattr(perfect, section).model_dump().items():
            assert name in harmless or not value, f"{section}.{name}"


def test_perfect_names_every_field_there_is():
    # Built without validation, so that a field left out would not be noticed.
    perfect = Imperfections.perfect()
    for section in SECTIONS:
        model = getattr(perfect, section)
        assert set(model.__dict__) == set(type(model).model_fields), section


def test_every_section_is_among_those_under_test():
    assert set(Imperfections.model_fields) == {"seed", *SECTIONS}


@pytest.mark.parametrize("section", [Imperfections(), Imperfections.perfect()])
def test_written_down_it_reads_back(section):
    assert Imperfections.model_validate(section.model_dump(mode="json")) == section


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"seed": -1}, ("seed",)),
        ({"taps": {"efficency": 0.8}}, ("taps", "efficency")),
        ({"taps": {"efficiency": 0.0}}, ("taps", "efficiency")),
        ({"taps": {"visibility": 1.2}}, ("taps", "visibility")),
        ({"taps": {"offset": "-1 mV"}}, ("taps", "offset")),
        ({"taps": {"phase_drift": "3 V"}}, ("taps", "phase_drift")),
        ({"panels": {"regions": 0}}, ("panels", "regions")),
        ({"panels": {"cross_talk": 1.0}}, ("panels", "cross_talk")),
        ({"path": {"slit_half_width": 1.5}}, ("path", "slit_half_width")),
        ({"amplifiers": {"saturation_power": "0 W"}}, ("amplifiers", "saturation_power")),
        ({"lasers": {}}, ("lasers",)),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(table, place):
    with pytest.raises(ValidationError) as refusal:
        Imperfections.model_validate(table)
    assert [error["loc"] for error in refusal.value.errors()] == [place]


def test_it_cannot_be_changed_under_a_twin():
    with pytest.raises(ValidationError):
        Imperfections().taps.offset = 0.0
