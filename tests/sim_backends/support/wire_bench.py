"""The small bench of ``simulated_bench`` with real drivers on the simulated wire."""

from __future__ import annotations

from typing import Any

from simulated_bench import SimulatedBench, bench_file

from instruments.bench_file.checks import check_bench
from instruments.bench_file.problems import validate_section
from instruments.bench_file.schema import BenchFile
from instruments.opening import SharedResources, prepare_instruments


def usb(number: int, product: str = "0x804A") -> str:
    return f"USB0::0x1313::{product}::M{number:08d}::INSTR"


def lan(number: int) -> str:
    return f"TCPIP0::192.168.1.{number}::inst0::INSTR"


def board(number: int) -> str:
    return f"TCPIP0::192.168.1.{number}::5000::SOCKET"


WAVEFORMS = {"half_wave_voltage": "3.5 V"}
DETECTORS = {"volts_per_field": "0.1 V"}

# Driver, addresses, settings: by the instrument of the small bench whose place it takes.
DRIVERS: dict[str, tuple[str, list[str], dict[str, Any]]] = {
    "inputs": (
        "keysight 33500 modulators",
        [lan(11), lan(12), lan(13)],
        {**WAVEFORMS, "channels": 6},
    ),
    "errors": ("red pitaya modulators", [board(21), board(22)], {**WAVEFORMS, "channels": 4}),
    "amplifier_1": ("thorlabs itc4000 amplifier", [usb(1)], {"channels": 1}),
    "amplifier_2": (
        "thorlabs itc4000 amplifier",
        [usb(2), usb(3), usb(4), usb(5), usb(6)],
        {"channels": 5},
    ),
    "laser": ("thorlabs itc4000 laser", [usb(7)], {}),
    "oven": ("thorlabs itc4000 oven", [usb(8)], {"settled_for": "0.2 s"}),
    "z": ("keysight infiniivision detectors", [lan(31), lan(32)], {**DETECTORS, "channels": 5}),
    "a": (
        "red pitaya detectors",
        [board(41), board(42), board(43)],
        {**DETECTORS, "channels": 5},
    ),
    "outputs": ("red pitaya detectors", [board(21), board(22)], {**DETECTORS, "channels": 4}),
    "trigger": ("keysight 33500 trigger", [lan(10)], {}),
    "meter": ("thorlabs pm100 power meter", [usb(9, "0x8078")], {}),
    "pump_shutter": ("thorlabs mbx shutter", ["ASRL3::INSTR"], {}),
}

# Settings by driver, of drivers that speak to a window or to a vendor's library.
LIBRARY_SETTINGS: dict[str, dict[str, Any]] = {
    "display panel": {"screen": "HDMI-1", "rows": 45, "columns": 54},
    "slmsuite panel": {"panel": "santec.Santec", "rows": 45, "columns": 54, "refresh": "10 ms"},
    "display mirrors": {"screen": "HDMI-1", "rows": 24, "columns": 36},
    "display trigger": {"mirrors": "mirrors"},
    "vialux mirrors": {"rows": 24, "columns": 36},
    "pylablib camera": {"camera": "Thorlabs.ThorlabsTLCamera", "rows": 64, "columns": 96},
    "harvesters camera": {"producer": "maker.cti", "rows": 64, "columns": 96},
}

# What only the simulated instrument knows in whose place a model stands.
SIMULATION: dict[str, dict[str, Any]] = {
    "meter": {"stage": "first", "noise": "0 W", "uncertainty": 0.0},
    "slm_1": {"refresh": "10 ms"},
    "camera": {"stage": "first", "port": "a"},
}


def wire_bench_file(
    *names: str,
    libraries: dict[str, str] | None = None,
    twin: dict[str, Any] | None = None,
    settings: dict[str, dict[str, Any]] | None = None,
    addresses: dict[str, list[str]] | None = None,
    wire: str = "simulated",
) -> BenchFile:
    """Return the small bench with drivers for the instruments named, or for all that have one.

    ``libraries`` names drivers without a wire, by the instrument whose place they take.
    """
    table = bench_file(twin=twin, settings=settings).model_dump(mode="json")
    table["wire"] = wire
    # Digitisers take a handful of samples a shot, and some have to lie in the window.
    table["exposure"]["window"] = "50 us"
    chosen = {
        name: (driver, [], LIBRARY_SETTINGS[driver]) for name, driver in (libraries or {}).items()
    }
    chosen |= {name: DRIVERS[name] for name in names or (() if libraries else DRIVERS)}
    for name, (driver, places, own) in chosen.items():
        section = table["instruments"][name]
        section |= {
            "driver": driver,
            "address": None,
            "addresses": (addresses or {}).get(name, places),
            "settings": {**own, **(settings or {}).get(name, {})},
            "simulation": SIMULATION.get(name, {}),
        }
    bench = validate_section("lab.toml", BenchFile, table).read_from("lab.toml", None)
    check_bench(bench)
    return bench


def wire_bench(
    *names: str, shared: SharedResources | None = None, **changes: Any
) -> SimulatedBench:
    """Open every instrument of such a bench."""
    resources = SharedResources() if shared is None else shared
    prepared = prepare_instruments(wire_bench_file(*names, **changes), resources)
    instruments: dict[str, Any] = {name: one.open() for name, one in prepared.items()}
    return SimulatedBench(instruments, resources.built()["twin"], resources)
