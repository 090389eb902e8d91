"""Amplifiers follow the weights: enough gain for the largest, and not much more than that."""

import numpy as np
import pytest
from example_benches import ARRANGEMENTS, bench_file, opened

from instruments.stage_hardware import LARGEST_WASTE
from sim_backends.twin.twin import Twin

ROUNDING = 1e-3


@pytest.fixture(scope="module", params=ARRANGEMENTS, ids=str)
def bench(request):
    made, _ = opened(bench_file(ARRANGEMENTS[request.param]))
    with made:
        yield made


def weights_for(bench, scale):
    generator = np.random.default_rng(1)
    return [scale * generator.normal(0, 0.2, w.shape).astype("f") for w in bench.parameters()]


def needed_by_stage(bench, weights):
    """Return the field gain that the largest weight of each stage needs."""
    needed = {}
    for number, matrix in enumerate(weights):
        stage = bench.arrangement.stage_of(number)
        for tile in bench.arrangement.tiles_of(number):
            gain = stage.bank.required_field_gain(matrix[:, tile])
            needed[stage.name] = max(needed.get(stage.name, 0.0), gain)
    return needed


def clipped(bench):
    return sum(v for name, v in bench.readings().items() if name.startswith("clipped_share"))


def test_whatever_weights_come_none_is_clipped_and_little_gain_wasted(bench):
    moved = set()
    before = bench.operating_point()
    for scale in np.float32([0.3, 0.35, 1, 0.8, 0.1, 0.01, 0.2, 1]):
        weights = weights_for(bench, scale)
        bench.write(weights)
        point = bench.operating_point()
        assert clipped(bench) == 0.0
        for name, needed in needed_by_stage(bench, weights).items():
            assert point[name] >= needed * (1 - ROUNDING)
            assert point[name] <= max(LARGEST_WASTE * needed, 1.0) * (1 + ROUNDING)
            moved |= {name} if point[name] != before[name] else set()
        before = point
    assert moved == set(before), "amplifiers that never moved show nothing"


def test_amplifiers_stay_where_they_suit(bench, monkeypatch):
    bench.write(weights_for(bench, np.float32(1)))
    monkeypatch.setattr(Twin, "set_current", lambda *_, **__: pytest.fail("an amplifier moved"))
    for scale in np.float32([0.95, 1, 0.7]):
        bench.write(weights_for(bench, scale))


def test_what_no_amplifier_reaches_is_clipped_and_told(bench):
    bench.write(weights_for(bench, np.float32(1e4)))
    assert clipped(bench) > 0.0
    for name, stage in {s.name: s for s in map(bench.arrangement.stage_of, (0, 1))}.items():
        assert bench.operating_point()[name] == pytest.approx(stage.highest_field_gain)
