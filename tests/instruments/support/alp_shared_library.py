"""ViALUX's shared library as ctypes sees it, in front of a model of a board.

The functions of ``alp.h`` with their arguments in its order: what ALP4lib calls.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from sim_backends.library_models.alp_board import AlpBoard, AlpRefusedError

DISPLAY_HEIGHT, DISPLAY_WIDTH, DMD_TYPE = 2057, 2058, 2021


def number(argument: Any) -> int:
    return int(getattr(argument, "value", argument))


def write(pointer: Any, value: int) -> None:
    """Write through ``ctypes.byref``."""
    pointer._obj.value = value


def code_of(call: Callable[[], Any]) -> int:
    try:
        call()
    except AlpRefusedError as refusal:
        return refusal.code
    return 0


class AlpSharedLibrary:
    def __init__(self, board: AlpBoard) -> None:
        self.board = board
        self.calls: list[str] = []

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("Alp"):
            self.calls.append(name)
        return super().__getattribute__(name)

    def AlpDevAlloc(self, device, flag, identifier):
        write(identifier, 1)
        return 0

    def AlpDevInquire(self, identifier, what, value):
        known = {
            DISPLAY_HEIGHT: self.board.nSizeY,
            DISPLAY_WIDTH: self.board.nSizeX,
            DMD_TYPE: 4,
        }
        asked = number(what)
        return code_of(lambda: write(value, known.get(asked) or self.board.DevInquire(asked)))

    def AlpDevControl(self, identifier, what, value):
        return code_of(lambda: self.board.DevControl(number(what), number(value)))

    def AlpProjControl(self, identifier, what, value):
        return code_of(lambda: self.board.ProjControl(number(what), number(value)))

    def AlpSeqAlloc(self, identifier, planes, pictures, sequence):
        return code_of(
            lambda: write(sequence, self.board.SeqAlloc(number(pictures), number(planes)))
        )

    def AlpSeqPut(self, identifier, sequence, first, count, data):
        length = number(count) * self.board.nSizeY * self.board.nSizeX
        pixels = ctypes.cast(data, ctypes.POINTER(ctypes.c_ubyte * length)).contents
        return code_of(
            lambda: self.board.SeqPut(
                np.frombuffer(pixels, np.uint8), number(sequence), number(first), number(count)
            )
        )

    def AlpSeqControl(self, identifier, sequence, what, value):
        return code_of(lambda: self.board.SeqControl(number(what), number(value), number(sequence)))

    def AlpSeqInquire(self, identifier, sequence, what, value):
        return code_of(lambda: write(value, self.board.SeqInquire(number(what), number(sequence))))

    def AlpSeqTiming(self, identifier, sequence, *times):
        return code_of(
            lambda: self.board.SetTiming(number(sequence), *(number(time) for time in times))
        )

    def AlpSeqFree(self, identifier, sequence):
        return code_of(lambda: self.board.FreeSeq(number(sequence)))

    def AlpProjStart(self, identifier, sequence):
        return code_of(lambda: self.board.Run(number(sequence), loop=False))

    def AlpProjStartCont(self, identifier, sequence):
        return code_of(lambda: self.board.Run(number(sequence), loop=True))

    def AlpDevHalt(self, identifier):
        return code_of(self.board.Halt)

    def AlpDevFree(self, identifier):
        return code_of(self.board.Free)
