"""ViALUX's library on a simulated bench: an object with the methods of ``ALP4.ALP4``.

As the ALP-4 description has it: a board is idle or shows one sequence; what is shown can neither
be written to nor freed, and modes are set while idle. In slave mode a sequence started once ends
when its last picture has been triggered.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from instruments.errors import InstrumentError
from instruments.library import Library
from instruments.opening import OpeningRequest
from sim_backends.library_models.stand_in_library import stand_in_library
from sim_backends.simulated.mirror_device import SimulatedMirrorDevice

BUSY, IDLE = 1100, 1102
_PROJECTION_MODE, _MASTER, _SLAVE = 2300, 2301, 2302
_MICROSECONDS = 1e6

Bits = npt.NDArray[np.bool_]


class AlpRefusedError(InstrumentError):
    """A call that the board does not accept.

    Parameters
    ----------
    code
        What the library's function would return.
    """

    def __init__(self, call: str, code: int) -> None:
        reasons = {
            1002: "the ALP device is not in idle state",
            1005: "one of the parameters is invalid",
            1008: "the sequence specified is currently in use",
        }
        super().__init__(f"{call}: {code}: {reasons[code]}")
        self.code = code


class AlpBoard:
    """A board whose mirrors stand in the light of the twin.

    Parameters
    ----------
    mirrors
        The device on it.
    """

    def __init__(self, mirrors: SimulatedMirrorDevice) -> None:
        self._mirrors = mirrors
        self.nSizeX = mirrors.columns
        self.nSizeY = mirrors.rows
        self._limits = dict(mirrors.limits())
        self._pictures: dict[int, Bits] = {}
        self._picture_microseconds: dict[int, int] = {}
        self._next = 1
        self._mode = _MASTER
        self._running: int | None = None
        self._looping = False

    def DevInquire(self, inquireType: int) -> int:
        """Return a property of the board."""
        seed = self._mirrors.twin.imperfections.seed
        answers = {
            2000: seed,
            2001: 0x0403,
            2002: BUSY if self._shows else IDLE,
            2003: int(self._limits["shots"].high),
        }
        return _answer(answers, inquireType)

    def DevControl(self, controlType: int, value: int) -> None:
        """Take a setting of the board."""
        self._check_idle("AlpDevControl")

    def ProjControl(self, controlType: int, value: int) -> None:
        """Take a setting of how sequences are shown."""
        self._check_idle("AlpProjControl")
        if controlType == _PROJECTION_MODE:
            self._mode = value

    def SeqAlloc(self, nbImg: int = 1, bitDepth: int = 1) -> int:
        """Make room for a sequence."""
        self._pictures[self._next] = np.zeros((nbImg, self.nSizeY, self.nSizeX), np.bool_)
        self._picture_microseconds[self._next] = round(
            self._limits["picture_seconds"].low * _MICROSECONDS
        )
        self._next += 1
        return self._next - 1

    def SeqPut(
        self,
        imgData: npt.NDArray[np.uint8],
        SequenceId: int,
        PicOffset: int = 0,
        PicLoad: int = 0,
    ) -> None:
        """Write pictures, a byte for a mirror; the highest bit counts."""
        self._check_not_shown(SequenceId, "AlpSeqPut")
        pictures = self._pictures[SequenceId]
        count = PicLoad or len(pictures)
        bits = (np.asarray(imgData, np.uint8) >> 7).astype(np.bool_)
        pictures[PicOffset : PicOffset + count] = bits.reshape(count, self.nSizeY, self.nSizeX)

    def SeqControl(self, controlType: int, value: int, SequenceId: int) -> None:
        """Take a setting of a sequence."""
        self._check_not_shown(SequenceId, "AlpSeqControl")

    def SeqInquire(self, inquireType: int, SequenceId: int) -> int:
        """Return a property of a sequence."""
        limit = self._limits["picture_seconds"]
        answers = {
            2201: len(self._pictures[SequenceId]),
            2203: self._picture_microseconds[SequenceId],
            2211: round(limit.low * _MICROSECONDS),
            2213: round(limit.high * _MICROSECONDS),
        }
        return _answer(answers, inquireType)

    def SetTiming(
        self,
        SequenceId: int,
        illuminationTime: int | None = None,
        pictureTime: int | None = None,
        synchDelay: int | None = None,
        synchPulseWidth: int | None = None,
        triggerInDelay: int | None = None,
    ) -> None:
        """Take the times of a sequence in microseconds."""
        self._check_not_shown(SequenceId, "AlpSeqTiming")
        if pictureTime is not None:
            self._picture_microseconds[SequenceId] = pictureTime

    def FreeSeq(self, SequenceId: int) -> None:
        """Give the room of a sequence back."""
        self._check_not_shown(SequenceId, "AlpSeqFree")
        del self._pictures[SequenceId]

    def Run(self, SequenceId: int, loop: bool = True) -> None:
        """Show a sequence: picture by picture at the triggers, or by the board's own timing."""
        self._check_idle("AlpProjStart")
        mirrors, pictures = self._mirrors, self._pictures[SequenceId]
        self._running, self._looping = SequenceId, loop
        if self._mode == _SLAVE:
            mirrors.set_picture_seconds(self._picture_microseconds[SequenceId] / _MICROSECONDS)
            mirrors.load(pictures)
            mirrors.arm()
        elif pictures.any():
            raise InstrumentError(
                f"{mirrors.name}: this model shows nothing but darkness by its own timing"
            )
        else:
            mirrors.make_safe()

    def Halt(self) -> None:
        """Show no further picture."""
        self._running = None
        self._mirrors.stop()

    def Free(self) -> None:
        """Give the board up."""
        self._check_idle("AlpDevFree")
        self._mirrors.close()

    @property
    def _shows(self) -> bool:
        """Whether a sequence is being shown, as it is until its last picture was triggered."""
        if self._running is None:
            return False
        if self._looping or self._mode == _MASTER:
            return True
        return self._mirrors.sequence.stage == "armed"

    def _check_idle(self, call: str) -> None:
        if self._shows:
            raise AlpRefusedError(call, 1002)
        self._running = None

    def _check_not_shown(self, sequence: int, call: str) -> None:
        if sequence not in self._pictures:
            raise AlpRefusedError(call, 1005)
        if self._shows and sequence == self._running:
            raise AlpRefusedError(call, 1008)


def _answer(answers: dict[int, int], asked: int) -> int:
    if asked not in answers:
        raise AlpRefusedError(f"inquiry of {asked}", 1005)
    return answers[asked]


def alp_board(request: OpeningRequest[Any]) -> Library[AlpBoard]:
    """Return the board of a mirror device that a ViALUX board drives.

    Raises
    ------
    BenchFileError
        If the settings do not make a simulated mirror device.
    """
    return stand_in_library(request, SimulatedMirrorDevice.open, AlpBoard)
