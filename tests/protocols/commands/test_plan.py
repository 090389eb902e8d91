"""``backbeam plan``: time, gain and power with nothing opened, and what will not work."""

from pathlib import Path

import numpy as np
import pytest

from instruments import parallel_opening
from instruments.bench_file.reading import built_in_text
from instruments.opening import PreparedInstrument

ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples" / "benches"


@pytest.fixture
def changed(here):
    """Write the built-in bench with something else in it; return its file."""

    def write(**replacements):
        text = built_in_text("digits")
        for old, new in replacements.values():
            assert old in text, old
            text = text.replace(old, new)
        (here / "lab.toml").write_text(text, encoding="utf-8")
        return "lab.toml"

    return write


def line_with(done, *words):
    return next(line for line in done.out.splitlines() if all(word in line for word in words))


def warnings(done):
    return [line for line in done.out.splitlines() if line.startswith("warning: ")]


def test_nothing_is_opened(backbeam, monkeypatch):
    monkeypatch.setattr(parallel_opening._Opening, "open_one", lambda *_: pytest.fail("opened"))
    monkeypatch.setattr(PreparedInstrument, "open", lambda _: pytest.fail("opened"))
    done = backbeam("plan")
    assert done.code == 0, done.err
    assert "nothing is opened or switched on" in done.out


def test_exposures_are_timed_and_say_what_paces_them(backbeam):
    """38.3 ms of settling (half a refresh of 60 Hz, then 30 ms), 100 us a shot."""
    done = backbeam("plan", "--batch-size", "100")
    first, second = (line_with(done, f"pass {number}") for number in (1, 2))
    assert " ".join(first.split("forward")[1].split()) == "108 38.3 ms 10.8 ms 49.1 ms slm_1, slm_2"
    assert " ".join(second.split("both")[1].split()) == "108 - 10.8 ms 10.8 ms trigger"
    assert "a batch takes 59.9 ms, most of it slm_1, slm_2" in done.out
    assert "panels are written 1 time, 38.3 ms of it" in done.out


def test_an_epoch_is_of_the_built_in_digits_where_they_fit(backbeam):
    """21 batches of 64 and one of 4, with eight marks behind each: 21 x 52.7 ms + 40.7 ms."""
    done = backbeam("plan")
    assert "an epoch of 1348 samples (the built-in digits) takes 1.15 s" in done.out


def test_an_epoch_of_another_bench_is_of_a_thousand_samples_or_as_many_as_asked(backbeam):
    bench = EXAMPLES / "mnist_14x14.toml"
    assert "an epoch of 1000 samples (say how many with --samples)" in backbeam("plan", bench).out
    done = backbeam("plan", bench, "--samples", "60000")
    assert "an epoch of 60000 samples (as asked) takes 2.3 min" in done.out


def test_every_exposure_of_a_panel_used_in_turn_is_listed(backbeam):
    done = backbeam("plan", EXAMPLES / "mnist_tiled.toml")
    for tile in range(1, 5):
        line_with(done, f"layer 1 forward, tile {tile} of 4", "forward", "slm")
    line_with(done, "layer 1 absorber, backward", "both", "trigger")


def test_gain_is_that_of_a_start_by_three_bounds_and_on_this_bench(backbeam):
    generator = np.random.default_rng(0)
    weights = [generator.normal(0, 0.1, shape) for shape in ((48, 64), (10, 48))]
    done = backbeam("plan")
    for matrix in weights:
        outputs, inputs = matrix.shape
        bounds = (
            max((matrix**2).sum(axis=0).max(), (matrix**2).sum(axis=1).max()),
            np.linalg.norm(matrix, 2) ** 2,
            matrix.size * np.abs(matrix).max() ** 2,
            # Half of the light passes the optics of this bench.
            2 * matrix.size * np.abs(matrix).max() ** 2,
        )
        line = line_with(done, f"{outputs} x {inputs}")
        for bound in bounds:
            assert f"{10 * np.log10(bound):.1f} dB" in line
        assert line.split()[-1] == "yes"


def test_weights_of_an_export_are_taken_instead(backbeam, here):
    np.savez(
        here / "weights.npz",
        layer_1=np.full((48, 64), 0.5, np.float32),
        layer_2=np.full((10, 48), -0.25, np.float32),
    )
    done = backbeam("plan", "--weights", "weights.npz")
    assert done.code == 0, done.err
    assert "Gain for weights of weights.npz" in done.out
    # A constant matrix: M w^2 of the longer side, its only singular value squared M N w^2.
    line = line_with(done, "48 x 64")
    assert f"{10 * np.log10(64 * 0.25):.1f} dB" in line
    assert f"{10 * np.log10(64 * 48 * 0.25):.1f} dB" in line


def test_power_is_stated_for_every_stage(backbeam):
    done = backbeam("plan")
    assert "every neuron at field 1, 521 nW" in done.out
    first = line_with(done, "first", "amplifier_1: 1 at")
    for words in ("-37.9 dB", "36.8 uW", "1 W"):
        assert words in first
    second = line_with(done, "second", "amplifier_2: 48 at")
    for words in ("-29.8 dB", "521 nW", "10 mW", "46.9 nW"):
        assert words in second


