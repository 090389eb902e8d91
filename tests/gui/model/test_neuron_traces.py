"""The trace of a neuron is its root mean square, minibatch after minibatch."""

import numpy as np

from gui.model.neuron_traces import MOST_MINIBATCHES, NeuronTraces
from gui.model.taps import Taps


def test_each_neuron_has_its_own():
    traces = NeuronTraces()
    traces.take(3, {"activation_1": np.array([[3.0, 1.0], [-3.0, 0.0]])})
    traces.take(9, {"activation_1": np.array([[0.0, 2.0], [0.0, 2.0]])})
    steps, strengths = traces.of("activation_1", 0)
    assert steps.tolist() == [3, 9]
    assert strengths.tolist() == [3, 0]
    np.testing.assert_allclose(traces.of("activation_1", 1)[1], [np.sqrt(0.5), 2])


def test_what_is_not_tapped_has_no_trace():
    steps, strengths = NeuronTraces().of("error_1", 4)
    assert len(steps) == len(strengths) == 0


def test_the_oldest_are_forgotten():
    traces = NeuronTraces()
    for step in range(MOST_MINIBATCHES + 10):
        traces.take(step, {"a": np.ones((2, 3))})
    assert traces.of("a", 1)[0][0] == 10


def test_previews_are_traced_and_their_weights_are_not():
    taps = Taps()
    taps.hear("taps", 5, {"activation_1": np.ones((4, 3)), "weights_1": np.ones((3, 2))})
    taps.hear("fields", 6, {"activation_1": np.ones((4, 3))})
    assert taps.traces.of("activation_1", 2)[0].tolist() == [5]
    assert len(taps.traces.of("weights_1", 0)[0]) == 0
