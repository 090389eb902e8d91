"""What drivers of liquid-crystal panels have in common that take whole frames of grey levels."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from instruments.drivers.driven_instrument import DrivenInstrument
from instruments.errors import InstrumentError
from instruments.interfaces.spatial_light_modulator import BlockPattern, Frame, expand_blocks
from instruments.library import Library
from instruments.limits import Limit, check_array, check_shape
from instruments.opening import OpeningRequest


class FramePanel(DrivenInstrument):
    """A panel; what sends a frame, and knows when it is on, belongs to its driver.

    Parameters
    ----------
    request
        What it was opened with; the settings have ``settling``.
    library
        What the driver speaks to.
    rows, columns, bit_depth, refresh_seconds
        Of the panel.
    """

    kind: ClassVar[str] = "spatial_light_modulator"

    def __init__(
        self,
        request: OpeningRequest[Any],
        library: Library[Any],
        *,
        rows: int,
        columns: int,
        bit_depth: int,
        refresh_seconds: float,
    ) -> None:
        super().__init__(request, {"level": Limit(0, 2**bit_depth - 1, "grey levels")})
        self.simulated = library.simulated
        self.rows = rows
        self.columns = columns
        self.bit_depth = bit_depth
        self.refresh_seconds = refresh_seconds
        self.settling_seconds = float(request.settings.settling)
        self._clock = library.clock
        self._frame: Frame = (
            np.zeros((rows, columns), np.uint8)
            if bit_depth <= 8
            else np.zeros((rows, columns), np.uint16)
        )

    def show_frame(self, frame: Frame) -> None:
        """Show grey levels ``[rows, columns]``; errors as of the interface."""
        self._check_open()
        check_shape(self.name, "frame", frame, (self.rows, self.columns))
        if frame.dtype != self._frame.dtype:
            raise InstrumentError(
                f"{self.name}: frame of {frame.dtype} given; it shows {self._frame.dtype}"
            )
        self._check_levels(frame)
        self._send(frame)

    def show_blocks(self, pattern: BlockPattern) -> None:
        """Show a block pattern; errors as of ``BlockPattern.check``."""
        self._check_open()
        pattern.check(self.name, self.rows, self.columns, self.bit_depth)
        frame = expand_blocks(pattern, self._frame)
        self._check_levels(frame)
        self._send(frame)

    def _check_levels(self, frame: Frame) -> None:
        limit = self._limits["level"]
        if limit.low > 0 or limit.high < np.iinfo(frame.dtype).max:
            check_array(self.name, "level", frame, limit)

    def _send(self, frame: Frame) -> None:
        """Send a frame whose levels are right; the caller may overwrite it afterwards."""
        raise NotImplementedError  # a window or a vendor's library: the driver knows which

    def _dark_frame(self) -> Frame:
        """Return the frame of the safe state: one level everywhere."""
        return np.full_like(self._frame, int(self._limits["level"].low))


def check_size(instrument: str, what: str, found: tuple[int, int], rows: int, columns: int) -> None:
    """Check that a panel has the pixels the bench file says.

    Raises
    ------
    InstrumentError
        If it has others.
    """
    if found != (rows, columns):
        raise InstrumentError(
            f"{instrument}: {what} has {found[0]} rows of {found[1]} pixels; the bench file says "
            f"{rows} of {columns}: correct its settings, or set the screen to the panel's own "
            "resolution"
        )
