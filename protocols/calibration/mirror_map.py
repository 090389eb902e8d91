r"""Where the image of a mirror device falls on the columns of the panel it lights.

Block ``i`` of ``n`` ought to light column ``i``; its image falls on

.. math:: p_i = (1 + m)(i - i_0) + i_0 + t, \qquad i_0 = (n - 1) / 2,

in columns, ``t`` the shift and ``m`` the magnification beside 1. Random signs on the blocks of the
panel tell the columns apart: of what a single lit mirror block makes, the part that follows the
signs of a neighbour's column is what falls there. Blocks of the panel that lose light to either
neighbour alike are told from a shift, which only goes one way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from protocols.calibration.fitting import Fit, fit
from protocols.calibration.linear_fit import fit_linear
from protocols.calibration.results import Curve, ProtocolResult

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_REACH = 2
"""Columns on either side that are looked at."""

_FEWEST = 8
_ROUNDS = 3
_LARGEST_LEAK = 0.05
"""Share of a block's light on a neighbour's column from which on the image ought to be moved."""

_MOST_LEAK = 0.12
"""From here on too much of a column's light is other blocks', each as bright as it happens to be,
for the protocols after it to tell columns apart."""


@dataclass(frozen=True)
class MirrorMap:
    """Shift in columns, magnification beside 1, and what panel blocks give either neighbour.

    Attributes
    ----------
    inputs
        ``[k]`` that were looked at.
    places
        ``[k]`` centroids of their light, in columns.
    """

    fit: Fit
    inputs: npt.NDArray[np.intp]
    places: Floats
    count: int

    @property
    def shift(self) -> float:
        """Of the middle of the image, in columns."""
        return float(self.fit.parameters[0])

    @property
    def magnification(self) -> float:
        """By how much, relatively, the image is too large."""
        return float(self.fit.parameters[1])

    @property
    def fitted_places(self) -> Floats:
        """Where the map has the inputs, ``[k]``."""
        return _places(self.inputs, self.count, self.shift, self.magnification)

    def onto_columns(self) -> Floats:
        """Return the share of each block's light on each column, ``[blocks, columns]``."""
        columns = np.arange(self.count)
        places = _places(columns, self.count, self.shift, self.magnification)
        return _overlap(places[:, np.newaxis] - columns, 1.0 + self.magnification)

    @property
    def largest_leak(self) -> float:
        """The largest share of a block's light beside its own column."""
        ends = np.array([0, self.count - 1])
        off = np.abs(_places(ends, self.count, self.shift, self.magnification) - ends)
        return float(min(1.0, off.max()))


def _places(inputs: npt.NDArray[np.intp], count: int, shift: float, beside_one: float) -> Floats:
    middle = 0.5 * (count - 1)
    off = np.asarray(inputs, np.float64) - middle
    return np.asarray((1.0 + beside_one) * off + middle + shift, np.float64)


def _overlap(off: Floats, size: float) -> Floats:
    """Return the share of images ``size`` columns wide on columns they lie ``off`` beside."""
    last = np.minimum(off + 0.5 * size, 0.5)
    first = np.maximum(off - 0.5 * size, -0.5)
    return np.asarray(np.maximum(last - first, 0.0) / size, np.float64)


