"""Thorlabs ITC4000 series: a laser-diode current source with a temperature controller.

Commands after the *Series 4000 SCPI Programmers Reference* V3.2: the diode is channel 1, the
controller channel 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pymeasure.instruments.validators import strict_discrete_set

from instruments.clock import Clock, wait_for
from instruments.errors import InstrumentError
from instruments.interfaces.instrument import InstrumentTimeoutError
from instruments.transport.pymeasure_adapter import (
    ON_OR_OFF,
    ScpiDevice,
    SessionAdapter,
    on_or_off,
)
from instruments.transport.session import Session

MODELS = ("ITC40",)
"""Boxes with both channels; LDC4000 and TED4000 have one of them each."""

RAMP_STEP_SECONDS = 5e-3


class Itc4000(ScpiDevice):
    """One box."""

    def __init__(self, adapter: object, name: str = "Thorlabs ITC4000", **options: object) -> None:
        super().__init__(adapter, name, **options)

    current = ScpiDevice.control(
        "SOUR1:CURR?", "SOUR1:CURR %.9g", """Control the set current of the diode in A (float)."""
    )
    current_limit = ScpiDevice.measurement(
        "SOUR1:CURR:LIM?", """Get the limit of the current in A, as set on the box (float)."""
    )
    diode_on = ScpiDevice.control(
        "OUTP1?",
        "OUTP1 %d",
        """Control whether current flows through the diode (bool).""",
        validator=strict_discrete_set,
        values=ON_OR_OFF,
        cast=on_or_off,
    )
    measured_current = ScpiDevice.measurement(
        "MEAS:CURR1?", """Measure the current through the diode in A (float)."""
    )
    interlock_open = ScpiDevice.measurement(
        "OUTP1:PROT:INTL:TRIP?",
        """Get whether the interlock keeps the diode off (bool).""",
        cast=on_or_off,
    )
    temperature_unit = ScpiDevice.setting(
        "UNIT:TEMP %s", """Set the unit of all temperatures: C, K or F (str)."""
    )
    target = ScpiDevice.control(
        "SOUR2:TEMP?",
        "SOUR2:TEMP %.9gC",
        """Control the temperature the controller holds in degrees Celsius (float).""",
    )
    lowest_target = ScpiDevice.measurement(
        "SOUR2:TEMP? MIN", """Get the lowest temperature it can be set to (float)."""
    )
    highest_target = ScpiDevice.measurement(
        "SOUR2:TEMP? MAX", """Get the highest temperature it can be set to (float)."""
    )
    controller_on = ScpiDevice.control(
        "OUTP2?",
        "OUTP2 %d",
        """Control whether the temperature is controlled (bool).""",
        validator=strict_discrete_set,
        values=ON_OR_OFF,
        cast=on_or_off,
    )
    temperature = ScpiDevice.measurement(
        "MEAS:TEMP?", """Measure the temperature in degrees Celsius (float)."""
    )


def itc4000(session: Session) -> Itc4000:
    """Return the box at the other end of a session."""
    return Itc4000(SessionAdapter(session), session.name)


def ramp(
    boxes: Sequence[Itc4000],
    begin: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    amperes_per_second: float,
    clock: Clock,
) -> None:
    """Move set currents from ``begin [n]`` to ``end [n]`` together, in small steps.

    The one with the farthest way moves at the rate given, the others arrive with it. If one cannot
    be told, those that are going up stay where they are, and those that are going down go on.

    Raises
    ------
    InstrumentError
        If one cannot be told.
    """
    change = end - begin
    moving = np.flatnonzero(change).tolist()
    if not moving:
        return
    seconds = float(np.abs(change).max()) / amperes_per_second
    steps = max(1, math.ceil(seconds / RAMP_STEP_SECONDS))
    refusal: InstrumentError | None = None
    lost: set[int] = set()
    for step in range(1, steps + 1):
        for index in moving:
            share = end[index] if step == steps else begin[index] + change[index] * step / steps
            try:
                boxes[index].current = float(share)
            except InstrumentError as error:
                refusal = refusal or error
                lost.add(index)
        if lost:
            moving = [index for index in moving if index not in lost and change[index] < 0]
        clock.wait(seconds / steps)
    if refusal is not None:
        raise refusal


def wait_for_temperature(
    box: Itc4000,
    session: Session,
    within_kelvins: float,
    for_seconds: float,
    timeout_seconds: float,
) -> None:
    """Return when the temperature has stayed at the target for a while.

    Raises
    ------
    InstrumentTimeoutError
        If it has not in time.
    InstrumentError
        If the controller is off.
    """
    clock = session.clock
    if not box.controller_on:
        raise InstrumentError(
            f"{session.name}: its temperature is not controlled; switch the control on first"
        )
    target = float(box.target)
    steady_since: list[float] = []

    def is_steady() -> bool:
        if abs(float(box.temperature) - target) > within_kelvins:
            steady_since.clear()
            return False
        steady_since[:] = steady_since or [clock.now()]
        return clock.now() - steady_since[0] >= for_seconds

    interval = max(0.05, min(for_seconds, 1.0))
    if not wait_for(is_steady, clock, timeout_seconds, interval):
        raise InstrumentTimeoutError(
            f"{session.name} ({session.address}): {float(box.temperature):g} degC after "
            f"{timeout_seconds:g} s, {target:g} degC wanted; check sensor and controller, or wait "
            "longer"
        )


def switch_diode_on(box: Itc4000, session: Session) -> None:
    """Let current flow, and check that it does.

    Raises
    ------
    InstrumentError
        If the box refuses; the message says whether the interlock is why.
    """
    box.diode_on = True
    if not box.diode_on:
        why = "its interlock is open" if box.interlock_open else "it gives no reason"
        session.check_errors()
        raise InstrumentError(
            f"{session.name} ({session.address}): does not switch its diode on: {why}; check key, "
            "interlock and enable input"
        )
