"""The calibration tables a bench works with, replaced one by one while it is open.

What a new table concerns takes it up at once: emitters, taps, stages. Each set of tables has a
number, so that every row of a record can say with which it was taken. Tables that replaced those
the bench was opened with are part of its state: a run that is resumed has to find them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from instruments.bench_file.schema import BenchFile
from instruments.calibration.absorber import AbsorberTable
from instruments.calibration.amplifier import AmplifierTable
from instruments.calibration.bench_tables import BenchTables
from instruments.calibration.camera_regions import CameraRegionsTable
from instruments.calibration.encoder import EncoderTable
from instruments.calibration.field_encoder import FieldEncoder
from instruments.calibration.mirror_encoder import MirrorEncoderTable
from instruments.calibration.reference_phase import ReferencePhaseTable
from instruments.calibration.table import CalibrationTable
from instruments.calibration.tap import TapTable
from instruments.calibration.weight_bank import WeightBankTable
from instruments.stage_hardware import StageHardware

_PREFIX = "tables/"

_KINDS: dict[str, type[CalibrationTable]] = {
    kind.kind.replace(" ", "-"): kind
    for kind in (
        AbsorberTable,
        AmplifierTable,
        CameraRegionsTable,
        EncoderTable,
        MirrorEncoderTable,
        ReferencePhaseTable,
        TapTable,
        WeightBankTable,
    )
}


class TablesInUse:
    """The tables of an open bench.

    Parameters
    ----------
    bench
        The file it was opened from.
    tables
        What it was opened with. The bench's taps read from this very object.
    stages
        Its stages by name.

    Attributes
    ----------
    sets
        Ids by instrument or stage of every set of tables used so far, the first one first.
    """

    def __init__(
        self, bench: BenchFile, tables: BenchTables, stages: Mapping[str, StageHardware]
    ) -> None:
        self.tables = tables
        self._bench = bench
        self._stages = stages
        self._replaced: dict[str, CalibrationTable] = {}
        self._changed = False
        self.sets = [tables.ids()]

    @property
    def number(self) -> int:
        """Place in ``sets`` of the tables in use now."""
        if self._changed:
            self._changed = False
            ids = self.tables.ids()
            if ids != self.sets[-1]:
                self.sets.append(ids)
        return len(self.sets) - 1

    def adopt(self, name: str, table: CalibrationTable) -> None:
        """Use a table from now on; weights are to be written anew after it.

        Parameters
        ----------
        name
            Of the instrument; of the stage for weight banks and absorbers.
        """
        tables = self.tables
        if isinstance(table, (EncoderTable, MirrorEncoderTable)):
            tables.encoders[name] = table
            self._hand_to_emitters(name, table)
        elif isinstance(table, TapTable):
            tables.taps[name] = table
        elif isinstance(table, AmplifierTable):
            tables.amplifiers[name] = table
            for stage, hardware in self._stages.items():
                if self._bench.stages[stage].amplifier == name:
                    hardware.amplifier_table = table
        elif isinstance(table, WeightBankTable):
            tables.weight_banks[name] = table
            self._stages[name].bank = table
        elif isinstance(table, AbsorberTable):
            tables.absorbers[name] = table
        elif isinstance(table, CameraRegionsTable):
            tables.camera_regions[name] = table
        elif isinstance(table, ReferencePhaseTable):
            tables.reference_phases[name] = table
        self._replaced[f"{table.kind.replace(' ', '-')}/{name}"] = table
        self._changed = True

    def _hand_to_emitters(self, name: str, table: FieldEncoder) -> None:
        for stage, hardware in self._stages.items():
            section = self._bench.stages[stage]
            for own, emitter in (
                (section.inputs, hardware.source),
                (section.emitter, hardware.emitter),
                (section.injector, hardware.injector),
            ):
                if own == name and emitter is not None:
                    emitter.adopt(table)

    def state(self) -> dict[str, Any]:
        """Return the ids of all sets, and as arrays the tables that replaced others."""
        state: dict[str, Any] = {"table_sets": self.sets[: self.number + 1]}
        for place, table in self._replaced.items():
            state[_PREFIX + place] = np.frombuffer(table.to_bytes(), np.uint8)
        return state

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` returned; weights are to be written anew after it."""
        for key, stored in state.items():
            if key.startswith(_PREFIX):
                kind, name = key.removeprefix(_PREFIX).split("/", 1)
                self.adopt(name, _KINDS[kind].from_bytes(np.asarray(stored, np.uint8).tobytes()))
        self.sets = [dict(ids) for ids in state["table_sets"]]
        self._changed = False
