"""A small simulated bench, 6-5-4: every kind of instrument, opened but not switched on.

Two stages in a cascade. The first has one amplifier in front of its modulators, an absorber and
all four taps; the second an amplifier for each of its 5 inputs and an injector behind it. Unless
a test asks for imperfections, the twin is perfect and its panels have no steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from instruments.bench_file.checks import check_bench
from instruments.bench_file.problems import validate_section
from instruments.bench_file.schema import BenchFile
from instruments.interfaces.block_geometry import BlockGeometry
from instruments.interfaces.spatial_light_modulator import BlockPattern
from instruments.opening import SharedResources, prepare_instruments

INPUTS, HIDDEN, OUTPUTS = 6, 5, 4
HALF_WAVE_VOLTS = 3.5
VOLTS_PER_FIELD = 0.1
TIMEOUT = 100.0

KINDS = {
    "inputs": "modulator_array",
    "errors": "modulator_array",
    "slm_1": "spatial_light_modulator",
    "slm_2": "spatial_light_modulator",
    "amplifier_1": "optical_amplifier",
    "amplifier_2": "optical_amplifier",
    "z": "photodetector_array",
    "a": "photodetector_array",
    "delta": "photodetector_array",
    "rho": "photodetector_array",
    "outputs": "photodetector_array",
    "laser": "laser",
    "pump_shutter": "shutter",
    "probe_shutter": "shutter",
    "reference_shutter": "shutter",
    "oven": "temperature_controller",
    "actuators": "reference_phase",
    "trigger": "trigger_source",
    "meter": "power_meter",
    "camera": "camera",
    "mirrors": "mirror_device",
    "heaters": "phase_shifter_array",
}

SAFE_ORDER = [
    name
    for name in KINDS
    if KINDS[name] not in ("optical_amplifier", "temperature_controller", "phase_shifter_array")
]
SAFE_ORDER += [name for name in KINDS if name not in SAFE_ORDER]

PANEL = {"rows": 45, "columns": 54, "bit_depth": 0, "refresh": "10 ms", "settling": "30 ms"}
PANEL_8_BIT = {**PANEL, "bit_depth": 8}
DETECTORS = {"volts_per_field": f"{VOLTS_PER_FIELD} V", "full_scale": "2 V"}
MODULATORS = {"half_wave_voltage": f"{HALF_WAVE_VOLTS} V", "full_scale": "5 V"}

SETTINGS: dict[str, dict[str, Any]] = {
    "inputs": {**MODULATORS, "channels": INPUTS},
    "errors": {**MODULATORS, "channels": OUTPUTS},
    "slm_1": PANEL,
    "slm_2": PANEL,
    "amplifier_1": {"channels": 1},
    "amplifier_2": {"channels": HIDDEN},
    "z": {**DETECTORS, "channels": HIDDEN},
    "a": {**DETECTORS, "channels": HIDDEN},
    "delta": {**DETECTORS, "channels": HIDDEN},
    "rho": {**DETECTORS, "channels": INPUTS},
    "outputs": {**DETECTORS, "channels": OUTPUTS},
    "actuators": {"channels": 5},
    "camera": {"stage": "first", "port": "a"},
    "mirrors": {"rows": 24, "columns": 36},
    "meter": {"stage": "first", "noise": "0 W", "uncertainty": 0.0},
    "heaters": {"channels": 6, "highest_total": "0.2 W"},
}


def _blocks(rows: int, columns: int) -> dict[str, int]:
    return {"rows": rows, "columns": columns, "height": 9, "width": 9, "period": 9}


def bench_file(
    twin: dict[str, Any] | None = None,
    settings: dict[str, dict[str, Any]] | None = None,
    absorber: dict[str, Any] | None = None,
    first: dict[str, Any] | None = None,
    limits: dict[str, dict[str, Any]] | None = None,
) -> BenchFile:
    """Return the checked file; ``settings`` and ``twin`` are laid over what stands above."""
    own = {name: {**SETTINGS.get(name, {}), **(settings or {}).get(name, {})} for name in KINDS}
    table = {
        "format": 1,
        "name": "small",
        "network": {"layers": [INPUTS, HIDDEN, OUTPUTS], "stages": ["first", "second"]},
        "optics": {"wavelength": "780.241 nm", "saturation_power": "521 nW"},
        "absorber": {
            "optical_depth": 10.0,
            "oven": "oven",
            "oven_temperature": "75 degC",
            "laser": "laser",
            **(absorber or {}),
        },
        "exposure": {"trigger": "trigger", "shot_period": "100 us", "window": "1 us"},
        "arms": {
            "forward": {"shutter": "pump_shutter"},
            "backward": {"shutter": "probe_shutter"},
            "reference": {"shutter": "reference_shutter", "phase": "actuators"},
        },
        "stages": {
            "first": {
                "inputs": "inputs",
                "weights": "slm_1",
                "amplifier": "amplifier_1",
                "absorber": True,
                "blocks": _blocks(HIDDEN, INPUTS),
                "taps": {"z": "z", "a": "a", "delta": "delta", "rho": "rho"},
                **(first or {}),
            },
            "second": {
                "weights": "slm_2",
                "amplifier": "amplifier_2",
                "injector": "errors",
                "blocks": _blocks(OUTPUTS, HIDDEN),
                "taps": {"z": "outputs"},
            },
        },
        "instruments": {
            name: {
                "kind": kind,
                "driver": f"simulated {kind.replace('_', ' ')}",
                "settings": own[name],
                "limits": (limits or {}).get(name, {}),
            }
            for name, kind in KINDS.items()
        },
        "safe_state": {"order": SAFE_ORDER},
        "twin": {"perfect": True, **(twin or {})},
    }
    bench = validate_section("bench.toml", BenchFile, table).read_from("bench.toml", None)
    check_bench(bench)
    return bench


@dataclass
class SimulatedBench:
    """All instruments of the bench, by name, and the twin behind them."""

    instruments: dict[str, Any]
    twin: Any
    shared: SharedResources

    def __getitem__(self, name: str) -> Any:
        return self.instruments[name]

    def switch_on(self, amperes: float = 0.06) -> None:
        """Warm cell, amplifiers at a current, laser locked, shutters open."""
        self["oven"].set_temperature_celsius(75.0)
        self["oven"].set_enabled(True)
        self["oven"].wait_until_settled(TIMEOUT)
        for name in ("amplifier_1", "amplifier_2"):
            self[name].set_enabled(True)
            self[name].set_currents_amperes(np.full(self[name].channels, amperes))
        self["laser"].set_enabled(True)
        self["laser"].lock(TIMEOUT)
        for name in ("pump_shutter", "probe_shutter", "reference_shutter"):
            self[name].set_open(True)

    def show(self, panel: str, depth: Any, offset: Any) -> None:
        """Show blocks on the raster of the panel's stage and wait for them."""
        self[panel].show_blocks(pattern(self[panel], depth, offset))
        self[panel].wait_until_settled(TIMEOUT)

    def show_random(self, seed: int = 0) -> None:
        """Show some blocks on both panels."""
        generator = np.random.default_rng(seed)
        for panel in ("slm_1", "slm_2"):
            self.show(panel, *random_levels(self[panel], generator))

    def load(self, inputs: Any = None, errors: Any = None) -> int:
        """Load and arm modulators with volts; return the number of shots."""
        shots = 1
        for name, volts in (("inputs", inputs), ("errors", errors)):
            if volts is not None:
                shots = len(volts)
                self[name].load(np.asarray(volts, np.float32))
                self[name].arm()
        return shots

    def expose(self, inputs: Any = None, errors: Any = None, shots: int | None = None) -> Any:
        """Fire and return what every bank of detectors reads, in volts, by name."""
        loaded = self.load(inputs, errors)
        shots = loaded if shots is None else shots
        banks = [name for name, kind in KINDS.items() if kind == "photodetector_array"]
        for name in banks:
            self[name].arm(shots)
        self["trigger"].fire(shots)
        return {name: self[name].read(TIMEOUT) for name in banks}


