import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_backends.optics import slit
from sim_backends.optics import vector_matrix as multiplication


def _dft(size):
    """A unitary whose first row and column are flat."""
    index = np.arange(size)
    return np.exp(2j * np.pi * np.outer(index, index) / size) / np.sqrt(size)


def _unitary_model(activations, mask):
    """Fan-out, mask and fan-in with every mode kept: all field amplitudes, all loss ports.

    Input i enters the flat port of its own M-port splitter; mask element ji is a lossy beam
    splitter that sends the rest to an absorber; row j's N modes enter an N-port combiner,
    whose flat port is the output.
    """
    outputs, inputs = mask.shape
    entering = np.zeros((inputs, outputs), complex)
    entering[:, 0] = activations
    spread = entering @ _dft(outputs).T  # [i, j]
    passed = mask.T * spread
    absorbed = np.sqrt(1 - np.abs(mask.T) ** 2) * spread
    gathered = passed.T @ _dft(inputs).T  # [j, port]
    return gathered[:, 0], gathered[:, 1:], absorbed


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**31))
def test_is_the_flat_port_of_unitary_optics_and_every_photon_is_accounted_for(
    outputs, inputs, seed
):
    generator = np.random.default_rng(seed)
    mask = generator.uniform(-1, 1, (outputs, inputs))
    activations = generator.normal(size=inputs)
    output, dumped, absorbed = _unitary_model(activations, mask)
    np.testing.assert_allclose(multiplication.forward(activations, mask), output, atol=1e-12)
    lost = np.sum(np.abs(dumped) ** 2) + np.sum(np.abs(absorbed) ** 2)
    assert multiplication.lost_power(activations, mask) == pytest.approx(lost, abs=1e-11)
    assert lost >= -1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 2**31))
def test_no_singular_value_of_the_passive_matrix_exceeds_one(outputs, inputs, seed):
    mask = np.random.default_rng(seed).uniform(-1, 1, (outputs, inputs))
    assert np.linalg.norm(multiplication.passive_matrix(mask), 2) <= 1 + 1e-12


def test_an_all_ones_mask_passes_one_pattern_without_loss():
    inputs, outputs = 12, 5
    arrived = multiplication.forward(np.ones(inputs), np.ones((outputs, inputs)))
    assert np.sum(arrived**2) == pytest.approx(inputs)


def test_light_sent_back_meets_the_transposed_matrix():
    generator = np.random.default_rng(1)
    mask = generator.uniform(-1, 1, (6, 9))
    gains = slit.apodisation(slit.neuron_positions(9), 0.2705).real
    forward = multiplication.forward(np.eye(9), mask, gains).T
    backward = multiplication.backward(np.eye(6), mask, gains).T
    np.testing.assert_allclose(forward, backward.T, atol=1e-15)
    assert multiplication.reciprocity_error(forward, backward) < 1e-14


def test_backward_is_the_adjoint_for_real_masks():
    generator = np.random.default_rng(2)
    mask = generator.uniform(-1, 1, (6, 9))
    activations, errors = generator.normal(size=9), generator.normal(size=6)
    assert errors @ multiplication.forward(activations, mask) == pytest.approx(
        multiplication.backward(errors, mask) @ activations
    )


def test_reciprocity_error_measures_a_mode_mismatch():
    generator = np.random.default_rng(3)
    matrix = generator.normal(size=(40, 50))
    mismatch = 1 + 0.03 * generator.choice([-1, 1], (40, 50))
    assert multiplication.reciprocity_error(matrix, (matrix * mismatch).T) == pytest.approx(0.03)


def test_batches_multiply_sample_by_sample_in_their_own_precision():
    generator = np.random.default_rng(4)
    mask = generator.uniform(-1, 1, (6, 9)).astype(np.float32)
    batch = generator.normal(size=(2, 3, 9)).astype(np.float32)
    found = multiplication.forward(batch, mask)
    assert found.dtype == np.float32
    assert found.shape == (2, 3, 6)
    np.testing.assert_allclose(found[1, 2], multiplication.forward(batch[1, 2], mask), rtol=1e-5)
