"""A mirror device on a ViALUX board, through the vendor's ALP-4 library as ALP4lib calls it.

The board holds a sequence of binary pictures. In slave mode every edge at its trigger input shows
the next one, without a dark phase in between. Numbers are those of the vendor's ``alp.h``, as
ALP4lib 1.1.0 gives them. This driver has run with ALP4lib in front of a model of the library, and
not with a board: try it with ``backbeam check`` and the conformance tests first.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self, cast

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from instruments.clock import wait_for
from instruments.drivers.driven_instrument import DrivenInstrument
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import Identity, InstrumentTimeoutError
from instruments.interfaces.mirror_device import MirrorBlocks, expand_mirror_blocks
from instruments.interfaces.sequence import SequenceState
from instruments.library import Library, library_for, load_library
from instruments.limits import Limit, check_shape
from instruments.opening import OpeningRequest
from instruments.quantities import NonNegativeSeconds

DEVICE_NUMBER, VERSION, DEVICE_STATE, FREE_MEMORY = 2000, 2001, 2002, 2003
DEVICE_BUSY = 1100
TRIGGER_EDGE, EDGE_FALLING, EDGE_RISING = 2005, 2008, 2009
BINARY_MODE, WITHOUT_DARK_PHASE = 2104, 2106
SHORTEST_PICTURE, LONGEST_PICTURE = 2211, 2213
PROJECTION_MODE, OWN_TIMING, BY_TRIGGER = 2300, 2301, 2302

POLL_SECONDS = 1e-3
MICROSECONDS = 1e6


class AlpLibrary(Protocol):
    """What the driver calls of an ``ALP4.ALP4`` object."""

    nSizeX: int
    nSizeY: int

    def DevInquire(self, inquireType: int) -> int: ...
    def DevControl(self, controlType: int, value: int) -> None: ...
    def ProjControl(self, controlType: int, value: int) -> None: ...
    def SeqAlloc(self, nbImg: int, bitDepth: int) -> Any: ...
    def SeqPut(
        self, imgData: npt.NDArray[np.uint8], SequenceId: Any, PicOffset: int, PicLoad: int
    ) -> None: ...
    def SeqControl(self, controlType: int, value: int, SequenceId: Any) -> None: ...
    def SeqInquire(self, inquireType: int, SequenceId: Any) -> int: ...
    def SetTiming(self, SequenceId: Any, *, pictureTime: int, triggerInDelay: int) -> None: ...
    def FreeSeq(self, SequenceId: Any) -> None: ...
    def Run(self, SequenceId: Any, loop: bool) -> None: ...
    def Halt(self) -> None: ...
    def Free(self) -> None: ...


class VialuxMirrorSettings(BaseModel):
    """A board and its device.

    Attributes
    ----------
    rows, columns
        Mirrors.
    serial_number
        Of the board, where there are several.
    version
        Of the ALP library.
    library_folder
        Where it lies; by default where its installer put it.
    trigger_edge, trigger_delay
        Which edge shows the next picture, and how long after it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Annotated[int, Field(strict=True, ge=1)]
    columns: Annotated[int, Field(strict=True, ge=1)]
    serial_number: Annotated[int, Field(strict=True, ge=1)] | None = None
    version: Literal["4.1", "4.2", "4.3", "4.4", "5.0", "5.1"] = "4.3"
    library_folder: Path | None = None
    trigger_edge: Literal["rising", "falling"] = "rising"
    trigger_delay: NonNegativeSeconds = 0.0


