import pytest

from instruments.bench_file.reading import built_in_text
from protocols.calibration import detectors, sequence
from protocols.calibration.results import ProtocolResult, Quantity
from protocols.commands.calibrate import shown_with_sigma

FAST = ("--only", "detectors", "--only", "modulators")


def test_tables_and_plots_go_where_out_says(backbeam, here):
    done = backbeam("calibrate", "--out", "tables", *FAST)
    assert done.code == 0
    assert (here / "tables" / "encoder-inputs.npz").exists()
    assert (here / "tables" / "modulators-inputs.svg").exists()
    assert "half-wave voltage, mean of 64" in done.out
    assert 'to use them: [calibration] folder = "tables" in the bench file' in done.out


def test_a_file_of_ones_own_has_its_folder_beside_it(backbeam, here):
    (here / "lab").mkdir()
    bench = here / "lab" / "bench.toml"
    bench.write_text(built_in_text("digits"), encoding="utf-8")
    assert backbeam("calibrate", bench, *FAST).code == 0
    assert (here / "lab" / "calibration" / "encoder-inputs.npz").exists()


def test_check_says_which_tables_are_measured(backbeam, here):
    bench = here / "bench.toml"
    text = built_in_text("digits") + '\n[calibration]\nfolder = "mine"\n'
    bench.write_text(text, encoding="utf-8")
    done = backbeam("calibrate", bench, *FAST)
    assert done.code == 0
    assert "to use them" not in done.out
    assert (here / "mine" / "encoder-inputs.npz").exists()
    checked = backbeam("check", bench)
    lines = [line.split() for line in checked.out.splitlines()]
    assert ["inputs", "measured"] in [line[:2] for line in lines]
    assert ["first", "nominal"] in [line[:2] for line in lines]


def test_a_folder_that_takes_no_files_is_refused_before_anything_is_measured(
    backbeam, here, monkeypatch
):
    def full(**options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sequence, "TemporaryFile", full)
    monkeypatch.setattr(detectors, "calibrate_detectors", None)
    done = backbeam("calibrate", "--out", "tables", *FAST)
    assert done.code != 0
    assert "tables cannot be written to (No space left on device)" in done.complaint
    assert "Nothing was measured" in done.complaint


def test_tables_of_another_bench_are_not_replaced(backbeam, here):
    assert backbeam("calibrate", "--out", "tables", *FAST).code == 0
    before = {path: path.read_bytes() for path in (here / "tables").iterdir()}
    (here / "mine.toml").write_text(
        built_in_text("digits").replace('name = "digits"', 'name = "mine"'), encoding="utf-8"
    )
    done = backbeam("calibrate", "mine.toml", "--out", "tables", *FAST)
    assert done.code == 2
    assert "is a table of bench 'digits', and 'mine' is measured" in done.complaint
    assert {path: path.read_bytes() for path in (here / "tables").iterdir()} == before
    # Its own are, and a file that is no table is nobody's.
    (here / "tables" / "notes.npz").write_bytes(b"mine")
    assert backbeam("calibrate", "--out", "tables", *FAST).code == 0


def test_tables_of_simulated_instruments_do_not_replace_those_of_real_ones(backbeam, here):
    (here / "bench.toml").write_text(built_in_text("digits"), encoding="utf-8")
    for folder in ("calibration", str(here / "calibration")):
        done = backbeam("calibrate", "bench.toml", "--simulate", "--out", folder, *FAST)
        assert done.code == 2
        assert "tables of the real instruments belong" in done.complaint
    assert not (here / "calibration").exists()


def test_a_built_in_bench_needs_a_folder(backbeam, here):
    done = backbeam("calibrate")
    assert done.code == 2
    assert "name one with --out" in done.complaint


def test_a_protocol_that_does_not_exist_is_named(backbeam, here):
    done = backbeam("calibrate", "--out", "tables", "--only", "lenses")
    assert done.code == 2
    assert "there is no protocol 'lenses'" in done.complaint


@pytest.mark.parametrize("option", [("--valid-for", "-1"), ("--oven", "hot")])
def test_options_that_cannot_be_are_refused(backbeam, here, option):
    assert backbeam("calibrate", "--out", "tables", *option).code == 2


def test_a_refused_fit_makes_the_exit_code_1(backbeam, here, monkeypatch):
    def doubtful(session):
        result = ProtocolResult("detectors", "taps_z", refusals=["not believed"])
        result.tables.append(("taps_z", session.tables.taps["taps_z"]))
        return [result]

    monkeypatch.setattr(detectors, "calibrate_detectors", doubtful)
    done = backbeam("calibrate", "--out", "tables", "--only", "detectors")
    assert done.code == 1
    assert "refused: detectors taps_z: not believed" in done.err
    assert not (here / "tables" / "tap-taps_z.npz").exists()


@pytest.mark.parametrize(
    ("value", "sigma", "shown"),
    [
        (3.49661234, 0.000029, ("3.496612", "0.000029")),
        (9.8827, 0.00089, ("9.88270", "0.00089")),
        (19968.4, 210.0, ("19968.4", "2.1e+02")),
        (42.76, float("nan"), ("42.76", "")),
    ],
)
def test_values_are_shown_to_the_second_digit_of_their_uncertainty(value, sigma, shown):
    assert shown_with_sigma(Quantity("q", value, sigma)) == shown
