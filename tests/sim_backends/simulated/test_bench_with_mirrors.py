"""A bench whose inputs and errors are shown by mirror devices, next to one with modulators."""

import numpy as np
import pytest
from mirror_bench import ERRORS, INPUTS, mirror_bench, mirror_bench_text

from instruments.bench_file.reading import parse_bench_file
from instruments.bench_opening import open_bench
from instruments.calibration.mirror_encoder import MirrorEncoderTable
from instruments.calibration.nominal import nominal_tables
from instruments.errors import BenchFileError, CalibrationError, FrameSlipError, InstrumentError
from instruments.exposure_plan import panel_paces, plan_batch, shot_pace
from instruments.opening import SharedResources, prepare_instruments
from instruments.shot_marks import MARKS
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import Training
from sim_backends.simulated.true_bench_tables import true_bench_tables

WITHOUT_CARRIER = INPUTS.replace("carrier = 4\n", "")
PERFECT = "perfect = true\n"


def opened(file, **options):
    shared = SharedResources()
    return open_bench(file, shared=shared, **options), shared.built()["twin"]


def test_the_light_of_the_stage_is_what_the_encoders_table_says_of_the_mirrors():
    bench, twin = opened(mirror_bench(PERFECT))
    inputs = np.random.default_rng(0).uniform(-1, 1, (20, 64)).astype(np.float32)
    with bench:
        bench.write([np.full((one.outputs, one.inputs), 0.01, "f") for one in bench.layers])
        bench.forward(inputs)
        shown = twin.stages[0].x[:, :20]
        table = bench.arrangement.stage_of(0).source.table
        assert isinstance(table, MirrorEncoderTable)
        np.testing.assert_allclose(shown[0], table.decode(table.encode(inputs)), atol=1e-5)
    # 12 x 12 mirrors in stripes of up to half a period of 4: 24 levels of either sign.
    error = shown[0] - inputs
    assert 0.01 < np.sqrt(np.mean(error**2)) < 0.02
    # Rows of odd width lie to either side in turn; no more than a row is left in quadrature.
    assert np.abs(shown[1]).max() < 1.05 / 12


@pytest.mark.parametrize(("inputs", "left"), [(INPUTS, 0.0), (WITHOUT_CARRIER, 0.03)])
def test_mirrors_that_are_off_leave_light_only_where_there_is_no_carrier(inputs, left):
    bench, twin = opened(mirror_bench(f"{PERFECT}[twin.mirrors]\nleakage = 0.03", inputs=inputs))
    with bench:
        bench.write([np.full((one.outputs, one.inputs), 0.01, "f") for one in bench.layers])
        bench.forward(np.zeros((3, 64), np.float32))
        np.testing.assert_allclose(twin.stages[0].x[0, :3], left * 1.05, atol=1e-6)
        bench.forward(np.ones((3, 64), np.float32))
        full = 1.0 if left else 0.97
        assert twin.stages[0].x[0, :3].mean() == pytest.approx(full, rel=0.02)


@pytest.mark.parametrize("inputs", [INPUTS, WITHOUT_CARRIER], ids=["carrier", "no carrier"])
def test_it_learns_digits(inputs):
    settings = TrainingSettings(
        epochs=12, learning_rate=3e-3, initial_std=0.15, fields_every=0, patience=None
    )
    with open_bench(mirror_bench(inputs=inputs)) as bench:
        result = Training(bench, load_dataset("digits"), settings).run()
        assert bench.describe()["tables"]["inputs"] == (
            bench.arrangement.stage_of(0).source.table.id
        )
    assert result.test_accuracy > 0.93


@pytest.mark.parametrize("name", ["inputs", "errors"])
def test_a_slip_of_its_frames_is_noticed(name):
    bench, twin = opened(mirror_bench())
    generator = np.random.default_rng(0)
    with bench:
        shapes = [(one.outputs, one.inputs) for one in bench.layers]
        bench.write([generator.normal(0, 0.15, shape).astype("f") for shape in shapes])
        inputs = generator.random((16, 64)).astype(np.float32)
        errors = generator.normal(0, 0.1, (16, 10)).astype(np.float32)
        bench.backward(bench.forward(inputs), errors)
        assert bench.readings()["frame_slips"] == 0
        twin.faults.slip(name, until_stopped=True)
        bench.backward(bench.forward(inputs), errors)
        assert bench.readings()["frame_slips"] == 1
        twin.faults.slip(name)
        with pytest.raises(FrameSlipError):
            bench.backward(bench.forward(inputs), errors)


