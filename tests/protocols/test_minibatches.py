"""Every sample once an epoch, in an order that can be gone back to in the middle of it."""

import json
from itertools import chain

import numpy as np
import pytest

from protocols.datasets import Dataset
from protocols.minibatches import Minibatches

SAMPLES, SIZE = 50, 8


def minibatches(seed=0):
    # Each sample is told from all others by its one feature.
    inputs = np.arange(SAMPLES, dtype=np.float32)[:, np.newaxis]
    parts = (inputs, np.arange(SAMPLES) % 3) * 3
    dataset = Dataset("numbers", *parts, classes=3, image_shape=None, split_seed=0)
    return Minibatches(dataset, SIZE, np.random.default_rng(seed))


def rest_of_epoch(one):
    """Go on to the end of the epoch; return its samples, minibatch by minibatch."""
    one.shuffle()
    taken = []
    while one.done < one.per_epoch:
        inputs, labels = one.in_hand()
        np.testing.assert_array_equal(labels, inputs[:, 0] % 3)
        taken.append(inputs[:, 0].tolist())
        one.done += 1
    one.end_epoch()
    return taken


def test_an_epoch_takes_every_sample_once_and_the_last_minibatch_is_what_is_left():
    taken = rest_of_epoch(minibatches())
    assert [len(one) for one in taken] == [8, 8, 8, 8, 8, 8, 2]
    assert sorted(chain.from_iterable(taken)) == list(range(SAMPLES))


def test_the_order_is_another_one_in_the_next_epoch_and_with_another_seed():
    one = minibatches()
    first, second = rest_of_epoch(one), rest_of_epoch(one)
    assert first != second
    assert first != rest_of_epoch(minibatches(seed=1))


@pytest.mark.parametrize("done", [0, 3])
def test_what_is_left_of_an_epoch_is_the_same_after_going_back_to_a_state(done):
    one = minibatches()
    rest_of_epoch(one)
    one.shuffle()
    one.done = done
    state = json.loads(json.dumps(one.state()))
    expected = [rest_of_epoch(one), rest_of_epoch(one)]
    again = minibatches(seed=7)
    again.restore(state)
    assert [rest_of_epoch(again), rest_of_epoch(again)] == expected
    assert len(expected[0]) == one.per_epoch - done


def test_inputs_are_the_rows_chosen_however_many_cores_gather_them(cores):
    inputs = np.random.default_rng(3).random((SAMPLES, 37), dtype=np.float32)
    parts = (inputs, np.arange(SAMPLES)) * 3
    dataset = Dataset("rows", *parts, classes=SAMPLES, image_shape=None, split_seed=0)
    one = Minibatches(dataset, SIZE, np.random.default_rng(0))
    one.shuffle()
    while one.done < one.per_epoch:
        gathered, labels = one.in_hand()
        np.testing.assert_array_equal(gathered, inputs[labels])
        one.done += 1


def test_inputs_in_another_order_in_memory_are_gathered_too():
    inputs = np.asfortranarray(np.random.default_rng(3).random((SAMPLES, 20)))
    parts = (inputs, np.arange(SAMPLES)) * 3
    dataset = Dataset("columns", *parts, classes=SAMPLES, image_shape=None, split_seed=0)
    one = Minibatches(dataset, SIZE, np.random.default_rng(0))
    one.shuffle()
    gathered, labels = one.in_hand()
    np.testing.assert_allclose(gathered, inputs[labels], rtol=1e-6)