def find_mirror_map(codes: Floats, seen: Floats, noise: Floats, usable: Flags) -> MirrorMap | None:
    """Fit shift and magnification; ``None`` if too few inputs are lit.

    Parameters
    ----------
    codes
        ``[F, J, n]`` signs that the blocks of the panel showed.
    seen
        ``[F, J, n]`` what tap ``j`` read while input ``i`` was lit.
    noise
        ``[J]`` rms of these.
    usable
        ``[J]`` taps that can be trusted.
    """
    count = codes.shape[2]
    size = np.median(np.abs(seen[:, usable]), axis=(0, 1))
    lit = size > 0.1 * np.median(size)
    inputs = np.flatnonzero(lit)
    inputs = inputs[(inputs >= _REACH) & (inputs < count - _REACH)]
    if inputs.size < _FEWEST or not usable.any():
        return None
    shares, sigmas = _shares(codes[:, usable], seen[:, usable], noise[usable], inputs)
    columns = np.arange(-_REACH, _REACH + 1)
    power = shares.sum(axis=1)
    places = inputs + (shares @ columns) / np.where(power == 0.0, 1.0, power)

    # A slit weakens the outer columns smoothly, what falls beside its own column included.
    weakened = np.polynomial.Polynomial.fit(inputs, power / np.median(power), 2)
    wide = np.arange(-_REACH - 1, _REACH + 2)
    column_gains = weakened(inputs[:, np.newaxis] + wide) / weakened(inputs)[:, np.newaxis]

    def residuals(p: Floats) -> Floats:
        off = (_places(inputs, count, p[0], p[1]) - inputs)[:, np.newaxis]
        own = column_gains * _overlap(off - wide, 1.0 + p[1])
        model = own[:, 1:-1] + p[2] * (own[:, :-2] + own[:, 2:])
        scale = (model * shares).sum(axis=1) / np.square(model).sum(axis=1)
        return np.asarray(((scale[:, np.newaxis] * model - shares) / sigmas).ravel(), np.float64)

    line = np.polyfit(inputs - 0.5 * (count - 1), places - inputs, 1)
    return MirrorMap(fit(residuals, [line[1], line[0], 0.01]), inputs, places, count)


def _shares(
    codes: Floats, seen: Floats, noise: Floats, inputs: npt.NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return how each input's light follows the signs around it, and the errors: ``[k, 5]``."""
    # What each tap sees of the column that most light falls on, its sign included.
    along = np.stack(
        [
            (seen[:, :, inputs] * codes[:, :, inputs + away]).mean(axis=(0, 2))
            for away in range(-_REACH, _REACH + 1)
        ]
    )
    rows = along[np.argmax(np.abs(along).sum(axis=1))]
    shares = np.zeros((inputs.size, 2 * _REACH + 1))
    sigmas = np.ones_like(shares)
    for _ in range(_ROUNDS):
        predicted = np.zeros((seen.shape[0], seen.shape[1], inputs.size))
        for place, one in enumerate(inputs.tolist()):
            around = codes[:, :, one - _REACH : one + _REACH + 1]
            # Gratings of either sign are not quite opposite: what they share follows no sign.
            columns = np.concatenate([around, np.ones((*around.shape[:2], 1))], axis=2)
            columns = columns * rows[:, np.newaxis]
            weighed = (columns / noise[:, np.newaxis]).reshape(-1, columns.shape[2])
            target = (seen[:, :, one] / noise).ravel()
            found = fit_linear(weighed, target)
            shares[place] = found.parameters[:-1]
            sigmas[place] = found.sigmas[:-1]
            predicted[:, :, place] = (columns @ found.parameters) / rows
        own = seen[:, :, inputs]
        rows = (own * predicted).sum(axis=(0, 2)) / np.square(predicted).sum(axis=(0, 2))
        rows = np.where(rows == 0.0, 1.0, rows)
    return shares, sigmas


def report_mirror_map(
    result: ProtocolResult, mirrors: str, found: MirrorMap, block_width: int
) -> bool:
    """Add the map to a result, and what to turn where light falls on other columns.

    Returns whether blocks light their own columns well enough; the result is refused if not.
    """
    sigmas = found.fit.sigmas
    result.add(f"{mirrors}, shift on the panel", found.shift, float(sigmas[0]), "blocks")
    result.add(f"{mirrors}, magnification less 1", found.magnification, float(sigmas[1]))
    result.add(f"{mirrors}, largest share beside its column", found.largest_leak)
    near = found.largest_leak < _MOST_LEAK
    if found.largest_leak > _LARGEST_LEAK:
        ends = 0.5 * (found.count - 1) * found.magnification
        advice = (
            f"{mirrors}: the image on the panel is {found.shift:+.2f} blocks beside its columns "
            f"({found.shift * block_width:+.1f} mirrors; move it, or blocks.origin_column) and its "
            f"ends {ends:+.2f} blocks further out (focus or zoom)"
        )
        if near:
            result.notes.append(advice)
        else:
            result.refuse(advice)
    result.curves.append(
        Curve(
            f"{mirrors}, blocks on the panel's columns",
            found.inputs.astype(np.float64),
            found.places - found.inputs,
            found.fitted_places - found.inputs,
            "block",
            "column less block",
        )
    )
    return near
