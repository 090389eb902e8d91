"""Red Pitaya boards over their SCPI server (port 5000): acquisition and generator.

Commands as the vendor's documentation lists them for OS 2.00 and later. Blocks are big-endian.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

MODELS = ("INSTR20",)
"""What boards say of themselves: ``REDPITAYA,INSTR2024,0,01-16``; the year is the release's."""

SAMPLES_A_SECOND = 125e6
BUFFER_SAMPLES = 16384
END = b"\r\n"
INPUTS_OF_A_BOARD = 2

Decimation = Annotated[int, Field(strict=True, ge=1, le=65536)]
