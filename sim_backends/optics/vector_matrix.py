r"""Coherent vector-matrix multiplication by fan-out, mask and fan-in.

Each of ``N`` inputs is spread evenly over ``M`` rows (field ``1/sqrt(M)``), each row and column
meets its own mask element ``|w_ji| <= 1``, and each row's ``N`` products are gathered into one
mode (field ``1/sqrt(N)`` each; the rest is lost to the modes orthogonal to it):

.. math:: y_j = \frac{1}{\sqrt{M N}} \sum_i w_{ji} a_i.

The optics are reciprocal: light sent back into the output modes meets the same elements, and the
transposed matrix with the same factor comes out of the input modes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Fields = npt.NDArray[np.inexact]


def passive_scale(outputs: int, inputs: int) -> float:
    """Return ``1 / sqrt(M N)``, the field factor of the loss-less fan-out and fan-in."""
    return float(1.0 / np.sqrt(outputs * inputs))


def passive_matrix(mask: Fields, column_gains: Fields | None = None) -> Fields:
    """Return the matrix from input fields to output fields, ``[M, N]``.

    Parameters
    ----------
    mask
        ``[M, N]`` mask elements of modulus up to 1, real or complex.
    column_gains
        ``[N]`` field factors of the columns: slit apodisation, uneven illumination.
    """
    outputs, inputs = mask.shape
    matrix: Fields = mask * mask.dtype.type(passive_scale(outputs, inputs))
    return matrix if column_gains is None else matrix * column_gains


def forward(activations: Fields, mask: Fields, column_gains: Fields | None = None) -> Fields:
    """Return the output fields ``[..., M]`` of activations ``[..., N]``."""
    result: Fields = activations @ passive_matrix(mask, column_gains).T
    return result


def backward(errors: Fields, mask: Fields, column_gains: Fields | None = None) -> Fields:
    """Return the fields ``[..., N]`` that errors ``[..., M]`` sent from behind arrive as."""
    result: Fields = errors @ passive_matrix(mask, column_gains)
    return result


def lost_power(activations: Fields, mask: Fields) -> Fields:
    """Return the power ``[...]`` that does not reach the outputs: absorbed or scattered away.

    Input power less output power; never negative while no mask element exceeds 1 in modulus.
    """
    outputs = forward(activations, mask)
    entering = np.sum(np.abs(activations) ** 2, axis=-1)
    lost: Fields = entering - np.sum(np.abs(outputs) ** 2, axis=-1)
    return lost


def reciprocity_error(forward_matrix: Fields, backward_matrix: Fields) -> float:
    """Return ``||W_f - W_b^T|| / ||W_f||`` (Frobenius) of two measured matrices.

    Parameters
    ----------
    forward_matrix
        ``[M, N]``, inputs to outputs.
    backward_matrix
        ``[N, M]``, outputs to inputs.
    """
    difference = np.linalg.norm(forward_matrix - backward_matrix.T)
    return float(difference / np.linalg.norm(forward_matrix))
