"""References that drift are found by pilots and turned back, on a simulated bench."""

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources
from instruments.phase_tracking import SAMPLES, drift_within_a_quarter, is_turned_over
from protocols.datasets import load_dataset
from protocols.settings import TrainingSettings
from protocols.training import Training

INPUTS = np.random.default_rng(5).uniform(0, 1, (32, 64)).astype(np.float32)
BANKS = ("taps_z", "taps_a", "taps_delta", "outputs")


@pytest.fixture
def bench():
    """A digits bench whose light is real: then the phases of the references are all there is."""
    text = built_in_text("digits").replace("[twin]\nseed = 1", "[twin]\nperfect = true\nseed = 1")
    # Grey levels would leave light a little imaginary.
    text = text.replace("bit_depth = 8", "bit_depth = 0")
    shared = SharedResources()
    with open_bench(parse_bench_file(text, "digits"), shared=shared) as opened:
        generator = np.random.default_rng(3)
        sizes = ((48, 64), (10, 48))
        opened.write([generator.normal(0, 0.15, size).astype(np.float32) for size in sizes])
        yield opened, shared.built()["twin"]


def phases(twin):
    return {bank: twin.detectors[bank].phase_radians for bank in BANKS}


def drift(twin, radians):
    for bank, angle in radians.items():
        twin.detectors[bank].drift_radians = angle


DRIFTS = dict(zip(BANKS, (0.4, -1.2, 2.9, -1.7), strict=True))


def test_drifts_are_found_bank_by_bank(bench):
    opened, twin = bench
    drift(twin, DRIFTS)
    found = opened.turn_references_back(INPUTS)
    assert found == pytest.approx(DRIFTS, abs=2e-3)


def test_references_are_turned_back(bench):
    opened, twin = bench
    drift(twin, DRIFTS)
    opened.turn_references_back(INPUTS)
    for angle in phases(twin).values():
        assert np.exp(1j * angle) == pytest.approx(1, abs=2e-3)


def test_a_reference_that_drifts_on_is_followed_through_many_waves(bench):
    """The actuators reach one wave; the phase is taken modulo a wave."""
    opened, twin = bench
    for step in range(1, 31):
        drift(twin, dict(zip(BANKS, 2.1 * step * np.array([1, -1, 1, -1]), strict=True)))
        opened.turn_references_back(INPUTS)
    for angle in phases(twin).values():
        assert np.exp(1j * angle) == pytest.approx(1, abs=2e-3)


def test_readings_are_those_without_drift(bench):
    opened, twin = bench
    before = opened.forward(INPUTS).output
    drift(twin, DRIFTS)
    assert not np.allclose(opened.forward(INPUTS).output, before, atol=0.1)
    opened.turn_references_back(INPUTS)
    np.testing.assert_allclose(opened.forward(INPUTS).output, before, atol=5e-3)


def test_the_references_follow_light_as_bright_as_samples_are():
    """Amplifiers turn light that saturates them: a brighter pilot would have another phase."""
    shared = SharedResources()
    generator = np.random.default_rng(3)
    with open_bench(parse_bench_file(built_in_text("digits")), shared=shared) as opened:
        opened.write(
            [generator.normal(0, 0.35, size).astype(np.float32) for size in ((48, 64), (10, 48))]
        )
        twin = shared.built()["twin"]
        lags, signs = {}, generator.choice([-1, 1], (16, 64)).astype(np.float32)
        for brightness in (0.3, 1.0):
            samples = np.float32(brightness) * INPUTS[:16] * signs
            opened.turn_references_back(samples)
            light = []
            for shown in (samples, -samples):
                opened.forward(shown)
                light.append(twin.stages[1].z[0, :16] + 1j * twin.stages[1].z[1, :16])
            # Light of either sign: half the phase of its square.
            lags[brightness] = 0.5 * np.angle(((light[0] - light[1]) ** 2).sum())
            found = twin.detectors["outputs"].phase_radians
            assert np.cos(lags[brightness] - found) > np.cos(0.1)
        assert abs(lags[1.0] - lags[0.3]) > 0.2, lags


def test_a_pilot_is_shown_every_so_many_batches(bench, monkeypatch):
    opened, _ = bench
    inputs = np.zeros((4, 64), np.float32)
    tracked = []
    track = opened.tracker.track

    def count(fields, expect):
        tracked.append(batch)
        return track(fields, expect)

    monkeypatch.setattr(opened.tracker, "track", count)
    batch = 0
    while batch < 61:
        batch += 1
        opened.forward(inputs)
    assert tracked == [1, 21, 41, 61]


def test_a_bank_without_light_is_left_alone(bench):
    opened, twin = bench
    opened.write([np.zeros((48, 64), np.float32), np.zeros((10, 48), np.float32)])
    drift(twin, DRIFTS)
    before = phases(twin)
    assert opened.turn_references_back(INPUTS) == {}
    assert phases(twin) == pytest.approx(before)


