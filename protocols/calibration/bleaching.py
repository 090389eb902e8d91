"""Light that passes media on its way to the one that is measured.

One laser makes all media of a bench resonant together. Behind an optical depth of 10, weak light
is down to 0.7 % of its field: too little to see what the medium of the next stage does. Light of
several saturation fields bleaches the media in front and passes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from protocols.calibration.session import CalibrationSession

Floats = npt.NDArray[np.float64]

_OF_RANGE = 0.75
"""Share of the range of the taps in front that may be used, as they are not alike."""

_KNOTS = 512


def media_before(session: CalibrationSession, stage: str) -> list[str]:
    """Return the stages whose media the light of a stage's inputs has passed, the first one first.

    None where the stage emits its inputs itself.
    """
    if session.section(stage).inputs is not None:
        return []
    names = list(session.light.stages)
    return [name for name in names[: names.index(stage)] if session.section(name).absorber]


def bleaching_level(session: CalibrationSession, stage: str) -> float:
    """Return the largest field at the inputs of a stage that taps and amplifiers can take.

    0 where no medium has to be bleached.
    """
    fields = []
    for name in media_before(session, stage):
        taps = session.section(name).taps
        for bank in (taps.z, taps.a):
            if bank is not None:
                usable = session.banks[bank].usable
                response = np.abs(session.tables.taps[bank].volts_per_field[usable]).max()
                fields.append(_OF_RANGE * session.range_volts(bank) / float(response))
    hardware = session.hardware(stage)
    if fields and hardware.amplifier is not None and not hardware.amplifies_source:
        fields.append(session.weak_output(stage))
    return min(fields, default=0.0)


def even_steps(session: CalibrationSession, stage: str, level: float, count: int) -> Floats:
    """Return shares ``[count]`` of a level, up to 1, of which the media in front pass even steps.

    As far as these have been measured; what really arrives, taps tell.
    """
    sent = np.linspace(0.0, level, _KNOTS)
    passed = sent
    for name in media_before(session, stage):
        table = session.tables.absorbers.get(name)
        if table is not None:
            each = table.passed(np.repeat(passed[:, np.newaxis], table.neurons, axis=1))
            passed = np.maximum.accumulate(each.mean(axis=1))
    even = np.arange(1, count + 1) / count
    steps: Floats = np.interp(even * passed[-1], passed, sent) / level
    return steps
