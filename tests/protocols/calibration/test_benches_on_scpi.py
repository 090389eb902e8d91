"""Benches on SCPI calibrate as they are: without shutters, actuators and a tap z."""

from pathlib import Path

import pytest
from calibrated_twins import calibrated

from instruments.bench_file.reading import parse_bench_file
from sim_backends.simulated.stand_ins import simulated_bench

EXAMPLES = Path(__file__).parents[3] / "examples" / "benches"
CLEAR = 'bypass_detuning = "5 GHz"'


def example(name, without=None):
    """An example with every instrument simulated, and with lines that begin so left out."""
    lines = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if without is None or not line.startswith(without)]
    return simulated_bench(parse_bench_file("\n".join(kept), f"{name}.toml"), "all")


@pytest.fixture(scope="module", params=["table_top_4_4_3", "scpi_64_16_10"])
def found(request):
    return calibrated(example(request.param))


def test_nothing_is_refused(found):
    assert [one.refusals for one in found.results if not one.accepted] == []


def test_every_table_is_measured(found):
    assert set(found.tables.sources().values()) == {"measured"}


def test_the_second_panel_leaves_no_more_than_noise(found):
    """Through a first one whose inputs do not lie in a plane, and no reference that can turn."""
    quantities = found.of("spatial light modulator", "second").quantities
    chi_square = next(one.value for one in quantities if one.name == "reduced chi-square")
    assert chi_square < 1.3


def test_random_weights_come_out_as_they_were_asked_for(found):
    """Of a bright block's light; what the scales are is open without a look at the medium."""
    assert found.compared.worst("end to end") < 0.01


def test_the_strongest_probe_is_within_what_generators_give(found):
    """Of a board that gives 1 V, a bias leaves less than the nominal half-wave voltage promises."""
    volts = 1.0 if found.tables.encoders["errors"].channels == 3 else 5.0
    lowest, highest = found.tables.encoders["errors"].fields_within(-volts, volts)
    assert lowest.max() <= -0.3
    assert highest.min() >= 0.3


def test_behind_a_medium_that_nothing_makes_clear_modulators_say_what_is_missing():
    found = calibrated(example("table_top_4_4_3", without=CLEAR))
    (refusal,) = found.of("modulators", "first").refusals
    assert "'taps_a' sees everything through the absorber" in refusal
    assert "absorber.bypass_detuning" in refusal
