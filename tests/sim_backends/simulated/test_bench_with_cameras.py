"""A bench whose taps are cameras with a tilted reference, next to one with detectors."""

import numpy as np
import pytest
from camera_bench import camera_bench, camera_bench_text

from instruments.bench_file.reading import parse_bench_file
from instruments.bench_opening import open_bench
from instruments.errors import BenchFileError, FrameSlipError
from instruments.exposure_plan import panel_paces, plan_batch
from instruments.opening import SharedResources, prepare_instruments
from instruments.shot_marks import MARKS
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import Training

PERFECT = "perfect = true\n"
LATE = ("outputs", "taps_delta")


def opened(file):
    shared = SharedResources()
    return open_bench(file, shared=shared), shared.built()["twin"]


def lit(bench, seed=0):
    generator = np.random.default_rng(seed)
    bench.write(
        [generator.normal(0, 0.15, (one.outputs, one.inputs)).astype("f") for one in bench.layers]
    )
    return generator.random((32, 64)).astype("f"), generator.normal(0, 0.1, (32, 10)).astype("f")


def slope_and_misfit(read, true):
    slope = float(np.vdot(read, true) / np.vdot(true, true))
    return slope, float(np.std(read / slope - true))


def test_fields_are_read_from_the_fringes_within_the_photons_noise():
    bench, twin = opened(camera_bench(PERFECT))
    with bench:
        inputs, errors = lit(bench)
        passed = bench.forward(inputs)
        noise = bench.light.exposer.detectors["taps_z"].noise_counts / 130.0
        slope, misfit = slope_and_misfit(passed.unit_inputs[0], twin.stages[0].z[0, :32])
        # Nominal counts a field are those of the file; noise is that of the photons.
        assert 0.8 < slope < 1.0
        assert 0.7 * noise < misfit < 1.3 * noise
        slope, misfit = slope_and_misfit(passed.output, twin.stages[1].z[0, :32])
        assert 0.8 < slope < 1.0
        assert misfit < 0.02
        delta = bench.backward(passed, errors)[0]
        factors = 0.3 / np.abs(errors).max(axis=1, keepdims=True)
        slope, misfit = slope_and_misfit(delta * factors, twin.stages[0].delta[0, :32])
        assert 0.8 < slope < 1.0
        assert misfit < 0.002


def test_with_a_dark_injector_a_camera_of_errors_sees_the_pump_that_is_reflected_into_it():
    bench, twin = opened(camera_bench(f"{PERFECT}[twin.taps]\nreflection = 0.02"))
    with bench:
        inputs, _ = lit(bench)
        bench.forward(inputs)
        bench.instruments["errors"].load(np.zeros((1, 10), np.float32))
        bench.instruments["errors"].arm()
        taps = bench.light.exposer.detectors["taps_delta"]
        taps.arm(32)
        bench.instruments["trigger"].fire(32)
        read = taps.read_fields(1.0)
        assert not twin.stages[0].delta.any()
        real, imaginary = twin.stages[0].z[:, :32]
        reflected = twin.detectors["taps_delta"].reflection * (real + 1j * imaginary)
        # Nominal counts a field are those of the file; noise is that of the photons.
        slope = np.vdot(reflected, read) / np.vdot(reflected, reflected)
        assert 0.8 < slope.real / 2400.0 < 1.0
        assert abs(slope.imag) < 0.01 * slope.real
        misfit = read - slope * reflected
        assert np.abs(reflected * slope).max() > 20 * taps.noise_counts
        assert misfit.real.std() == pytest.approx(taps.noise_counts, rel=0.3)
        assert misfit.imag.std() == pytest.approx(taps.noise_counts, rel=0.3)


def test_the_reference_can_be_turned_by_a_number_and_is_tracked():
    file = camera_bench(f'{PERFECT}[twin.taps]\nbank_phase = "1.2 rad"')
    bench, _ = opened(file)
    with bench:
        inputs, _ = lit(bench)
        assert file.arms.reference.track_every
        passed = bench.forward(inputs)
        twin = bench.instruments["trigger"].twin
        slope, misfit = slope_and_misfit(passed.unit_inputs[0], twin.stages[0].z[0, :32])
        assert 0.8 < slope < 1.0
        assert misfit < 0.05
        phases = bench.reference_phases
        assert phases.channels == 4
        bank = twin.detectors["taps_z"].bank_phase
        assert np.exp(1j * (phases.volts()[0] + bank)) == pytest.approx(1, abs=0.05)


