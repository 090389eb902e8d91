"""The benches that come with the program, changed for a test: smaller, perfect, one thing off."""

from __future__ import annotations

import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

from instruments.bench import Bench
from instruments.bench_file.checks import check_bench
from instruments.bench_file.problems import validate_section
from instruments.bench_file.schema import BenchFile
from instruments.bench_opening import open_bench
from instruments.opening import SharedResources
from sim_backends.twin.twin import Twin

ROOT = Path(__file__).parents[3]
FILES = {
    "digits": ROOT / "instruments" / "bench_file" / "built_in" / "digits.toml",
    "mnist_14x14": ROOT / "examples" / "benches" / "mnist_14x14.toml",
    "mnist_tiled": ROOT / "examples" / "benches" / "mnist_tiled.toml",
    "mnist_cascade": ROOT / "examples" / "benches" / "mnist_cascade.toml",
}
# The neurons of a stage that serves its layers in turn, small enough for many exposures.
ROWS, COLUMNS = 9, 12
REDUCED_LAYERS = {
    "mnist_14x14": [12, 9, 4],
    "mnist_tiled": [20, 9, 4],
    "mnist_cascade": [12, 9, 7, 4],
}
ARRANGEMENTS = {"cascade": "digits", "in turn": "mnist_14x14", "tiled": "mnist_tiled"}

# The data sheets of the digits bench that tests count on, whatever the file says.
DATA_SHEETS: dict[str, dict[str, Any]] = {
    "modulator array": {"half_wave_voltage": "3.5 V", "full_scale": "5 V", "bits": 14},
    "inputs": {"field_at_full": 1.05},
    "errors": {"field_at_full": 0.35},
    "spatial light modulator": {"bit_depth": 8, "levels_per_wave": 256},
    "optical amplifier": {
        "transparency_current": "20 mA",
        "scale_current": "60 mA",
        "highest_gain": "45 dB",
    },
    "photodetector array": {"full_scale": "1 V", "bits": 14},
    "taps_z": {"volts_per_field": "0.1 V"},
    "taps_a": {"volts_per_field": "0.25 V"},
    "taps_delta": {"volts_per_field": "2 V"},
    "outputs": {"volts_per_field": "0.1 V"},
}


def bench_file(
    name: str = "digits",
    *,
    twin: dict[str, Any] | None = None,
    absorber: dict[str, Any] | None = None,
    optics: dict[str, Any] | None = None,
    settings: dict[str, dict[str, Any]] | None = None,
    layers: list[int] | None = None,
    all_ports: bool = False,
    smooth_panels: bool = False,
) -> BenchFile:
    """Return a checked bench file.

    ``twin`` takes the place of that section; ``absorber``, ``optics`` and the ``settings`` of
    instruments, by their kind or their name, are laid over what stands there.
    All benches but that of digits are made smaller, to ``layers`` where given.
    ``all_ports`` adds taps behind every unit; ``smooth_panels`` are panels without steps.
    """
    table = tomllib.loads(FILES[name].read_text(encoding="utf-8"))
    if name in REDUCED_LAYERS:
        _reduce(table, layers or REDUCED_LAYERS[name])
    if all_ports:
        _tap_what_arrives(table)
    # What the bench does for itself is left out: what is shown is what a test asks for.
    table["exposure"].update(shot_period="100 us", window="50 us", marks=False)
    table["arms"]["reference"]["track_every"] = 0
    if twin is not None:
        table["twin"] = twin
    table["absorber"].update(absorber or {})
    table["optics"].update(optics or {})
    sheets = DATA_SHEETS if name == "digits" else {}
    for instrument, section in table["instruments"].items():
        own = section.setdefault("settings", {})
        for more in (sheets, settings or {}):
            own.update(more.get(section["kind"], {}))
            own.update(more.get(instrument, {}))
        if smooth_panels and section["kind"] == "spatial light modulator":
            own["bit_depth"] = 0
    bench = validate_section(f"{name}.toml", BenchFile, table).read_from(f"{name}.toml", None)
    check_bench(bench)
    return bench


def _reduce(table: dict[str, Any], layers: list[int]) -> None:
    table["network"]["layers"] = layers
    sizes = list(pairwise(layers))
    if len(table["stages"]) == 1:
        table["network"]["stages"] = list(table["stages"]) * len(sizes)
        sizes = [(COLUMNS, ROWS)]
    for stage, (columns, rows) in zip(table["stages"].values(), sizes, strict=True):
        stage["blocks"].update(rows=rows, columns=columns)
        across = {stage.get("inputs"), stage.get("amplifier"), stage["taps"].get("rho")}
        along = {stage.get("emitter"), stage.get("injector"), *stage["taps"].values()} - across
        for names, count in ((across, columns), (along, rows)):
            for name in names - {None}:
                own = table["instruments"][name]["settings"]
                own["channels"] = min(count, own["channels"])


def _tap_what_arrives(table: dict[str, Any]) -> None:
    """Add taps of errors between a unit and the stage behind it."""
    for name, stage in list(table["stages"].items())[1:]:
        bank = stage["taps"]["rho"] = f"taps_rho_{name}"
        table["instruments"][bank] = {
            "kind": "photodetector array",
            "driver": "simulated photodetector array",
            "settings": {
                "channels": stage["blocks"]["columns"],
                "volts_per_field": "1 V",
                "bits": 14,
            },
        }
        table["safe_state"]["order"].append(bank)
    for section in table["instruments"].values():
        if section["kind"] == "reference phase":
            section["settings"]["channels"] += len(table["stages"]) - 1


def opened(bench: BenchFile, **options: Any) -> tuple[Bench, Twin]:
    """Open a bench; return it with its twin."""
    shared = SharedResources()
    made = open_bench(bench, shared=shared, **options)
    twin = shared.built()["twin"]
    assert isinstance(twin, Twin)
    return made, twin
