import json
import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.encoder import EncoderTable
from instruments.calibration.table import Provenance
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.errors import CalibrationError

MEASURED = Provenance("inputs", "digits", "measured", "2025-03-01T12:00:00+00:00", 3600.0)
NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def encoder(volts=3.5, provenance=MEASURED, covariance=None):
    return EncoderTable(
        [volts, 3.4, 3.6],
        [0.01, -0.02, 0.03],
        [1.0, 0.9, 1.1],
        [0.0, 0.01, 0.02],
        provenance=provenance,
        covariance=covariance,
    )


def weight_bank():
    phases = np.linspace(0.0, [6.2, 6.4], 32, axis=1)
    regions = np.array([[0, 1, 1], [0, 0, 1]])
    return WeightBankTable(
        [1.0, 0.9], [1.0, 1.1, 0.8], 0.3, 8, phases, regions, provenance=MEASURED
    )


def smooth_bank():
    return WeightBankTable([1.0, 0.9], [1.0, 1.1, 0.8], 0.3, 8, provenance=MEASURED)


def tap():
    return TapTable([0.5, -0.4], [1e-3, 2e-3], [0.1, 0.2], 1.0, provenance=MEASURED)


def amplifier():
    return AmplifierTable([0.0, 0.1, 0.2], [[-9.0, 3.0, 9.0]], provenance=MEASURED)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "inputs.npz"


@pytest.mark.parametrize("make", [encoder, weight_bank, smooth_bank, tap, amplifier])
def test_a_table_comes_back_as_it_was_saved(make, path):
    table = make()
    table.save(path)
    loaded = type(table).load(path)
    assert loaded.id == table.id
    assert loaded.provenance == table.provenance
    assert loaded.values.keys() == table.values.keys()
    for name, values in table.values.items():
        np.testing.assert_array_equal(loaded.values[name], values)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(size=st.integers(1, 5), seed=st.integers(0, 2**32 - 1))
def test_covariance_survives_bit_for_bit(size, seed, path):
    root = np.random.default_rng(seed).normal(size=(size, size))
    covariance = {"half_wave_volts": root @ root.T, "bias_radians of channel 0": root[0, :1] ** 2}
    table = encoder(covariance=covariance)
    table.save(path)
    loaded = EncoderTable.load(path)
    assert loaded.covariance.keys() == covariance.keys()
    for name, values in covariance.items():
        np.testing.assert_array_equal(loaded.covariance[name], values)