def simulated_bench(**changes: Any) -> SimulatedBench:
    """Open every instrument of a bench file with ``changes``, as a bench does."""
    shared = SharedResources()
    prepared = prepare_instruments(bench_file(**changes), shared)
    instruments: dict[str, Any] = {name: one.open() for name, one in prepared.items()}
    return SimulatedBench(instruments, instruments["trigger"].twin, shared)


def volts_for(fields: Any) -> Any:
    """Return the volts at which perfect modulators give fields up to 1."""
    return 2 / np.pi * HALF_WAVE_VOLTS * np.arcsin(np.asarray(fields, np.float64))


def raster_of(panel: Any) -> tuple[int, int]:
    return (HIDDEN, INPUTS) if panel.name == "slm_1" else (OUTPUTS, HIDDEN)


def random_levels(panel: Any, generator: np.random.Generator) -> tuple[Any, Any]:
    """Return depths and offsets as the panel takes them: waves, or grey levels."""
    shape = raster_of(panel)
    if panel.bit_depth == 0:
        return (
            generator.uniform(0, 1, shape).astype(np.float32),
            generator.uniform(0, 1, shape).astype(np.float32),
        )
    levels = 2**panel.bit_depth
    return (
        generator.integers(0, levels + 1, shape).astype(np.uint16),
        generator.integers(0, levels, shape).astype(np.uint16),
    )


def pattern(panel: Any, depth: Any, offset: Any) -> BlockPattern:
    rows, columns = raster_of(panel)
    wave = max(2, 2**panel.bit_depth)
    return BlockPattern(depth, offset, BlockGeometry(rows, columns, 9, 9), 9, levels_per_wave=wave)
