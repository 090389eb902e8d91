"""From the volts of a detector array to signed fields at the taps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from instruments.calibration.table import CalibrationTable, Provenance, Values
from instruments.errors import NetworkError
from instruments.shared_loops import SharedLoop, rows_of

Fields = npt.NDArray[np.float32]


class TapReading(NamedTuple):
    """Fields ``[B, n]`` and how many of the readings were saturated and mean nothing."""

    fields: Fields
    saturated: int


class TapTable(CalibrationTable):
    """Response of the detectors of one tap bank.

    Parameters
    ----------
    volts_per_field
        ``[n]`` volts per saturation field of light in phase with the network's real axis, either
        sign: detector, splitter, reference power, visibility and the cosine of its phase in one
        number. 0 marks a dead channel, which reads 0.
    offset_volts
        ``[n]`` volts without light.
    phase_radians
        ``[n]`` phase of the reference against the light when the table was measured. Its cosine
        is in ``volts_per_field`` already; kept for tracking drifts.
    saturation_volts
        Readings of this size and more are saturated; ``inf`` if none are.
    provenance, covariance
        See ``CalibrationTable``.

    Attributes
    ----------
    channels
        How many detectors there are.

    Raises
    ------
    CalibrationError
        If the arrays differ in length or hold infinities, or saturation is not above 0.
    """

    kind = "tap"
    required = frozenset({"volts_per_field", "offset_volts", "phase_radians", "saturation_volts"})

    def __init__(
        self,
        volts_per_field: npt.ArrayLike,
        offset_volts: npt.ArrayLike,
        phase_radians: npt.ArrayLike = 0.0,
        saturation_volts: float = math.inf,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        self.channels = np.size(np.asarray(volts_per_field))
        shape = (self.channels,)
        self.volts_per_field: Values = self.finite("volts_per_field", volts_per_field, shape)
        self.offset_volts: Values = self.finite("offset_volts", offset_volts, shape)
        self.phase_radians: Values = self.finite("phase_radians", phase_radians, shape)
        self.saturation_volts = float(saturation_volts)
        if not self.saturation_volts > 0.0:
            raise self.wrong(f"saturation at {self.saturation_volts:g} V is not above 0")
        super().__init__(
            {
                "volts_per_field": self.volts_per_field,
                "offset_volts": self.offset_volts,
                "phase_radians": self.phase_radians,
                "saturation_volts": np.array(self.saturation_volts),
            },
            provenance,
            covariance,
        )
        inverse = np.zeros(shape)
        np.divide(1.0, self.volts_per_field, out=inverse, where=self.volts_per_field != 0.0)
        self._fields_per_volt = inverse.astype(np.float32)
        self._offset: Fields = self.offset_volts.astype(np.float32)[np.newaxis]

    @classmethod
    def nominal(
        cls,
        channels: int,
        volts_per_field: float,
        *,
        instrument: str,
        bench: str,
        offset_volts: float = 0.0,
        phase_radians: float = 0.0,
        saturation_volts: float = math.inf,
    ) -> Self:
        """Return the table of ``channels`` equal detectors as their data sheet has them."""
        return cls(
            np.full(channels, volts_per_field),
            offset_volts,
            phase_radians,
            saturation_volts,
            provenance=Provenance(instrument, bench),
        )

    def read(
        self,
        volts: npt.NDArray[np.floating],
        background_volts: npt.NDArray[np.floating] | None = None,
        channels: int | None = None,
    ) -> TapReading:
        """Return the fields that voltages stand for.

        Parameters
        ----------
        volts
            ``[B, m]``, of all or the first ``m`` detectors.
        background_volts
            What the same detectors showed without the wanted light, as they showed it,
            ``[B, m]`` a sample or ``[m]`` for all. The offset is part of it and so not subtracted
            a second time.
        channels
            How many of the ``m``, from the first, are wanted; by default all.

        Raises
        ------
        NetworkError
            If the shapes do not fit.
        """
        given = np.ascontiguousarray(volts, np.float32)
        if given.ndim != 2 or given.shape[1] > self.channels:
            raise self._misfit("readings", given.shape)
        samples, read = given.shape
        background = self._offset
        if background_volts is not None:
            background = np.ascontiguousarray(background_volts, np.float32)
            if background.ndim == 1:
                background = background[np.newaxis]
            if background.shape != given.shape and background.shape != (1, read):
                raise self._misfit("a background", background.shape)
        wanted = read if channels is None or channels > read else channels
        fields = np.empty((samples, wanted), np.float32)
        saturated = _read(
            fields.size, given, background, self._fields_per_volt, self.saturation_volts, fields
        )
        return TapReading(fields, saturated)

    def volts(self, fields: npt.ArrayLike) -> Fields:
        """Return the volts ``[..., n]`` which fields ``[..., n]`` give: the inverse of ``read``."""
        volts = self.volts_per_field * np.asarray(fields, np.float64) + self.offset_volts
        return volts.astype(np.float32)

    def _misfit(self, what: str, shape: tuple[int, ...]) -> NetworkError:
        return NetworkError(
            f"{self.instrument}: {what} of shape {list(shape)} given; its tap table takes "
            f"[samples, up to {self.channels} channels]"
        )


@SharedLoop
def _read(
    shares: int,
    volts: Fields,
    background: Fields,
    fields_per_volt: Fields,
    saturation_volts: float,
    fields: Fields,
) -> int:
    """Write the fields and return how many readings are saturated."""
    saturated = 0
    for share in prange(shares):
        first, last = rows_of(share, shares, len(fields))
        saturated += _read_rows(
            first, last, volts, background, fields_per_volt, saturation_volts, fields
        )
    return saturated


@njit(cache=True, error_model="numpy", fastmath={"contract", "nsz"}, forceinline=True)
def _read_rows(
    first: int,
    last: int,
    volts: Fields,
    background: Fields,
    fields_per_volt: Fields,
    saturation_volts: float,
    fields: Fields,
) -> int:
    saturation = np.float32(saturation_volts)
    # As wide as the readings: a wider count would halve what vector instructions do at a time.
    saturated = np.uint32(0)
    samples, channels = fields.shape
    stride = 1 if len(background) == samples else 0
    for b in range(first, last):
        row = background[b * stride]
        for i in range(channels):
            reading = volts[b, i]
            saturated = np.uint32(saturated + np.uint32(not abs(reading) < saturation))
            fields[b, i] = (reading - row[i]) * fields_per_volt[i]
    return int(saturated)
