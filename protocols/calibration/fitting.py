"""Fits with covariance, and when to believe them.

Residuals are given in units of their standard deviation. Outliers count as Huber's loss has it,
from ``OUTLIER`` deviations on (P. J. Huber, Ann. Math. Statist. 35, 73 (1964)), so that a reading
that went wrong does not pull the rest along. Where the reduced chi-square says that residuals are
larger than the noise, the covariance is enlarged by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import linalg
from scipy.optimize import least_squares

Floats = npt.NDArray[np.float64]

OUTLIER = 4.0
"""Residuals beyond this many standard deviations count with their size, not its square."""

_STEPS = 60
_TOLERANCE = 1e-9


class SparseColumns(Protocol):
    """What is needed of a sparse Jacobian ``[n, p]``: products with itself and a vector."""

    @property
    def T(self) -> Any:  # noqa: N802
        """The transposed matrix."""
        ...

    def __matmul__(self, other: Any) -> Any:
        """Return a product."""
        ...

    def multiply(self, other: Any) -> Any:
        """Return the rows multiplied by factors."""
        ...


@dataclass(frozen=True)
class Fit:
    """A fit of ``p`` parameters to ``n`` readings.

    Attributes
    ----------
    parameters, covariance
        ``[p]`` and ``[p, p]``; the covariance enlarged where residuals exceed the noise.
    residuals
        ``[n]`` in units of the noise.
    reduced_chi_square
        Sum of squared residuals, outliers bounded, a degree of freedom.
    converged
        Whether the steps came to rest.
    """

    parameters: Floats
    covariance: Floats
    residuals: Floats
    reduced_chi_square: float
    converged: bool

    @property
    def sigmas(self) -> Floats:
        """One standard deviation of each parameter."""
        sigmas: Floats = np.sqrt(np.clip(np.diag(self.covariance), 0.0, None))
        return sigmas

    @property
    def outliers(self) -> int:
        """How many readings lie beyond ``OUTLIER`` standard deviations."""
        return int(np.count_nonzero(np.abs(self.residuals) > OUTLIER))

    @property
    def evidence(self) -> float:
        """Schwarz's criterion ``chi^2 + p ln n``, outliers bounded: the smaller the better."""
        count = self.residuals.size
        degrees = max(1, count - self.parameters.size)
        return self.reduced_chi_square * degrees + self.parameters.size * math.log(max(count, 2))


def fit(
    residuals: Callable[[Floats], Floats],
    start: npt.ArrayLike,
    jacobian: Callable[[Floats], Floats] | None = None,
    scale: npt.ArrayLike | None = None,
) -> Fit:
    """Fit a few parameters with scipy's trust-region method.

    Parameters
    ----------
    residuals
        ``[n]`` for parameters ``[p]``, in units of the noise.
    start
        Parameters to begin with.
    jacobian
        ``[n, p]`` for parameters; by default from differences.
    scale
        Typical sizes of the parameters, for steps of like weight.
    """
    found = least_squares(
        residuals,
        np.asarray(start, np.float64),
        jac="2-point" if jacobian is None else jacobian,
        x_scale="jac" if scale is None else np.asarray(scale, np.float64),
        loss="huber",
        f_scale=OUTLIER,
        method="trf",
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
    )
    final = np.asarray(residuals(found.x), np.float64)
    slopes = np.asarray(found.jac, np.float64)
    curvature = slopes.T @ slopes
    return _judged(np.asarray(found.x, np.float64), curvature, final, bool(found.success))


@dataclass(frozen=True)
class EachFit:
    """The same fit for each of ``m`` channels, as ``Fit`` with the channels first."""

    parameters: Floats
    covariance: Floats
    residuals: Floats
    reduced_chi_square: Floats
    converged: npt.NDArray[np.bool_]

    @property
    def sigmas(self) -> Floats:
        """One standard deviation of each parameter, ``[m, p]``."""
        diagonals = np.diagonal(self.covariance, axis1=1, axis2=2)
        return np.asarray(np.sqrt(np.clip(diagonals, 0.0, None)), np.float64)

    def one(self, channel: int) -> Fit:
        """Return the fit of one channel."""
        return Fit(
            self.parameters[channel],
            self.covariance[channel],
            self.residuals[channel],
            float(self.reduced_chi_square[channel]),
            bool(self.converged[channel]),
        )


