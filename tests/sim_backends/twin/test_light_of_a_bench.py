"""The simulated bench is light, not algebra: it follows what its instruments show, whoever set it.

Weights are written and a batch is shown by the bench. Then one thing is changed behind its back,
through the instrument's own interface, and the taps have to follow as physics says
(``bench_by_hand``), those the change cannot reach bit for bit as before. And nothing but device
units ever reaches the twin.
"""

import ast
import gc
import subprocess
import sys
import types
from dataclasses import replace

import light_by_hand
import numpy as np
import pytest
from bench_by_hand import BenchByHand, Spy
from example_benches import ARRANGEMENTS, ROOT, bench_file, opened

from instruments.bench import Bench
from instruments.calibration.table import CalibrationTable
from instruments.interfaces.spatial_light_modulator import BlockPattern
from instruments.network import Pass
from instruments.stage_hardware import StageHardware
from sim_backends.twin.twin import Twin

SAMPLES = 24
TIMEOUT = 10.0
# Real optics with every hidden deviation, but nothing random from shot to shot and no drift.
QUIET = {
    "seed": 3,
    "modulators": {"bias_drift": "0 rad", "quantised": False},
    "amplifiers": {"inversion_factor": 0.0},
    "taps": {
        "phase_drift": "0 rad",
        "shot_noise": False,
        "electronic_noise": "0 V",
        "quantised": False,
    },
}
# Readings are fields of a few units in single precision, through two products of 64 terms.
AGREES = 5e-6


class Lab:
    """A digits bench in operation, with someone who notes what its instruments are told."""

    def __init__(self, twin):
        self.bench, self.twin = opened(bench_file(twin=twin))
        self.spy = Spy(self.bench)
        generator = np.random.default_rng(11)
        self.weights = [
            generator.normal(0, 0.15, (one.outputs, one.inputs)).astype("f")
            for one in self.bench.layers
        ]
        self.inputs = generator.random((SAMPLES, 64), dtype=np.float32)
        self.errors = generator.normal(size=(SAMPLES, 10)).astype("f")
        self.bench.write(self.weights)
        self.hand = BenchByHand(self.twin)

    def taps(self):
        """Show the batch as training does; return what the bench says its taps read."""
        passed = self.bench.forward(self.inputs)
        deltas = self.bench.backward(passed, self.errors)
        return {
            "taps_z": passed.unit_inputs[0],
            "taps_a": passed.activations[1],
            "outputs": passed.output,
            "taps_delta": deltas[0],
        }

    def by_hand(self, change=lambda shown: shown):
        """Return the same for what the instruments show, or for a change of that."""
        lit = self.hand.fields_read(change(self.spy.shown()))
        dark = self.hand.fields_read(change(self.spy.shown(dark=True)))
        # Errors go in with the largest of a sample at the probe's limit; the background of the
        # first pass is taken away and the scale divided back.
        scale = 0.3 / np.abs(self.errors).max(axis=1, keepdims=True)
        return {**lit, "taps_delta": (lit["taps_delta"] - dark["taps_delta"]) / scale}

    def show_block(self, panel, row, column, depth, offset):
        """Show the panel's pattern with another block."""
        pattern = self.spy.patterns[panel]
        depths, offsets = pattern.depth_levels.copy(), pattern.offset_levels.copy()
        depths[row, column], offsets[row, column] = depth, offset
        self.bench.instruments[panel].show_blocks(
            BlockPattern(
                depths,
                offsets,
                pattern.geometry,
                pattern.grating_period,
                levels_per_wave=pattern.levels_per_wave,
            )
        )
        self.bench.instruments[panel].wait_until_settled(TIMEOUT)


@pytest.fixture
def lab():
    made = Lab(QUIET)
    with made.bench:
        yield made


def agree(measured, expected):
    for name, wanted in expected.items():
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(
            measured[name], wanted, rtol=0, atol=AGREES * scale, err_msg=name
        )


def moves_only(before, after, reached):
    """Check that readings moved where ``reached`` says, and are the same bits elsewhere.

    ``reached`` gives for each bank the samples and the detectors.
    """
    for name in before:
        moved = before[name] != after[name]
        expected = np.zeros(moved.shape, bool)
        if name in reached:
            samples, detectors = reached[name]
            expected[np.ix_(np.arange(SAMPLES)[samples], np.arange(moved.shape[1])[detectors])] = 1
        assert not moved[~expected].any(), f"{name} moved where nothing reaches it"
        if expected.any():
            assert moved[expected].mean() > 0.95, f"{name} stands still"


