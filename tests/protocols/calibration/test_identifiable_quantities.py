"""What calibration finds of twins drawn at random, against their hidden truth.

A handful by default. The statistics over 50 twins and 20 far from nominal take four minutes:
``python -m pytest -m slow tests/protocols/calibration/test_identifiable_quantities.py -s``.
"""

import numpy as np
import pytest
from calibrated_twins import WIDE, Compared, calibrated, digits_bench

FEW, MANY = range(1, 4), range(100, 150)
WIDE_FEW, WIDE_MANY = range(200, 202), range(200, 220)
MEDIUM = ("absorber", "first")
PULLED = [
    "half-wave voltage",
    "null",
    "left at null",
    "phase of a level",
    "bright block",
    "optical depth",
    "saturation",
    "detector ratio",
    "power over saturation",
]


def over(seeds, twin=""):
    compared = Compared()
    for seed in seeds:
        compared.take(calibrated(digits_bench(seed, twin)).compared)
    return compared


def slow(values):
    return pytest.param(values, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def compared_over():
    known = {}

    def ask(seeds, twin=""):
        key = (seeds, twin)
        if key not in known:
            known[key] = over(seeds, twin)
        return known[key]

    return ask


@pytest.mark.parametrize("seeds", [FEW, slow(MANY)], ids=str)
def test_identifiable_quantities_are_found_within_a_hundredth_of_full_scale(
    seeds, compared_over, capsys
):
    compared = compared_over(seeds)
    with capsys.disabled():
        print(f"\n{len(seeds)} twins\n{compared.report()}")
    assert compared.refused == []
    for name in (
        "half-wave voltage",
        "null",
        "left at null",
        "phase of a level",
        "bright block",
        "end to end",
        "saturation",
        "detector ratio",
        "power over saturation",
    ):
        assert compared.worst(name) < 0.01, name
    assert compared.worst("optical depth") < 0.03


@pytest.mark.parametrize("seeds", [FEW, slow(MANY)], ids=str)
def test_uncertainties_are_those_of_the_errors(seeds, compared_over):
    compared = compared_over(seeds)
    # Every quantity counts alike, however many channels it has.
    squares = [np.mean(compared.all_pulls(name) ** 2) for name in PULLED]
    below = [np.mean(np.abs(compared.all_pulls(name)) < 3) for name in PULLED]
    assert 0.8 < np.sqrt(np.mean(squares)) < 1.25
    assert np.mean(below) >= 0.98
    lowest, highest = (0.7, 1.25) if len(seeds) >= 50 else (0.5, 1.6)
    for name in PULLED:
        if compared.all_pulls(name).size < 30:
            # One value a twin: a handful of them says nothing of its spread.
            continue
        assert lowest < np.sqrt(np.mean(compared.all_pulls(name) ** 2)) < highest, name


@pytest.mark.parametrize("seeds", [WIDE_FEW, slow(WIDE_MANY)], ids=str)
def test_twins_far_from_nominal_are_found_as_well(seeds, compared_over, capsys):
    compared = compared_over(seeds, WIDE)
    with capsys.disabled():
        print(f"\n{len(seeds)} twins far from nominal\n{compared.report()}")
    assert compared.refused == []
    for name in ("half-wave voltage", "null", "phase of a level", "saturation", "detector ratio"):
        assert compared.worst(name) < 0.01, name
    assert compared.worst("optical depth") < 0.03
    # A panel that falls short of a whole wave has steps near full scale.
    assert compared.rms("end to end") < 0.003
    assert compared.worst("end to end") < 0.03
    squares = [np.mean(compared.all_pulls(name) ** 2) for name in PULLED]
    assert 0.7 < np.sqrt(np.mean(squares)) < 1.3


def medium(depth, model):
    bench = digits_bench(
        5, **{"optical_depth = 10.0": f"optical_depth = {depth:.1f}", '"eq4"': f'"{model}"'}
    )
    return calibrated(bench, until=MEDIUM)


@pytest.mark.parametrize("depth", [1, 3, 10, slow(1.5), slow(2), slow(5), slow(7)])
@pytest.mark.parametrize("model", ["eq4", "propagated"])
def test_depth_and_model_of_the_medium_are_found(depth, model):
    found = medium(depth, model)
    assert found.of("absorber", "first").accepted
    assert found.tables.absorbers["first"].model == model
    assert found.compared.worst("optical depth") < 0.03
    assert found.compared.worst("saturation") < 0.01


@pytest.mark.parametrize("depth", [60, slow(30), slow(150)])
def test_too_deep_a_medium_gives_a_bound_that_holds(depth):
    found = medium(depth, "propagated")
    result = found.of("absorber", "first")
    assert "too deep for this light" in result.refusals[0]
    (bound,) = [one.value for one in result.quantities if one.name == "optical depth, at least"]
    # At 9 saturation fields a medium of 15 would be read to a per cent.
    assert 15 < bound < found.twin.stages[0].absorber.depth.min()


@pytest.mark.parametrize("seeds", [FEW, slow(MANY)], ids=str)
def test_a_full_calibration_takes_less_than_20_seconds(seeds, compared_over):
    assert max(compared_over(seeds).seconds) < 20
