"""Simulated mirror device."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.mirror_device import (
    MirrorBlocks,
    expand_mirror_blocks,
    stripe_orders,
)
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit, check_shape
from instruments.opening import OpeningRequest
from sim_backends.simulated.settings import MirrorDeviceSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument, check_all_fired
from sim_backends.simulated.trigger_line import check_keeps_up, shared_trigger_line

Complexes = npt.NDArray[np.complex64]


class SimulatedMirrorDevice(SimulatedInstrument):
    """A mirror device with the light that its frames send on, block by block.

    Without a carrier that is the share of mirrors that are on; with one it is the first order of
    the Lee hologram (W.-H. Lee, Prog. Opt. 16, 119 (1978)), which has signs and phases. Where a
    stage of the bench is lit by it the twin is told, and blocks and carrier are those of the bench
    file's section ``[mirrors.NAME]``; elsewhere those of the settings. A device that is not armed
    holds its last frame.
    """

    kind: ClassVar[str] = "mirror_device"
    Settings: ClassVar[type[MirrorDeviceSettings]] = MirrorDeviceSettings

    def __init__(self, request: OpeningRequest[MirrorDeviceSettings]) -> None:
        own = request.settings
        super().__init__(
            request,
            {
                "shots": Limit(1, own.most_frames, "shots"),
                "picture_seconds": Limit(own.shortest_picture, own.longest_picture, "s"),
            },
        )
        self.rows = own.rows
        self.columns = own.columns
        side = own.block_side
        self.raster = BlockGeometry(own.rows // side, own.columns // side, side, side)
        self._carrier = own.carrier_period
        section = request.bench.mirrors.get(self.name)
        if section is not None:
            self.raster = section.blocks.geometry
            self._carrier = section.carrier
        self._drives = self.name in self.twin.mirrors
        self._picture_seconds = self._limits["picture_seconds"].low
        self.sequence = SequenceState(self.name, loads=True)
        self._fields: Complexes = np.zeros((1, *self.raster.shape), np.complex64)
        self._loaded_fields = self._fields
        # What the twin was last told: the fields that were loaded and the rows of them.
        self._told: tuple[Complexes, int, int] = (self._fields, 0, 1)
        shared_trigger_line(request).outputs[self.name] = self

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the device, all mirrors off."""
        return cls(request)

    def picture_seconds(self) -> float:
        """Return how long each frame stays on."""
        self._check_open()
        return self._picture_seconds

    def set_picture_seconds(self, seconds: float) -> None:
        """Set how long each frame stays on."""
        self._picture_seconds = self._checked("picture_seconds", seconds)

    def load(self, frames: npt.NDArray[np.bool_]) -> None:
        """Load frames ``[shots, rows, columns]``; errors as of the interface."""
        self._check_open()
        check_shape(self.name, "frames", frames, (None, self.rows, self.columns))
        if frames.dtype != np.bool_:
            raise InstrumentError(
                f"{self.name}: frames of {frames.dtype} given; a mirror is on or off, give bool"
            )
        self._check_load(len(frames))
        fields = np.empty((len(frames), *self.raster.shape), np.complex64)
        for shot, frame in enumerate(frames):
            fields[shot] = self._light_of(frame)
        self._loaded(fields)

    def load_blocks(self, blocks: MirrorBlocks) -> None:
        """Load blocks of mirrors; errors as of the interface."""
        self._check_open()
        blocks.check(self.name, self.rows, self.columns)
        self._check_load(blocks.shots)
        if blocks.geometry == self.raster and blocks.carrier_period == self._carrier:
            self._loaded(self._light_of_blocks(blocks))
            return
        frame = np.empty((self.rows, self.columns), np.bool_)
        fields = np.empty((blocks.shots, *self.raster.shape), np.complex64)
        for shot in range(blocks.shots):
            expand_mirror_blocks(blocks, shot, frame)
            fields[shot] = self._light_of(frame)
        self._loaded(fields)

    def arm(self) -> None:
        """Get ready to step through the loaded frames.

        Raises
        ------
        InstrumentError
            If triggers come faster than the pictures.
        """
        self._check_open()
        self.sequence.check_arm()
        check_keeps_up(self.name, "shows each frame", self._picture_seconds, self.twin)
        self.sequence.armed()

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the last shot is over."""
        self._check_open()
        check_all_fired(self.sequence, timeout_seconds)

    def stop(self) -> None:
        """Abandon what is armed."""
        self._check_open()
        self.sequence.stopped()
        self.twin.faults.stopped(self.name)

    def before_shots(self, shots: int) -> None:
        """Step through the armed sequence, or hold the last frame."""
        if shots and self.sequence.stage == "armed":
            first = self.sequence.fired
            taken = self.sequence.triggered(shots)
            self._fields = self._loaded_fields[first : first + taken]
            self._tell(self._loaded_fields, first, first + taken)
        elif len(self._fields) > 1:
            self._fields = self._fields[-1:]
            self._tell(self._fields, 0, 1)

    def fields(self) -> Complexes:
        """Return the fields ``[shots, block rows, block columns]`` that the latest shots saw.

        Relative to the light on the device; each block's field is its mean.
        """
        return self._fields.copy()

    def _tell(self, fields: Complexes, first: int, end: int) -> None:
        """Let the twin know what is shown, unless it was told the same before."""
        told = self._told
        if fields is told[0] and (first, end) == told[1:]:
            return
        self._told = (fields, first, end)
        if self._drives:
            channels = self.twin.layout.mirrors[self.name].channels
            shown = fields[first:end]
            self.twin.drive(self.name, shown.reshape(len(shown), -1)[:, :channels])

    def _check_load(self, shots: int) -> None:
        self._checked("shots", shots)
        self.sequence.check_load()

    def _loaded(self, fields: Complexes) -> None:
        self._loaded_fields = fields
        self.sequence.loaded(len(fields))

    def _light_of_blocks(self, blocks: MirrorBlocks) -> Complexes:
        if self._carrier is None or blocks.shifts is None:
            mirrors = self.raster.height * self.raster.width
            shares: Complexes = (blocks.mirrors_on / mirrors).astype(np.complex64)
            return shares
        orders = stripe_orders(self.raster.height, self._carrier).astype(np.complex64)
        turns = np.exp(-2j * np.pi * np.arange(self._carrier) / self._carrier).astype(np.complex64)
        holograms: Complexes = orders[blocks.mirrors_on] * turns[blocks.shifts]
        return holograms

    def _light_of(self, frame: npt.NDArray[np.bool_]) -> Complexes:
        raster = self.raster
        inside = frame[raster.origin_row : raster.end_row, raster.origin_column : raster.end_column]
        inside = inside.reshape(
            raster.block_rows, raster.height, raster.block_columns, raster.width
        )
        columns = inside.mean(axis=1, dtype=np.float32)
        if self._carrier is None:
            bright: Complexes = columns.mean(axis=2).astype(np.complex64)
            return bright
        wave = np.exp(-2j * np.pi * (np.arange(raster.width) + 0.5) / self._carrier)
        # One mirror's own diffraction, which the Fourier series of a stripe contains.
        wave *= np.sinc(1 / self._carrier) / raster.width
        fields: Complexes = (columns @ wave).astype(np.complex64)
        return fields

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._fields = np.zeros((1, *self.raster.shape), np.complex64)
        self._tell(self._fields, 0, 1)