def test_the_built_in_bench_and_the_examples_give_no_warning(backbeam):
    assert warnings(backbeam("plan")) == []
    for name in ("mnist_14x14", "mnist_tiled"):
        assert warnings(backbeam("plan", EXAMPLES / f"{name}.toml")) == []


def test_an_amplifier_too_weak_is_said_with_what_it_lacks(backbeam, changed):
    weak = ('channels = 48, highest_gain = "45 dB"', 'channels = 48, highest_gain = "12 dB"')
    (warning,) = warnings(backbeam("plan", changed(gain=weak)))
    assert "layer 2: amplifier amplifier_2 lacks" in warning
    assert "of 480 weights" in warning


def test_a_stage_without_an_amplifier_is_said(backbeam, changed):
    (warning,) = warnings(backbeam("plan", changed(none=('amplifier = "amplifier_2"\n', ""))))
    assert "layer 2: stage second lacks" in warning


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (', saturation_power = "0.1 mW" }', "saturates at 100 uW: its phase will depend"),
        (" }", "saturates at 10 mW (assumed; its settings state no saturation_power)"),
    ],
)
def test_more_than_a_microwatt_at_thirty_decibels_is_said(backbeam, changed, stated, words):
    """Beams of 100 uW at saturation, amplified by some 20 dB."""
    bench = changed(
        power=('saturation_power = "521 nW"', 'saturation_power = "100 uW"'),
        stated=(', saturation_power = "10 mW" }', stated),
        steady=(', saturation_power = "1 W" }', ', saturation_power = "1 kW" }'),
    )
    (warning,) = warnings(backbeam("plan", bench))
    assert "amplifier_2 gives" in warning
    assert words in warning


def test_steady_light_beyond_saturation_is_said_without_speaking_of_phase(backbeam, changed):
    bench = changed(weak=(', saturation_power = "1 W" }', ', saturation_power = "10 mW" }'))
    (warning,) = warnings(backbeam("plan", bench))
    assert warning.endswith("saturates at 10 mW: it will not reach its gain")


def test_a_batch_that_does_not_fit_the_time_limit_or_the_memories_is_said(backbeam, changed):
    bench = changed(
        limit=('timeout = "10 s"', 'timeout = "0.5 s"'),
        shots=("limits = { shots = [1, 65536],", "limits = { shots = [1, 9999],"),
    )
    assert warnings(backbeam("plan", bench)) == []
    long, many = warnings(backbeam("plan", bench, "--batch-size", "10000"))
    assert "'pass 1: activations and background' takes 1.04 s and may take 500 ms" in long
    assert "trigger takes 9999 shots at most and a batch needs 10008" in many


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digit"], "did you mean 'digits'?"),
        (["nowhere.toml"], "no such file"),
        (["--batch-size", "0"], "--batch-size"),
        (["--samples", "0"], "--samples"),
        (["--weights", "none.npz"], "none.npz: no such file"),
        (["--weights", "other.npz"], "'layer_1' has shape [3, 2]; the network needs [48, 64]"),
    ],
)
def test_what_cannot_be_planned_is_refused(backbeam, here, arguments, words):
    np.savez(here / "other.npz", layer_1=np.zeros((3, 2), np.float32))
    done = backbeam("plan", *arguments)
    assert done.code == 2
    assert words in done.complaint


@pytest.mark.parametrize("command", ["check", "plan"])
def test_the_page_on_benches_shows_what_is_printed(backbeam, here, command):
    page = (ROOT / "docs" / "benches.md").read_text(encoding="utf-8")
    shown = page.split(f"$ backbeam {command} my_bench.toml\n")[1].split("```")[0]
    backbeam("init", "my_bench.toml")
    printed = [line.split() for line in backbeam(command, "my_bench.toml").out.splitlines()]
    # Lines left out stand as dots, and how long the way to the safe state took differs.
    for words in map(str.split, shown.splitlines()):
        steps = words[:1] and words[0].isdigit() and "safe" in words
        if steps:
            assert words[1:3] in [line[1:3] for line in printed]
        elif words != [".."] and not set("".join(words)) <= {"─"}:
            assert words in printed


@pytest.mark.parametrize("command", ["check", "plan", "safe", "init"])
def test_help_of_the_bench_commands_teaches_and_fits_eighty_columns(backbeam, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    done = backbeam(command, "--help")
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "Examples" in done.out
    if command != "init":
        assert f"backbeam {command} my_bench.toml" in done.out


def test_inputs_beyond_what_modulators_send_are_warned_of(backbeam, changed):
    bright = ("input_field = 1.0", "input_field = 1.5")
    (warning,) = warnings(backbeam("plan", changed(field=bright)))
    assert "an input of 1 is a field of 1.5 and inputs reach 1.0" in warning
    assert "--input-scale" in warning
