"""Simulated mirror device."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.mirror_device import MirrorBlocks, expand_mirror_blocks
from instruments.interfaces.sequence import SequenceState
from instruments.limits import Limit, check_shape
from instruments.opening import OpeningRequest
from sim_backends.optics.micromirrors import lee_first_order
from sim_backends.simulated.settings import MirrorDeviceSettings
from sim_backends.simulated.simulated_instrument import SimulatedInstrument, check_all_fired
from sim_backends.simulated.trigger_line import check_keeps_up, shared_trigger_line

Complexes = npt.NDArray[np.complex64]


class SimulatedMirrorDevice(SimulatedInstrument):
    """A mirror device on its own, with the light that leaves its blocks.

    The bench file has no role for a mirror device, so the twin of a bench is not lit by it:
    ``fields`` says what its blocks send out. Without a carrier that is the share of mirrors that
    are on; with one it is the first order of the Lee hologram (W.-H. Lee, Prog. Opt. 16, 119
    (1978)), which has signs and phases.
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
        self._picture_seconds = self._limits["picture_seconds"].low
        self.sequence = SequenceState(self.name, loads=True)
        self._fields: Complexes = np.zeros((1, *self.raster.shape), np.complex64)
        self._loaded_fields = self._fields
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

    def before_shots(self, shots: int) -> None:
        """Step on; the last frame stays."""
        first = self.sequence.fired
        taken = self.sequence.triggered(shots)
        if taken:
            self._fields = self._loaded_fields[first : first + taken]

    def fields(self) -> Complexes:
        """Return the fields ``[shots, block rows, block columns]`` that the latest shots saw.

        Relative to the light on the device; each block's field is its mean.
        """
        return self._fields.copy()

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
        # A stripe's phase is that of its centre, counted against the first order's own.
        centre = blocks.shifts + blocks.mirrors_on / 2
        field = lee_first_order(blocks.mirrors_on / self._carrier, -centre / self._carrier)
        holograms: Complexes = field.astype(np.complex64)
        return holograms

    def _light_of(self, frame: npt.NDArray[np.bool_]) -> Complexes:
        down, across = self.raster.shape
        side = self.raster.height
        inside = frame[: down * side, : across * side].reshape(down, side, across, side)
        columns = inside.mean(axis=1, dtype=np.float32)
        if self._carrier is None:
            bright: Complexes = columns.mean(axis=2).astype(np.complex64)
            return bright
        wave = np.exp(-2j * np.pi * (np.arange(side) + 0.5) / self._carrier)
        # One mirror's own diffraction, which the Fourier series of a stripe contains.
        wave *= np.sinc(1 / self._carrier) / side
        fields: Complexes = (columns @ wave).astype(np.complex64)
        return fields

    def _go_safe(self) -> None:
        self.sequence.stopped()
        self._fields = np.zeros((1, *self.raster.shape), np.complex64)
