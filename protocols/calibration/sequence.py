"""All protocols of a bench in the order in which they depend on each other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from instruments.bench_file.schema import BenchFile
from instruments.bench_opening import open_bench
from instruments.calibration.bench_tables import measured_tables, table_path
from instruments.calibration.nominal import nominal_tables
from instruments.calibration_light import CalibrationLight
from instruments.errors import CalibrationError, LimitError, SettingsError
from instruments.opening import SharedResources, prepare_instruments
from instruments.shared_loops import shared_by_all_cores
from protocols.calibration import (
    absorber,
    amplifiers,
    camera_registration,
    detector_noise,
    detectors,
    emitters,
    mirrors,
    modulators,
    oven_scan,
    probe_transmission,
    registration,
    spatial_light_modulator,
    taps,
    vector_matrix,
)
from protocols.calibration.plots import save_plot
from protocols.calibration.results import ProtocolResult
from protocols.calibration.session import CalibrationSession

logger = logging.getLogger(__name__)

PROTOCOLS = (
    detectors.NAME,
    camera_registration.NAME,
    registration.NAME,
    modulators.NAME,
    mirrors.NAME,
    spatial_light_modulator.NAME,
    vector_matrix.NAME,
    taps.NAME,
    absorber.NAME,
    amplifiers.NAME,
)


_FOUNDATIONS = (
    registration.NAME,
    modulators.NAME,
    mirrors.NAME,
    spatial_light_modulator.NAME,
    vector_matrix.NAME,
    taps.NAME,
)
"""What the protocols after them rest on, in the same stage and those behind."""


@dataclass(frozen=True)
class Step:
    """One protocol for one instrument or stage; ``stage`` is ``None`` where it is about all.

    ``through`` is a stage behind whose weights its light has come.
    """

    protocol: str
    target: str
    stage: str | None
    run: Callable[[CalibrationSession], list[ProtocolResult]]
    through: str | None = None


@contextmanager
def opened_for_calibration(
    file: BenchFile,
    *,
    from_measured: bool = False,
    valid_for_seconds: float | None = None,
    measured_at: datetime | None = None,
    seed: int = 0,
    shared: SharedResources | None = None,
) -> Iterator[CalibrationSession]:
    """Open a bench, switch it on, and hand out a session; made safe and closed afterwards.

    Parameters
    ----------
    from_measured
        Begin with the tables in the file's calibration folder, where there are any; otherwise
        with nominal ones, so that no error of old tables lives on.
    valid_for_seconds
        How long tables can be relied on.
    measured_at
        Date of the tables, with a time zone; now by default.
    seed
        Of the patterns that are shown.
    shared
        What simulated instruments share.
    """
    now = datetime.now(UTC) if measured_at is None else measured_at
    tables = nominal_tables(file, prepare_instruments(file, SharedResources()))
    if from_measured:
        tables = measured_tables(file, tables, now)
    with open_bench(file, tables=tables, shared=shared) as bench:
        yield CalibrationSession(
            CalibrationLight(bench, file),
            tables,
            np.random.default_rng(seed),
            now.isoformat(),
            valid_for_seconds,
        )


def plan_steps(
    session: CalibrationSession, only: Sequence[str] = (), oven_celsius: Sequence[float] = ()
) -> list[Step]:
    """Return the steps of a bench.

    Parameters
    ----------
    only
        Names of protocols; all by default. What a protocol needs of the others is then taken from
        the tables there are.
    oven_celsius
        Temperatures of the cell at which the optical depth is measured as well.

    Raises
    ------
    SettingsError
        If a name is none of ``PROTOCOLS``.
    """
    wanted = [_known(name) for name in only] or list(PROTOCOLS)
    steps = list(_steps(session, list(oven_celsius)))
    return [step for step in steps if step.protocol in wanted]


def _known(name: str) -> str:
    plain = name.replace("-", " ").replace("_", " ").lower()
    for known in PROTOCOLS:
        if plain == known.replace("-", " "):
            return known
    raise SettingsError(
        f"there is no protocol '{name}'; there are: "
        + ", ".join(known.replace(" ", "-") for known in PROTOCOLS)
    )


def _steps(session: CalibrationSession, oven_celsius: list[float]) -> Iterator[Step]:
    yield Step(detectors.NAME, "all banks", None, detectors.calibrate_detectors)
    for stage in session.light.stages:
        if camera_registration.camera_ports(session, stage):
            yield _of(camera_registration.NAME, stage, camera_registration.calibrate_cameras)
    for stage in session.light.stages:
        section = session.section(stage)
        yield _of(registration.NAME, stage, registration.calibrate_registration)
        if section.inputs is not None:
            own = emitters.protocol_of(session, section.inputs)
            yield _of(own.NAME, stage, emitters.calibrate_source)
        yield _of(spatial_light_modulator.NAME, stage, spatial_light_modulator.calibrate_panel)
        yield _of(vector_matrix.NAME, stage, vector_matrix.calibrate_forward)
        yield _of(taps.NAME, stage, taps.calibrate_forward_taps)
        yield _of(detectors.NAME, stage, detector_noise.calibrate_noise)
        if section.absorber:
            yield _of(absorber.NAME, stage, absorber.calibrate_absorber)
            if oven_celsius:
                yield _of(absorber.NAME, stage, partial(oven_scan.scan_oven, celsius=oven_celsius))
        if section.emitter is not None:
            own = emitters.protocol_of(session, section.emitter)
            yield _of(own.NAME, stage, emitters.calibrate_emitter)
        if section.amplifier is not None:
            yield _of(amplifiers.NAME, stage, amplifiers.calibrate_amplifier)
    for stage in session.light.stages:
        injector = session.section(stage).injector
        if injector is not None:
            own = emitters.protocol_of(session, injector)
            yield _of(taps.NAME, stage, taps.calibrate_backward_taps)
            yield _of(own.NAME, stage, emitters.calibrate_injector)
            yield _of(vector_matrix.NAME, stage, vector_matrix.calibrate_backward)
    for stage in session.light.stages:
        section = session.section(stage)
        if section.taps.delta is not None and section.taps.z is not None:
            yield _of(taps.NAME, stage, taps.background)
        if section.absorber and section.taps.delta is not None:
            through = probe_transmission.medium_behind(session, stage)
            yield _of(absorber.NAME, stage, probe_transmission.compare_probe, through)


def _of(
    protocol: str,
    stage: str,
    run: Callable[[CalibrationSession, str], list[ProtocolResult]],
    through: str | None = None,
) -> Step:
    return Step(protocol, stage, stage, lambda session: run(session, stage), through)


def run_steps(
    session: CalibrationSession,
    steps: Sequence[Step],
    folder: Path | None = None,
    after: Callable[[Step, list[ProtocolResult]], None] | None = None,
) -> list[ProtocolResult]:
    """Run steps one after the other; adopt and store what is accepted.

    Parameters
    ----------
    folder
        Where tables and plots are kept, made if it is not there; ``None`` keeps nothing.
    after
        Called behind every step, its tables adopted.

    Raises
    ------
    CalibrationError
        If the folder or a table cannot be written.
    """
    if folder is not None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Found out before anything is measured.
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise CalibrationError(
                f"{folder} cannot be written to ({error.strerror or error}); name another folder "
                "with --out. Nothing was measured"
            ) from error
    blocks = sum(stage.outputs * stage.inputs for stage in session.light.stages.values())
    with shared_by_all_cores(blocks):
        return _run(session, steps, folder, after)


def _run(
    session: CalibrationSession,
    steps: Sequence[Step],
    folder: Path | None,
    after: Callable[[Step, list[ProtocolResult]], None] | None,
) -> list[ProtocolResult]:
    results: list[ProtocolResult] = []
    missing: list[ProtocolResult] = []
    for step in steps:
        reason = _rests_on(session, step, missing)
        if reason:
            found = [ProtocolResult(step.protocol, step.target, refusals=[reason])]
        else:
            found = _run_step(session, step)
        for result in found:
            _keep(session, result, folder)
            if not result.accepted and not reason:
                missing.append(result)
        results += found
        if after is not None:
            after(step, found)
    return results


def _run_step(session: CalibrationSession, step: Step) -> list[ProtocolResult]:
    """Run a step; what it may not ask of an instrument, or cannot know, refuses it, not the rest.

    An instrument that fails is another matter, and ends the calibration.
    """
    try:
        return step.run(session)
    except (LimitError, CalibrationError) as error:
        session.light.bypass(False)
        session.light.open_arms("reference", "forward", "backward")
        return [ProtocolResult(step.protocol, step.target, refusals=[str(error)])]


def _rests_on(session: CalibrationSession, step: Step, missing: Sequence[ProtocolResult]) -> str:
    """Return why a step cannot be taken: what it rests on was refused.

    Through a wrong null or a wrong curve it would find wrong numbers, and be sure of them.
    """
    if step.stage is None:
        return ""
    order = list(session.light.stages)
    last = step.through or step.stage
    for result in missing:
        if result.protocol not in _FOUNDATIONS:
            continue
        stage = _stage_of(session, result.target)
        if stage is None or order.index(stage) > order.index(last):
            continue
        # Taps carry what lies behind them, not their own stage.
        if result.protocol == taps.NAME and stage == step.stage:
            continue
        return f"not measured: it rests on {result.protocol} {result.target}, which was refused"
    return ""


def _stage_of(session: CalibrationSession, target: str) -> str | None:
    """Return the stage a result is about, if it is about the way forward."""
    for stage in session.light.stages:
        if target in (stage, session.section(stage).inputs):
            return stage
    return None


def _keep(session: CalibrationSession, result: ProtocolResult, folder: Path | None) -> None:
    """Adopt and store the tables of an accepted result; a refused one replaces nothing."""
    if result.accepted:
        for name, table in result.tables:
            session.adopt(name, table)
            if folder is not None:
                table.save(table_path(folder, table.kind, name))
    else:
        logger.warning("%s %s: %s", result.protocol, result.target, "; ".join(result.refusals))
        for name, table in result.fallbacks:
            if folder is not None and not table_path(folder, table.kind, name).exists():
                table.save(table_path(folder, table.kind, name))
    if folder is not None and result.curves:
        save_plot(folder, result)