@pytest.mark.parametrize("instrument", ["inputs", "errors", *BANKS])
def test_a_pilot_read_out_of_step_turns_no_reference_away(bench, instrument):
    opened, twin = bench
    drift(twin, DRIFTS)
    twin.faults.slip(instrument, until_stopped=True)
    found = opened.turn_references_back(INPUTS)
    assert found == pytest.approx(DRIFTS, abs=2e-3)
    assert opened.light.slips == 1


def readings(phases, brightness=1.0, noise=0.0, seed=0):
    """Quadratures ``[samples, n]`` of real light at 10 taps, each sample with phase and size."""
    generator = np.random.default_rng(seed)
    light = generator.normal(size=(SAMPLES, 10)) * np.reshape(brightness, (-1, 1))
    quadratures = light * np.exp(1j * np.reshape(phases, (-1, 1)))
    dark = generator.normal(size=(2, *light.shape))
    return light, quadratures + noise * (dark[0] + 1j * dark[1])


@pytest.mark.parametrize("angle", [-1.4, -0.2, 0.0, 0.9])
def test_a_phase_all_samples_have_is_found_in_spite_of_noise(angle):
    _, read = readings(np.full(SAMPLES, angle))
    assert drift_within_a_quarter(read) == pytest.approx(angle, abs=1e-12)
    _, noisy = readings(np.full(SAMPLES, angle), noise=0.5)
    found = drift_within_a_quarter(noisy)
    assert found is not None
    assert abs(np.exp(2j * (found - angle)) - 1) < 0.5


def test_samples_that_disagree_have_no_phase():
    generator = np.random.default_rng(1)
    for seed in range(50):
        _, read = readings(generator.uniform(-np.pi, np.pi, SAMPLES), seed=seed)
        assert drift_within_a_quarter(read) is None


def test_bright_samples_say_which_phase_and_do_not_speak_for_all():
    phases, brightness = np.full(SAMPLES, 0.1), np.ones(SAMPLES)
    phases[:4], brightness[:4] = 0.2, 5.0
    _, read = readings(phases, brightness)
    assert drift_within_a_quarter(read) == pytest.approx(0.19, abs=0.01)
    phases, brightness = np.full(SAMPLES, 0.1), np.ones(SAMPLES)
    phases[3], brightness[3] = 1.3, 30.0
    _, read = readings(phases, brightness)
    assert drift_within_a_quarter(read) is None


def test_half_a_wave_takes_samples_that_agree_on_it():
    light, read = readings(np.zeros(SAMPLES))
    assert is_turned_over(-read, light)
    assert not is_turned_over(read, light)
    # Of expectations that are off in a third of all signs enough is left.
    generator = np.random.default_rng(2)
    expected = light * np.where(generator.random(light.shape) < 0.2, -1, 1)
    assert is_turned_over(-read, expected)
    for seed in range(20):
        anything = np.random.default_rng(seed).normal(size=light.shape)
        assert not is_turned_over(read, anything)


def test_a_reference_without_a_common_phase_stays_and_is_told_of_once(bench, monkeypatch, caplog):
    opened, twin = bench
    drift(twin, DRIFTS)
    opened.turn_references_back(INPUTS)
    before = phases(twin)
    monkeypatch.setattr("instruments.phase_tracking.IN_COMMON", 1.1)
    drift(twin, dict.fromkeys(BANKS, 0.5))
    moved = phases(twin)
    assert opened.turn_references_back(INPUTS) == {}
    assert opened.turn_references_back(INPUTS) == {}
    assert phases(twin) == moved
    assert moved != before
    told = [one.getMessage() for one in caplog.records if "no phase in common" in one.message]
    assert [one.split(":")[0] for one in told] == list(BANKS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_references_survive_weights_so_large_that_amplifiers_turn_the_light(seed):
    """Without a limit to its weights a long training takes the cascade there."""
    text = built_in_text("digits").replace("[twin]\nseed = 1", f"[twin]\nseed = {seed}")
    settings = TrainingSettings(
        epochs=1500, learning_rate=3e-3, initial_std=0.15, fields_every=0, check_every=0
    )
    losses = []

    class Losses:
        def step(self, training, loss):
            losses.append(loss)

        def epoch(self, training, row):
            pass

    with open_bench(parse_bench_file(text, "digits")) as opened:
        result = Training(opened, load_dataset("digits"), settings).run(None, Losses())
    assert result.test_accuracy > 0.96
    # Signs that turn over by mistake are found and turned back; what is lost is lost for a moment.
    assert np.mean(np.array(losses[100:]) > 1) < 0.01