ALL = slice(None)


def test_every_tap_reads_what_the_light_is_by_hand(lab):
    agree(lab.taps(), lab.by_hand())


def test_that_is_far_from_what_the_weights_would_give(lab):
    # Nominal tables on real optics.
    product = lab.inputs @ lab.weights[0].T
    read = lab.taps()["taps_z"]
    assert np.linalg.norm(read - product) > 0.1 * np.linalg.norm(product)


@pytest.mark.parametrize(
    ("panel", "row", "column", "reached"),
    [
        # The block and, by cross-talk, its neighbours; behind them all outputs.
        (
            "slm_1",
            20,
            31,
            {
                "taps_z": (ALL, slice(19, 22)),
                "taps_a": (ALL, slice(19, 22)),
                "taps_delta": (ALL, slice(19, 22)),
                "outputs": (ALL, ALL),
            },
        ),
        (
            "slm_2",
            4,
            17,
            {"outputs": (ALL, slice(3, 6)), "taps_delta": (ALL, slice(16, 19))},
        ),
    ],
)
def test_one_block_changed_on_a_panel_reaches_its_own_taps(lab, panel, row, column, reached):
    before, before_by_hand = lab.taps(), lab.by_hand()
    index = ("slm_1", "slm_2").index(panel)
    depth = lab.spy.shown().panels[index][0][row, column]
    changed = (200 if depth < 128 else 20, 77)
    lab.show_block(panel, row, column, *changed)
    after, after_by_hand = lab.taps(), lab.by_hand()
    moves_only(before, after, reached)
    agree(after, after_by_hand)
    bank = "taps_z" if index == 0 else "outputs"
    moved = after[bank][:, row] - before[bank][:, row]
    expected = after_by_hand[bank][:, row] - before_by_hand[bank][:, row]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(moved, expected, atol=AGREES * np.abs(before[bank]).max())


def test_one_voltage_changed_on_its_way_reaches_its_own_sample(lab):
    before = lab.taps()
    sample, channel, volts = 5, 40, 1.3
    inputs = lab.bench.instruments["inputs"]
    load = inputs.load

    def tampered(asked):
        asked = asked.copy()
        asked[sample, channel] = volts
        load(asked)

    inputs.load = tampered
    loaded = lab.spy.loads["inputs"][-1]
    after = lab.taps()
    assert lab.spy.loads["inputs"][-1][sample, channel] == np.float32(volts)
    assert loaded[sample, channel] != np.float32(volts)
    only = slice(sample, sample + 1)
    moves_only(before, after, dict.fromkeys(before, (only, ALL)))
    agree(after, lab.by_hand())
    expected = lab.by_hand(lambda shown: replace(shown, inputs=loaded))
    agree(before, expected)


@pytest.mark.parametrize(
    ("amplifier", "channel", "reached"),
    [
        (
            "amplifier_1",
            0,
            dict.fromkeys(("taps_z", "taps_a", "outputs", "taps_delta"), (ALL, ALL)),
        ),
        ("amplifier_2", 17, {"outputs": (ALL, ALL), "taps_delta": (ALL, slice(17, 18))}),
    ],
)
def test_one_current_changed_reaches_what_its_light_reaches(lab, amplifier, channel, reached):
    before = lab.taps()
    instrument = lab.bench.instruments[amplifier]
    currents = instrument.currents_amperes()
    currents[channel] -= 10e-3
    instrument.set_currents_amperes(currents)
    after, expected = lab.taps(), lab.by_hand()
    moves_only(before, after, reached)
    agree(after, expected)
    if amplifier == "amplifier_2":
        ratio = after["taps_delta"][:, 17] / before["taps_delta"][:, 17]
        assert (ratio < 0.9).all()


def test_a_colder_cell_absorbs_less(lab):
    before = lab.taps()
    oven = lab.bench.instruments["oven"]
    oven.set_temperature_celsius(73.0)
    oven.wait_until_settled(TIMEOUT)
    after = lab.taps()
    everything = (ALL, ALL)
    reached = dict.fromkeys(("taps_a", "outputs", "taps_delta"), everything)
    moves_only(before, after, reached)
    agree(after, lab.by_hand())
    # Some 7 % of the optical depth a kelvin; all light that is well above the offsets gains.
    assert light_by_hand.optical_depth_ratio(73.0, 75.0) == pytest.approx(0.93**2, abs=0.01)
    bright = np.abs(before["taps_a"]) > 0.1
    assert bright.sum() > 100
    assert (np.abs(after["taps_a"]) > np.abs(before["taps_a"]))[bright].all()