def fit_each(
    model: Callable[[Floats], tuple[Floats, Floats]], start: Floats, steps: int = _STEPS
) -> EachFit:
    """Fit many channels at once, each with parameters of its own.

    Levenberg's and Marquardt's method for all of them together, reweighted for Huber's loss.

    Parameters
    ----------
    model
        Residuals ``[m, n]`` in units of the noise and their Jacobian ``[m, n, p]`` for parameters
        ``[m, p]``.
    start
        Parameters to begin with.
    """
    parameters = start.copy()
    residuals, jacobian = model(parameters)
    prices = _hubers(residuals)
    damping = np.full(len(start), 1e-3)
    converged = np.zeros(len(start), np.bool_)
    identity = np.eye(start.shape[1])
    for _ in range(steps):
        weights = _huber_weights(residuals)
        curvature = np.einsum("mnp,mn,mnq->mpq", jacobian, weights, jacobian)
        slope = np.einsum("mnp,mn,mn->mp", jacobian, weights, residuals)
        diagonal = np.diagonal(curvature, axis1=1, axis2=2)
        # Parameters that nothing depends on stay where they are.
        safe = np.where(diagonal > 0.0, diagonal, 1.0)
        trial = curvature + (damping[:, np.newaxis] * safe)[:, :, np.newaxis] * identity
        shift = -np.linalg.solve(trial, slope[:, :, np.newaxis])[:, :, 0]
        moved = np.sqrt(np.abs(np.einsum("mp,mpq,mq->m", shift, curvature, shift)))
        tried_residuals, tried_jacobian = model(parameters + shift)
        tried = _hubers(tried_residuals)
        better = (tried <= prices * (1.0 + 1e-12)) & np.isfinite(tried)
        parameters = np.where(better[:, np.newaxis], parameters + shift, parameters)
        residuals = np.where(better[:, np.newaxis], tried_residuals, residuals)
        jacobian = np.where(better[:, np.newaxis, np.newaxis], tried_jacobian, jacobian)
        prices = np.where(better, tried, prices)
        converged |= better & (moved < 1e-3)
        damping = np.clip(np.where(better, 0.1 * damping, 10.0 * damping), 1e-12, 1e12)
        if converged.all() or (damping >= 1e12).all():
            break
    weights = _huber_weights(residuals)
    curvature = np.einsum("mnp,mn,mnq->mpq", jacobian, weights, jacobian)
    bounded = 2.0 * prices / max(1, residuals.shape[1] - start.shape[1])
    finite = np.isfinite(curvature).all(axis=(1, 2))
    curvature = np.where(finite[:, np.newaxis, np.newaxis], curvature, identity)
    covariance = np.linalg.pinv(curvature, rcond=1e-13, hermitian=True)
    covariance *= np.maximum(1.0, bounded)[:, np.newaxis, np.newaxis]
    return EachFit(parameters, covariance, residuals, bounded, converged & finite)


def _hubers(residuals: Floats) -> Floats:
    """Return Huber's loss of each channel."""
    size = np.abs(residuals)
    inside = np.minimum(size, OUTLIER)
    losses: Floats = np.sum(0.5 * inside**2 + OUTLIER * (size - inside), axis=1)
    return losses


def fit_sparse(
    model: Callable[[Floats], tuple[Floats, SparseColumns]],
    start: Floats,
    gauges: Floats,
    tolerance: float = _TOLERANCE,
) -> Fit:
    """Fit hundreds of parameters to many thousands of readings, each of which depends on few.

    Levenberg's and Marquardt's method on the normal equations, reweighted for Huber's loss.

    Parameters
    ----------
    model
        Residuals ``[n]`` in units of the noise and their sparse Jacobian ``[n, p]``.
    start
        Parameters ``[p]`` to begin with.
    gauges
        ``[g, p]`` sums of parameters that the readings leave open; they keep their start values.
    tolerance
        Share of the loss that a step has to gain to be followed by another.
    """
    parameters = start.copy()
    residuals, jacobian = model(parameters)
    price = _huber(residuals)
    damping = 1e-4
    converged = False
    curvature = _curvature(jacobian, residuals, gauges)
    for _ in range(_STEPS):
        weights = _huber_weights(residuals)
        slope = np.asarray(jacobian.T @ (weights * residuals))
        diagonal = np.diag(curvature).copy()
        trial = curvature + np.diag(damping * diagonal)
        try:
            step = -linalg.solve(trial, slope, assume_a="pos")
        except linalg.LinAlgError:
            # Readings that leave a parameter open: not a fit, and not the end of everything.
            break
        shift = float(np.sqrt(np.abs(step @ curvature @ step)))
        next_residuals, next_jacobian = model(parameters + step)
        next_price = _huber(next_residuals)
        if next_price <= price * (1.0 + 1e-12):
            parameters = parameters + step
            gained = price - next_price
            residuals, jacobian, price = next_residuals, next_jacobian, next_price
            curvature = _curvature(jacobian, residuals, gauges)
            damping = max(0.1 * damping, 1e-12)
            # A step far below the parameters' joint uncertainty changes nothing.
            if shift < 0.03 or gained < tolerance * price:
                converged = True
                break
        else:
            damping *= 10.0
            if damping > 1e8:
                break
    return _judged(parameters, curvature, residuals, converged)


