r"""From fields to the volts of a modulator array, and back.

A Mach-Zehnder modulator near null gives a channel's real, signed field

.. math:: E = E_{full} \sin\left(\frac{\pi V}{2 V_\pi} + b\right) + E_0,

with the bias ``b`` away from null and a field ``E_0`` that passes whatever the voltage. What
leaks in quadrature (finite extinction) cannot be undone by a voltage and has no place here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.calibration.field_scales import Fields, FieldScales
from instruments.calibration.table import CalibrationTable, Provenance, Values
from instruments.errors import LimitError, NetworkError
from instruments.shared_loops import SharedLoop, rows_of

# Beyond full transmission by rounding only: 4 units in the last place.
_REACH = np.float32(1.0 + 5e-7)
_ONE, _HALF, _TWO, _ZERO = np.float32(1), np.float32(0.5), np.float32(2), np.float32(0)
_QUARTER_TURN = np.float32(np.pi / 2)
# arcsin y = y + y^3 P(y^2) for |y| <= 1/2, to 2.5e-7 (Cephes library, asinf; S. L. Moshier).
_ARCSINE = tuple(
    np.float32(c)
    for c in (4.2163199048e-2, 2.4181311049e-2, 4.5470025998e-2, 7.4953002686e-2, 1.6666752422e-1)
)


class EncoderTable(CalibrationTable):
    """Transfer curves of a modulator array.

    Parameters
    ----------
    half_wave_volts
        ``[n]`` ``V_pi``: from null to full transmission; above 0.
    bias_radians
        ``[n]`` ``b``: phase at 0 V.
    field_at_full
        ``[n]`` field at full transmission in saturation fields, either sign. 0 marks a dead
        channel: whatever is asked of it, its voltage stays at null.
    offset
        ``[n]`` field that is there at any voltage.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If the arrays differ in length, hold infinities or a half-wave voltage is not positive.
    """

    kind = "encoder"
    required = frozenset({"half_wave_volts", "bias_radians", "field_at_full", "offset"})

    def __init__(
        self,
        half_wave_volts: npt.ArrayLike,
        bias_radians: npt.ArrayLike,
        field_at_full: npt.ArrayLike,
        offset: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        shape = (np.size(np.asarray(half_wave_volts)),)
        self.half_wave_volts: Values = self.finite("half_wave_volts", half_wave_volts, shape)
        self.bias_radians: Values = self.finite("bias_radians", bias_radians, shape)
        self.field_at_full: Values = self.finite("field_at_full", field_at_full, shape)
        self.offset: Values = self.finite("offset", offset, shape)
        if not (self.half_wave_volts > 0.0).all():
            raise self.wrong("a half-wave voltage is not above 0")
        super().__init__(
            {
                "half_wave_volts": self.half_wave_volts,
                "bias_radians": self.bias_radians,
                "field_at_full": self.field_at_full,
                "offset": self.offset,
            },
            provenance,
            covariance,
        )
        self._scales = FieldScales(self.field_at_full, self.offset)
        volts_per_radian = 2.0 / np.pi * self.half_wave_volts
        rest = np.arcsin(np.clip(self._scales.rest, -1.0, 1.0))
        self.dark_volts: Fields = (volts_per_radian * (rest - self.bias_radians)).astype(np.float32)
        self.dark_volts.setflags(write=False)
        self._constants = np.stack(
            [
                self._scales.slope,
                self._scales.shift,
                volts_per_radian.astype(np.float32),
                (-volts_per_radian * self.bias_radians).astype(np.float32),
                self.dark_volts,
            ]
        )

    @classmethod
    def nominal(
        cls,
        channels: int,
        half_wave_volts: float,
        *,
        instrument: str,
        bench: str,
        bias_radians: float = 0.0,
        field_at_full: float = 1.0,
        offset: float = 0.0,
    ) -> Self:
        """Return the table of ``channels`` equal modulators as their data sheet has them."""
        return cls(
            np.full(channels, half_wave_volts),
            bias_radians,
            field_at_full,
            offset,
            provenance=Provenance(instrument, bench),
        )

    @property
    def channels(self) -> int:
        """How many modulators there are."""
        return self.half_wave_volts.size

    @property
    def dark_drive(self) -> Fields:
        """``dark_volts``, by the name all encoders have for it."""
        return self.dark_volts

    @property
    def is_signed(self) -> bool:
        """That fields of both signs can be had."""
        return True

    def rescaled(
        self,
        field_at_full: npt.ArrayLike,
        offset: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> Self:
        """Return the same curves with other scales ``[n]``."""
        return type(self)(
            self.half_wave_volts,
            self.bias_radians,
            field_at_full,
            offset,
            provenance=provenance,
            covariance=covariance,
        )

    @property
    def lowest_fields(self) -> Values:
        """Lowest field ``[n]`` each channel reaches."""
        return self.fields_within(-np.inf, np.inf)[0]

    @property
    def highest_fields(self) -> Values:
        """Highest field ``[n]`` each channel reaches."""
        return self.fields_within(-np.inf, np.inf)[1]

    def encode(self, fields: Fields, out: Fields | None = None) -> Fields:
        """Return the volts that give ``fields``, on the branch through null.

        Parameters
        ----------
        fields
            ``[B, m]`` in saturation fields; with ``m < n`` they go to the first channels and the
            others are given their ``dark_volts``, where the field is 0 (or nearest to it).
        out
            ``[B, n]`` float32 to write to.

        Returns
        -------
        numpy.ndarray
            ``[B, n]`` float32 volts, to 1e-6 of the half-wave voltage.

        Raises
        ------
        LimitError
            If a channel cannot reach its field, or is asked for something that is no number.
        NetworkError
            If there are more columns than channels.
        """
        given = np.ascontiguousarray(fields, np.float32)
        if given.ndim != 2 or given.shape[1] > self.channels:
            raise NetworkError(
                f"{self.instrument}: fields of shape {list(given.shape)} given; its encoder table "
                f"takes [samples, up to {self.channels} channels]"
            )
        volts = np.empty((len(given), self.channels), np.float32) if out is None else out
        beyond = _encode(given.size, given, self._constants, volts)
        if beyond:
            raise self._out_of_reach(given, beyond)
        return volts

    def decode(self, volts: npt.ArrayLike) -> Fields:
        """Return the fields ``[..., n]`` that voltages ``[..., n]`` give; of either branch."""
        angle = 0.5 * np.pi * np.asarray(volts, np.float64) / self.half_wave_volts
        return self._scales.fields(np.sin(angle + self.bias_radians))

    def fields_within(self, low_volts: float, high_volts: float) -> tuple[Values, Values]:
        """Return the lowest and highest field ``[n]`` within limits of the voltage.

        On the branch through null only, the one ``encode`` uses.
        """
        edges = np.array([[low_volts], [high_volts]])
        angle = 0.5 * np.pi * edges / self.half_wave_volts + self.bias_radians
        return self._scales.bounds(np.sin(np.clip(angle, -0.5 * np.pi, 0.5 * np.pi)))

    def _out_of_reach(self, fields: Fields, count: int) -> LimitError:
        driven = fields.shape[1]
        sines = fields * self._scales.slope[:driven] + self._scales.shift[:driven]
        beyond = ~(np.abs(sines) <= _REACH)
        sample, channel = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
        return LimitError(
            f"{self.instrument}: field of {fields[sample, channel]:g} asked for in channel "
            f"{channel}, sample {sample} ({count} of {fields.size} values refused); the channel "
            f"reaches {self.lowest_fields[channel]:g} to {self.highest_fields[channel]:g}. Scale "
            "the fields down. Nothing was sent"
        )


@SharedLoop
def _encode(shares: int, fields: Fields, constants: Fields, volts: Fields) -> int:
    beyond = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(fields))
        beyond += _encode_rows(first, last, fields, constants, volts)
    return beyond


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def _encode_rows(first: int, last: int, fields: Fields, constants: Fields, volts: Fields) -> int:
    """Write the volts and return how many fields are out of reach.

    Parameters
    ----------
    constants
        ``[5, n]``: slope and shift from field to sine, volts per radian, volts at null and in the
        dark.
    """
    slope, shift, volts_per_radian = constants[0], constants[1], constants[2]
    null_volts, dark_volts = constants[3], constants[4]
    driven = fields.shape[1]
    # As wide as the fields: a wider count would halve what vector instructions do at a time.
    beyond = np.uint32(0)
    for b in range(first, last):
        for i in range(driven):
            sine = fields[b, i] * slope[i] + shift[i]
            size = abs(sine)
            beyond = np.uint32(beyond + np.uint32(not size <= _REACH))
            size = min(size, _ONE)
            # Near full transmission by the half angle, where the series would converge slowly.
            steep = size > _HALF
            square = _HALF * (_ONE - size) if steep else size * size
            root = np.sqrt(square) if steep else size
            series = _ARCSINE[0]
            series = series * square + _ARCSINE[1]
            series = series * square + _ARCSINE[2]
            series = series * square + _ARCSINE[3]
            series = series * square + _ARCSINE[4]
            angle = root + root * square * series
            angle = _QUARTER_TURN - _TWO * angle if steep else angle
            angle = -angle if sine < _ZERO else angle
            volts[b, i] = volts_per_radian[i] * angle + null_volts[i]
        for i in range(driven, volts.shape[1]):
            volts[b, i] = dark_volts[i]
    return int(beyond)