def test_with_every_noise_the_taps_move_by_the_same_on_average():
    pairs, row, column = 24, 20, 31
    made = Lab({"seed": 4})
    with made.bench:
        made.inputs = np.repeat(made.inputs[:1], SAMPLES, axis=0)
        made.errors = np.repeat(made.errors[:1], SAMPLES, axis=0)
        made.taps()
        depths, offsets = made.spy.shown().panels[0]
        was = int(depths[row, column]), int(offsets[row, column])
        becomes = 200 if was[0] < 128 else 20, 77
        expected_before = made.by_hand()
        expected_after = made.by_hand(lambda shown: shown.with_block(0, row, column, *becomes))
        moved = {name: [] for name in expected_before}
        for number in range(pairs):
            # One order, then the other, so that a steady drift averages out.
            order = (was, becomes) if number % 2 else (becomes, was)
            seen = {}
            for block in order:
                made.show_block("slm_1", row, column, *block)
                seen[block] = made.taps()
            for name in moved:
                moved[name].append((seen[becomes][name] - seen[was][name]).mean(axis=0))
    near = slice(row - 1, row + 2)
    for name, changes in moved.items():
        mean = np.mean(changes, axis=0)
        uncertainty = np.std(changes, axis=0, ddof=1) / np.sqrt(pairs)
        expected = (expected_after[name] - expected_before[name])[0]
        # Phases wander by a hundredth of a radian while this is measured.
        allowed = 5 * uncertainty + 0.02 * np.abs(expected)
        assert (np.abs(mean - expected) < allowed).all(), name
        if name == "outputs":
            assert (np.abs(expected) > 5 * uncertainty).mean() > 0.5
            continue
        far = np.ones(len(mean), bool)
        far[near] = False
        np.testing.assert_allclose(expected[far], 0, atol=1e-12)
        assert (uncertainty > 0).all()
        assert np.abs(mean[row]) > 20 * uncertainty[row], name


# What the twin is told ------------------------------------------------------------------------


def is_volts(value):
    return value.dtype == np.float32 and value.ndim == 2 and np.abs(value).max() <= 5.0


def is_grey(value):
    return value.dtype == np.uint16 and value.ndim == 2 and value.max() <= 256


def is_amperes(value):
    return value.dtype == np.float64 and value.ndim == 1 and 0 <= value.min() <= value.max() <= 0.4


def is_moment(value):
    return value is None or isinstance(value, float)


def are_names(value):
    return all(isinstance(one, str) for one in value)


def is_a(kind):
    return lambda value: isinstance(value, kind)


# What instruments may tell a twin, by the names of the arguments.
ALLOWED = {
    "drive": {"name": is_a(str), "drive": is_volts},
    "show": {"panel": is_a(str), "depth": is_grey, "offset": is_grey, "moment": is_moment},
    "darken": {"panel": is_a(str)},
    "set_current": {"amplifier": is_a(str), "amperes": is_amperes, "enabled": is_a(bool)},
    "set_shutter": {"name": is_a(str), "is_open": is_a(bool)},
    "set_laser": {
        "enabled": is_a(bool),
        "detuning_hertz": is_a(float),
        "relative_power": is_a(float),
    },
    "set_oven": {"celsius": is_a(float)},
    "set_reference_phase": {"bank": is_a(str), "radians": is_a(float)},
    "expose": {"shots": is_a(int), "banks": are_names},
}


def resembles(told, known):
    """Whether an array is another one, or its transpose, up to a factor."""
    told = np.asarray(told, float)
    for other in (known, known.T):
        if told.shape != other.shape:
            continue
        norm = np.vdot(other, other)
        factor = np.vdot(other, told) / norm if norm else 0.0
        if np.linalg.norm(told - factor * other) < 1e-3 * np.linalg.norm(told):
            return True
    return False


