"""Benches whose layers take turns on one panel, with and without actuators and shutters."""

import re
from pathlib import Path

import numpy as np
import pytest
from calibrated_twins import calibrated, tap_response

from instruments.bench_file.reading import parse_bench_file

EXAMPLES = Path(__file__).parents[3] / "examples" / "benches"
SIZES = {"196": "36", "128": "20", "784": "36"}


def small(name):
    """An example bench with fewer neurons."""
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    text = re.sub(
        r"(layers = |rows = |columns = |channels = )(\[[^\]]*\]|\d+)",
        lambda found: (
            found[1] + re.sub(r"\d+", lambda number: SIZES.get(number[0], number[0]), found[2])
        ),
        text,
    )
    return parse_bench_file(text, f"{name}.toml")


@pytest.fixture(scope="module", params=["mnist_14x14", "mnist_tiled"])
def found(request):
    return calibrated(small(request.param))


def test_nothing_is_refused(found):
    assert found.compared.refused == []


def test_every_table_is_measured(found):
    sources = found.tables.sources()
    assert {name for name, source in sources.items() if source != "measured"} == set()


def test_weights_are_in_saturation_fields(found):
    table = found.tables.taps["taps_z"]
    np.testing.assert_allclose(table.volts_per_field, tap_response(found.twin, "taps_z"), rtol=0.01)


def test_the_injectors_taps_and_the_way_back_agree(found):
    """What is injected, read at once and read through the weights belongs together."""
    injected = found.tables.encoders["errors"].field_at_full
    # Through the medium: volts at a delta tap for what the table calls a field of 1.
    true = tap_response(found.twin, "taps_delta") * found.twin.modulators["errors"].field_at_full
    read = found.tables.taps["taps_delta"].volts_per_field * injected
    np.testing.assert_allclose(read, true, rtol=0.01)


def test_emitters_are_measured_where_there_are_any(found):
    if "emitters" in found.tables.encoders:
        truth = found.twin.modulators["emitters"]
        table = found.tables.encoders["emitters"]
        np.testing.assert_allclose(table.half_wave_volts, truth.half_wave_volts, rtol=0.01)
        bias = truth.bias_radians + truth.drift_radians
        assert np.abs(table.bias_radians - bias).max() < 0.01 * 2 * np.pi
