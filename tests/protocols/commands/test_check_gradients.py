import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text

QUICK = ("--takes", "4", "--spots", "2")


def rows_of(printed):
    return [line.split() for line in printed.splitlines()]


def test_the_whole_picture_and_a_figure(backbeam, here):
    done = backbeam("check-gradients", *QUICK)
    assert done.code == 0
    lines = rows_of(done.out)
    layers = [line for line in lines if line[:1] in (["1"], ["2"])]
    assert [float(line[1]) > 0.8 for line in layers] == [True, True]
    assert {"taps_z", "taps_a", "outputs", "taps_delta"} <= {line[0] for line in lines if line}
    assert "null of inputs" in done.out
    assert "not in the file: stages.second.taps.rho" in done.out
    assert "figure: check-gradients-digits.svg" in done.out
    drawn = (here / "check-gradients-digits.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<svg")
    assert "layer 1: cosine 0." in drawn
    assert "layer 2: single weights moved" in drawn


def test_the_same_seed_finds_the_same(backbeam, here):
    first, second, other = (
        backbeam("check-gradients", *QUICK, "--seed", seed).out for seed in (1, 1, 2)
    )
    assert first == second != other


def test_weights_of_ones_own(backbeam, here):
    generator = np.random.default_rng(0)
    weights = {
        f"layer_{number}": generator.normal(0, 0.3, shape)
        for number, shape in enumerate(((48, 64), (10, 48)), start=1)
    }
    np.savez(here / "weights.npz", **weights)
    own = backbeam("check-gradients", *QUICK, "--weights", "weights.npz", "--figure", "own.svg")
    assert own.code == 0
    assert (here / "own.svg").exists()
    assert own.out != backbeam("check-gradients", *QUICK, "--figure", "own.svg").out


def test_a_gradient_below_the_stop_level_makes_the_exit_code_1(backbeam, here, monkeypatch):
    """Half the taps of errors are read with the wrong sign."""
    from instruments.calibration.tap import TapTable

    read = TapTable.read

    def wrongly(table, volts, background_volts=None, out=None):
        reading = read(table, volts, background_volts, out)
        if table.instrument == "taps_delta":
            reading.fields[:, 1::2] *= -1
        return reading

    monkeypatch.setattr(TapTable, "read", wrongly)
    done = backbeam("check-gradients", *QUICK)
    assert done.code == 1
    assert "(stop)" in done.out


def test_more_samples_than_there_are_is_said(backbeam, here):
    images = np.random.default_rng(0).random((100, 64), dtype=np.float32)
    np.savez("few.npz", x=images, y=np.arange(100) % 10)
    done = backbeam("check-gradients", "--data", "few.npz", "--samples", "1000", *QUICK)
    assert done.code in (0, 1)
    assert "training samples: all are taken" in done.err


def test_a_figure_in_no_folder_is_refused_before_anything_is_measured(backbeam, here, monkeypatch):
    monkeypatch.setattr("instruments.bench_opening.open_bench", None)
    done = backbeam("check-gradients", "--figure", "nowhere/figure.svg", *QUICK)
    assert done.code == 2
    assert "there is no folder nowhere" in done.complaint


def test_data_the_bench_was_not_made_for_is_refused(backbeam, here):
    bench = here / "bench.toml"
    text = built_in_text("digits").replace("layers = [64, 48, 10]", "layers = [64, 48, 9]")
    text = text.replace("rows = 10, columns = 48", "rows = 9, columns = 48")
    bench.write_text(text, encoding="utf-8")
    done = backbeam("check-gradients", bench, *QUICK)
    assert done.code == 2
    assert "digits has 64 inputs and 10 classes" in done.complaint


@pytest.mark.parametrize("option", [("--takes", "1"), ("--samples", "0"), ("--spots", "0")])
def test_options_that_cannot_be_are_refused(backbeam, here, option):
    assert backbeam("check-gradients", *option).code == 2