class VialuxMirrors(DrivenInstrument):
    """A mirror device that steps on at a trigger.

    Parameters
    ----------
    request
        What it was opened with.
    library
        An initialised ``ALP4.ALP4`` object, or a model of one.
    """

    kind: ClassVar[str] = "mirror_device"
    Settings: ClassVar[type[VialuxMirrorSettings]] = VialuxMirrorSettings

    def __init__(
        self, request: OpeningRequest[VialuxMirrorSettings], library: Library[AlpLibrary]
    ) -> None:
        own, board = request.settings, library.handle
        if (board.nSizeY, board.nSizeX) != (own.rows, own.columns):
            raise InstrumentError(
                f"{request.name}: the board has {board.nSizeY} rows of {board.nSizeX} mirrors; the "
                f"bench file says {own.rows} of {own.columns}: correct its settings"
            )
        self.simulated = library.simulated
        self.rows, self.columns = own.rows, own.columns
        self._own = own
        self._clock = library.clock
        self._board = board
        self._frame = np.zeros((own.rows, own.columns), np.bool_)
        self._picture = np.zeros((own.rows, own.columns), np.uint8)
        self._dark = self._allocated(1)
        self._board.SeqPut(self._picture.reshape(-1), self._dark, 0, 1)
        super().__init__(
            request,
            {
                "shots": Limit(1, board.DevInquire(FREE_MEMORY), "shots"),
                "picture_seconds": Limit(
                    board.SeqInquire(SHORTEST_PICTURE, self._dark) / MICROSECONDS,
                    board.SeqInquire(LONGEST_PICTURE, self._dark) / MICROSECONDS,
                    "s",
                ),
            },
        )
        self.sequence = SequenceState(self.name, loads=True)
        self._loaded: Any = None
        self._picture_seconds = self._limits["picture_seconds"].low
        edge = EDGE_RISING if own.trigger_edge == "rising" else EDGE_FALLING
        board.DevControl(TRIGGER_EDGE, edge)
        self._go_safe()

    @classmethod
    def open(cls, request: OpeningRequest[Any]) -> Self:
        """Return the device, all mirrors off.

        Raises
        ------
        InstrumentError
            If the library is missing, there is no board, or it has other mirrors than the file
            says.
        """
        library = library_for(
            request,
            lambda: load_library(request.name, lambda: _board(request.settings), "vialux"),
        )
        try:
            return cls(request, library)
        except BaseException:
            library.handle.Halt()
            library.handle.Free()
            raise

    def identity(self) -> Identity:
        """Return the board's serial number and version."""
        self._check_open()
        board = self._board
        return Identity(
            "ViALUX",
            f"ALP-{self._own.version}",
            str(board.DevInquire(DEVICE_NUMBER)),
            str(board.DevInquire(VERSION)),
        )

    def picture_seconds(self) -> float:
        """Return how long each frame stays on."""
        self._check_open()
        return self._picture_seconds

    def set_picture_seconds(self, seconds: float) -> None:
        """Set how long each frame stays on; the board counts in microseconds."""
        asked = self._checked("picture_seconds", seconds)
        self.sequence.check_load()
        self._picture_seconds = round(asked * MICROSECONDS) / MICROSECONDS
        if self._loaded is not None:
            self._set_timing(self._loaded)

    def load(self, frames: npt.NDArray[np.bool_]) -> None:
        """Load frames ``[shots, rows, columns]``; errors as of the interface."""
        self._check_open()
        check_shape(self.name, "frames", frames, (None, self.rows, self.columns))
        if frames.dtype != np.bool_:
            raise InstrumentError(
                f"{self.name}: frames of {frames.dtype} given; a mirror is on or off, give bool"
            )
        self._begin_loading(len(frames))
        for shot, frame in enumerate(frames):
            self._put(frame, shot)
        self.sequence.loaded(len(frames))

    def load_blocks(self, blocks: MirrorBlocks) -> None:
        """Load blocks of mirrors, expanded one frame at a time; errors as of the interface."""
        self._check_open()
        blocks.check(self.name, self.rows, self.columns)
        self._begin_loading(blocks.shots)
        for shot in range(blocks.shots):
            expand_mirror_blocks(blocks, shot, self._frame)
            self._put(self._frame, shot)
        self.sequence.loaded(blocks.shots)

    def arm(self) -> None:
        """Show the next loaded frame at every trigger."""
        self._check_open()
        self.sequence.check_arm()
        board = self._board
        board.Halt()
        board.ProjControl(PROJECTION_MODE, BY_TRIGGER)
        board.Run(self._loaded, loop=False)
        self.sequence.armed()

    def wait_until_done(self, timeout_seconds: float) -> None:
        """Return when the board has shown every frame."""
        self._check_open()
        self.sequence.check_started()
        if not wait_for(self._is_over, self._clock, timeout_seconds, POLL_SECONDS):
            raise InstrumentTimeoutError(
                f"{self.name}: its {self.sequence.shots} frames were not all triggered within "
                f"{timeout_seconds:g} s; check that the trigger source fires, is connected, and "
                f"leaves {self._picture_seconds:g} s between two triggers"
            )

    def stop(self) -> None:
        """Abandon what is armed."""
        self._check_open()
        if self.sequence.stage == "armed":
            self._board.Halt()
        self.sequence.stopped()

    def _is_over(self) -> bool:
        if not self.sequence.done and self._board.DevInquire(DEVICE_STATE) != DEVICE_BUSY:
            self.sequence.triggered(self.sequence.shots)
        return self.sequence.done

    def _allocated(self, shots: int) -> Any:
        sequence = self._board.SeqAlloc(shots, 1)
        self._board.SeqControl(BINARY_MODE, WITHOUT_DARK_PHASE, sequence)
        return sequence

    def _begin_loading(self, shots: int) -> None:
        self._checked("shots", shots)
        self.sequence.check_load()
        # The board may not write to, or give up, what it still shows.
        self._board.Halt()
        if self._loaded is not None and shots != self.sequence.shots:
            self._board.FreeSeq(self._loaded)
            self._loaded = None
        if self._loaded is None:
            self._loaded = self._allocated(shots)
            self._set_timing(self._loaded)

    def _set_timing(self, sequence: Any) -> None:
        self._board.SetTiming(
            sequence,
            pictureTime=round(self._picture_seconds * MICROSECONDS),
            triggerInDelay=round(self._own.trigger_delay * MICROSECONDS),
        )

    def _put(self, frame: npt.NDArray[np.bool_], shot: int) -> None:
        # Of every byte the highest bit counts (ALP_DATA_MSB_ALIGN).
        np.multiply(frame, np.uint8(255), out=self._picture)
        self._board.SeqPut(self._picture.reshape(-1), self._loaded, shot, 1)

    def _go_safe(self) -> None:
        board = self._board
        self.sequence.stopped()
        board.Halt()
        board.ProjControl(PROJECTION_MODE, OWN_TIMING)
        # Shown over and over: what mirrors do on an idle board is nowhere promised.
        board.Run(self._dark, loop=True)

    def _release(self) -> None:
        self._board.Halt()
        self._board.Free()


def _board(own: VialuxMirrorSettings) -> AlpLibrary:
    from ALP4 import ALP4

    folder = None if own.library_folder is None else str(own.library_folder)
    # ALP4lib prints what it does, which is not for those who read this program's output.
    with contextlib.redirect_stdout(sys.stderr):
        board = ALP4(version=own.version, libDir=folder)
        if own.serial_number is None:
            board.Initialize()
        else:
            board.Initialize(own.serial_number)
    return cast(AlpLibrary, board)
