"""All tables of a bench together, and the folder in which measured ones are kept.

A file for each table, named after its kind and the instrument (weight banks and absorbers: the
stage): ``encoder-inputs.npz``, ``weight-bank-first.npz``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from instruments.bench_file.schema import BenchFile
from instruments.calibration.absorber import AbsorberTable
from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.camera_regions import CameraRegionsTable
from instruments.calibration.field_encoder import FieldEncoder
from instruments.calibration.mirror_encoder import MirrorEncoderTable
from instruments.calibration.reference_phase import ReferencePhaseTable
from instruments.calibration.table import CalibrationTable
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.errors import CalibrationError

logger = logging.getLogger(__name__)

Table = TypeVar("Table", bound=CalibrationTable)


@dataclass
class BenchTables:
    """The calibration tables of a bench, by instrument (weight banks and absorbers: by stage).

    The first four kinds exist for every bench, nominal ones until they are measured; absorbers,
    rest positions of the reference phases and regions of cameras only once they are.
    """

    encoders: dict[str, FieldEncoder] = field(default_factory=dict)
    taps: dict[str, TapTable] = field(default_factory=dict)
    amplifiers: dict[str, AmplifierTable] = field(default_factory=dict)
    weight_banks: dict[str, WeightBankTable] = field(default_factory=dict)
    absorbers: dict[str, AbsorberTable] = field(default_factory=dict)
    reference_phases: dict[str, ReferencePhaseTable] = field(default_factory=dict)
    camera_regions: dict[str, CameraRegionsTable] = field(default_factory=dict)

    def named(self) -> Iterator[tuple[str, CalibrationTable]]:
        """Yield every table with the name records know it by."""
        groups: tuple[Mapping[str, CalibrationTable], ...] = (
            self.encoders,
            self.taps,
            self.amplifiers,
            self.weight_banks,
            self.reference_phases,
        )
        for group in groups:
            yield from group.items()
        for stage, absorber in self.absorbers.items():
            # The stage's own name is that of its weight bank.
            yield f"{stage}.absorber", absorber
        for camera, regions in self.camera_regions.items():
            yield f"{camera}.regions", regions

    def ids(self) -> dict[str, str]:
        """Return the id of every table by instrument or stage."""
        return {name: table.id for name, table in sorted(self.named())}

    def sources(self) -> dict[str, str]:
        """Return where every table comes from: ``nominal``, ``measured``."""
        return {name: table.provenance.source for name, table in sorted(self.named())}

    def copy(self) -> BenchTables:
        """Return the same tables, to be replaced one by one without touching these."""
        return BenchTables(
            dict(self.encoders),
            dict(self.taps),
            dict(self.amplifiers),
            dict(self.weight_banks),
            dict(self.absorbers),
            dict(self.reference_phases),
            dict(self.camera_regions),
        )


def table_path(folder: Path, kind: str, name: str) -> Path:
    """Return the file in which the table of an instrument or stage is kept."""
    return folder / f"{kind.replace(' ', '-')}-{name}.npz"


def stored_tables(
    folder: Path,
    nominal: BenchTables,
    *,
    bench: str,
    absorbers: Mapping[str, str] | None = None,
    reference_phase: str | None = None,
    cameras: Iterable[str] = (),
    now: datetime | None = None,
) -> BenchTables:
    """Return measured tables from a folder, and the nominal one wherever there is none.

    Parameters
    ----------
    nominal
        A table for everything that needs one.
    bench
        Name of the bench they have to belong to.
    absorbers
        Stages with an absorber and the instrument its table goes by.
    reference_phase
        The actuator of the reference phases, if there is one.
    cameras
        The cameras that are taps.
    now
        Time at which their age is judged; expired ones are warned about.

    Raises
    ------
    CalibrationError
        If a table is damaged, of another bench or instrument, or does not fit its instrument; or
        there is a file where the folder should be.
    """

    def load(kind: type[Table], name: str, instrument: str) -> Table | None:
        path = table_path(folder, kind.kind, name)
        if not path.exists():
            return None
        return kind.load(path, instrument=instrument, bench=bench, now=now)

    def either(name: str, known: Table) -> Table:
        found = load(type(known), name, known.instrument)
        if found is None:
            missing.append(f"{known.kind} {name}")
            return known
        _check_fits(table_path(folder, known.kind, name), found, known)
        return found

    if folder.exists() and not folder.is_dir():
        raise CalibrationError(f"{folder} is a file; tables are kept in a folder: name one")
    missing: list[str] = []
    tables = replace(
        nominal,
        encoders={name: either(name, one) for name, one in nominal.encoders.items()},
        taps={name: either(name, one) for name, one in nominal.taps.items()},
        amplifiers={name: either(name, one) for name, one in nominal.amplifiers.items()},
        weight_banks={name: either(name, one) for name, one in nominal.weight_banks.items()},
        absorbers=dict(nominal.absorbers),
        reference_phases=dict(nominal.reference_phases),
        camera_regions=dict(nominal.camera_regions),
    )
    for stage, instrument in (absorbers or {}).items():
        absorber = load(AbsorberTable, stage, instrument)
        if absorber is not None:
            tables.absorbers[stage] = absorber
    if reference_phase is not None:
        phases = load(ReferencePhaseTable, reference_phase, reference_phase)
        if phases is not None:
            tables.reference_phases[reference_phase] = phases
    for camera in cameras:
        regions = load(CameraRegionsTable, camera, camera)
        if regions is not None:
            _check_fits(table_path(folder, regions.kind, camera), regions, nominal.taps[camera])
            tables.camera_regions[camera] = regions
    if missing:
        what = "" if folder.exists() else " does not exist"
        logger.warning(
            "%s%s: nominal tables for what has no measured one: %s",
            folder,
            what,
            ", ".join(missing),
        )
    return tables


def measured_tables(bench: BenchFile, nominal: BenchTables, now: datetime) -> BenchTables:
    """Return the tables in the bench file's calibration folder, nominal ones where none is.

    Raises
    ------
    CalibrationError
        As of ``stored_tables``.
    """
    folder = bench.calibration_folder
    if folder is None:
        return nominal
    return stored_tables(
        folder,
        nominal,
        bench=bench.name,
        absorbers={name: name for name, stage in bench.stages.items() if stage.absorber},
        reference_phase=bench.reference_phase,
        cameras=[name for name, one in bench.taps.items() if one.regions is not None],
        now=now,
    )


def check_tables(bench: BenchFile, tables: BenchTables) -> None:
    """Check that there is a table for everything, each of this bench and its own instrument.

    Raises
    ------
    CalibrationError
        Naming the table that is missing or belongs elsewhere.
    """
    wanted: list[tuple[str, Mapping[str, CalibrationTable], str, str]] = []
    for name, stage in bench.stages.items():
        wanted.append(("weight bank", tables.weight_banks, name, stage.weights))
        for one in (stage.inputs, stage.emitter, stage.injector):
            if one is not None:
                wanted.append(("encoder", tables.encoders, one, one))
        if stage.amplifier is not None:
            wanted.append(("amplifier", tables.amplifiers, stage.amplifier, stage.amplifier))
        for one in stage.taps.present().values():
            wanted.append(("tap", tables.taps, one, one))
    for kind, held, name, instrument in wanted:
        if name not in held:
            raise CalibrationError(
                f"{bench.origin}: no {kind} table of '{name}' given; measure it, or open the bench "
                "without tables to use nominal ones"
            )
        held[name].check_belongs(instrument=instrument, bench=bench.name, where=bench.origin)


def _check_fits(path: Path, found: CalibrationTable, nominal: CalibrationTable) -> None:
    """Refuse a table of other channels or blocks than the instrument has."""
    sizes = [_size(table) for table in (found, nominal)]
    if sizes[0] != sizes[1]:
        raise CalibrationError(
            f"{path}: {found.kind} table {found.id} is for {sizes[0]}, {found.instrument} has "
            f"{sizes[1]}; measure it again"
        )


def _size(table: Any) -> str:
    if isinstance(table, WeightBankTable):
        levels = 0 if table.phase_radians is None else table.phase_radians.shape[1]
        steps = f"{levels} grey levels" if levels else "no steps"
        return f"{table.rows} x {table.columns} blocks of period {table.period} with {steps}"
    if isinstance(table, MirrorEncoderTable):
        carrier = f"a carrier of {table.carrier_period}" if table.carrier_period else "no carrier"
        return f"{table.channels} blocks of {table.curve.size} levels with {carrier}"
    return f"{table.channels} channels"