def test_the_file_opens_with_numpy_alone_and_its_header_is_json(path):
    table = encoder()
    table.save(path)
    with np.load(path, allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        np.testing.assert_array_equal(archive["values/half_wave_volts"], [3.5, 3.4, 3.6])
    assert header["kind"] == "encoder"
    assert header["id"] == table.id
    assert header["provenance"]["bench"] == "digits"


def test_the_id_is_that_of_the_content():
    assert encoder().id == encoder().id
    others = [
        encoder(volts=np.nextafter(3.5, 4.0)),
        encoder(provenance=Provenance("inputs", "digits")),
        encoder(covariance={"half_wave_volts": np.eye(3)}),
        encoder(covariance={"half_wave_volts": np.zeros((3, 3))}),
    ]
    assert len({table.id for table in [encoder(), *others]}) == 5


def test_a_table_cannot_be_changed():
    table = encoder()
    with pytest.raises(ValueError, match="read-only"):
        table.values["half_wave_volts"][0] = 1.0
    with pytest.raises(TypeError):
        table.values["half_wave_volts"] = np.ones(3)


def test_saving_replaces_the_old_file_in_one_step_and_leaves_no_other(path):
    encoder().save(path)
    encoder(volts=3.0).save(path)
    assert EncoderTable.load(path).half_wave_volts[0] == 3.0
    assert list(path.parent.iterdir()) == [path]


def test_saving_into_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(CalibrationError, match=r"cannot be written.*check the folder"):
        encoder().save(tmp_path / "gone" / "inputs.npz")


def test_a_missing_file_says_what_to_do(path):
    with pytest.raises(CalibrationError, match=r"inputs\.npz: there is no encoder table; measure"):
        EncoderTable.load(path)


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_never_gives_another_table(data, path):
    table = encoder(covariance={"half_wave_volts": np.eye(3)})
    table.save(path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        loaded = EncoderTable.load(path)
    except CalibrationError as error:
        refusal = str(error)
    else:
        # A bit that carries nothing, such as the archive's date of a member.
        assert loaded.id == table.id
        return
    assert str(path) in refusal
    assert "\n" not in refusal


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04K\x01."])
def test_a_file_that_is_something_else_is_refused(content, path):
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=r"no readable encoder table.*measure it again"):
        EncoderTable.load(path)


def test_numbers_changed_by_hand_are_noticed(path):
    encoder().save(path)
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["values/half_wave_volts"] = arrays["values/half_wave_volts"] * 1.01
    np.savez(path, **arrays)
    with pytest.raises(CalibrationError, match="its header says"):
        EncoderTable.load(path)


def test_a_table_of_another_kind_is_refused_by_name(path):
    tap().save(path)
    with pytest.raises(CalibrationError, match=r"inputs\.npz: a table of kind 'tap' where one of"):
        EncoderTable.load(path)


def test_a_table_from_another_bench_or_instrument_is_refused_by_name(path):
    encoder().save(path)
    EncoderTable.load(path, bench="digits", instrument="inputs")
    with pytest.raises(CalibrationError, match="belongs to bench 'digits', not to 'mnist'"):
        EncoderTable.load(path, bench="mnist")
    with pytest.raises(CalibrationError, match="belongs to instrument 'inputs', not to 'errors'"):
        EncoderTable.load(path, instrument="errors")


def test_a_table_too_old_is_warned_about_by_name_or_refused(path, caplog):
    encoder().save(path)
    with caplog.at_level(logging.WARNING):
        EncoderTable.load(path, now=NOON + timedelta(seconds=3600))
    assert not caplog.records
    late = NOON + timedelta(seconds=3660)
    with caplog.at_level(logging.WARNING):
        EncoderTable.load(path, now=late)
    assert "encoder table" in caplog.text
    assert "of inputs" in caplog.text
    assert "60 s ago" in caplog.text
    with pytest.raises(CalibrationError, match=r"encoder table .* of inputs was measured at"):
        EncoderTable.load(path, now=late, refuse_expired=True)


def test_nominal_tables_do_not_age():
    table = EncoderTable.nominal(4, 3.5, instrument="inputs", bench="digits")
    assert table.provenance.source == "nominal"
    assert table.provenance.age_seconds(NOON) is None
    assert table.check_age(NOON + timedelta(days=9999), refuse=True)


def test_the_age_is_counted_across_time_zones():
    east = Provenance("inputs", "digits", "measured", "2025-03-01T14:00:00+02:00")
    assert east.age_seconds(NOON + timedelta(seconds=5)) == 5.0
    assert east.expires_at() is None


@pytest.mark.parametrize("when", ["yesterday", "2025-03-01T12:00:00"])
def test_a_time_without_a_zone_is_refused(when):
    with pytest.raises(CalibrationError, match="with a time zone is needed"):
        Provenance("inputs", "digits", "measured", when)


@pytest.mark.parametrize(("when", "valid"), [(None, 60.0), (NOON.isoformat(), -1.0)])
def test_a_validity_needs_a_time_and_a_positive_number(when, valid):
    with pytest.raises(CalibrationError, match="a validity is a positive number"):
        Provenance("inputs", "digits", "measured", when, valid)


def test_values_that_do_not_fit_are_refused():
    with pytest.raises(CalibrationError, match=r"bias_radians has shape \[2\], .* needs \[3\]"):
        EncoderTable([3.5] * 3, [0.0] * 2, 1.0, 0.0, provenance=MEASURED)
    with pytest.raises(CalibrationError, match="field_at_full holds numbers that are not finite"):
        EncoderTable([3.5] * 2, 0.0, [1.0, np.nan], 0.0, provenance=MEASURED)
    with pytest.raises(CalibrationError, match="half_wave_volts holds numbers that are not"):
        encoder(covariance={"half_wave_volts": np.full((3, 3), np.inf)})
