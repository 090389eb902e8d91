"""From a bench file to a bench: open instruments in parallel, take tables, wire up the stages."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np

from instruments.arrangements.bench_light import Arrangement, BenchLight
from instruments.arrangements.cascade import Cascade
from instruments.arrangements.in_turn import InTurn
from instruments.bank_phases import BankPhases, ReferencePhases, can_turn
from instruments.bench import Bench, Stateful
from instruments.bench_file.placement import emitter_channels, tap_channels
from instruments.bench_file.schema import BenchFile
from instruments.bench_file.stage_sections import StageSection
from instruments.calibration import nominal
from instruments.calibration.bench_tables import BenchTables, check_tables, measured_tables
from instruments.calibration.tap import TapTable
from instruments.camera_taps import CameraTaps
from instruments.clock import Clock, WallClock
from instruments.errors import BenchFileError
from instruments.exposure import Exposer, TapReader
from instruments.interfaces.camera import Camera
from instruments.interfaces.instrument import Instrument
from instruments.interfaces.laser import Laser
from instruments.interfaces.mirror_device import MirrorDevice
from instruments.interfaces.modulator_array import ModulatorArray
from instruments.interfaces.optical_amplifier import OpticalAmplifier
from instruments.interfaces.photodetector_array import PhotodetectorArray
from instruments.interfaces.reference_phase import ReferencePhase
from instruments.interfaces.spatial_light_modulator import SpatialLightModulator
from instruments.interfaces.trigger_source import TriggerSource
from instruments.mirror_emitter import MirrorEmitter
from instruments.network import Derivative, Layer, NonlinearUnit
from instruments.opening import PreparedInstrument, SharedResources
from instruments.parallel_opening import open_each, prepare_each
from instruments.phase_tracking import PhaseTracker, PilotBank
from instruments.shot_marks import BACKWARD_MARKS, FORWARD_MARKS
from instruments.stage_hardware import Driven, Emitter, Port, StageHardware
from instruments.switching_on import SwitchOn
from instruments.tables_in_use import TablesInUse

BACKWARD_PORTS = ("delta", "rho")
"""Ports that tap errors, not activations."""


def open_bench(
    bench: BenchFile,
    *,
    tables: BenchTables | None = None,
    derivative: Derivative = "probe",
    shared: SharedResources | None = None,
) -> Bench:
    """Open all instruments of a bench and wire them to its layers; nothing is switched on yet.

    Parameters
    ----------
    tables
        Tables to use; by default those in the file's calibration folder, and nominal ones where
        there is none.
    derivative
        What the description of the layers says for digital errors; light always probes.

    Raises
    ------
    BenchFileError
        If the file asks for something that cannot be.
    CalibrationError
        If ``tables`` are of another bench or not complete; nothing was opened then.
    BenchOpeningError
        If instruments could not be opened; those that were are made safe and closed again.
    """
    if tables is not None:
        check_tables(bench, tables)
    resources = SharedResources() if shared is None else shared
    prepared, unprepared = prepare_each(bench, resources)
    refuse_wrong_settings(bench, unprepared)
    if tables is None and not unprepared:
        tables = measured_tables(bench, nominal.nominal_tables(bench, prepared), datetime.now(UTC))
    opened = open_each(bench, prepared)
    opened.failures.update(unprepared)
    try:
        refuse_wrong_settings(bench, opened.failures)
        if opened.failures or tables is None:
            raise opened.failed()
        return _wired(bench, opened.instruments, tables, resources, derivative, prepared)
    except BaseException:
        opened.make_safe()
        opened.close()
        raise


def refuse_wrong_settings(bench: BenchFile, failures: Mapping[str, Exception]) -> None:
    """Raise one error for all instruments whose description in the file is wrong.

    Raises
    ------
    BenchFileError
        Naming every key that is wrong.
    """
    wrong = [str(error) for error in failures.values() if isinstance(error, BenchFileError)]
    if wrong:
        prefix = f"{bench.origin}: "
        # A mistake in what all share, such as the section [twin], is found with every one of them.
        lines = dict.fromkeys(line.removeprefix(prefix) for line in wrong)
        raise BenchFileError(prefix + "; ".join(lines))


def _wired(
    bench: BenchFile,
    instruments: Mapping[str, Instrument],
    tables: BenchTables,
    resources: SharedResources,
    derivative: Derivative,
    prepared: Mapping[str, PreparedInstrument],
) -> Bench:
    layers = network_layers(bench, derivative)
    detectors = {name: _reader(bench, name, instruments[name], tables) for name in tables.taps}
    tables.taps = {
        name: _within(table, detectors[name].saturation_volts)
        for name, table in tables.taps.items()
    }
    phases = _reference_phases(bench, instruments, detectors)
    exposer = Exposer(
        cast(TriggerSource, instruments[bench.exposure.trigger]),
        detectors,
        bench.exposure.timeout,
    )
    light = BenchLight(
        exposer,
        tables.taps,
        bench.exposure.timeout,
        bench.optics.probe_limit,
        bench.optics.input_field,
        _bypass(bench, instruments),
        bench.exposure.marks,
        shots_per_sample=bench.shots_per_sample,
        backward_banks=frozenset(
            bank
            for stage in bench.stages.values()
            for port, bank in stage.taps.present().items()
            if port in BACKWARD_PORTS
        ),
    )
    stages = {
        name: _stage(bench, name, section, instruments, tables)
        for name, section in bench.stages.items()
    }
    arrangement: Arrangement
    names = bench.network.stages
    if len(set(names)) == 1:
        arrangement = InTurn(light, stages[names[0]], layers)
    elif len(set(names)) == len(names):
        arrangement = Cascade(light, [stages[name] for name in names])
    else:
        raise BenchFileError(
            f"{bench.origin}: network.stages: found {', '.join(names)}; allowed: a stage of its "
            "own for every layer, or one stage for all of them in turn"
        )
    return Bench(
        bench.name,
        layers,
        instruments,
        arrangement,
        light,
        switch_on=SwitchOn(bench, instruments, tables, phases),
        reference_phases=phases,
        tracker=_phase_tracker(bench, phases, tables, stages, light, prepared),
        safe_order=bench.safe_state.order,
        safe_timeout_seconds=bench.safe_state.timeout,
        shared=_stateful(resources),
        file=bench,
        tables=TablesInUse(bench, tables, stages),
        clock=_clock(resources),
        description={
            "layers": [asdict(layer) for layer in layers],
            "bench": bench.model_dump(mode="json"),
            "identities": {name: str(one.identity()) for name, one in instruments.items()},
            "simulated": sorted(n for n, one in instruments.items() if one.simulated),
            "tables": tables.ids(),
            "table_sources": tables.sources(),
        },
    )


def _reader(bench: BenchFile, name: str, instrument: Instrument, tables: BenchTables) -> TapReader:
    """Return detectors as they are, and a camera so that it is read like them."""
    section = bench.taps.get(name)
    if section is None or section.regions is None:
        return cast(PhotodetectorArray, instrument)
    camera = cast(Camera, instrument)
    limit = camera.limits()["exposure_seconds"]
    camera.set_exposure_seconds(min(max(bench.exposure.window, limit.low), limit.high))
    fringes = section.fringes if section.estimator == "off-axis camera" else None
    regions = section.regions.regions(tap_channels(bench, name))
    reader = CameraTaps(camera, regions, fringes, section.reference_counts or 0.0)
    if name in tables.camera_regions:
        reader.use_table(tables.camera_regions[name])
    return reader


def _within(table: TapTable, saturation: float) -> TapTable:
    """Return a table that knows where readings saturate, if it did not."""
    if np.isfinite(table.saturation_volts) or not np.isfinite(saturation):
        return table
    return TapTable(
        table.volts_per_field,
        table.offset_volts,
        table.phase_radians,
        saturation,
        provenance=table.provenance,
        covariance=table.covariance,
    )


def _reference_phases(
    bench: BenchFile, instruments: Mapping[str, Instrument], detectors: Mapping[str, TapReader]
) -> ReferencePhases | None:
    """Return what turns the references of the banks: an actuator, numbers, or both."""
    name = bench.arms.reference.phase
    actuator = None if name is None else cast(ReferencePhase, instruments[name])
    if bench.reference_phase is None:
        return None
    cameras = []
    for stage in bench.stages.values():
        for bank in stage.taps.present().values():
            reader = detectors[bank]
            off_axis = isinstance(reader, CameraTaps) and reader.fringes is not None
            cameras.append(reader if isinstance(reader, CameraTaps) and off_axis else None)
    if not any(cameras):
        return actuator
    return BankPhases(actuator, cameras)


def _phase_tracker(
    bench: BenchFile,
    phases: ReferencePhases | None,
    tables: BenchTables,
    stages: Mapping[str, StageHardware],
    light: BenchLight,
    prepared: Mapping[str, PreparedInstrument],
) -> PhaseTracker | None:
    """Return what keeps the references in phase, if the file asks for it."""
    reference = bench.arms.reference
    if phases is None or not reference.track_every:
        return None
    measured = tables.reference_phases.get(bench.reference_phase or "")
    slopes = None if measured is None else measured.radians_per_volt
    if slopes is None and reference.phase is not None:
        slopes = nominal.radians_per_volt(bench, prepared[reference.phase])
    if isinstance(phases, BankPhases):
        slopes = phases.radians_per_volt(slopes)
    assert slopes is not None
    ports = [
        (bank, port)
        for stage in bench.stages.values()
        for port, bank in stage.taps.present().items()
    ]
    banks = [
        PilotBank(
            bank,
            channel,
            "backward" if port in BACKWARD_PORTS else "forward",
        )
        for channel, (bank, port) in enumerate(ports)
        if can_turn(phases, channel)
    ]
    return PhaseTracker(
        light.take,
        [stage.source for stage in stages.values() if stage.source is not None],
        [stage.injector for stage in stages.values() if stage.injector is not None],
        banks,
        tables.taps,
        phases,
        slopes,
        reference.track_every,
        bench.exposure.timeout,
    )


def network_layers(bench: BenchFile, derivative: Derivative = "probe") -> tuple[Layer, ...]:
    """Return the layers a bench file describes, with the unit behind each but the last."""
    sizes = bench.network.layers
    unit = None
    if bench.absorber is not None:
        own = bench.absorber
        unit = NonlinearUnit(own.kind, own.optical_depth, own.model, derivative)
    last = len(sizes) - 2
    return tuple(Layer(sizes[i], sizes[i + 1], unit if i < last else None) for i in range(last + 1))


def _driven(bench: BenchFile, name: str, instrument: Instrument) -> Driven:
    """Return modulators as they are, and mirrors so that they are driven like them."""
    section = bench.mirrors.get(name)
    if section is None:
        return cast(ModulatorArray, instrument)
    device = cast(MirrorDevice, instrument)
    # Each frame stays on until the next one, as far as the device can.
    limit = device.limits()["picture_seconds"]
    device.set_picture_seconds(min(max(bench.exposure.shot_period, limit.low), limit.high))
    return MirrorEmitter(
        device, emitter_channels(bench, name), section.blocks.geometry, section.carrier
    )


def _drive_within(instrument: Instrument) -> tuple[float, float]:
    """Return which drives an emitter may be asked for: a little less than a generator allows."""
    limit = instrument.limits().get("volts")
    if limit is None:
        return -math.inf, math.inf
    # Room for rounding where fields become volts.
    room = 1e-5 * (limit.high - limit.low)
    return limit.low + room, limit.high - room


def _stage(
    bench: BenchFile,
    name: str,
    section: StageSection,
    instruments: Mapping[str, Instrument],
    tables: BenchTables,
) -> StageHardware:
    def emitter(instrument: str | None, marks: tuple[float, ...] = FORWARD_MARKS) -> Emitter | None:
        if instrument is None:
            return None
        driven = _driven(bench, instrument, instruments[instrument])
        shown = marks if bench.exposure.marks else ()
        return Emitter(
            driven,
            tables.encoders[instrument],
            shown,
            bench.shots_per_sample,
            _drive_within(instruments[instrument]),
        )

    bank = tables.weight_banks[name]
    amplifier = section.amplifier
    return StageHardware(
        name=name,
        panel=cast(SpatialLightModulator, instruments[section.weights]),
        bank=bank,
        geometry=section.blocks.geometry,
        period=section.blocks.period,
        levels_per_wave=bank.levels or 1,
        has_absorber=section.absorber,
        source=emitter(section.inputs),
        emitter=emitter(section.emitter),
        injector=emitter(section.injector, BACKWARD_MARKS),
        amplifier=None if amplifier is None else cast(OpticalAmplifier, instruments[amplifier]),
        amplifier_table=None if amplifier is None else tables.amplifiers[amplifier],
        taps=cast(Mapping[Port, str], section.taps.present()),
        reemission_scale=section.reemission_scale,
    )


def _bypass(
    bench: BenchFile, instruments: Mapping[str, Instrument]
) -> Callable[[bool], None] | None:
    """Return what makes the absorber transparent, if the file names it."""
    absorber = bench.absorber
    if absorber is None or absorber.laser is None or absorber.bypass_detuning is None:
        return None
    laser = cast(Laser, instruments[absorber.laser])
    detuning = absorber.bypass_detuning

    def bypass(transparent: bool) -> None:
        laser.set_detuning_hertz(detuning if transparent else 0.0)

    return bypass


def _clock(resources: SharedResources) -> Clock:
    """Return the time of what simulated instruments share, or else the laboratory's."""
    for shared in _stateful(resources).values():
        if hasattr(shared, "clock"):
            return cast(Clock, shared.clock)
    return WallClock()


def _stateful(resources: SharedResources) -> dict[str, Stateful]:
    found: dict[str, Any] = {}
    for name, resource in resources.built().items():
        if hasattr(resource, "state") and hasattr(resource, "restore"):
            found[name] = resource
    return found
