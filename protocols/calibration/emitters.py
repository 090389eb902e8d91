"""Emitters, at a stage's inputs, behind it or in front of its absorber: modulators or mirrors."""

from __future__ import annotations

from typing import Protocol

from instruments.calibration.mirror_encoder import MirrorEncoderTable
from protocols.calibration import mirrors, modulators
from protocols.calibration.emitter_view import (
    EmitterView,
    see_injector,
    see_one_to_one,
    see_source,
)
from protocols.calibration.results import ProtocolResult
from protocols.calibration.session import CalibrationSession


class EmitterProtocol(Protocol):
    """What the modules on modulators and on mirrors have in common."""

    NAME: str

    def measure(self, session: CalibrationSession, view: EmitterView) -> ProtocolResult:
        """Measure the curves of an emitter that detectors see."""
        ...


def protocol_of(session: CalibrationSession, emitter: str) -> EmitterProtocol:
    """Return how an emitter is measured, by what its table is of."""
    if isinstance(session.tables.encoders[emitter], MirrorEncoderTable):
        return mirrors
    return modulators


def calibrate_source(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the emitter at the inputs of a stage, seen through its weights."""
    source = session.section(stage).inputs
    if source is None:
        return []
    return [_measured(session, see_source(session, stage, source))]


def calibrate_emitter(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the emitter that sends sums on in front of a stage's absorber."""
    section = session.section(stage)
    bank = section.taps.z or section.taps.a
    if section.emitter is None or bank is None:
        return []
    return [_measured(session, see_one_to_one(session, section.emitter, bank, "forward"))]


def calibrate_injector(session: CalibrationSession, stage: str) -> list[ProtocolResult]:
    """Measure the emitter that injects errors behind a stage."""
    section = session.section(stage)
    injector = section.injector
    if injector is None:
        return []
    if section.taps.delta is not None:
        view = see_one_to_one(session, injector, section.taps.delta, "backward")
        return [_measured(session, view)]
    seen = see_injector(session, stage, injector)
    if seen is None:
        result = ProtocolResult(protocol_of(session, injector).NAME, injector)
        result.notes.append("no backward taps see it: nominal")
        return [result]
    return [_measured(session, seen)]


def _measured(session: CalibrationSession, view: EmitterView) -> ProtocolResult:
    result = protocol_of(session, view.emitter).measure(session, view)
    session.light.bypass(False)
    session.light.open_arms("reference", "forward", "backward")
    return result
