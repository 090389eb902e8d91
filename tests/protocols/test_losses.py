"""Errors at the output are the derivatives of the loss."""

import numpy as np
import pytest

from instruments.errors import NetworkError
from protocols.losses import LOSSES, cross_entropy, mean_squared_error

OUTPUT = np.array([[0.1, 0.9, -0.3], [2.0, -1.0, 0.4]])
LABELS = np.array([1, 2])


@pytest.mark.parametrize("name", LOSSES)
def test_errors_equal_finite_differences_of_one_samples_loss(name):
    loss = LOSSES[name]
    errors = loss(OUTPUT, LABELS).errors
    for index in np.ndindex(OUTPUT.shape):
        moved = [OUTPUT.copy(), OUTPUT.copy()]
        moved[0][index] += 1e-6
        moved[1][index] -= 1e-6
        slope = (loss(moved[0], LABELS).loss - loss(moved[1], LABELS).loss) / 2e-6
        assert errors[index] == pytest.approx(len(LABELS) * slope, abs=1e-8)


def test_the_error_of_the_squared_loss_is_output_minus_target():
    errors = mean_squared_error(OUTPUT, LABELS).errors
    np.testing.assert_allclose(errors, OUTPUT - np.eye(3)[LABELS])


def test_errors_of_cross_entropy_sum_to_zero_and_large_outputs_stay_finite():
    at_output = cross_entropy(1e4 * OUTPUT.astype(np.float32), LABELS)
    np.testing.assert_allclose(at_output.errors.sum(axis=1), 0, atol=1e-6)
    assert np.isfinite(at_output.loss)


def test_hits_are_counted():
    assert mean_squared_error(OUTPUT, LABELS).correct == 1


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("strange", [3, -1])
def test_a_label_that_no_output_stands_for_is_refused(name, strange):
    with pytest.raises(NetworkError, match=f"label {strange} given; 3 outputs .* 0 to 2"):
        LOSSES[name](OUTPUT, np.array([1, strange]))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("labels", [[1], [1, 2, 0], [[1, 2]]])
def test_there_is_one_label_a_sample(name, labels):
    with pytest.raises(NetworkError, match="for outputs of 2 samples"):
        LOSSES[name](OUTPUT, np.array(labels))