def test_detectors_and_cameras_can_be_mixed_with_an_actuator_for_the_detectors():
    text = camera_bench_text(("taps_a", "outputs"), actuator=True)
    bench, twin = opened(parse_bench_file(f'{text}\n{PERFECT}[twin.taps]\nbank_phase = "1 rad"'))
    with bench:
        inputs, _ = lit(bench)
        passed = bench.forward(inputs)
        for read, true in (
            (passed.unit_inputs[0], twin.stages[0].z[0, :32]),
            (passed.activations[1], twin.stages[0].a[0, :32]),
        ):
            slope, misfit = slope_and_misfit(read, true)
            assert 0.8 < slope < 1.1
            assert misfit < 0.05
        # The actuator turns what it must, and leaves the cameras' references alone.
        assert twin.detectors["taps_z"].actuator_radians
        assert not twin.detectors["taps_a"].actuator_radians


def test_it_learns_digits_before_anything_is_calibrated():
    settings = TrainingSettings(
        epochs=8, learning_rate=3e-3, initial_std=0.15, fields_every=0, patience=None
    )
    with open_bench(camera_bench()) as bench:
        assert Training(bench, load_dataset("digits"), settings).run().test_accuracy > 0.88


def test_full_pixels_are_counted_as_saturated():
    text = camera_bench_text().replace("counts_per_power = 30.0", "counts_per_power = 3000.0")
    # So full that dark marks are noisier than bright ones, which looks out of step.
    text = text.replace("marks = true", "marks = false")
    bench, _ = opened(parse_bench_file(text))
    with bench:
        inputs, _ = lit(bench)
        bench.readings()
        bench.forward(inputs)
        assert 0.05 < bench.readings()["saturated_share"] < 1


def test_shots_of_a_sample_are_averaged():
    bench, _ = opened(camera_bench(PERFECT))
    text = camera_bench_text().replace("[taps.outputs]", "[taps.outputs]\nshots_per_sample = 9")
    nine, _ = opened(parse_bench_file(f"{text}\n{PERFECT}"))
    noises = []
    for one in (bench, nine):
        with one:
            inputs, errors = lit(one)
            twin = one.instruments["trigger"].twin
            passed = one.forward(inputs)
            repeats = one.light.shots_per_sample
            true = twin.stages[1].z[0, : 32 * repeats : repeats]
            assert passed.output.shape == true.shape
            noises.append(slope_and_misfit(passed.output, true)[1])
            assert one.backward(passed, errors)[0].shape == (32, 48)
    assert noises[0] / noises[1] == pytest.approx(3, rel=0.25)
    file = parse_bench_file(text)
    plan = plan_batch(file, panel_paces(file, prepare_instruments(file)), 64)
    assert [one.shots for one in plan.exposures] == [9 * 64 + MARKS, 9 * 64 + MARKS]


def test_a_camera_that_loses_a_frame_has_the_exposure_repeated(monkeypatch):
    bench, _ = opened(camera_bench())
    with bench:
        inputs, _ = lit(bench)
        bench.forward(inputs)
        camera = bench.instruments["taps_a"]
        count = camera.frame_counter
        answers = iter([count() + 1])
        monkeypatch.setattr(camera, "frame_counter", lambda: next(answers, None) or count())
        bench.readings()
        bench.forward(inputs)
        assert bench.readings()["frame_slips"] == 1
        monkeypatch.setattr(camera, "frame_counter", lambda: 0)
        with pytest.raises(FrameSlipError, match="taps_a: its sensor took"):
            bench.forward(inputs)


def changed(old, new):
    text = camera_bench_text()
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"off-axis camera"',
            '"intensity"',
            r"taps\.taps_z\.estimator: found 'intensity'; .*signs",
        ),
        ('"off-axis camera"', '"balanced homodyne"', r"taps_z\.estimator: .*a camera has one port"),
        ('"off-axis camera"', '"off axis"', r"found 'off axis'; allowed.*did you mean 'off-axis"),
        ("fringes = [0.3, 0.3]", "fringes = [0.0, 0.1]", r"taps\.taps_z\.fringes: .*1\.2 periods"),
        ("fringes = [0.3, 0.3]\n", "", r"taps\.taps_z\.fringes: missing"),
        ("fringes = [0.3, 0.3]", "fringes = [0.3, 0.6]", r"taps\.taps_z\.fringes\[2\]"),
        ("rows = 6, columns = 8,", "rows = 6, columns = 7,", r"taps_z\.regions: found 6 x 7"),
        ("rows = 80", "rows = 60", r"taps_z\.regions: taps_z: 6 x 8 blocks .*do not fit 60 x 104"),
        ("[taps.taps_z]", "[taps.taps_zz]", r"taps\.taps_zz: .*did you mean 'taps_z'"),
        ("reference_counts = 500.0\n", "", r"taps\.taps_z\.reference_counts: missing"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_key(old, new, message):
    with pytest.raises(BenchFileError, match=message):
        parse_bench_file(changed(old, new))
