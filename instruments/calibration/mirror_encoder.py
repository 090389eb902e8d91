r"""From fields to the mirrors of a mirror device, and back.

A block's field follows how many of its mirrors are on,

.. math:: E = \pm E_{full}\, c(k) + E_0,

with the curve ``c``, 0 without a mirror and 1 at its largest, which all blocks share, and a field
``E_0`` that mirrors send on when they are off. Without a carrier ``c`` rises evenly and the field
has one sign. With a carrier (a Lee hologram, ``interfaces.mirror_device``) ``c`` is the first order
of stripes, ``sin(pi w) / pi`` of their width over its largest, and stripes shifted by half a
period have the other sign.

What mirrors show is written as one number a block, in the device's own units: how many mirrors are
on (of a stripe, where there is a carrier), negative where stripes are shifted by half a period.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
import numpy.typing as npt

from instruments.calibration.field_scales import Fields, FieldScales
from instruments.calibration.table import CalibrationTable, Provenance, Values
from instruments.errors import LimitError, NetworkError
from instruments.interfaces.mirror_device import stripe_orders

# Beyond the largest amplitude by rounding only.
_REACH = np.float32(1.0 + 5e-7)
# Steps of amplitude in the list that finds the nearest count; finer than any block.
_STEPS = 8192


def nominal_curve(height: int, width: int, carrier_period: int | None) -> Values:
    """Return the curve ``c`` of a block as it is designed, by mirrors on from 0.

    With a carrier it ends at stripes of half a period, from where on the amplitude falls again.
    """
    if carrier_period is None:
        steps: Values = np.linspace(0.0, 1.0, height * width + 1)
        return steps
    orders = stripe_orders(height, carrier_period)[: height * carrier_period // 2 + 1].real
    curve: Values = orders / orders.max()
    return curve


class MirrorEncoderTable(CalibrationTable):
    """Amplitudes of the blocks of a mirror device.

    Parameters
    ----------
    curve
        ``[levels]`` amplitude by how many mirrors are on, from 0; the largest is 1.
    field_at_full
        ``[n]`` field at the largest amplitude in saturation fields, either sign. 0 marks a dead
        block: whatever is asked of it, its mirrors stay off.
    offset
        ``[n]`` field that is there with all mirrors off.
    carrier_period
        Mirrors a period of the carrier; 0 without one: fields of one sign.
    provenance, covariance
        See ``CalibrationTable``.

    Raises
    ------
    CalibrationError
        If the arrays differ in length or hold infinities, or the curve does not begin at 0 or has
        another largest value than 1.
    """

    kind = "mirror encoder"
    required = frozenset({"curve", "field_at_full", "offset", "carrier_period"})

    def __init__(
        self,
        curve: npt.ArrayLike,
        field_at_full: npt.ArrayLike,
        offset: npt.ArrayLike,
        carrier_period: int = 0,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> None:
        self.provenance = provenance
        shape = (np.size(np.asarray(field_at_full)),)
        self.curve: Values = self.finite("curve", curve, (np.size(np.asarray(curve)),))
        self.field_at_full: Values = self.finite("field_at_full", field_at_full, shape)
        self.offset: Values = self.finite("offset", offset, shape)
        self.carrier_period = int(carrier_period)
        if self.curve.size < 2 or self.curve[0] != 0.0 or self.curve.max() != 1.0:
            raise self.wrong(
                f"its curve of {self.curve.size} values runs from {self.curve[0]:g} to "
                f"{self.curve.max():g}; it begins at 0 and its largest value is 1"
            )
        super().__init__(
            {
                "curve": self.curve,
                "field_at_full": self.field_at_full,
                "offset": self.offset,
                "carrier_period": np.array(self.carrier_period),
            },
            provenance,
            covariance,
        )
        self._scales = FieldScales(self.field_at_full, self.offset)
        self._nearest = _nearest_counts(self.curve)
        self.dark_drive: Fields = self._counts(
            np.clip(self._scales.shift, -1.0 if self.is_signed else 0.0, 1.0)
        )
        self.dark_drive.setflags(write=False)

    @classmethod
    def nominal(
        cls,
        channels: int,
        height: int,
        width: int,
        *,
        instrument: str,
        bench: str,
        carrier_period: int | None = None,
        field_at_full: float = 1.0,
    ) -> Self:
        """Return the table of ``channels`` equal blocks of ``height`` x ``width`` mirrors."""
        return cls(
            nominal_curve(height, width, carrier_period),
            np.full(channels, field_at_full),
            0.0,
            carrier_period or 0,
            provenance=Provenance(instrument, bench),
        )

    def rescaled(
        self,
        field_at_full: npt.ArrayLike,
        offset: npt.ArrayLike,
        *,
        provenance: Provenance,
        covariance: Mapping[str, npt.ArrayLike] | None = None,
    ) -> Self:
        """Return the same curve with other scales ``[n]``."""
        return type(self)(
            self.curve,
            field_at_full,
            offset,
            self.carrier_period,
            provenance=provenance,
            covariance=covariance,
        )

    @property
    def channels(self) -> int:
        """How many blocks there are."""
        return self.field_at_full.size

    @property
    def is_signed(self) -> bool:
        """Whether fields of both signs can be had."""
        return self.carrier_period > 0

    @property
    def lowest_fields(self) -> Values:
        """Lowest field ``[n]`` that can be asked for.

        Without a carrier that is none at all, which mirrors come as near to as they can.
        """
        return self.fields_within(-np.inf, np.inf)[0]

    @property
    def highest_fields(self) -> Values:
        """Highest field ``[n]`` each block reaches."""
        return self.fields_within(-np.inf, np.inf)[1]

    def fields_within(self, fewest: float, most: float) -> tuple[Values, Values]:
        """Return the lowest and highest field ``[n]`` within limits of the signed mirrors.

        Without a carrier none at all can be asked for, whatever mirrors send on when off.
        """
        counts = np.arange(self.curve.size)
        largest = self.curve[counts <= most].max()
        smallest = -self.curve[counts <= -fewest].max() if self.is_signed else 0.0
        lowest, highest = self._scales.bounds(np.array([[smallest], [largest]]))
        if not self.is_signed:
            lowest, highest = np.minimum(0.0, lowest), np.maximum(0.0, highest)
        return lowest, highest

    def encode(self, fields: Fields, out: Fields | None = None) -> Fields:
        """Return the mirrors whose fields are nearest, as the module explains.

        Parameters
        ----------
        fields
            ``[B, m]`` in saturation fields; with ``m < n`` they go to the first blocks and the
            others are given their ``dark_drive``.
        out
            ``[B, n]`` float32 to write to.

        Raises
        ------
        LimitError
            If a block cannot reach its field, or is asked for something that is no number.
        NetworkError
            If there are more columns than blocks.
        """
        given = np.ascontiguousarray(fields, np.float32)
        if given.ndim != 2 or given.shape[1] > self.channels:
            raise NetworkError(
                f"{self.instrument}: fields of shape {list(given.shape)} given; its mirror encoder "
                f"table takes [samples, up to {self.channels} blocks]"
            )
        drive = np.empty((len(given), self.channels), np.float32) if out is None else out
        driven = given.shape[1]
        slope, shift = self._scales.slope[:driven], self._scales.shift[:driven]
        share = given * slope + shift
        low: Fields | np.float32 = -_REACH
        if not self.is_signed:
            # What is there with all mirrors off cannot be undone: nothing is asked for as that.
            low = np.minimum(shift, np.float32(0)) - np.float32(5e-7)
        within = (share >= low) & (share <= _REACH)
        if not within.all():
            raise self._out_of_reach(given, within)
        if not self.is_signed:
            np.maximum(share, np.float32(0), out=share)
        drive[:, :driven] = self._counts(share)
        drive[:, driven:] = self.dark_drive[driven:]
        return drive

    def decode(self, drive: npt.ArrayLike) -> Fields:
        """Return the fields ``[..., n]`` that mirrors ``[..., n]`` give."""
        shown = np.asarray(drive)
        counts = np.rint(np.abs(shown)).astype(np.intp)
        return self._scales.fields(np.copysign(self.curve[counts], shown))

    def _counts(self, share: Fields) -> Fields:
        """Return the signed counts nearest to shares of the largest amplitude."""
        step = np.minimum(np.abs(share) * np.float32(_STEPS) + np.float32(0.5), _STEPS)
        counts: Fields = np.copysign(self._nearest[step.astype(np.int32)], share)
        return counts

    def _out_of_reach(self, fields: Fields, within: npt.NDArray[np.bool_]) -> LimitError:
        sample, block = np.unravel_index(int(np.argmin(within)), within.shape)
        return LimitError(
            f"{self.instrument}: field of {fields[sample, block]:g} asked for in block {block}, "
            f"sample {sample} ({np.count_nonzero(~within)} of {fields.size} values refused); the "
            f"block reaches {self.lowest_fields[block]:g} to {self.highest_fields[block]:g}. Scale "
            "the fields down, or give it a carrier for both signs. Nothing was sent"
        )


def _nearest_counts(curve: Values) -> Fields:
    """Return the count whose amplitude is nearest to each step from 0 to 1."""
    order = np.argsort(curve, kind="stable")
    edges = 0.5 * (curve[order][1:] + curve[order][:-1])
    steps = np.arange(_STEPS + 1) / _STEPS
    counts: Fields = order[np.searchsorted(edges, steps)].astype(np.float32)
    return counts
