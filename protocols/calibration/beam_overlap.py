r"""How much of a probe lies within its pump, from what both see of the medium.

The tap behind the medium projects the probe on its own mode ``u``, so that it reads the mean
``integral of |u|^2 t`` of the field transmission over it. The share ``o`` of the probe's power that
lies within the pump sees what the pump sees itself, the rest the medium unbleached:

.. math:: t_{probe} = o \, [t(P) + p \, t'(P)] + (1 - o) \, [t(0) + p \, t'(0)].

A probe of power ``p`` also bleaches a little itself, which its shape against ``P`` tells from a
beam beside the pump. Two fractions alone are a simplification: at the pump's wings the medium is
bleached in part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from instruments.calibration.absorber import AbsorberTable
from protocols.calibration.results import ProtocolResult, listed_channels

Floats = npt.NDArray[np.float64]

_STEP_OF_POWER = 1e-2
_LEAST_FIELD = 1e-6
_ROUNDS = 3
_GOOD = 0.97
"""Below this the probe's derivative is off by more than the few per cent that Eq. 4 is itself."""

_LEAST = 0.8
"""Below this the beams are to be steered before anything is measured with the probe."""


@dataclass(frozen=True)
class BeamOverlap:
    """What each neuron's probe says.

    Attributes
    ----------
    overlap, sigmas
        ``[n]`` share of the probe's power within the pump, with one standard deviation.
    probe_power
        ``[n]`` of the probe itself, in saturation powers.
    reduced_chi_square
        Over all neurons.
    """

    overlap: Floats
    sigmas: Floats
    probe_power: Floats
    reduced_chi_square: float


def transmission_and_slope(table: AbsorberTable, fields: Floats) -> tuple[Floats, Floats]:
    """Return the transmission at fields ``[k, n]`` and its derivative by power, ``[k, n]``."""
    sizes = np.maximum(np.abs(fields), _LEAST_FIELD)
    more = np.sqrt(sizes**2 + _STEP_OF_POWER)
    here, beyond = (table.passed(one) / one for one in (sizes, more))
    return here, (beyond - here) / _STEP_OF_POWER


def fit_overlap(
    of_probe: Floats,
    of_pump: Floats,
    slopes: Floats,
    unbleached: Floats,
    unbleached_slopes: Floats,
    sigmas: Floats,
) -> BeamOverlap:
    """Fit the share within the pump, and the probe's own power, neuron by neuron.

    Parameters
    ----------
    of_probe, of_pump
        ``[k, n]`` field transmissions at ``k`` levels of the pump.
    slopes
        ``[k, n]`` derivative of the transmission by power.
    unbleached, unbleached_slopes
        ``[n]`` both without pump.
    sigmas
        ``[k, n]`` of the difference of the first two.
    """
    target = (of_probe - of_pump) / sigmas
    beside = unbleached - of_pump
    missing = np.zeros(target.shape[1])
    for _ in range(_ROUNDS):
        own_bleaching = slopes + missing * (unbleached_slopes - slopes)
        columns = np.stack([beside, own_bleaching], axis=-1) / sigmas[..., np.newaxis]
        inverse = np.linalg.inv(np.einsum("knp,knq->npq", columns, columns))
        found = np.einsum("npq,knq,kn->np", inverse, columns, target)
        missing = found[:, 0]
    left = target - np.einsum("knp,np->kn", columns, found)
    freedom = max(1, (len(target) - 2) * target.shape[1])
    chi = float(np.square(left).sum() / freedom)
    own = np.sqrt(inverse[:, 0, 0] * max(1.0, chi))
    return BeamOverlap(1.0 - missing, own, found[:, 1], chi)


def report_overlap(
    result: ProtocolResult, found: BeamOverlap, neurons: npt.NDArray[np.intp], common_sigma: float
) -> None:
    """Add the overlap to a result; say so if beams ought to be steered.

    Parameters
    ----------
    neurons
        ``[n]`` places of those that were fitted.
    common_sigma
        Relative error that all of them share: references that wandered meanwhile.
    """
    count = neurons.size
    mean = float(found.overlap.mean())
    sigma = float(np.hypot(np.sqrt(np.square(found.sigmas).sum()) / count, common_sigma * mean))
    result.add("reduced chi-square of the overlap", found.reduced_chi_square)
    result.add(f"beam overlap, mean of {count}", mean, sigma)
    single = np.hypot(found.sigmas, common_sigma * found.overlap)
    worst = int(np.argmin(found.overlap))
    result.add(
        f"beam overlap, smallest (neuron {neurons[worst]})",
        float(found.overlap[worst]),
        float(single[worst]),
    )
    result.add("probe's own power, in saturation powers", float(np.median(found.probe_power)))
    weak = found.overlap + 2.0 * single < _GOOD
    if mean + 2.0 * sigma < _LEAST:
        result.refuse(
            f"only {mean:.1%} of the probes lie within their pumps; {_LEAST:.0%} are needed: steer "
            "the backward beam until the probe sees most light while the pump is on"
        )
    elif weak.any():
        flags = np.zeros(int(neurons.max()) + 1, np.bool_)
        flags[neurons[weak]] = True
        result.notes.append(
            f"less than {_GOOD:.0%} of the probe lies within the pump, whose derivative it shows "
            f"too small: neuron {listed_channels(flags)}"
        )
