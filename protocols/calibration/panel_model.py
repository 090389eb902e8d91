r"""The readings of a liquid-crystal panel as a function of its curves, and the fit of it.

.. math:: M_{ji} = g_j h_i \operatorname{Re}\left[\tilde c_{ji}
          e^{-i(\varphi_j + \chi_i + \delta_f)}\right]

with the block's first-order coefficient ``c`` (``first_order``), mixed with those of its four
neighbours; gains and phases of row and column; and the phase of the reference in each frame, which
is so followed while it drifts or is stepped. The phase curve is a straight line and a few terms
``sin^2(k pi w)``, ``sin(2 k pi w)``, as many as the readings ask for. All of it is one fit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse

from instruments.calibration import first_order
from protocols.calibration.fitting import Fit, fit_sparse

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Complexes = npt.NDArray[np.complex128]

REGIONS = 2
"""Regions of the panel across and down; more if the readings ask for it."""

_MOST_REGIONS = 4
_MOST_TERMS = 4
_NOISE_ALONE = 1.1
# Terms are added while Schwarz's criterion falls by more than this.
_CLEARLY_BETTER = 10.0


@dataclass
class PanelReadings:
    """Frames of settings and what was read.

    Attributes
    ----------
    setting
        ``[F, rows, columns]`` place of each block's grating in ``depth`` and ``offset``.
    matrices
        ``[F, rows, columns]`` volts a unit of field; ``weights`` ``[rows, columns]`` are 1 over
        the noise, 0 where a tap or an input is dead.
    turned
        ``[F]`` phase by which the reference was turned on purpose.
    quadrature
        ``[columns, columns]`` light in quadrature at input k while input i is lit, if any.
    input_turns
        ``[columns]`` phase of the light of the lit input itself, if it is known.
    """

    setting: Integers
    depth: Integers
    offset: Integers
    matrices: Floats
    weights: Floats
    turned: Floats
    quadrature: Floats | None = None
    input_turns: Floats | None = None


class PanelModel:
    """The readings as a function of all parameters, with its derivatives.

    Parameters
    ----------
    readings
        What was shown and read.
    regions
        Regions across and down.
    terms
        Terms of the phase curve besides the straight line; each is a pair.
    """

    def __init__(
        self, readings: PanelReadings, levels: int, period: int, regions: int, terms: int
    ) -> None:
        self.readings = readings
        self.levels, self.period = levels, period
        rows, columns = readings.weights.shape
        self.rows, self.columns = rows, columns
        self.region = region_of_block((rows, columns), regions)
        self.regions = int(self.region.max()) + 1
        self.basis = curve_basis(np.arange(levels), levels, terms)
        self.shape_terms = self.basis.shape[0]
        frames = len(readings.setting)
        sizes = [self.regions * self.shape_terms, 1, rows, rows, columns, columns, frames]
        edges = np.concatenate([[0], np.cumsum(sizes)])
        slices = [slice(int(a), int(b)) for a, b in pairwise(edges)]
        (
            self.curves,
            self.share,
            self.gains,
            self.row_phases,
            self.column_gains,
            self.column_phases,
            self.frame_phases,
        ) = slices
        self.count = int(edges[-1])
        steps = first_order.ramps(levels, period)[readings.depth]
        self.shown = (readings.offset[:, np.newaxis] + steps) % levels
        self.carrier = first_order.carriers(period)
        self.alive = readings.weights > 0.0
        self._columns = self._jacobian_columns()

    def start(self, line: float, bow: float) -> Floats:
        """Return parameters to begin with, gains from the readings."""
        p = np.zeros(self.count)
        curves = p[self.curves].reshape(self.regions, self.shape_terms)
        curves[:, 0] = line
        if self.shape_terms > 1:
            curves[:, 1] = bow
        p[self.column_gains] = 1.0
        p[self.frame_phases] = self.readings.turned
        p[self.gains] = 1.0
        coefficients, _ = self._mixed(p)
        turned = coefficients * np.exp(-1j * self.readings.turned)[:, np.newaxis, np.newaxis]
        real, imaginary = turned.real, turned.imag
        measured = self.readings.matrices
        alive = self.alive.astype(np.float64)
        a = (real * real * alive).sum(axis=(0, 2))
        b = (real * imaginary * alive).sum(axis=(0, 2))
        c = (imaginary * imaginary * alive).sum(axis=(0, 2))
        u = (real * measured * alive).sum(axis=(0, 2))
        v = (imaginary * measured * alive).sum(axis=(0, 2))
        determinant = np.where(a * c - b * b == 0.0, 1.0, a * c - b * b)
        in_phase, quadrature = (c * u - b * v) / determinant, (a * v - b * u) / determinant
        p[self.gains] = np.where(alive.any(axis=1), np.hypot(in_phase, quadrature), 1.0)
        p[self.row_phases] = np.where(alive.any(axis=1), np.arctan2(quadrature, in_phase), 0.0)
        return p

    def gauges(self) -> Floats:
        """Return what the readings leave open: scales and phases of rows against columns.

        Rows and columns that are dead keep what they start with.
        """
        rows = []
        for part in (self.column_gains, self.column_phases, self.frame_phases):
            one = np.zeros(self.count)
            one[part] = 1.0
            rows.append(one)
        dead_rows = np.flatnonzero(~self.alive.any(axis=1))
        dead_columns = np.flatnonzero(~self.alive.any(axis=0))
        for places, parts in (
            (dead_rows, (self.gains, self.row_phases)),
            (dead_columns, (self.column_gains, self.column_phases)),
        ):
            for place in places:
                for part in parts:
                    one = np.zeros(self.count)
                    one[part.start + place] = 1.0
                    rows.append(one)
        return np.stack(rows)

    def phases(self, p: Floats) -> Floats:
        """Return the phase ``[regions, levels]`` of every grey level; 0 at level 0."""
        curves = p[self.curves].reshape(self.regions, self.shape_terms)
        phases: Floats = curves @ self.basis
        return phases

    def coefficients(self, p: Floats) -> tuple[Complexes, Complexes]:
        """Return coefficients ``[regions, settings]`` and derivatives ``[..., terms]``."""
        pixels = np.exp(1j * self.phases(p))[:, self.shown] * self.carrier
        derivatives = 1j * np.einsum("rsq,tsq->rst", pixels, self.basis[:, self.shown])
        return pixels.sum(axis=2), derivatives

    def _mixed(self, p: Floats) -> tuple[Complexes, tuple[Complexes, Complexes]]:
        """Return mixed coefficients ``[F, rows, columns]``; derivatives by curve and share."""
        settings = self.readings.setting
        coefficients, derivatives = self.coefficients(p)
        own = coefficients[self.region, settings]
        slopes = derivatives[self.region, settings]
        share = float(p[self.share][0])
        around = _neighbours(own) - 4.0 * own
        mixed = own + share * around
        mixed_slopes = slopes + share * (_neighbours(slopes) - 4.0 * slopes)
        return mixed, (mixed_slopes, around)

    def __call__(self, p: Floats) -> tuple[Floats, sparse.csr_array]:
        """Return weighed residuals ``[n]`` and the sparse Jacobian ``[n, p]``."""
        mixed, (slopes, around) = self._mixed(p)
        gains = p[self.gains][:, np.newaxis] * p[self.column_gains]
        angle = (
            p[self.row_phases][np.newaxis, :, np.newaxis]
            + p[self.column_phases]
            + p[self.frame_phases][:, np.newaxis, np.newaxis]
        )
        turn = np.exp(-1j * angle)
        turned = mixed * turn
        weights = self.readings.weights
        scale = gains * weights
        residuals = scale * turned.real - weights * self.readings.matrices
        phase_slope = scale * turned.imag
        entries = np.concatenate(
            [
                scale[..., np.newaxis] * (slopes * turn[..., np.newaxis]).real,
                np.stack(
                    [
                        scale * (around * turn).real,
                        weights * p[self.column_gains] * turned.real,
                        phase_slope,
                        weights * p[self.gains][:, np.newaxis] * turned.real,
                        phase_slope,
                        phase_slope,
                    ],
                    axis=-1,
                ),
            ],
            axis=-1,
        )[:, self.alive]
        width = entries.shape[-1]
        flat = entries.reshape(-1)
        pointers = np.arange(flat.size // width + 1) * width
        shape = (flat.size // width, self.count)
        jacobian = sparse.csr_array((flat, self._columns, pointers), shape=shape)
        return residuals[:, self.alive].ravel(), jacobian

    def _light(self, p: Floats) -> Complexes:
        """Return the light of blocks ``[F, rows, columns]`` as taps see it, real part in phase."""
        mixed, _ = self._mixed(p)
        angle = (
            p[self.row_phases][np.newaxis, :, np.newaxis]
            + p[self.column_phases]
            + p[self.frame_phases][:, np.newaxis, np.newaxis]
        )
        gains = p[self.gains][:, np.newaxis] * p[self.column_gains]
        return np.asarray(gains * mixed * np.exp(-1j * angle), np.complex128)

    def predicted(self, p: Floats) -> Floats:
        """Return what readings ``[F, rows, columns]`` are."""
        seen: Floats = self._light(p).real
        return seen

    def in_quadrature(self, p: Floats) -> Floats:
        """Return what readings ``[F, rows, columns]`` would be of inputs a quarter turn ahead."""
        turned: Floats = -self._light(p).imag
        return turned

    def _jacobian_columns(self) -> Integers:
        """Return which parameters each reading depends on, reading by reading."""
        frames = len(self.readings.setting)
        terms = self.shape_terms
        shape = (frames, self.rows, self.columns)
        curve = self.region[..., np.newaxis] * terms + np.arange(terms)
        row = np.arange(self.rows)[:, np.newaxis]
        column = np.arange(self.columns)
        frame = np.arange(frames)[:, np.newaxis, np.newaxis]
        single = (
            self.share.start,
            self.gains.start + row,
            self.row_phases.start + row,
            self.column_gains.start + column,
            self.column_phases.start + column,
            self.frame_phases.start + frame,
        )
        parts = [np.broadcast_to(curve, (*shape, terms))]
        parts += [np.broadcast_to(one, shape)[..., np.newaxis] for one in single]
        every = np.concatenate(parts, axis=-1)[:, self.alive]
        return np.asarray(every.ravel(), np.int64)


def _without_quadrature(model: PanelModel, p: Floats) -> PanelReadings:
    """Return the readings less what inputs that were not lit added in quadrature."""
    readings = model.readings
    if readings.quadrature is None:
        return readings
    added = model.in_quadrature(p) @ readings.quadrature
    return replace(readings, matrices=readings.matrices - added, quadrature=None)


def region_of_block(shape: tuple[int, int], regions: int) -> Integers:
    """Return the region each block lies in, on an even grid of regions across and down."""
    down = np.arange(shape[0]) * min(regions, shape[0]) // shape[0]
    across = np.arange(shape[1]) * min(regions, shape[1]) // shape[1]
    return np.asarray(down[:, np.newaxis] * min(regions, shape[1]) + across, np.int64)


def curve_basis(grey: npt.ArrayLike, levels: int, terms: int) -> Floats:
    """Return the terms of a phase curve ``[1 + 2 terms, n]`` in radians: all 0 at level 0."""
    waves = np.asarray(grey, np.float64) / levels
    rows = [2.0 * np.pi * waves]
    for order in range(1, terms + 1):
        rows += [np.sin(order * np.pi * waves) ** 2, np.sin(2.0 * order * np.pi * waves)]
    return np.stack(rows)


def _neighbours(values: Complexes) -> Complexes:
    """Return the sum over the four neighbours on axes 1 and 2; an edge counts as its own."""
    above = np.concatenate([values[:, :1], values[:, :-1]], axis=1)
    below = np.concatenate([values[:, 1:], values[:, -1:]], axis=1)
    left = np.concatenate([values[:, :, :1], values[:, :, :-1]], axis=2)
    right = np.concatenate([values[:, :, 1:], values[:, :, -1:]], axis=2)
    return np.asarray(above + below + left + right, np.complex128)


def fit_panel(readings: PanelReadings, levels: int, period: int) -> tuple[Fit, PanelModel, Floats]:
    """Fit; add terms and regions while that is clearly better.

    Also returns by how much the phases, ``[regions, levels]``, would differ with the next terms:
    a series that had to be cut off is not known better than that.
    """
    rough = PanelModel(readings, levels, period, 1, 1)
    start, price = rough.start(1.0, 0.0), np.inf
    for line in (0.85, 0.95, 1.05, 1.15):
        for bow in (-1.0, -0.5, 0.0, 0.5, 1.0):
            trial = rough.start(line, bow)
            residuals, _ = rough(trial)
            cost = float(np.minimum(residuals**2, 1e8).sum())
            if cost < price:
                start, price = trial, cost
    found = fit_sparse(rough, start, rough.gauges(), tolerance=1e-2)
    found, model = _refined(readings, found, rough, REGIONS, 1)
    if readings.quadrature is not None:
        readings = _without_quadrature(model, found.parameters)
        found, model = _refined(readings, found, model, REGIONS, 1)
    if found.reduced_chi_square < _NOISE_ALONE:
        return found, model, np.zeros((model.regions, levels))
    for regions in range(REGIONS + 1, _MOST_REGIONS + 1):
        tried, other = _refined(readings, found, model, regions, 1)
        if tried.evidence < found.evidence - _CLEARLY_BETTER:
            found, model = tried, other
    regions = round(np.sqrt(model.regions))
    for terms in range(2, _MOST_TERMS + 2):
        tried, other = _refined(readings, found, model, regions, terms)
        doubt = np.abs(other.phases(tried.parameters) - model.phases(found.parameters))
        if terms > _MOST_TERMS or tried.evidence > found.evidence - _CLEARLY_BETTER:
            break
        found, model = tried, other
    return found, model, doubt


def _refined(
    readings: PanelReadings, found: Fit, old: PanelModel, regions: int, terms: int
) -> tuple[Fit, PanelModel]:
    """Fit with other numbers of regions and terms, from what was found before."""
    model = PanelModel(readings, old.levels, old.period, regions, terms)
    p = np.zeros(model.count)
    before = found.parameters[old.curves].reshape(old.regions, old.shape_terms)
    known = min(old.shape_terms, model.shape_terms)
    curves = p[model.curves].reshape(model.regions, model.shape_terms)
    for region in range(model.regions):
        place = np.argwhere(model.region == region).mean(axis=0).astype(int)
        curves[region, :known] = before[old.region[tuple(place)], :known]
    for new_part, old_part in (
        (model.share, old.share),
        (model.gains, old.gains),
        (model.row_phases, old.row_phases),
        (model.column_gains, old.column_gains),
        (model.column_phases, old.column_phases),
        (model.frame_phases, old.frame_phases),
    ):
        p[new_part] = found.parameters[old_part]
    return fit_sparse(model, p, model.gauges()), model
