r"""Where the slit behind a vector-matrix multiplication is, from phases and gains of the columns.

A slit of half width ``s`` whose centre is ``e`` beside the axis weighs the column at ``x_i`` (in
``[-1/2, 1/2]``) by

.. math:: k_i = e^{-2 \pi i e x_i} \, \mathrm{sinc}(2 s x_i),

both in units of ``lambda f / D``: the decentring is the slope of the columns' phases. The taps see
``cos(2 pi e x)`` of each weight; the rest is in quadrature, where no weight should be.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.calibration.fitting import fit
from protocols.calibration.results import ProtocolResult

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

UNIT = "lambda f / D"

_FEWEST_COLUMNS = 6
_LARGEST_LOSS = 0.01
"""Share of the mean weight lost into quadrature from which on the slit ought to be moved."""


@dataclass(frozen=True)
class SlitCentre:
    """Where a slit is.

    Attributes
    ----------
    decentring, sigma
        With one standard deviation, in units of ``lambda f / D``.
    """

    decentring: float
    sigma: float

    def column_radians(self, count: int) -> Floats:
        """Return the phase ``[n]`` the slit gives the light of each column."""
        radians: Floats = -2.0 * np.pi * self.decentring * column_places(count)
        return radians


def column_places(count: int) -> Floats:
    """Return the centres ``[n]`` of columns that fill the aperture, from -1/2 to 1/2."""
    return np.asarray((np.arange(count) + 0.5) / count - 0.5, np.float64)


def slit_centre(phases: Floats, covariance: Floats, lit: Flags) -> SlitCentre | None:
    """Return the slit's centre, or ``None`` if too few columns are lit.

    Parameters
    ----------
    phases
        ``[n]`` by which the light of each column lags, in radians; a common phase does not matter.
    covariance
        ``[n, n]`` of these.
    lit
        ``[n]`` which are known.
    """
    places = column_places(phases.size)[lit]
    if places.size < _FEWEST_COLUMNS:
        return None
    wrapped = np.angle(np.exp(1j * (phases[lit] - phases[lit][places.size // 2])))
    known = np.unwrap(wrapped)
    centred = places - places.mean()
    # Weights that add up to nothing: whatever is common to all columns drops out.
    weights = centred / float(centred @ centred)
    slope = float(weights @ known)
    own = covariance[np.ix_(lit, lit)]
    left = known - known.mean() - slope * centred
    # Wavefronts of single inputs scatter the phases by more than readings do.
    excess = max(0.0, float(left @ left) / (places.size - 2) - float(np.median(np.diag(own))))
    variance = float(weights @ own @ weights) + excess * float(weights @ weights)
    turn = 2.0 * np.pi
    return SlitCentre(slope / turn, float(np.sqrt(variance)) / turn)


def wavefront(
    phases: Floats, covariance: Floats, lit: Flags, centre: SlitCentre
) -> tuple[Floats, Floats]:
    """Return what is left of the columns' phases without the slit: the wavefront of the inputs.

    Phases ``[n]`` by which each input is ahead of the mean of all, in radians, and their errors;
    0 where no light is. An even tilt over the inputs moves the light over the slit: it is the
    slit's centre, and in no wavefront.

    Parameters
    ----------
    phases, covariance, lit
        As of ``slit_centre``.
    centre
        What that returned.
    """
    ahead = np.zeros(phases.size)
    left = np.exp(1j * (centre.column_radians(phases.size) + phases)[lit])
    ahead[lit] = -np.angle(left / left.mean())
    own = covariance[np.ix_(lit, lit)]
    # Against the mean of all.
    centred = np.eye(len(own)) - 1.0 / len(own)
    sigmas = np.zeros(phases.size)
    sigmas[lit] = np.sqrt(np.maximum(np.diag(centred @ own @ centred), 0.0))
    return ahead, sigmas


def report_slit(
    result: ProtocolResult, gains: Floats, known: Flags, centre: SlitCentre | None
) -> None:
    """Add centre and half width of the slit to a result; say so if the slit ought to be moved.

    Parameters
    ----------
    gains
        ``[n]`` of the columns, in phase.
    known
        ``[n]`` which are.
    centre
        ``None`` if the phases of the columns were not measured.
    """
    places = column_places(gains.size)[known]
    if places.size < _FEWEST_COLUMNS:
        return
    seen = gains[known]
    decentring = 0.0 if centre is None else centre.decentring
    in_phase = np.cos(2.0 * np.pi * decentring * places)
    if centre is None:
        result.notes.append(
            "slit taken as centred: the phases of columns come with spatial-light-modulator"
        )
    else:
        result.add("slit centre", decentring, centre.sigma, UNIT)
        loss = float(1.0 - seen.sum() / (seen / np.maximum(in_phase, 1e-3)).sum())
        result.add("mean weight lost to a slit beside the axis", loss)
        if loss > _LARGEST_LOSS:
            result.notes.append(
                f"the slit stands {decentring:+.3f} {UNIT} beside the axis and loses {loss:.1%} of "
                "the weights; move it by as much and measure again"
            )
    scatter = max(1e-4, float(np.std(np.diff(seen)) / np.sqrt(2.0)))

    def residuals(p: Floats) -> Floats:
        shape = np.sinc(2.0 * p[1] * places) * in_phase
        return np.asarray((p[0] * shape - seen) / scatter, np.float64)

    found = fit(residuals, [1.0, 0.25])
    name = "slit half width, were it centred" if centre is None else "slit half width"
    result.add(name, abs(float(found.parameters[1])), float(found.sigmas[1]), UNIT)
    tilt = np.polyfit(places, seen, 1, cov=True)
    result.add("slope of column gains", float(tilt[0][0]), float(np.sqrt(tilt[1][0, 0])))