def _curvature(jacobian: SparseColumns, residuals: Floats, gauges: Floats) -> Floats:
    weights = _huber_weights(residuals)
    weighted = jacobian.multiply(weights[:, np.newaxis]).tocsr()
    product = np.asarray((jacobian.T @ weighted).todense(), np.float64)
    # Stiff enough to hold, soft enough not to swamp the rest in rounding.
    stiffness = 1e2 * float(np.median(np.diag(product)))
    held: Floats = product + stiffness * (gauges.T @ gauges)
    return held


def _judged(parameters: Floats, curvature: Floats, residuals: Floats, converged: bool) -> Fit:
    degrees = max(1, residuals.size - parameters.size)
    bounded = 2.0 * _huber(residuals) / degrees
    try:
        covariance = linalg.pinvh(curvature)
    except (linalg.LinAlgError, ValueError):
        covariance = np.full_like(curvature, np.inf)
        converged = False
    return Fit(
        parameters,
        np.asarray(covariance * max(1.0, bounded), np.float64),
        residuals,
        float(bounded),
        converged and bool(np.isfinite(parameters).all()),
    )


def _huber(residuals: Floats) -> float:
    """Return Huber's loss, half the sum of squares where residuals are small."""
    size = np.abs(residuals)
    inside = np.minimum(size, OUTLIER)
    return float(np.sum(0.5 * inside**2 + OUTLIER * (size - inside)))


def _huber_weights(residuals: Floats) -> Floats:
    size = np.abs(residuals)
    weights: Floats = np.minimum(1.0, OUTLIER / np.maximum(size, 1e-300))
    return weights


@dataclass(frozen=True)
class Acceptance:
    """What makes a fit believable.

    Parameters
    ----------
    largest_chi_square
        Reduced chi-square up to which residuals pass for noise.
    largest_misfit
        rms residual beyond the noise, in units of full scale, up to which a fit that leaves more
        than noise is accepted with its uncertainties enlarged.
    most_outliers
        Largest share of readings that may be outliers.
    """

    largest_chi_square: float = 2.0
    largest_misfit: float = 0.01
    most_outliers: float = 0.02

    def reason_against(self, found: Fit, noise_share: float) -> str:
        """Return why a fit is refused, or nothing.

        ``noise_share`` is the noise of a reading in units of full scale.
        """
        if not found.converged:
            return "the fit did not come to rest"
        share = found.outliers / max(1, found.residuals.size)
        chi = found.reduced_chi_square
        misfit = noise_share * math.sqrt(max(0.0, chi - 1.0))
        if chi > self.largest_chi_square and misfit > self.largest_misfit:
            return (
                f"residuals are {math.sqrt(chi):.1f} times the noise and {misfit:.1%} of full "
                f"scale; {self.largest_misfit:.1%} is allowed"
            )
        if share > self.most_outliers and misfit > 0.5 * self.largest_misfit:
            return f"{share:.1%} of the readings are outliers; {self.most_outliers:.1%} may be"
        return ""


def repeats_for(noise: float, signal: float, wanted: float, most: int = 64) -> int:
    """Return how many readings to average for a relative error ``wanted`` of a signal."""
    if not signal > 0.0:
        return most
    return int(np.clip(math.ceil((noise / (wanted * signal)) ** 2), 1, most))
