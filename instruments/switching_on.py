"""Bring a bench into operation: supplies before light, shutters last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

import numpy as np

from instruments.bank_phases import ReferencePhases
from instruments.bench_file.schema import BenchFile
from instruments.calibration.bench_tables import BenchTables
from instruments.interfaces.instrument import Instrument
from instruments.interfaces.laser import Laser
from instruments.interfaces.optical_amplifier import OpticalAmplifier
from instruments.interfaces.shutter import Shutter
from instruments.interfaces.temperature_controller import TemperatureController


@dataclass
class SwitchOn:
    """What brings the instruments of a bench into operation.

    Parameters
    ----------
    bench
        The file that says which there are and where ovens and the absorber work.
    instruments
        All of them, by name.
    tables
        Where the reference phases rest, if that was measured.
    phases
        What turns the reference phases, if anything does.
    """

    bench: BenchFile
    instruments: Mapping[str, Instrument]
    tables: BenchTables
    phases: ReferencePhases | None

    def __call__(self) -> None:
        """Switch on and wait for ovens, locks and phases, each for an exposure's time limit."""
        bench, timeout = self.bench, self.bench.exposure.timeout
        absorber = bench.absorber
        if absorber is not None and absorber.oven is not None:
            oven = cast(TemperatureController, self.instruments[absorber.oven])
            if absorber.oven_temperature is not None:
                oven.set_temperature_celsius(absorber.oven_temperature)
            oven.set_enabled(True)
            oven.wait_until_settled(timeout)
        for stage in bench.stages.values():
            if stage.amplifier is not None:
                amplifier = cast(OpticalAmplifier, self.instruments[stage.amplifier])
                amplifier.set_enabled(True)
        for name, section in bench.instruments.items():
            if section.kind == "laser":
                laser = cast(Laser, self.instruments[name])
                laser.set_enabled(True)
                laser.lock(timeout)
        measured = self.tables.reference_phases.get(bench.reference_phase or "")
        if measured is not None and self.phases is not None:
            self.phases.set_volts(np.asarray(measured.rest_volts))
            self.phases.wait_until_settled(timeout)
        arms: tuple[Literal["forward", "backward", "reference"], ...]
        arms = ("reference", "forward", "backward")
        for arm in arms:
            shutter = getattr(bench.arms, arm).shutter
            if shutter is not None:
                cast(Shutter, self.instruments[shutter]).set_open(True)
