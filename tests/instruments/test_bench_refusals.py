"""What a bench refuses it refuses whole: nothing is shown, nothing moves, and it goes on after."""

import numpy as np
import pytest
from example_benches import ARRANGEMENTS, bench_file, opened

from instruments.errors import NetworkError
from sim_backends.twin.twin import Twin

SAMPLES = 5
NO_NUMBERS = [np.nan, np.inf, -np.inf]


@pytest.fixture(scope="module", params=ARRANGEMENTS, ids=str)
def bench(request):
    """A bench in operation, weights written."""
    made, _ = opened(bench_file(ARRANGEMENTS[request.param]))
    with made:
        made.write(weights_for(made))
        yield made


def weights_for(bench, seed=1):
    generator = np.random.default_rng(seed)
    return [generator.normal(0, 0.2, w.shape).astype("f") for w in bench.parameters()]


def inputs_for(bench):
    return np.random.default_rng(2).random((SAMPLES, bench.layers[0].inputs), dtype=np.float32)


def errors_for(bench):
    return np.random.default_rng(3).normal(size=(SAMPLES, bench.layers[-1].outputs)).astype("f")


@pytest.fixture
def told(monkeypatch):
    """Return a list of whatever the light is told or asked from now on."""
    calls = []

    def noted(name, method):
        def call(twin, *positional, **named):
            calls.append(name)
            return method(twin, *positional, **named)

        return call

    def watch():
        for name in ("drive", "show", "show_coefficients", "set_current", "set_laser", "expose"):
            monkeypatch.setattr(Twin, name, noted(name, getattr(Twin, name)))
        return calls

    return watch


def refused(attempt, named):
    with pytest.raises(NetworkError) as caught:
        attempt()
    line = str(caught.value)
    assert named in line
    assert "\n" not in line


def goes_on(bench):
    """Check that the bench works as if nothing had happened."""
    passed = bench.forward(inputs_for(bench))
    deltas = bench.backward(passed, errors_for(bench))
    for field in (passed.output, *deltas):
        assert np.isfinite(field).all()


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_inputs_that_are_no_numbers_are_not_shown(bench, told, value):
    inputs = inputs_for(bench)
    inputs[3, 2] = value
    calls = told()
    refused(lambda: bench.forward(inputs), "inputs hold NaN or infinity: nothing was sent")
    assert calls == []
    goes_on(bench)


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_errors_that_are_no_numbers_are_not_injected(bench, told, value):
    passed = bench.forward(inputs_for(bench))
    errors = errors_for(bench)
    errors[3, 2] = value
    calls = told()
    refused(lambda: bench.backward(passed, errors), "errors hold NaN or infinity: nothing was sent")
    assert calls == []
    goes_on(bench)


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("layer", [0, 1])
def test_weights_that_are_no_numbers_are_not_shown(bench, told, layer, value):
    before, point = bench.parameters(), bench.operating_point()
    weights = weights_for(bench, seed=4)
    weights[layer][1, 2] = value
    calls = told()
    refused(lambda: bench.write(weights), f"weights of layer {layer + 1} hold NaN or infinity")
    assert calls == []
    assert all(map(np.array_equal, bench.parameters(), before))
    assert bench.operating_point() == point
    goes_on(bench)


def test_weights_that_do_not_fit_leave_the_ones_before(bench, told):
    before = bench.parameters()
    weights = weights_for(bench, seed=4)
    weights[1] = weights[1][:, :-1]
    calls = told()
    refused(lambda: bench.write(weights), "weights of layer 2 have shape")
    refused(lambda: bench.write(weights[:1]), "1 weight matrices for 2 layers")
    assert calls == []
    assert all(map(np.array_equal, bench.parameters(), before))
    goes_on(bench)


def test_shapes_that_do_not_fit_are_named(bench, told):
    inputs, errors = inputs_for(bench), errors_for(bench)
    passed = bench.forward(inputs)
    calls = told()
    refused(lambda: bench.forward(inputs[:, :-1]), f"takes [samples, {inputs.shape[1]}]")
    refused(lambda: bench.forward(inputs[0]), f"inputs have shape [{inputs.shape[1]}]")
    refused(lambda: bench.backward(passed, errors[:-1]), f"the output {list(errors.shape)}")
    assert calls == []
    goes_on(bench)
