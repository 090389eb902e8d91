"""The average over a minibatch of outer products of errors and activations (Eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence

from instruments.matrix_products import mean_outer_product
from instruments.network import Array


def average_outer_products(errors: Sequence[Array], activations: Sequence[Array]) -> list[Array]:
    """Return ``(1/B) sum_b delta_j(l) a_i(l-1)`` for every layer.

    Parameters
    ----------
    errors
        ``delta(1) .. delta(L)``, each ``[B, N_l]``.
    activations
        ``a(0) .. a(L-1)``, each ``[B, N_l]``.

    Returns
    -------
    list of array
        One ``[N_l, N_(l-1)]`` a layer.
    """
    return [mean_outer_product(one, other) for one, other in zip(errors, activations, strict=True)]