def test_made_safe_all_mirrors_are_off():
    bench, twin = opened(mirror_bench())
    with bench:
        bench.write([np.full((one.outputs, one.inputs), 0.01, "f") for one in bench.layers])
        bench.forward(np.ones((2, 64), np.float32))
        assert bench.make_safe().reached
        assert not bench.instruments["inputs"].fields().any()
        assert not twin._drives["inputs"].any()


def test_pictures_stay_on_from_shot_to_shot_and_pace_a_bench_that_is_faster_than_they_are():
    file = mirror_bench()
    with open_bench(file) as bench:
        assert bench.instruments["inputs"].picture_seconds() == pytest.approx(100e-6)
    slow = mirror_bench(inputs=INPUTS.replace('["50 us"', '["250 us"'))
    prepared = prepare_instruments(slow)
    pace = shot_pace(slow, prepared)
    assert (pace.instrument, pace.seconds) == ("inputs", pytest.approx(250e-6))
    batch = plan_batch(slow, panel_paces(slow, prepared), 64, pace)
    assert batch.exposures[1].seconds == pytest.approx((64 + MARKS) * 250e-6)
    assert batch.exposures[1].paced_by == "inputs"
    with (
        open_bench(slow) as bench,
        pytest.raises(InstrumentError, match=r"inputs: shows each frame for 0\.00025 s"),
    ):
        bench.forward(np.zeros((1, 64), np.float32))


def test_measured_tables_of_other_blocks_are_refused(tmp_path):
    file = mirror_bench()
    table = nominal_tables(file, prepare_instruments(file)).encoders["inputs"]
    table.save(tmp_path / "mirror-encoder-inputs.npz")
    text = mirror_bench_text() + f'\n[calibration]\nfolder = "{tmp_path.as_posix()}"\n'
    with open_bench(parse_bench_file(text)) as bench:
        assert bench.arrangement.stage_of(0).source.table.id == table.id
    text = text.replace("carrier = 4\nfield_at_full = 1.05", "carrier = 6\nfield_at_full = 1.05")
    with pytest.raises(
        CalibrationError, match="64 blocks of 25 levels with a carrier of 4, inputs"
    ):
        open_bench(parse_bench_file(text))


def test_true_tables_name_the_light_on_every_block():
    file = mirror_bench()
    bench, twin = opened(file, tables=true_bench_tables(file))
    with bench:
        bench.write([np.full((one.outputs, one.inputs), 0.01, "f") for one in bench.layers])
        table = bench.arrangement.stage_of(0).source.table
        largest = 0.9 * np.minimum(table.highest_fields, -table.lowest_fields).min()
        inputs = np.random.default_rng(0).uniform(-largest, largest, (9, 64)).astype(np.float32)
        bench.forward(inputs)
        shown = twin.stages[0].x[0, :9]
        # What is left in quadrature by rows of odd width turns with a block's phase.
        np.testing.assert_allclose(shown, table.decode(table.encode(inputs)), atol=0.015)


CHANGES = [
    ({"inputs": INPUTS.replace("[mirrors.inputs]", "[mirrors.input]")},
     r"mirrors\.input: .*no mirror device.*did you mean 'inputs'"),
    ({"inputs": INPUTS.replace("rows = 8, columns = 8", "rows = 7, columns = 9")},
     r"mirrors\.inputs\.blocks: found 7 x 9 blocks; stages\.first\.inputs has 64 neurons"),
    ({"inputs": INPUTS.replace("columns = 256", "columns = 96")},
     r"mirrors\.inputs\.blocks: inputs: 8 x 8 blocks of 12 x 12 .*do not fit 192 x 96"),
    ({"errors": ERRORS.replace("carrier = 4\n", "")},
     r"mirrors\.errors\.carrier: missing; stages\.second\.injector shows numbers of both signs"),
    ({"inputs": INPUTS.replace("carrier = 4", "carrier = 3")},
     r"mirrors\.inputs\.carrier: found 3; half a period turns the sign"),
    ({"inputs": INPUTS.replace("carrier = 4", "carrier = 8")},
     r"mirrors\.inputs\.carrier: a block of width 12 does not hold whole periods of 8 mirrors"),
    ({"inputs": INPUTS.replace("carrier = 4", "carier = 4")},
     r"mirrors\.inputs\.carier: no such key.*did you mean 'carrier'"),
    ({"inputs": INPUTS.split("[mirrors")[0]},
     r"mirrors\.inputs: missing; 'inputs' is a mirror device: say which blocks"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "message"), CHANGES)
def test_what_does_not_fit_is_refused_by_its_key(sections, message):
    with pytest.raises(BenchFileError, match=message):
        mirror_bench(**sections)
