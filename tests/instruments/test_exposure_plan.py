"""The plan of a batch is what a bench then does: the same shots, frames and, nearly, time."""

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from instruments.bench_file.reading import built_in_text, parse_bench_file
from instruments.bench_opening import open_bench
from instruments.exposure_plan import (
    DARK_SHOTS,
    PanelPace,
    epoch_seconds,
    most_shots,
    panel_paces,
    plan_batch,
    plan_exposures,
)
from instruments.opening import prepare_instruments

EXAMPLES = Path(__file__).parents[2] / "examples" / "benches"
SAMPLES = 7


def small(example, layers, columns, marks="false", shots_per_sample=1):
    """An example bench cut down to a few neurons; one panel serves its layers in turn."""
    text = (EXAMPLES / f"{example}.toml").read_text(encoding="utf-8")
    rows = max(layers[1:])
    changes = {
        r"^marks = true": f"marks = {marks}",
        r"^layers = .*": f"layers = {list(layers)}",
        r"^stages = .*": f"stages = {['panel'] * (len(layers) - 1)}".replace("'", '"'),
        r"rows = 128, columns = 196": f"rows = {rows}, columns = {columns}",
        r"channels = 128": f"channels = {rows}",
        r"channels = 196": f"channels = {columns}",
    }
    for pattern, new in changes.items():
        text, found = re.subn(pattern, new, text, flags=re.MULTILINE)
        assert found, pattern
    text += f"\n[taps.taps_z]\nshots_per_sample = {shots_per_sample}\n"
    return parse_bench_file(text, example)


def digits(marks="false"):
    return parse_bench_file(
        built_in_text("digits")
        .replace("marks = true", f"marks = {marks}")
        .replace("track_every = 20", "track_every = 0"),
        "digits",
    )


BENCHES = {
    "cascade": digits,
    "cascade with marks": lambda: digits("true"),
    "tiled with marks": lambda: small("mnist_tiled", (8, 6, 4), 6, "true"),
    "in turn": lambda: small("mnist_14x14", (8, 6, 4), 8),
    "in turn, samples shown thrice": lambda: small("mnist_14x14", (8, 6, 4), 8, "false", 3),
    "in turn, thrice with marks": lambda: small("mnist_14x14", (8, 6, 4), 8, "true", 3),
    "three layers in turn": lambda: small("mnist_14x14", (8, 6, 5, 4), 8),
    "four layers in turn": lambda: small("mnist_14x14", (8, 6, 6, 5, 4), 8),
    "tiled": lambda: small("mnist_tiled", (8, 6, 4), 6),
    "tiled more than once": lambda: small("mnist_tiled", (8, 7, 6, 4), 3),
}


@pytest.fixture(params=BENCHES)
def file(request):
    return BENCHES[request.param]()


class Watched:
    """What a bench's instruments did, from when it was made."""

    def __init__(self, file, bench, monkeypatch):
        self.exposures = []
        self.frames = 0
        trigger = bench.instruments["trigger"]
        fire = trigger.fire

        def count(shots):
            self.exposures.append(shots)
            fire(shots)

        monkeypatch.setattr(trigger, "fire", count)
        for name in {stage.weights for stage in file.stages.values()}:
            self._watch(bench.instruments[name], monkeypatch)
        self._clock = trigger.twin.clock
        self._began = self._clock.now()
        self.seconds = 0.0

    def _watch(self, panel, monkeypatch):
        show = panel.show_blocks

        def count(pattern):
            self.frames += 1
            show(pattern)

        monkeypatch.setattr(panel, "show_blocks", count)

    def end(self):
        # Before the safe state, whose ramps take time too.
        self.seconds = self._clock.now() - self._began
        return self