@pytest.mark.parametrize("arrangement", ARRANGEMENTS)
def test_nothing_but_device_units_reaches_the_twin(arrangement, monkeypatch):
    calls = []
    methods = {
        name: method
        for name, method in vars(Twin).items()
        if isinstance(method, types.FunctionType) and not name.startswith("_")
    }
    assert set(ALLOWED) <= set(methods)

    def noted(name, method):
        names = method.__code__.co_varnames[1 : 1 + method.__code__.co_argcount]

        def call(twin, *positional, **named):
            calls.append((name, dict(zip(names, positional, strict=False)) | named))
            return method(twin, *positional, **named)

        return call

    for name, method in methods.items():
        monkeypatch.setattr(Twin, name, noted(name, method))

    generator = np.random.default_rng(12)
    with opened(bench_file(ARRANGEMENTS[arrangement]))[0] as bench:
        secrets = []
        weights = [generator.normal(0, 0.2, w.shape).astype("f") for w in bench.parameters()]
        for _ in range(2):
            inputs = generator.random((SAMPLES, bench.layers[0].inputs), dtype=np.float32)
            errors = generator.normal(size=(SAMPLES, bench.layers[-1].outputs)).astype("f")
            bench.write(weights)
            passed = bench.forward(inputs)
            deltas = bench.backward(passed, errors)
            gradient = bench.gradient(passed, deltas)
            secrets += [*weights, inputs, errors, *passed.activations, passed.output, *deltas]
            # What one frame of a tiled matrix takes of its weights and its inputs.
            secrets += [w[:, tile] for w in weights for tile in (slice(0, 12), slice(12, 20))]
            secrets += [inputs[:, :12], inputs[:, 12:20], *gradient]
            weights = [w - 0.1 * g for w, g in zip(weights, gradient, strict=True)]

    told = {name for name, _ in calls}
    assert {"drive", "show", "set_current", "expose"} <= told <= set(ALLOWED)
    arrays = 0
    for name, arguments in calls:
        for argument, value in arguments.items():
            assert ALLOWED[name][argument](value), f"{name}({argument}={value!r})"
            if isinstance(value, np.ndarray) and value.size > 4 and np.any(value):
                arrays += 1
                like = [known.shape for known in secrets if resembles(value, known)]
                assert not like, f"{name} was told {argument}, which is an array of shape {like[0]}"
    assert arrays > 10


def reachable(start):
    """Return every object that can be reached from one, code and types aside."""
    code = (type, types.ModuleType, types.FunctionType, types.MethodType, types.CodeType)
    found = {id(start): start}
    waiting = [start]
    while waiting:
        for one in gc.get_referents(waiting.pop()):
            if id(one) not in found and not isinstance(one, code):
                found[id(one)] = one
                waiting.append(one)
    return list(found.values())


def test_neither_tables_nor_weights_can_be_reached_from_simulated_instruments():
    generator = np.random.default_rng(13)
    with opened(bench_file())[0] as bench:
        bench.write([generator.normal(0, 0.2, w.shape).astype("f") for w in bench.parameters()])
        passed = bench.forward(generator.random((SAMPLES, 64), dtype=np.float32))
        bench.backward(passed, generator.normal(size=(SAMPLES, 10)).astype("f"))
        knowing = (CalibrationTable, Bench, StageHardware, Pass)
        for name, instrument in bench.instruments.items():
            objects = reachable(instrument)
            assert any(isinstance(one, Twin) for one in objects), name
            assert not [one for one in objects if isinstance(one, knowing)], name
        # From the bench they can be: the search does find them.
        objects = reachable(bench)
        assert sum(isinstance(one, CalibrationTable) for one in objects) > 5


CLOSED = (
    "instruments.calibration",
    "instruments.arrangements",
    "instruments.bench",
    "instruments.bench_opening",
    "instruments.stage_hardware",
)


# They make tables of the truth, for tests and reports; nothing of the program uses them.
READERS_OF_THE_TRUTH = ("true_tables", "true_bench_tables")


def is_closed(module):
    return any(module == name or module.startswith(f"{name}.") for name in CLOSED)


def modules_of_the_light():
    for folder in ("twin", "simulated"):
        for path in sorted((ROOT / "sim_backends" / folder).glob("*.py")):
            if path.stem not in (*READERS_OF_THE_TRUTH, "__init__"):
                yield path


def test_the_twin_and_its_instruments_import_no_tables_and_no_bench():
    paths = list(modules_of_the_light())
    assert len(paths) > 20
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            assert not [name for name in names if is_closed(name)], path.name
            last = {name.rpartition(".")[2] for name in names}
            assert not last & set(READERS_OF_THE_TRUTH), path.name


def test_not_even_by_way_of_others():
    names = [f"sim_backends.{path.parent.name}.{path.stem}" for path in modules_of_the_light()]
    program = f"import sys, {', '.join(names)}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = done.stdout.split()
    assert "sim_backends.twin.twin" in loaded
    assert not [name for name in loaded if is_closed(name)]


def test_no_protocol_and_no_instrument_reads_the_truth():
    for floor in ("instruments", "protocols", "gui"):
        for path in (ROOT / floor).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not [name for name in READERS_OF_THE_TRUTH if name in text], path
            assert "sim_backends.twin" not in text, path
