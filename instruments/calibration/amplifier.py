"""From the gain of an amplifier to its drive current, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.interpolate import PchipInterpolator

from instruments.calibration.table import CalibrationTable, Provenance, Values
from instruments.errors import LimitError

_NOMINAL_KNOTS = 513
_MOST_STEPS = 60
# A gain that went through a logarithm and back is still the one at the end of the table.
_ROUNDING_DECIBELS = 1e-9


class AmplifierTable(CalibrationTable):
    """Small-signal gain of one amplifier, or of each of an array, against drive current.

    Between the measured points runs the monotone cubic of Fritsch and Butland (SIAM J. Sci. Stat.
    Comput. 5, 300 (1984)), which does not overshoot, so that there is one current for one gain.

    Parameters
    ----------
    current_amperes
        ``[k]`` rising currents, not negative, at least two.
    gain_decibels
        ``[n, k]`` power gain in dB of ``n`` amplifiers, rising with the current; ``[k]`` for one.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If the shapes do not fit or a curve does not rise everywhere.
    """

    kind = "amplifier"
    required = frozenset({"current_amperes", "gain_decibels"})

    def __init__(
        self,
        current_amperes: npt.ArrayLike,
        gain_decibels: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        gains = np.atleast_2d(np.asarray(gain_decibels, np.float64))
        knots = gains.shape[-1]
        self.current_amperes: Values = self.finite("current_amperes", current_amperes, (knots,))
        self.gain_decibels: Values = self.finite("gain_decibels", gains, (len(gains), knots))
        if knots < 2 or self.current_amperes[0] < 0.0:
            raise self.wrong("it needs two currents or more, none of them negative")
        if not (np.diff(self.current_amperes) > 0.0).all():
            raise self.wrong("its currents do not rise from point to point")
        rising = (np.diff(self.gain_decibels, axis=1) > 0.0).all(axis=1)
        if not rising.all():
            raise self.wrong(
                f"the gain of channel {int(np.argmin(rising))} does not rise with the current"
            )
        super().__init__(
            {"current_amperes": self.current_amperes, "gain_decibels": self.gain_decibels},
            provenance,
            covariance,
        )
        cubic = PchipInterpolator(self.current_amperes, self.gain_decibels, axis=1)
        # Highest power first, [4, k - 1, n] as scipy has them.
        self._cubics: Values = np.ascontiguousarray(cubic.c.transpose(2, 1, 0))

    @classmethod
    def nominal(
        cls,
        channels: int,
        *,
        transparency_amperes: float,
        scale_amperes: float,
        highest_gain_decibels: float,
        highest_current_amperes: float,
        instrument: str,
        bench: str,
    ) -> Self:
        """Return the table of ``channels`` equal amplifiers as their data sheet has them.

        ``G[dB] = G_max (1 - exp(-(I - I_t) / I_s))``: transparent at ``I_t``, filling up over
        ``I_s``.
        """
        currents = np.linspace(0.0, highest_current_amperes, _NOMINAL_KNOTS)
        rise = -np.expm1(-(currents - transparency_amperes) / scale_amperes)
        return cls(
            currents,
            np.tile(highest_gain_decibels * rise, (channels, 1)),
            provenance=Provenance(instrument, bench),
        )

    @property
    def channels(self) -> int:
        """How many amplifiers there are."""
        return len(self.gain_decibels)

    @property
    def lowest_decibels(self) -> float:
        """Smallest power gain in dB that every channel has."""
        return float(self.gain_decibels[:, 0].max())

    @property
    def highest_decibels(self) -> float:
        """Largest power gain in dB that every channel reaches."""
        return float(self.gain_decibels[:, -1].min())

    def gain(self, currents_amperes: npt.ArrayLike) -> Values:
        """Return the power gains ``[n]`` in dB at currents ``[n]``, or at one for all.

        Raises
        ------
        LimitError
            If a current is outside the measured ones.
        """
        asked = self._per_channel("current", currents_amperes)
        low, high = self.current_amperes[0], self.current_amperes[-1]
        allowed = (asked >= low) & (asked <= high)
        if not allowed.all():
            channel = int(np.argmin(allowed))
            raise LimitError(
                f"{self.instrument}: current of {asked[channel]:g} A asked about in channel "
                f"{channel}; its amplifier table covers {low:g} to {high:g} A"
            )
        gains = np.empty(self.channels)
        _forward(self.current_amperes, self._cubics, asked, gains)
        return gains

    def current_for(self, gain_decibels: npt.ArrayLike) -> Values:
        """Return the currents ``[n]`` in amperes for power gains ``[n]`` in dB, or one for all.

        Raises
        ------
        LimitError
            If a channel does not have that gain.
        """
        asked = self._per_channel("gain", gain_decibels)
        low, high = self.gain_decibels[:, 0], self.gain_decibels[:, -1]
        allowed = (asked >= low - _ROUNDING_DECIBELS) & (asked <= high + _ROUNDING_DECIBELS)
        if not allowed.all():
            channel = int(np.argmin(allowed))
            raise LimitError(
                f"{self.instrument}: gain of {asked[channel]:g} dB asked for in channel {channel}; "
                f"its amplifier table covers {low[channel]:g} to {high[channel]:g} dB. "
                "Nothing was sent"
            )
        currents = np.empty(self.channels)
        inside = np.clip(asked, low, high)
        _inverse(self.current_amperes, self.gain_decibels, self._cubics, inside, currents)
        return currents

    def field_gain(self, currents_amperes: npt.ArrayLike) -> Values:
        """Return the factors ``[n]`` on the field at currents ``[n]``; errors as ``gain``."""
        factors: Values = 10.0 ** (0.05 * self.gain(currents_amperes))
        return factors

    def current_for_field_gain(self, field_gain: npt.ArrayLike) -> Values:
        """Return the currents ``[n]`` for factors on the field above 0; as ``current_for``."""
        factors = np.asarray(field_gain, np.float64)
        if not (factors > 0.0).all():
            raise LimitError(
                f"{self.instrument}: a field gain of {factors.min():g} asked for; it has to be "
                "above 0. Nothing was sent"
            )
        return self.current_for(20.0 * np.log10(factors))

    def _per_channel(self, what: str, values: npt.ArrayLike) -> Values:
        asked = np.asarray(values, np.float64)
        if asked.shape not in ((), (self.channels,)):
            raise LimitError(
                f"{self.instrument}: {what} of shape {list(asked.shape)} given; its amplifier "
                f"table takes one for each of {self.channels} channels, or one for all"
            )
        filled: Values = np.ascontiguousarray(np.broadcast_to(asked, (self.channels,)))
        return filled


@njit(cache=True)
def _forward(currents: Values, cubics: Values, asked: Values, gains: Values) -> None:
    for n in range(asked.size):
        piece = min(
            max(np.searchsorted(currents, asked[n], side="right") - 1, 0), len(currents) - 2
        )
        c = cubics[n, piece]
        x = asked[n] - currents[piece]
        gains[n] = ((c[0] * x + c[1]) * x + c[2]) * x + c[3]


@njit(cache=True)
def _inverse(currents: Values, knots: Values, cubics: Values, asked: Values, found: Values) -> None:
    """Solve each piece by Newton's method, by halving where a step would leave the bracket."""
    for n in range(asked.size):
        piece = np.searchsorted(knots[n], asked[n], side="right") - 1
        piece = min(max(piece, 0), len(currents) - 2)
        c = cubics[n, piece]
        low, high = 0.0, currents[piece + 1] - currents[piece]
        share = (asked[n] - knots[n, piece]) / (knots[n, piece + 1] - knots[n, piece])
        tolerance = 1e-14 * currents[-1]
        x = share * high
        for _ in range(_MOST_STEPS):
            miss = ((c[0] * x + c[1]) * x + c[2]) * x + c[3] - asked[n]
            if miss > 0.0:
                high = x
            else:
                low = x
            slope = (3.0 * c[0] * x + 2.0 * c[1]) * x + c[2]
            step = x - miss / slope if slope > 0.0 else -1.0
            if not low <= step <= high:
                step = 0.5 * (low + high)
            moved = abs(step - x)
            x = step
            if moved <= tolerance:
                break
        found[n] = currents[piece] + x
