"""``backbeam train BENCH`` as its user sees it."""

import re

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text
from protocols.record.run import open_run

FEW = ("--epochs", "6", "--learning-rate", "3e-3", "--seed", "4")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short run of the built-in bench, with what was printed."""
    import io
    from contextlib import redirect_stderr, redirect_stdout

    from protocols.command import main

    folder, out = tmp_path_factory.mktemp("bench") / "run", io.StringIO()
    with redirect_stdout(out), redirect_stderr(io.StringIO()), pytest.raises(SystemExit) as left:
        main(["train", *FEW, "--out", str(folder)])
    assert left.value.code == 0
    return folder, out.getvalue()


def test_without_arguments_the_built_in_bench_learns_digits(trained):
    folder, printed = trained
    network = open_run(folder).configuration["network"]
    assert network["kind"] == "bench"
    assert network["bench"]["name"] == "digits"
    assert "slm_1" in network["simulated"]
    assert set(network["tables"]) >= {"first", "second", "inputs", "taps_a", "amplifier_2"}
    assert open_run(folder).summary["test_accuracy"] > 0.85
    assert re.search(r"row/column dB +singular dB +free space dB", printed)


def test_gain_and_its_bounds_are_recorded(trained):
    run = open_run(trained[0])
    steps, epochs = run.steps, run.epochs
    for layer in (1, 2):
        gain = steps[f"gain_decibels_{layer}"]
        assert np.all(gain > 0)
        row = epochs[f"row_column_decibels_{layer}"]
        singular = epochs[f"singular_value_decibels_{layer}"]
        free_space = epochs[f"free_space_decibels_{layer}"]
        bank = epochs[f"bank_decibels_{layer}"]
        assert np.all(row <= singular)
        assert np.all(singular <= free_space)
        # Lenses, slit and panel pass half the power: 3 dB on top.
        np.testing.assert_allclose(bank, free_space + 3.01, atol=0.1)


def test_a_run_of_a_bench_is_evaluated_on_that_bench(backbeam, trained):
    folder, _ = trained
    done = backbeam("evaluate", folder, "--json")
    assert done.code == 0
    # The same light with other noise: a few of 224 images may fall on the other side.
    assert done.json["test_accuracy"] == pytest.approx(
        open_run(folder).summary["test_accuracy"], abs=0.02
    )


def test_a_bench_file_names_the_network(backbeam, here):
    (here / "mine.toml").write_text(built_in_text("digits"), encoding="utf-8")
    done = backbeam("train", "mine.toml", "--epochs", "1", "--out", "run")
    assert done.code == 0
    assert re.search(
        r"Bench\(digits, 64-48-10, (\d+) instruments, \1 of them simulated\)", done.err
    )


def test_with_ideal_the_layers_of_a_bench_are_trained_without_devices(backbeam, here):
    assert backbeam("train", "digits", "--ideal", "--epochs", "1", "--out", "run").code == 0
    network = open_run(here / "run").configuration["network"]
    assert network["kind"] == "ideal"
    assert [layer["outputs"] for layer in network["layers"]] == [48, 10]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["digits", "--layers", "64,48,10"], ["--layers: the bench file digits says"]),
        (["digits", "--gain", "2", "--model", "eq4"], ["--gain, --model"]),
        (["digit"], ["'digit' is neither a bench file", "did you mean 'digits'"]),
        (["none.toml"], ["none.toml: no such file", "backbeam init none.toml"]),
        (["digits", "--data", "mine.npz"], ["mine.npz has 3 inputs and 2 classes", "64 inputs"]),
    ],
)
def test_a_bench_that_cannot_be_trained_so(backbeam, here, options, words):
    np.savez(here / "mine.npz", x=np.random.default_rng(1).random((60, 3)), y=np.arange(60) % 2)
    done = backbeam("train", *options)
    assert done.code == 2
    for word in words:
        assert word in done.complaint
    assert not (here / "runs").exists()
