"""A bench is opened with tables of its own, or not at all."""

import copy

import pytest
from simulated_bench import bench_file

from instruments.bench_opening import open_bench
from instruments.calibration.bench_tables import BenchTables, stored_tables, table_path
from instruments.calibration.nominal import nominal_tables
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.errors import CalibrationError
from instruments.opening import SharedResources, prepare_instruments

KINDS = {
    "encoders": ("encoder", "inputs"),
    "taps": ("tap", "delta"),
    "amplifiers": ("amplifier", "amplifier_2"),
    "weight_banks": ("weight bank", "second"),
}


@pytest.fixture(scope="module")
def bench():
    return bench_file()


def tables_of(bench, name="small"):
    """Return the nominal tables of the same bench under a name."""
    named = bench.model_copy(update={"name": name}).read_from("bench.toml", None)
    return nominal_tables(named, prepare_instruments(named, SharedResources()))


@pytest.fixture
def tables(bench):
    return tables_of(bench)


def refusal(bench, tables):
    """Return the message of the refusal; nothing may have been opened for it."""
    shared = SharedResources()
    with pytest.raises(CalibrationError) as caught:
        open_bench(bench, tables=tables, shared=shared)
    assert shared.built() == {}
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith("bench.toml: ")
    return line


def test_tables_of_the_bench_are_used(bench, tables):
    with open_bench(bench, tables=tables) as opened:
        assert opened.describe()["tables"] == tables.ids()


@pytest.mark.parametrize("held", KINDS)
def test_a_table_of_another_bench_is_refused_by_name(bench, tables, held):
    kind, name = KINDS[held]
    foreign = getattr(tables_of(bench, "next door"), held)[name]
    getattr(tables, held)[name] = foreign
    line = refusal(bench, tables)
    assert f"{kind} table {foreign.id} belongs to bench 'next door', not to 'small'" in line
    assert "measure one here" in line


def test_a_table_of_another_instrument_is_refused_by_name(bench, tables):
    tables.taps["a"] = tables.taps["z"]
    line = refusal(bench, tables)
    assert "belongs to instrument 'z', not to 'a'" in line


def test_a_weight_bank_belongs_to_the_panel_of_its_stage(bench, tables):
    tables.weight_banks["second"] = tables.weight_banks["first"]
    assert "belongs to instrument 'slm_1', not to 'slm_2'" in refusal(bench, tables)


@pytest.mark.parametrize("held", KINDS)
def test_a_table_that_is_missing_is_asked_for_by_name(bench, tables, held):
    kind, name = KINDS[held]
    del getattr(tables, held)[name]
    assert f"no {kind} table of '{name}' given" in refusal(bench, tables)


def test_no_tables_at_all_is_not_the_same_as_nominal_ones(bench):
    assert "no weight bank table of 'first' given" in refusal(bench, BenchTables())


def test_a_table_that_went_through_a_file_still_belongs(bench, tables, tmp_path):
    path = tmp_path / "z.npz"
    tables.taps["z"].save(path)
    loaded = TapTable.load(path, instrument="z", bench="small")
    others = copy.copy(tables)
    others.taps = {**tables.taps, "z": loaded}
    with open_bench(bench, tables=others) as opened:
        assert opened.describe()["tables"]["z"] == tables.taps["z"].id


def test_a_file_where_the_folder_of_tables_should_be_is_refused(bench, tmp_path):
    (tmp_path / "tables").write_text("no folder", encoding="utf-8")
    with pytest.raises(CalibrationError, match="tables is a file; tables are kept in a folder"):
        stored_tables(tmp_path / "tables", tables_of(bench), bench=bench.name)


def test_a_folder_of_tables_that_is_not_there_is_said_to_be_missing(bench, tmp_path, caplog):
    stored_tables(tmp_path / "tabels", tables_of(bench), bench=bench.name)
    (line,) = caplog.messages
    assert line.startswith(f"{tmp_path / 'tabels'} does not exist: nominal tables for ")
    assert "encoder inputs, " in line


@pytest.mark.parametrize(("more", "levels"), [(1, None), (0, 64)])
def test_a_weight_bank_of_other_gratings_is_refused(bench, tmp_path, more, levels):
    nominal = tables_of(bench)
    own = nominal.weight_banks["second"]
    other = WeightBankTable.nominal(
        own.rows,
        own.columns,
        levels,
        own.period + more,
        own.full_scale,
        instrument=own.instrument,
        bench=bench.name,
    )
    other.save(table_path(tmp_path, "weight bank", "second"))
    steps = f"{levels} grey levels" if levels else "no steps"
    found = f"of period {own.period + more} with {steps}, .* of period {own.period} with no steps"
    with pytest.raises(CalibrationError, match=found):
        stored_tables(tmp_path, nominal, bench=bench.name)