@pytest.fixture
def batch(file, monkeypatch):
    """One batch on the simulated bench: weights written, forward, backward."""
    with open_bench(file) as bench:
        generator = np.random.default_rng(0)
        sizes = file.network.layers
        weights = [
            generator.normal(0, 0.1, (below, above)).astype(np.float32)
            for above, below in pairwise(sizes)
        ]
        inputs = generator.uniform(0, 1, (SAMPLES, sizes[0])).astype(np.float32)
        bench.write(weights)
        # The first batch also measures the noise of the taps.
        passed = bench.forward(inputs)
        bench.backward(passed, passed.output)
        watched = Watched(file, bench, monkeypatch)
        bench.write(weights)
        passed = bench.forward(inputs)
        bench.backward(passed, passed.output)
        return watched.end()


def planned(file, samples=SAMPLES):
    return plan_batch(file, panel_paces(file, prepare_instruments(file)), samples)


def test_every_exposure_is_planned_with_its_shots(file, batch):
    taken = list(batch.exposures)
    plan = planned(file).exposures
    # Backgrounds are exposures of their own on the bench and part of the next one in the plan.
    assert sum(taken) == sum(one.shots for one in plan)
    dark = sum(one.planned.extra_shots >= DARK_SHOTS for one in plan)
    assert len(taken) == len(plan) + dark


def test_every_frame_is_planned(file, batch):
    panels = sum(len(one.planned.shows) for one in planned(file).exposures)
    assert batch.frames == panels


def test_the_time_planned_is_what_the_twin_s_clock_says(file, batch):
    """But for the wait for the next refresh, which is half of one in the mean."""
    plan = planned(file)
    refresh = 1 / 60
    assert batch.seconds == pytest.approx(plan.seconds, abs=0.5 * refresh * plan.frames + 1e-9)
    assert plan.seconds > 0


def test_the_slowest_device_paces_an_exposure():
    file = digits()
    paces = {
        "first": PanelPace("slm_1", 20e-3),
        "second": PanelPace("slm_2", 30e-3),
    }
    with_shots = {samples: plan_batch(file, paces, samples).exposures for samples in (64, 299, 301)}
    first, second = with_shots[64]
    assert (first.settling_seconds, first.shots_seconds) == pytest.approx((30e-3, 6.4e-3))
    assert first.paced_by == "slm_2"
    assert (second.settling_seconds, second.paced_by) == (0.0, "trigger")
    assert with_shots[299][0].paced_by == "slm_2"
    assert with_shots[301][0].paced_by == "trigger"


def test_panels_that_are_equally_slow_pace_it_together():
    file = digits()
    paces = {name: PanelPace(f"slm_{name}", 30e-3) for name in file.stages}
    assert plan_batch(file, paces, 64).exposures[0].paced_by == "slm_first, slm_second"


def test_a_panel_whose_pace_is_not_known_counts_as_none():
    file = digits()
    paces = {name: PanelPace("slm", None) for name in file.stages}
    assert plan_batch(file, paces, 64).seconds == pytest.approx(2 * 6.4e-3)


def test_a_panel_takes_half_a_refresh_and_settles():
    file = digits()
    paces = panel_paces(file, prepare_instruments(file))
    assert paces["first"] == PanelPace("slm_1", pytest.approx(0.5 / 60 + 30e-3))


def test_an_epoch_ends_with_a_smaller_batch():
    file = digits()
    paces = panel_paces(file, prepare_instruments(file))
    whole, rest = (planned(file, samples).seconds for samples in (64, 4))
    assert epoch_seconds(file, paces, 64, 132) == pytest.approx(2 * whole + rest)
    assert epoch_seconds(file, paces, 64, 128) == pytest.approx(2 * whole)
    assert epoch_seconds(file, paces, 64, 4) == pytest.approx(rest)


def test_the_light_of_every_exposure_is_one_there_is():
    for build in BENCHES.values():
        for one in plan_exposures(build()):
            assert one.light in ("dark", "reference", "forward", "backward", "both")


def test_shots_are_limited_by_file_and_settings():
    text = "limits = { shots = [1, 500] }\nsettings = { channels = 48, volts_per_field"
    present = "settings = { channels = 48, volts_per_field"
    file = parse_bench_file(built_in_text("digits").replace(present, text, 1))
    most = most_shots(prepare_instruments(file))
    assert most["taps_z"] == 500
    assert most["taps_a"] == most["trigger"] == 65536
    assert "laser" not in most
