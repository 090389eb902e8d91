"""A mirror device driven like an array of modulators: one number a block and shot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from instruments.errors import LimitError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.mirror_device import MirrorBlocks, MirrorDevice


class MirrorEmitter:
    """Blocks of mirrors that show numbers (``calibration.mirror_encoder`` says which).

    Parameters
    ----------
    device
        The mirrors.
    channels
        How many blocks are used; those after them in the raster, row by row, stay off.
    geometry
        Where the blocks are.
    carrier_period
        Mirrors a period of the carrier; ``None`` without one.
    """

    def __init__(
        self,
        device: MirrorDevice,
        channels: int,
        geometry: BlockGeometry,
        carrier_period: int | None,
    ) -> None:
        self._device = device
        self.channels = channels
        self._geometry = geometry
        self._carrier_period = carrier_period

    def load(self, drive: npt.NDArray[np.float32]) -> None:
        """Load mirrors ``[shots, channels]``; negative: stripes shifted by half a period.

        Raises
        ------
        LimitError
            If one is negative and there is no carrier, and as of ``MirrorDevice.load_blocks``.
        """
        shots = len(drive)
        blocks = self._geometry.block_rows * self._geometry.block_columns
        counts = np.zeros((shots, blocks), np.uint16)
        counts[:, : self.channels] = np.abs(drive)
        raster = (shots, *self._geometry.shape)
        if self._carrier_period is None:
            if drive.size and drive.min() < 0:
                raise LimitError(
                    f"{self._device.name}: {drive.min():g} mirrors asked for in blocks without a "
                    "carrier, which have no sign; give mirrors.NAME.carrier in the bench file"
                )
            self._device.load_blocks(MirrorBlocks(counts.reshape(raster), self._geometry))
            return
        shifts = np.zeros((shots, blocks), np.uint16)
        shifts[:, : self.channels] = np.where(drive < 0, self._carrier_period // 2, 0)
        self._device.load_blocks(
            MirrorBlocks(
                counts.reshape(raster),
                self._geometry,
                self._carrier_period,
                shifts.reshape(raster),
            )
        )

    def arm(self) -> None:
        """Get ready to step through the loaded frames; errors as of the device."""
        self._device.arm()

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last shot is over; errors as of the device."""
        self._device.wait_until_done(timeout_seconds)

    def stop(self) -> None:
        """Abandon what is armed."""
        self._device.stop()
