"""Keysight (Agilent) 33500 and 33600 series waveform generators: binary arbitrary waveforms.

Commands after the *33500 Series Operating and Service Guide* (33500-90901), as public uploads of
waveforms use them. Waveforms go as 16-bit DAC codes: 32767 is half the peak-to-peak amplitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from pymeasure.instruments.validators import strict_discrete_set

from instruments.transport.pymeasure_adapter import (
    ON_OR_OFF,
    ScpiChannel,
    ScpiDevice,
    SessionAdapter,
    on_or_off,
)
from instruments.transport.session import Session

MODELS = ("335", "336", "EDU3321")
HIGHEST_CODE = 32767
HIGHEST_VOLTS = {"50": 5.0, "INF": 10.0}
"""Of either sign, by the load an output is told of: ohms, or open."""
FEWEST_POINTS = 8
MOST_CYCLES = 100_000


class Keysight33500Channel(ScpiChannel):
    """One output."""

    output = ScpiChannel.control(
        "OUTP{ch}?",
        "OUTP{ch} %d",
        """Control whether the output is on (bool).""",
        validator=strict_discrete_set,
        values=ON_OR_OFF,
        cast=on_or_off,
    )
    load = ScpiChannel.setting(
        "OUTP{ch}:LOAD %s", """Set the load it drives: ohms, or INF (str)."""
    )
    function = ScpiChannel.control(
        "SOUR{ch}:FUNC?", "SOUR{ch}:FUNC %s", """Control the kind of waveform: ARB, PULS, DC.."""
    )
    amplitude = ScpiChannel.control(
        "SOUR{ch}:VOLT?", "SOUR{ch}:VOLT %.15g", """Control the peak-to-peak amplitude in V."""
    )
    offset = ScpiChannel.control(
        "SOUR{ch}:VOLT:OFFS?", "SOUR{ch}:VOLT:OFFS %.9g", """Control the offset in V (float)."""
    )
    lowest_voltage = ScpiChannel.control(
        "SOUR{ch}:VOLT:LIM:LOW?",
        "SOUR{ch}:VOLT:LIM:LOW %.9g",
        """Control the lowest voltage the box lets anybody set in V (float).""",
    )
    highest_voltage = ScpiChannel.control(
        "SOUR{ch}:VOLT:LIM:HIGH?",
        "SOUR{ch}:VOLT:LIM:HIGH %.9g",
        """Control the highest voltage the box lets anybody set in V (float).""",
    )
    voltage_limited = ScpiChannel.control(
        "SOUR{ch}:VOLT:LIM:STAT?",
        "SOUR{ch}:VOLT:LIM:STAT %d",
        """Control whether these limits are in force (bool).""",
        validator=strict_discrete_set,
        values=ON_OR_OFF,
        cast=on_or_off,
    )
    waveform = ScpiChannel.control(
        "SOUR{ch}:FUNC:ARB?", "SOUR{ch}:FUNC:ARB %s", """Control which waveform it plays (str)."""
    )
    waveform_filter = ScpiChannel.setting(
        "SOUR{ch}:FUNC:ARB:FILT %s", """Set how points are joined: OFF, STEP or NORM (str)."""
    )
    advance = ScpiChannel.setting(
        "SOUR{ch}:FUNC:ARB:ADV %s", """Set what steps to the next point: TRIG or SRAT (str)."""
    )
    pulse_period = ScpiChannel.control(
        "SOUR{ch}:FUNC:PULS:PER?",
        "SOUR{ch}:FUNC:PULS:PER %.12g",
        """Control the time from pulse to pulse in s (float).""",
    )
    pulse_width = ScpiChannel.setting(
        "SOUR{ch}:FUNC:PULS:WIDT %.9g", """Set the width of a pulse in s (float)."""
    )
    burst = ScpiChannel.setting(
        "SOUR{ch}:BURS:STAT %d",
        """Set whether a trigger starts a burst of cycles (bool).""",
        validator=strict_discrete_set,
        values=ON_OR_OFF,
    )
    burst_mode = ScpiChannel.setting("SOUR{ch}:BURS:MODE %s", """Set TRIG or GAT (str).""")
    burst_cycles = ScpiChannel.setting("SOUR{ch}:BURS:NCYC %d", """Set cycles of a burst (int).""")
    trigger_source = ScpiChannel.control(
        "TRIG{ch}:SOUR?", "TRIG{ch}:SOUR %s", """Control what triggers it: IMM, EXT or BUS (str)."""
    )
    trigger_slope = ScpiChannel.setting("TRIG{ch}:SLOP %s", """Set the edge: POS or NEG (str).""")


class Keysight33500(ScpiDevice):
    """One box with two outputs."""

    def __init__(self, adapter: Any, name: str = "Keysight 33500", **options: Any) -> None:
        super().__init__(adapter, name, **options)

    ch_1 = ScpiDevice.ChannelCreator(Keysight33500Channel, 1)
    ch_2 = ScpiDevice.ChannelCreator(Keysight33500Channel, 2)
    byte_order = ScpiDevice.setting(
        "FORM:BORD %s", """Set the order of bytes in blocks: NORM big, SWAP little endian (str)."""
    )


def keysight_33500(session: Session) -> Keysight33500:
    """Return the box at the other end of a session."""
    return Keysight33500(SessionAdapter(session), session.name)


def upload_codes(session: Session, channel: int, name: str, codes: npt.NDArray[np.int16]) -> None:
    """Put DAC codes into the memory of a channel, in place of all it holds.

    Parameters
    ----------
    channel
        1 or 2.
    name
        What the waveform is to be called.
    codes
        ``[points]``, at least 8, ``-32767 .. 32767``; the box has to be set to ``SWAP``.
    """
    session.write(f"SOUR{channel}:DATA:VOL:CLE")
    session.write_block(f"SOUR{channel}:DATA:ARB:DAC {name},", codes.astype("<i2").tobytes())
